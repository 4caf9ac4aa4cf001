#!/bin/sh
# Does what docs/adding_an_operation.md says, in a copy of the sources:  BUILD=build sh tests/adding_an_operation.sh
# The document's ```diff blocks are applied as a patch, and the suite that checks every gradient runs. Of what BUILD has
# compiled already, tensor/ and plot/ are used again: nothing in them includes what the patch changes.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

cd "$source"
command -v patch >/dev/null || { echo "adding_an_operation: no patch; make setup-ci installs it"; exit 1; }
cp -pR atled.h atled-check.h Makefile autograd tensor nn optim data plot tests "$scratch"
mkdir -p "$scratch/build/obj"
for part in flags obj/tensor obj/plot; do
    ! test -e "${BUILD:=build}/$part" || cp -pR "$BUILD/$part" "$scratch/build/$part"
done
awk '/^```/ { inside = $0 == "```diff"; next } inside' docs/adding_an_operation.md >"$scratch/operation.patch"

cd "$scratch"
patch -p1 <operation.patch
find tests -name 'test_*.c' ! -name test_gradients.c -exec rm {} + # that suite alone has to be compiled
${MAKE:-make} BUILD=build check-suites TESTS=gradients 2>&1 | tee log
! grep -q 'warning:' log
grep -q '^100%: ' log # make's own status is lost in the pipe
