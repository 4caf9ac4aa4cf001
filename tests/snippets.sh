# tests/snippets.sh FOLDER FILE.md... - compiles and runs every ```c block that defines main, in FOLDER.
# CC is the compiler with its flags, LIBS what to link.
set -eu
rm -rf "$1"
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift

# A block becomes README_12.c when its first line of code is line 12 of README.md.
for file in "$@"; do
    test -e "$file" || continue
    awk -v stem="$folder/$(basename "$file" .md)_" '
        /^```/ && inside { inside = 0; close(name) }
        inside           { print > name }
        /^```c[ \t]*$/   { inside = 1; name = stem (NR + 1) ".c" }
    ' "$file"
done

run=0
failed=0
for source in "$folder"/*.c; do
    grep -q 'int main' "$source" 2>/dev/null || continue
    run=$((run + 1))
    program=${source%.c}
    echo "snippet  $(basename "$program")"
    if ! $CC -Wall -Wextra "$source" -o "$program" $LIBS ||
        ! (cd "$folder" && "$program" </dev/null >"$program.out" 2>&1); then
        failed=$((failed + 1))
        echo "FAILED   $source: does not compile, or fails when it runs"
        cat "$program.out" 2>/dev/null || true
    fi
done
echo "snippets: $run run, $failed failed"
test "$failed" = 0
