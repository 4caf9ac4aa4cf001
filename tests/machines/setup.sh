# tests/machines/setup.sh FOLDER - installs what tests/machines.sh needs, on Debian: compilers and emulators by apt-get, and
# into FOLDER the libraries for other machines, unpacked from Debian's packages without being installed, and for musl
# compiled from their sources. What cannot be had is said; tests/machines.sh then leaves its legs out. LEGS="m32 s390x"
# installs only what these legs need.
set -eu
LEGS=${LEGS:-compilers libraries m32 musl arm64 s390x}
wanted() { case " $LEGS " in *" $1 "*) ;; *) false ;; esac }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
status=0

if ! command -v apt-get >/dev/null; then
    echo "setup-machines: needs Debian's packages, and there is no apt-get here" >&2
    exit 1
fi
. /etc/os-release
MIRROR=${MIRROR:-http://deb.debian.org/debian}
signed=/usr/share/keyrings/debian-archive-keyring.gpg

lacks() { ! command -v "$1" >/dev/null; }
missing=
{ wanted arm64 || wanted s390x; } && lacks qemu-s390x && missing="$missing qemu-user"
wanted musl && lacks musl-gcc && missing="$missing musl-tools"
wanted compilers && lacks clang && missing="$missing clang"
wanted musl && lacks bzip2 && missing="$missing bzip2"
wanted musl && lacks autoreconf && missing="$missing autoconf automake libtool"
wanted arm64 && lacks aarch64-linux-gnu-gcc && missing="$missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
wanted s390x && lacks s390x-linux-gnu-gcc && missing="$missing gcc-s390x-linux-gnu libc6-dev-s390x-cross"
# gcc-multilib itself cannot be installed beside compilers for other machines.
wanted m32 && ! echo 'int main(void) { return 0; }' | gcc -m32 -x c - -o "$folder/m32" 2>/dev/null &&
    missing="$missing gcc-$(gcc -dumpversion)-multilib"
if [ -n "$missing" ]; then
    echo "setup-machines: missing:$missing"
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
        status=1
fi

# apt ARCHITECTURE ARGUMENT...: apt-get for another machine, with lists of its own, so that this one's stay as they are.
apt() {
    apt=$folder/apt/$1
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    printf '%s [signed-by=%s] %s %s main\n' deb $signed "$MIRROR" "$VERSION_CODENAME" deb-src $signed "$MIRROR" \
        "$VERSION_CODENAME" >"$apt/sources.list"
    architecture=$1 && shift
    apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root \
        -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
        -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null "$@"
}

# unpack NAME ARCHITECTURE PACKAGE...: Debian's packages, unpacked in FOLDER/NAME.
unpack() (
    name=$1 architecture=$2 && shift 2
    [ ! -e "$folder/$name" ] || exit 0
    echo "setup-machines: $* for $architecture"
    rm -rf "$folder/$name.new" && mkdir -p "$folder/$name.new/packages" && cd "$folder/$name.new/packages" &&
        apt "$architecture" update && apt "$architecture" download "$@" &&
        for package in *.deb; do dpkg -x "$package" .. || exit 1; done && mv "$folder/$name.new" "$folder/$name"
)

# Static libraries alone: a program then needs nothing but the C library where it runs.
for leg in m32 arm64 s390x; do
    wanted $leg || continue
    architecture=$leg
    [ $leg != m32 ] || architecture=i386
    unpack $architecture $architecture check libsubunit-dev libpng-dev zlib1g-dev libjansson-dev || status=1
    find "$folder/$architecture" -name '*.so' -delete
done
! wanted libraries || unpack openmp "$(dpkg --print-architecture)" libopenblas0-openmp || status=1

# What Debian has no musl packages of: zlib, libpng, jansson and Check.
compile_for_musl() (
    rm -rf "$folder/musl.new" && mkdir -p "$folder/musl.new/sources" && cd "$folder/musl.new/sources" || exit 1
    native=$(dpkg --print-architecture)
    apt "$native" update && apt "$native" --download-only --tar-only source zlib libpng1.6 jansson check || exit 1
    for archive in *.tar.*; do tar -xf "$archive" || exit 1; done
    root=$folder/musl.new
    export CC=musl-gcc CPPFLAGS="-I$root/include" LDFLAGS="-L$root/lib"
    static="--host=$(uname -m)-linux-musl --disable-shared --prefix=$root"
    (cd zlib-* && ./configure --static --prefix="$root" && make install) &&
        (cd libpng-* && ./configure $static && make install) &&
        (cd jansson-* && autoreconf --install && ./configure $static && make install) &&
        (cd check-* && ./configure $static --disable-subunit --disable-build-docs && make -C lib &&
            make -C src install && cp check_stdint.h "$root/include" && cp check.pc "$root/lib/pkgconfig") &&
        sed -i "s|$root|$folder/musl|" "$root"/lib/pkgconfig/*.pc && mv "$root" "$folder/musl"
)
if wanted musl && [ ! -e "$folder/musl" ] && command -v musl-gcc >/dev/null; then
    echo "setup-machines: zlib, libpng, jansson and check for musl"
    compile_for_musl >"$folder/musl.log" 2>&1 || { status=1 && tail -n 5 "$folder/musl.log"; }
fi

[ $status = 0 ] && echo "setup-machines: everything needed is installed"
exit $status
