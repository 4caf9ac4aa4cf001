# BUILD=build/fuzz sh tests/fuzz/run.sh SECONDS TARGET...: fuzzes the targets in turn, so many seconds in all. What is
# worth keeping goes to $BUILD/found/TARGET, an input that breaks something to $BUILD/found/TARGET-crash-...; with
# MERGE=1 the smallest inputs that reach as much are then added to tests/fuzz/corpus, which is committed.
set -eu
BUILD=${BUILD:-build/fuzz}
seconds=$1
shift
failed=0
for target; do
    case $target in
    npy) most=512 ;;
    csv) most=256 ;;
    checkpoint) most=10000 ;;
    shapes) most=512 ;;
    *) most=400 ;;
    esac
    found=$BUILD/found/$target
    mkdir -p "$found"
    echo "fuzz     $target"
    "$BUILD/tests/fuzz/$target" -max_len=$most -len_control=0 -entropic=0 -max_total_time=$((seconds / $#)) -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 -verbosity=0 -artifact_prefix="$found-" "$found" "tests/fuzz/corpus/$target" || failed=1
    if [ "${MERGE:-}" ]; then "$BUILD/tests/fuzz/$target" -merge=1 -max_len=$most "tests/fuzz/corpus/$target" "$found"; fi
done
exit $failed
