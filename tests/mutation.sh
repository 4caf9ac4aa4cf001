# tests/mutation.sh - whether the suites notice a wrong derivative: BUILD=build sh tests/mutation.sh [OPERATION...]
#
# In a copy of the tree the engine is made to disturb what one rule returns for one input: its sign, its size by a hundredth,
# left out, given to the other input, or something in the place of zero. Each time the gradients suite must fail. A
# disturbance that no test reaches does not count. Prints the survivors; exits non-zero if there are any.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tree=${BUILD:-build}/mutation
rm -rf "$tree" && mkdir -p "$tree"
tree=$(cd "$tree" && pwd)
(cd "$root" && git ls-files -co --exclude-standard | tar cf - -T -) | tar xf - -C "$tree"
cd "$tree"

# The engine, with a call of disturb after the rule and disturb itself before the function that calls it.
awk '
    /^\/\* Calls the rule of a node/ {
        print "#include <stdlib.h>"
        print "static void disturb(ag_vjp *v, const ag_node *node) {"
        print "    const char *name = getenv(\"MUTATE\"), *kind = getenv(\"KIND\");"
        print "    int i = atoi(getenv(\"INPUT\"));"
        print "    if (strcmp(ag_name(node->operation), name) || i >= v->n || !v->needed[i]) return;"
        print "    at_tensor *d = v->dx[i], *other = i + 1 < v->n ? v->dx[i + 1] : NULL;"
        print "    at_tensor *changed = d;"
        print "    if (!strcmp(kind, \"zero\")) changed = d || v->x[i]->value->numel == 0 ? d : at_ones_like(v->x[i]);"
        print "    else if (!d) return;"
        print "    else if (!strcmp(kind, \"sign\")) changed = at_neg(d);"
        print "    else if (!strcmp(kind, \"scale\")) changed = at_mul(d, 1.01);"
        print "    else if (!strcmp(kind, \"drop\")) changed = NULL;"
        print "    else if (!strcmp(kind, \"swap\") && other && v->needed[i + 1] &&"
        print "             tn_shapes_equal(&d->value->shape, &other->value->shape)) changed = other, v->dx[i + 1] = d;"
        print "    if (changed == d) return;"
        print "    v->dx[i] = changed;"
        print "    FILE *mark = fopen(getenv(\"MARK\"), \"w\");"
        print "    if (mark) fclose(mark);"
        print "}"
        print ""
    }
    { print }
    /rules\[node->operation\]\(&v\);/ { print "    if (getenv(\"MUTATE\")) disturb(&v, node);" }
' "$root/autograd/backward.c" >autograd/backward.c
make BUILD=build build/tests/check >log 2>&1 || { cat log; exit 1; }
build/tests/check gradients >log 2>&1 || { tail -3 log; echo "the suite fails without any disturbance"; exit 1; }

# try FAMILY OPERATION INPUT KIND: prints a word for the outcome. Only the family's tests are run.
cat >try.sh <<'END'
mark=mark.$2.$3.$4
if CK_RUN_CASE=$1 MUTATE=$2 INPUT=$3 KIND=$4 MARK=$mark build/tests/check gradients >/dev/null 2>&1; then
    if test -e $mark; then echo "SURVIVED  $2, input $3: $4"; fi
else
    echo caught
fi
rm -f $mark
END

# Each family's operations stand below a line such as "/* shapes.c */".
awk -v wanted=" $* " '
    /^\/\* [a-z]*\.c \*\/$/ { family = substr($2, 1, length($2) - 2) }
    /^DIFFERENTIABLE/ {
        split($0, part, /[(,]/)
        if (wanted ~ /^ *$/ || index(wanted, " " part[2] " "))
            for (i = 0; i < 3; i++)
                for (k = split("sign scale drop swap zero", kind, " "); k > 0; k--)
                    print (family == "custom" ? "elementwise" : family), part[2], i, kind[k]
    }
' autograd/operations.def | xargs -P "$(nproc)" -L 1 sh try.sh >outcomes
sort -u outcomes | grep SURVIVED || true
caught=$(grep -c caught outcomes || true)
survived=$(grep -c SURVIVED outcomes || true)
echo "mutation: $caught caught, $survived survived"
test "$survived" = 0
