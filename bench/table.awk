# bench/table.awk - the lines that the programs in bench/ print, as one table in Markdown.
#
# ratio: atled's time by the reference's, below 1 is faster. A ratio above the target is marked with it; that is
# information, not a failure.
function time_of(ns) {
    if (ns == "-") return "-"
    if (ns < 1e3) return sprintf("%.1f ns", ns)
    if (ns < 1e6) return sprintf("%.1f us", ns / 1e3)
    if (ns < 1e9) return sprintf("%.2f ms", ns / 1e6)
    return sprintf("%.2f s", ns / 1e9)
}
function amount_of(value, unit) {
    if (unit != "B" || value == "-") return time_of(value)
    return sprintf("%.1f MiB", value / 1048576)
}
function row(a, b, c, d, e, f, g, h, i) {
    printf "| %-40s | %-22s | %7s | %10s | %10s | %-18s | %7s | %6s | %-12s |\n", a, b, c, d, e, f, g, h, i
    fflush()
}
BEGIN {
    FS = "\t"
    row("work", "size", "threads", "atled", "reference", "", "ratio", "spread", "")
    print "|---|---|--:|--:|--:|---|--:|--:|---|"
}
NF >= 6 {
    ratio = $5 == "-" || $4 == "-" || $5 == 0 ? "-" : $4 / $5
    target = NF >= 8 ? $8 : $6 ~ /^PyTorch/ ? 1 : 0
    mark = ratio != "-" && target > 0 && ratio > target ? "target " target : ""
    row($1, $2, $3, amount_of($4, $9), amount_of($5, $9), $6, ratio == "-" ? ratio : sprintf("%.3g", ratio),
        NF >= 7 ? $7 " %" : "-", mark)
}
