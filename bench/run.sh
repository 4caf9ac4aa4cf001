# bench/run.sh - a Nadaraya-Watson training step beside PyTorch's, measured in turns: medians and their ratio.
#
# PYTHON is a Python that has torch; /usr/bin/python3 on Debian with python3-torch. ROUNDS: how often in turns (5).
set -eu
folder=$(dirname "$0")
rounds=${ROUNDS:-5}
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import torch' 2>/dev/null || python=

middle() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

test -z "$python" || "$python" -c 'import torch; print("PyTorch", torch.__version__)'
printf '%6s %12s %12s %8s\n' n 'atled us' 'PyTorch us' ratio
for n in 50 500 2000; do
    case $n in 50) steps=2000 slow=300 ;; 500) steps=60 slow=20 ;; *) steps=5 slow=3 ;; esac
    ours= theirs=
    for _ in $(seq "$rounds"); do
        ours="$ours $("$BUILD/bench/nw_step" $n $steps)"
        test -z "$python" || theirs="$theirs $("$python" "$folder/nw_step.py" $n $slow)"
    done
    a=$(printf '%s\n' $ours | middle)
    if test -n "$python"; then
        b=$(printf '%s\n' $theirs | middle)
        printf '%6d %12s %12s %8s\n' $n "$a" "$b" "$(awk "BEGIN { printf \"%.1f\", $b / $a }")"
    else
        printf '%6d %12s %12s %8s\n' $n "$a" - -
    fi
done
