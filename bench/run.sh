# bench/run.sh - all benchmarks, one thread and then two, as one table.
#
#     QUICK=1          under a minute: fewer turns, smaller work
#     PYTHON=python    a Python with torch; /usr/bin/python3. Without torch its rows are left out
#     ONLY="sort"      only these programs
#     THREADS="1"      only this number of threads
#     FIGURE=file.png  where scaling.c draws its curves
#
# OpenBLAS takes a processor that is newer than itself for a very old one; it is told which kernels to use, so that it
# is measured at its best.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}
if test -z "${OPENBLAS_CORETYPE:-}"; then
    ! grep -q avx2 /proc/cpuinfo 2>/dev/null || OPENBLAS_CORETYPE=Haswell
    ! grep -q avx512f /proc/cpuinfo 2>/dev/null || OPENBLAS_CORETYPE=SkylakeX
    test -z "${OPENBLAS_CORETYPE:-}" || export OPENBLAS_CORETYPE
fi

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -1)
echo "$(uname -sm), $(getconf _NPROCESSORS_ONLN) processors: ${processor:-unknown}"
echo "${CC:-cc}: $(${CC:-cc} --version | head -1)"
"$python" -c 'import platform, torch; print("PyTorch", torch.__version__, "in Python", platform.python_version())' \
    2>/dev/null || echo "$python has no torch: no rows beside PyTorch"
if ldconfig -p 2>/dev/null | grep -q 'libopenblas.so.0'; then
    echo "OpenBLAS ${OPENBLAS_CORETYPE:+with its kernels for $OPENBLAS_CORETYPE}"
else
    echo "no libopenblas.so.0: no rows beside OpenBLAS"
fi
load=$(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo 0)
if awk "BEGIN { exit !($load > 0.7) }"; then
    echo "others were using the processors (load $load): what two threads take means little"
fi
echo
for threads in ${THREADS:-1 2}; do
    for program in ${ONLY:-nw_step chain mlp_step encoder_step gru_step products sort operations scaling programs}; do
        case $threads-${QUICK:+quick-}$program in # more threads only for what is large
        1-* | *-nw_step | *-mlp_step | *-encoder_step | *-gru_step | *-operations) ;;
        *-quick-products) continue ;;
        *-products) ;;
        *) continue ;;
        esac
        "$BUILD/bench/$program" -t "$threads"
    done
done | awk -f bench/table.awk
