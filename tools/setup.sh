# tools/setup.sh [ci | conformance | accuracy | coverage] - installs what building and testing atled need, or with "ci"
# what .ci/run needs beyond that, or with another word what that goal of make does.
# What is missing is found by trying it, so nothing is asked of a package manager on a machine that has everything.
set -eu
CC=${CC:-cc} CXX=${CXX:-g++} PKG_CONFIG=${PKG_CONFIG:-pkg-config}
what=${1:-build}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

have() { command -v "$1" >/dev/null 2>&1; }

c_compiler() { echo 'int main(void) { return 0; }' | $CC -x c - -o "$scratch/c" 2>/dev/null && "$scratch/c"; }
cxx_compiler() {
    printf '#include <vector>\nint main() { return (int)std::vector<int>().size(); }\n' |
        $CXX -std=c++17 -x c++ - -o "$scratch/cxx" 2>/dev/null && "$scratch/cxx"
}
package() { have "$PKG_CONFIG" && "$PKG_CONFIG" --exists "$1"; }

mpfr() {
    printf '#include <mpfr.h>\nint main(void) { return mpfr_get_version() == 0; }\n' |
        $CC -x c - -o "$scratch/mpfr" -lmpfr -lgmp 2>/dev/null && "$scratch/mpfr"
}

# The library loads OpenBLAS when it first meets a large product, so the loader has to find it.
openblas() {
    cat >"$scratch/blas.c" <<'END'
#include <dlfcn.h>
#include <stddef.h>
int main(void) {
    const char *names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib",
                           "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
                           "/usr/local/opt/openblas/lib/libopenblas.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (dlopen(names[i], RTLD_LAZY)) return 0;
    return 1;
}
END
    $CC "$scratch/blas.c" -o "$scratch/blas" -ldl 2>/dev/null && "$scratch/blas"
}

missing() {
    if [ "$what" = ci ]; then
        have clang || printf ' clang'
        have clang-format || printf ' clang-format'
        have valgrind || printf ' valgrind'
        have patch || printf ' patch'
        return
    fi
    if [ "$what" = conformance ]; then
        have protoc-c || printf ' protobuf-c-compiler'
        package libprotobuf-c || printf ' libprotobuf-c'
        test -e /usr/include/onnx/onnx.proto || printf ' onnx.proto'
        test -d /usr/share/libonnx-testdata/data || printf ' libonnx-testdata'
        return
    fi
    if [ "$what" = accuracy ]; then
        mpfr || printf ' MPFR'
        return
    fi
    if [ "$what" = coverage ]; then
        have gcovr || printf ' gcovr'
        return
    fi
    c_compiler || printf ' C-compiler(%s)' "$CC"
    cxx_compiler || printf ' C++-compiler(%s)' "$CXX"
    have make || printf ' make'
    have "$PKG_CONFIG" || printf ' pkg-config'
    package libpng || printf ' libpng'
    package jansson || printf ' jansson'
    package check || printf ' check'
    openblas || printf ' OpenBLAS'
}

# as_root COMMAND...: through sudo unless this is root already.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        echo "setup: installing needs root, and there is no sudo: run make setup as root" >&2
        exit 1
    fi
}

# packages BUILD-NAMES CI-NAMES ACCURACY-NAMES
packages() {
    case $what in
    ci) echo "$2" ;;
    accuracy) echo "$3" ;;
    coverage) echo gcovr ;;
    *) echo "$1" ;;
    esac
}

install_all() {
    if [ "$what" = conformance ] && ! have apt-get; then
        echo "setup: the test cases are Debian's package libonnx-testdata. Without apt-get, please install protobuf-c and" >&2
        echo "setup: set ONNX_DATA to the cases' folder and ONNX_PROTO to onnx.proto, both from ONNX's own sources" >&2
        exit 1
    elif have apt-get; then
        names=$(packages "gcc g++ libc6-dev make pkg-config libpng-dev libjansson-dev check libopenblas0" "clang clang-format valgrind patch" \
            libmpfr-dev)
        conformance="pkg-config protobuf-c-compiler libprotobuf-c-dev libonnx-dev libonnx-testdata"
        [ "$what" != conformance ] || names=$conformance
        as_root apt-get update
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $names
    elif have dnf; then
        as_root dnf install -y $(packages "gcc gcc-c++ make pkgconf-pkg-config libpng-devel jansson-devel check-devel openblas-devel" \
            "clang clang-tools-extra valgrind patch" mpfr-devel)
    elif have apk; then
        as_root apk add $(packages "build-base pkgconf libpng-dev jansson-dev check-dev openblas-dev" \
            "clang clang-extra-tools valgrind bash patch" mpfr-dev)
    elif have pacman; then
        names=$(packages "gcc make pkgconf libpng jansson check openblas" "clang valgrind patch" mpfr)
        as_root pacman -S --needed --noconfirm $names || as_root pacman -Sy --needed --noconfirm $names
    elif have brew; then
        brew install $(packages "pkg-config libpng jansson check openblas" "clang-format" mpfr) # never as root
    else
        echo "setup: no apt-get, dnf, apk, pacman or brew here; please install what is missing by hand" >&2
        exit 1
    fi
}

lacking=$(missing)
if [ -z "$lacking" ]; then
    echo "setup: everything needed is installed"
    exit 0
fi
echo "setup: missing:$lacking"
install_all
lacking=$(missing)
if [ -n "$lacking" ]; then
    echo "setup: still missing:$lacking" >&2
    exit 1
fi
echo "setup: done"
