# bench/fill.awk TABLE PAGE - PAGE with its tables made again from what `make bench` has printed.
#
#     <!-- machine -->            what was said before the table
#     <!-- rows EXPRESSION -->    the rows that match the expression
#     <!-- ratios -->             of operations.c: a row for each operation, a column for each input, one thread
#     <!-- slower -->             the rows where PyTorch is faster, the worst first
#
# Each ends at <!-- end -->.
function trimmed(text) {
    gsub(/^ +| +$/, "", text)
    return text
}
function remember_ratio(work, size, ratio,    words, n, input) {
    n = split(work, words, " ")
    input = (n > 1 ? words[n] " " : "") shape_name[size]
    if (!known[words[1]]++) operations[++n_operations] = words[1]
    if (!known_input[input]++) inputs[++n_inputs] = input
    cell[words[1], input] = ratio
}
function print_ratios(    i, j, line, rule) {
    line = "| operation |"
    rule = "|---|"
    for (j = 1; j <= n_inputs; j++) {
        line = line " " inputs[j] " |"
        rule = rule "--:|"
    }
    print line "\n" rule
    for (i = 1; i <= n_operations; i++) {
        line = "| " operations[i] " |"
        for (j = 1; j <= n_inputs; j++) line = line " " cell[operations[i], inputs[j]] " |"
        print line
    }
}
function print_slower(    i, j, best, done) {
    print heading
    for (i = 1; i <= n_slower; i++) {
        best = 0
        for (j = 1; j <= n_slower; j++)
            if (!(j in done) && (!best || slower_by[j] > slower_by[best])) best = j
        done[best] = 1
        print slower[best]
    }
}
BEGIN {
    shape_name["(20, 50)"] = "1e3"
    shape_name["(250, 400)"] = "1e5"
    shape_name["(2500, 4000)"] = "1e7"
}
FNR == NR && /^\| work/ { heading = $0; next }
FNR == NR && /^\|--/ { heading = heading "\n" $0; next }
FNR == NR && /^\|/ {
    rows[++n_rows] = $0
    split($0, field, "|")
    work = trimmed(field[2]); size = trimmed(field[3]); threads = trimmed(field[4]); ratio = trimmed(field[8])
    if (field[7] !~ /PyTorch/) next
    if (ratio + 0 > 1) {
        slower[++n_slower] = $0
        slower_by[n_slower] = ratio + 0
    }
    if (threads == 1 && size in shape_name && work !~ /^chain/) remember_ratio(work, size, ratio)
    next
}
FNR == NR && !heading && !/^(compile|link|archive|make) / && NF { machine = machine $0 "\n"; next }
FNR == NR { next }
/^<!-- end -->/ { skipping = 0 }
!skipping { print }
/^<!-- (machine|rows|ratios|slower)/ {
    skipping = 1
    if ($2 == "machine") printf "```\n%s```\n", machine
    if ($2 == "ratios") print_ratios()
    if ($2 == "slower") print_slower()
    if ($2 == "rows") {
        wanted = $0
        sub(/^<!-- rows /, "", wanted)
        sub(/ -->$/, "", wanted)
        print heading
        for (i = 1; i <= n_rows; i++)
            if (substr(rows[i], 3) ~ wanted) print rows[i]
    }
}
