# tests/excluded.awk - lists what `make coverage` leaves out, each with the reason that stands beside its marker.
BEGIN { print "left out, as no test can run it:" }
/LCOV_EXCL_STOP/ {
    printf "  %s:%d-%d: %s\n", FILENAME, first, FNR, reason
}
/LCOV_EXCL_(LINE|START)/ {
    first = FNR
    reason = $0
    sub(/.*LCOV_EXCL_(LINE|START):? */, "", reason)
    sub(/ *\*\/.*/, "", reason)
    if (reason == "") { printf "%s:%d: no reason is given\n", FILENAME, FNR; missing = 1 }
    if (/LCOV_EXCL_LINE/) printf "  %s:%d: %s\n", FILENAME, FNR, reason
}
END { exit missing }
