#!/bin/sh
# Does what docs/adding_an_operation.md says, in a copy of the sources:  sh tests/adding_an_operation.sh
# The document's ```diff blocks are applied as a patch, and the suite that checks every gradient runs.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

cd "$source"
cp -R atled.h Makefile autograd tensor nn optim plot tests "$scratch"
awk '/^```/ { inside = $0 == "```diff"; next } inside' docs/adding_an_operation.md >"$scratch/operation.patch"

cd "$scratch"
patch -p1 <operation.patch
make BUILD="$scratch/build" WERROR=1 check-suites TESTS=gradients
