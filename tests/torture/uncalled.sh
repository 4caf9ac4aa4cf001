# tests/torture/uncalled.sh OBJECTS LIBRARIES - names each public function, at_..., of the libraries that the objects, which
# are the scenarios, do not call; and fails if there are any.
{ nm -u $1 && nm -g --defined-only $2; } | awk '
    $1 == "U" { called[$2] = 1 }
    $2 == "T" && $3 ~ /^at_/ { public[$3] = 1; n++ }
    END {
        for (f in public)
            if (!(f in called)) { print "no scenario in tests/torture calls " f; missing = 1 }
        exit missing || n == 0
    }'
