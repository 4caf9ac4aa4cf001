#!/usr/bin/env bash
# tests/machines.sh LEG... - the suites with other compilers, libraries and processors. Legs:
#     compilers   gcc and clang, -O0, -O2 and -O3
#     libraries   with and without OpenBLAS, with its OpenMP build, and with the kernels of older processors
#     m32 musl arm64 s390x   machines: there the chapter is run too, and files are exchanged with this machine
# A leg that this machine cannot do is left out, and it is said why; `make setup-machines` installs what is missing.
# QUICK=1 leaves out the suites that take minutes under an emulator. Prints a table; exits non-zero if anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C CK_VERBOSITY=normal CK_FORK=no
MAKE=${MAKE:-make} QUICK=${QUICK:-}
out=build/machines roots=$PWD/build/machines/roots
native=build
mkdir -p $out
: >$out/table

failed=0
leg= run=
# row WHAT RESULT: a line of the table.
row() { printf '| %-9s | %-44s | %s |\n' "$leg" "$1" "$2" | tee -a $out/table; }
fail() { failed=$((failed + 1)) && row "$1" "FAILED: $2"; }
skip() { row "$1" "cannot be run here: $2 (make setup-machines)"; }
have() { command -v "$1" >/dev/null; }

# build FOLDER "GOAL..." VARIABLE=VALUE...
build() {
    local folder=$1 goals=$2 && shift 2
    $MAKE --no-print-directory BUILD="$folder" "$@" $(printf "$folder/%s " $goals) >$out/"$leg".build 2>&1 && return
    tail -n 20 $out/"$leg".build
    fail "build $*" "$out/$leg.build"
    return 1
}
exchanging='tests/exchange examples/nadaraya_watson'

# suites FOLDER WHAT SUITE...: all, where none is named.
suites() {
    local folder=$1 what=$2 log=$out/$leg.$RANDOM.log && shift 2
    if $run "$folder"/tests/check "$@" >"$log" 2>&1; then
        row "$what" "$(grep -o 'Checks: .*' "$log" | tail -n 1)"
        rm "$log"
    else
        grep -E ':[FE]:' "$log" || tail -n 5 "$log"
        fail "$what" "$log"
    fi
}

# ---- compilers and libraries ----------------------------------------------------------------------------------------

compilers() {
    leg=compilers
    for cc in gcc clang; do
        have $cc || { skip $cc "no $cc" && continue; }
        for level in -O0 -O2 -O3; do
            build $out/$cc$level tests/check WERROR=1 CC=$cc CFLAGS=$level && suites $out/$cc$level "$cc $level, all suites"
        done
    done
}

libraries() {
    leg=libraries
    build $native tests/check || return
    for level in baseline avx2 avx512; do
        ATLED_KERNELS=$level ATLED_BLAS=none suites $native "kernels up to $level, no OpenBLAS, all suites"
    done
    suites $native "OpenBLAS, suites with products" product gradients reference nn
    local openmp
    openmp=$(find "$roots"/openmp -name libopenblas.so.0 2>/dev/null)
    [ -n "$openmp" ] || { skip "OpenBLAS with OpenMP" "no libopenblas0-openmp" && return; }
    OMP_NUM_THREADS=2 ATLED_BLAS=$openmp suites $native "OpenBLAS with OpenMP, the same" product gradients reference nn
}

# ---- machines -------------------------------------------------------------------------------------------------------

figures='average_pooling nonparametric_pooling nonparametric_weights loss parametric_pooling parametric_weights'
given='float32 float64 int64 bool scalar empty rand randn randint randperm'

# record FOLDER FILES: the snapshots and the chapter, by the programs in FOLDER.
record() {
    rm -rf "$2" && mkdir -p "$2" && ATLED_SNAPSHOT=update $run "$1"/tests/exchange "$2" >/dev/null &&
        $run "$1"/examples/nadaraya_watson --out "$2" >"$2"/printed
}

# files FOLDER: what this machine writes is read there and the other way round; what has no rounding in it is the same
# bytes, and so are the figures; losses are alike to 2e-5.
files() {
    local here=$out/files/native there=$out/files/$leg different=
    (run= && record $native $here) && record "$1" "$there" || { fail "writing files" "see above" && return; }
    $run "$1"/tests/exchange $here >/dev/null || { fail "reading this machine's files" "see above" && return; }
    $native/tests/exchange "$there" >/dev/null || { fail "its files read by this machine" "see above" && return; }
    for name in $given; do cmp -s $here/"$name".npy "$there"/"$name".npy || different+=" $name.npy"; done
    for name in $figures; do cmp -s $here/"$name".png "$there"/"$name".png || different+=" $name.png"; done
    [ -z "$different" ] && row "files both ways, six figures" "the same bytes" || fail "files that differ" "$different"
    paste -d ' ' <(grep -E '^epoch|^w =' $here/printed) <(grep -E '^epoch|^w =' "$there"/printed) | awk '
        { a = $(NF / 2); b = $NF; if (a != b) said = said " " a "/" b; if (b > a * (1 + 2e-5) || b < a * (1 - 2e-5)) bad = 1 }
        END { print said == "" ? "the same digits" : "here/there" said; exit bad || NR != 6 }' >$out/losses &&
        row "five losses and w" "$(cat $out/losses)" || fail "losses" "$(cat $out/losses)"
}

# machine ROOT TRIPLET SUITES VARIABLE=VALUE...
machine() {
    local root=$roots/$1 triplet=$2 list=$3 && shift 3
    [ -d "$root" ] || { skip "" "no libraries in $root" && return; }
    local libraries=$root/usr/lib/$triplet/pkgconfig
    [ -d "$libraries" ] || libraries=$root/lib/pkgconfig
    build $native "$exchanging" || return
    PKG_CONFIG_LIBDIR=$libraries PKG_CONFIG_SYSROOT_DIR=$([ -d "$root/usr" ] && echo "$root") \
        build $out/$leg "tests/check $exchanging" WERROR=1 PKG_CONFIG='pkg-config --static' CFLAGS=-O2 "$@" || return
    suites $out/$leg "$(echo ${list:-all suites})" $list
    files $out/$leg
}

m32() {
    leg=m32 run=
    # The flags of i686 compilers of our day; headers of the kernel are where the 64-bit compiler has them.
    machine i386 i386-linux-gnu '' CC="gcc -m32 -msse2 -mfpmath=sse -Wno-psabi -idirafter /usr/include/$(uname -m)-linux-gnu"
}

musl() {
    leg=musl run=
    have musl-gcc || { skip "" "no musl-gcc" && return; }
    machine musl '' '' CC=musl-gcc
}

# Emulators take ten to fifty times as long.
quick='autograd errors gradcheck graph kit npy optim ownership print random'
slow=' checkpoint nn plot reduce tensor'

# emulated DEBIAN-ARCHITECTURE EMULATOR TRIPLET
emulated() {
    leg=$1 run="$2 -L /usr/$3"
    have "$2" || { skip "" "no $2" && return; }
    have "$3-gcc" || { skip "" "no $3-gcc" && return; }
    machine "$1" "$3" "$quick$([ -n "$QUICK" ] || echo "$slow")" CC="$3-gcc" AR="$3-ar"
}
arm64() { emulated arm64 qemu-aarch64 aarch64-linux-gnu; }
s390x() { emulated s390x qemu-s390x s390x-linux-gnu; }

for wanted; do
    case $wanted in
    compilers | libraries | m32 | musl | arm64 | s390x) "$wanted" ;;
    *) echo "machines: no leg \"$wanted\": want compilers, libraries, m32, musl, arm64 or s390x" >&2 && exit 2 ;;
    esac
done
printf '\n%s\n' "$(cat $out/table)"
[ $failed = 0 ]
