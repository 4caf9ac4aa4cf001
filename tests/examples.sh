#!/bin/sh
# Runs every example as a user would, each in a folder of its own:  BUILD=build sh tests/examples.sh
# Prints what failed, then "N passed, N failed"; exits non-zero if anything failed.
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
source=$(cd "$(dirname "$0")/.." && pwd)
mcycle=$source/examples/data/mcycle.csv
nadaraya_watson=$BUILD/examples/nadaraya_watson
figures='average_pooling nonparametric_pooling nonparametric_weights loss parametric_pooling parametric_weights'

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
cd "$scratch" || exit 1

passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAILED: $test: $*"
}

# expect WHAT COMMAND...: the command succeeds.
expect() {
    what=$1 && shift
    if "$@"; then pass; else fail "$what"; fi
}

# begin NAME: what follows is about NAME, and happens in an empty folder.
begin() {
    test=$1
    cd "$scratch" && rm -rf work && mkdir work && cd work || exit 1
}

# run STATUS ARGUMENT...: nadaraya_watson ends with that status; leaves ../printed and ../complaint.
run() {
    wanted=$1 && shift
    "$nadaraya_watson" "$@" >../printed 2>../complaint
    status=$?
    if [ $status = "$wanted" ]; then pass; else fail "status $status, not $wanted: $(cat ../complaint)"; fi
}

is_png() { [ "$(od -An -tx1 -N8 "$1" | tr -d ' ')" = 89504e470d0a1a0a ]; }
has_figures() { for figure in $figures; do is_png "$1/$figure.png" || return 1; done; }
differ() { ! cmp -s "$1" "$2"; }
holds() { [ "$(find "$1" ! -type d | wc -l)" -eq "$2" ]; }
# Equal lines, but for a last number that may differ by 2e-5 of itself: PyTorch computes it in another order.
agree() {
    paste -d ' ' "$1" "$2" | awk '{
        n = NF / 2
        for (i = 1; i < n; i++) if ($i != $(n + i)) exit bad = 1
        if ($n > $NF * (1 + 2e-5) || $n < $NF * (1 - 2e-5)) exit bad = 1
    } END { exit bad || NR == 0 }'
}
is_empty() { [ ! -s "$1" ]; }
prints() { grep -qF -- "$1" ../printed; }
lacks() { ! prints "$1"; }
prints_losses() { [ "$(grep -c '^epoch [0-9]*, loss [0-9.]*$' ../printed)" = "$1" ]; }
complains() { grep -qF -- "$1" ../complaint; }
one_complaint() { [ "$(wc -l <../complaint)" -eq 1 ] && grep -q '^nadaraya_watson: ' ../complaint; }
nothing_written() { [ -z "$(find . ! -name . ! -name '*.csv' ! -name folder)" ]; }

# refuses TEXT ARGUMENT...: status 2, one line on stderr with the text in it, no output, no file.
refuses() {
    text=$1 && shift
    test="nadaraya_watson $*"
    run 2 "$@"
    expect "one line on stderr, not: $(cat ../complaint)" one_complaint
    expect "\"$text\" in: $(cat ../complaint)" complains "$text"
    expect 'prints something' is_empty ../printed
    expect 'writes something' nothing_written
}

# refuses_csv CONTENTS TEXT: the same for a file data.csv; CONTENTS as printf takes it.
refuses_csv() {
    printf "$1" >data.csv
    refuses "$2" --data data.csv
    rm -f data.csv
}

# ---- the chapter ----------------------------------------------------------------------------------------------------

begin 'the chapter'
run 0
printf 'epoch %d, loss %s\n' 1 61.950218 2 20.359215 3 20.299786 4 20.239584 5 20.178442 >../wanted
grep '^epoch' ../printed >../losses
cp ../losses ../first_losses
expect "losses: $(cat ../losses)" agree ../losses ../wanted
grep '^w = ' ../printed >../w
echo 'w = 9.085664' >../wanted
expect "$(cat ../w)" agree ../w ../wanted
expect 'the product (2, 1, 6)' prints '(2, 1, 6)'
expect 'the weighted mean 4.5000' prints ' 4.5000'
expect 'the weighted mean 14.5000' prints '14.5000'
expect 'six figures' has_figures out
expect 'nothing else' holds out 6
expect 'no complaint' is_empty ../complaint
cp -R out ../first

begin 'the same again'
run 0 --seed 0 --n-train=50 --epochs 5 --lr .5 --bandwidth 1e0 --out a/b//c/
grep '^epoch' ../printed >../losses
expect 'the same losses' cmp -s ../losses ../first_losses
for figure in $figures; do expect "$figure.png differs" cmp -s "a/b/c/$figure.png" "../first/$figure.png"; done

begin 'another seed'
run 0 --seed 18446744073709551615 --n-train 7 --epochs 12
expect 'twelve losses' prints_losses 12
expect 'six figures' has_figures out

begin 'the smallest run'
run 0 --n-train 2 --epochs 1
expect 'one loss' prints_losses 1
expect 'six figures' has_figures out

begin '--quiet'
run 0 --quiet --epochs 200
expect 'prints something' is_empty ../printed
expect 'complains' is_empty ../complaint
expect 'six figures' has_figures out

begin '--help'
run 0 --help
for option in seed n-train epochs lr bandwidth data out quiet help; do
    expect "--$option is not explained" prints "--$option"
done
expect 'complains' is_empty ../complaint
expect 'writes something' nothing_written

begin 'progress, no terminal'
run 0 --epochs 300
expect 'shows progress without a terminal' is_empty ../complaint
expect 'three hundred losses' prints_losses 300

# script gives a program a terminal; its options are not the same everywhere.
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    begin 'progress on a terminal'
    script -qec "'$nadaraya_watson' --epochs 300" /dev/null >../printed 2>&1 </dev/null
    expect 'no progress' prints '] 100 %, epoch 300'
    script -qec "'$nadaraya_watson' --epochs 300 --quiet" /dev/null >../printed 2>&1 </dev/null
    expect 'progress with --quiet' is_empty ../printed
    script -qec "'$nadaraya_watson'" /dev/null >../printed 2>&1 </dev/null
    expect 'progress of five epochs' lacks '%'
fi

# ---- real data ------------------------------------------------------------------------------------------------------

begin 'mcycle'
run 0 --data "$mcycle" --bandwidth 1.4 --lr 1e-5 --epochs 20
expect 'twenty losses' prints_losses 20
expect "the loss at the end: $(tail -n 2 ../printed)" prints 'epoch 20, loss 79259.5'
expect "$(grep '^w = ' ../printed)" prints 'w = 1.0944'
expect 'six figures' has_figures out

begin 'unsorted rows, no header'
sed 1d "$mcycle" | sort -r >data.csv
run 0 --data data.csv --bandwidth 1.4 --lr 1e-5 --epochs 20
expect "the loss at the end: $(tail -n 2 ../printed)" prints 'epoch 20, loss 79259.5'

begin 'variants of one table'
printf '1,2\n2,4\n3,5\n5,1\n' >plain.csv
printf 'a,b\n1,2\n2,4\n3,5\n5,1\n' >header.csv
printf '"a, b","say ""hi"""\r\n1,2\r\n2,4\r\n3,5\r\n5,1\r\n\r\n\r\n' >crlf.csv
printf '\357\273\277"1", +2.0e0\n 2 ,4.\n\n"3",\t5\n5,.1e1' >loose.csv
run 0 --data plain.csv --lr 0.01 --out plain
cp ../printed ../wanted
for variant in header crlf loose; do
    test="$variant.csv"
    run 0 --data $variant.csv --lr 0.01 --out $variant
    expect 'prints what plain.csv gives' cmp -s ../printed ../wanted
    expect 'six figures' has_figures $variant
done
test='axis labels'
expect 'figures without the names of the header' differ header/average_pooling.png plain/average_pooling.png
expect 'other figures without a header' cmp -s loose/average_pooling.png plain/average_pooling.png

begin 'one x for all'
printf '3,1\n3,2\n3,6\n' >data.csv
run 0 --data data.csv
expect 'six figures' has_figures out

# ---- mistakes -------------------------------------------------------------------------------------------------------

begin 'options'
refuses 'unknown option "--sed"' --sed 3
refuses 'unknown option "-x"' -x
refuses 'unknown option "--"' --
refuses 'unexpected argument "data.csv"' data.csv
for option in seed n-train epochs lr bandwidth data out; do
    refuses "--$option: want a" --$option
    refuses "--$option" --$option=
done
refuses '--quiet takes no value' --quiet=yes
for number in abc 12abc 1.5 -3 1e3 0x10 ' 7' nan inf 99999999999999999999999; do
    refuses "--seed: \"$number\"" --seed "$number"
    refuses "--n-train: \"$number\"" --n-train "$number"
    refuses "--epochs: \"$number\"" --epochs "$number"
done
for number in abc 0.5x 0 -0.5 nan inf -inf 1e999 1e-999 1e39 0x1p3 1e '1 2' 1,5; do
    refuses "--lr: \"$number\"" --lr "$number"
    refuses "--bandwidth: \"$number\"" --bandwidth "$number"
done
refuses '--n-train: "1" is too small: want 2 to' --n-train 1
refuses '--epochs: "0" is too small' --epochs 0
refuses '--lr' --epochs 3 --lr wrong --out somewhere

begin 'data files'
mkdir folder
refuses '"nowhere.csv": No such file' --data nowhere.csv
refuses '"folder": Is a directory' --data folder
refuses_csv '' 'the file is empty'
refuses_csv '\n\n' 'the file is empty'
refuses_csv 'x,y\n' 'found 2 and 0'
refuses_csv 'x,y\n1,2\n' 'found 2 and 1'
refuses_csv '1\n2\n' 'data.csv: want 2 columns and at least 2 rows of numbers, found 1 and 2'
refuses_csv '1,2,3\n2,3,4\n' 'data.csv: want 2 columns and at least 2 rows of numbers, found 3 and 2'
refuses_csv '1,2\n3\n' '"data.csv": line 2: want 2 columns as in the first line, found 1'
refuses_csv '1,2\n3,4,\n' 'line 2: want 2 columns as in the first line, found 3'
refuses_csv '1;2\n3;4\n' 'line 2, column 1: "3;4" is not a number'
refuses_csv 'x,y\n1,2\n3,abc\n' 'line 3, column 2: "abc" is not a number'
refuses_csv '1,abc\n3,4\n' 'line 1, column 2: "abc" is not a number'
refuses_csv 'x,y\nt,ms\n1,2\n' 'line 2, column 1: "t" is not a number'
refuses_csv 'x,y\n1,2\n,4\n' 'line 3, column 1: "" is not a number'
refuses_csv '1,2\n3,nan\n' 'line 2, column 2: "nan" is not a number'
refuses_csv '1,2\ninf,4\n' 'line 2, column 1: "inf" is not a number'
refuses_csv '1,2\n3,1e39\n' 'line 2, column 2: "1e39" is too large'
refuses_csv '1,2\n3,4 5\n' 'line 2, column 2: "4 5" is not a number'
refuses_csv '1,2\n3,"4\n' 'line 2, column 2: quotes out of place'
refuses_csv '"x"a,y\n1,2\n3,4\n' 'line 1, column 1: quotes out of place'
refuses_csv '1,2\n3,4\0\n' 'line 2: has a control character'
refuses_csv '1,2\r3,4\r' 'line 1: has a control character'

# ---- what cannot be written -----------------------------------------------------------------------------------------

begin 'a folder that cannot be created'
echo >file
run 1 --out file/folder
expect 'one line on stderr' one_complaint
expect 'names the folder' complains 'cannot create the folder "file'
run 1 --out file
expect 'one line on stderr' one_complaint

begin 'a figure that cannot be written'
mkdir -p out/loss.png
run 1
expect 'one line on stderr' one_complaint
expect 'names the figure' complains 'out/loss.png'
expect 'leaves another file behind' holds out 3

if [ -e /dev/full ]; then
    begin 'a full disk'
    mkdir out && ln -s /dev/full out/average_pooling.png
    run 1
    expect 'one line on stderr' one_complaint
    "$nadaraya_watson" --out other >/dev/full 2>../complaint
    expect 'losses lost without a word' one_complaint
fi

begin 'training that diverges'
run 1 --lr 1e30
expect 'says what to do' complains 'want a smaller --lr'
expect 'one line on stderr' one_complaint
expect 'prints nan as PyTorch does' prints 'epoch 2, loss nan'

# ---- the shorter examples -------------------------------------------------------------------------------------------

# example NAME TEXT...: it succeeds, called with $arguments, complains of nothing, and prints each text.
arguments=
example() {
    begin "$1"
    # shellcheck disable=SC2086 # words
    "$BUILD/examples/$1" $arguments >../printed 2>../complaint
    status=$?
    expect "status $status" [ $status = 0 ]
    expect "complains: $(cat ../complaint)" is_empty ../complaint
    shift
    for text; do expect "\"$text\" in: $(cat ../printed)" prints "$text"; done
}
example first_steps 'dy/dx = -2.8289, dy/dw = -2.2275' 'd2y/dx2 = -4.8067' 'gradients checked: right' \
    'second derivatives checked: right'
example how_autodiff_works 'gradients checked: right' 'second derivatives checked: right'
# prints_blocks FILE: the program has printed each block of output in FILE, line for line.
prints_blocks() {
    awk '
        { sub(/ +$/, "") }
        NR == FNR { printed = printed $0 "\n"; next }
        /^```/ {
            if (plain && !index(printed, "\n" block)) { print "not printed:\n" block; missing = 1 }
            fenced = !fenced; plain = fenced && $0 == "```"; blocks += plain; block = ""
            next
        }
        plain { block = block $0 "\n" }
        END { exit missing || blocks < 2 }
    ' ../printed "$1"
}
expect 'docs/autodiff.md shows other output' prints_blocks "$source/docs/autodiff.md"
example linear_regression 'w = 1.996, -3.402 (true: 2.000, -3.400)' 'b = 4.207 (true: 4.200)'
example kernel_exercise 'loss 61.950218, 61.950218' 'Gauss: w = 3.964' 'power: w = 2.216'
expect 'the curves' is_png out/kernel_exercise_pooling.png
expect 'the weights' is_png out/kernel_exercise_weights.png

# Two steps of what takes a minute: what they print first is the same on every machine.
arguments=--quick
example bahdanau_attention '136190 trainable numbers' 'step 1, loss 4.55' 'step 2, loss 4.34' 'of 4 dates' \
    '"21 Jul 69" -> "'
for figure in loss attention attention_short; do expect "$figure" is_png out/bahdanau_$figure.png; done
expect 'another number of figures' holds out 3
example transformer '184030 trainable' 'step 1, loss 4.78' 'step 2, loss 3.8' 'of 4 dates' '"Monday, 21 July 1969" -> "'
for figure in loss encoder_attention decoder_attention; do expect "$figure" is_png out/transformer_$figure.png; done
expect 'another number of figures' holds out 3
arguments="--quick $source/examples/data/digits.csv"
example digits '4810 trainable numbers' 'epoch  1, loss 1.60' 'of 360 digits never seen are read right'
expect 'the losses' is_png out/digits_loss.png
expect 'the mistakes' is_png out/digits_mistakes.png
arguments=
test='wrong arguments'
for name in bahdanau_attention transformer; do
    "$BUILD/examples/$name" --slow >../printed 2>../complaint
    expect "$name takes --slow" [ $? = 2 ]
    expect "$name says nothing of --quick" complains "$name: want no argument, or --quick"
done
"$BUILD/examples/digits" nowhere.csv >../printed 2>../complaint
expect 'digits without data' [ $? = 1 ]
expect 'names the file' complains 'nowhere.csv'
printf 'a,b\n1,2\n' >wrong.csv
"$BUILD/examples/digits" --help >../printed 2>../complaint
expect 'digits with an option that it has not' [ $? = 2 ]
expect 'says what it wants' complains 'digits: want [--quick] [FILE], where FILE is digits.csv'
"$BUILD/examples/digits" wrong.csv >../printed 2>../complaint
expect 'digits of another shape' [ $? = 1 ]
expect 'says what it wants' complains 'digits: wrong.csv: want 1797 rows of 65 numbers'
# drawn NAME...: the last example has drawn these figures and no other.
drawn() {
    expect "not $# figures" holds out $#
    for figure; do expect "$figure.png" is_png "out/$figure.png"; done
}
example attention_cues 'one key for each query: rows sum to 1.0000 to 1.0000, the largest weight is 1.0000' \
    'average pooling: rows sum to 1.0000 to 1.0000, the largest weight is 0.1000'
drawn attention_cues_eye attention_cues_average
example kernels 'Gaussian     mean squared error from the truth 0.402' \
    'Boxcar       mean squared error from the truth 0.223' 'Constant     mean squared error from the truth 0.857' \
    'Epanechikov  mean squared error from the truth 0.111' 'Sigma 0.1    mean squared error from the truth 0.350' \
    'Sigma 0.2    mean squared error from the truth 0.113' 'Sigma 0.5    mean squared error from the truth 0.136' \
    'Sigma 1      mean squared error from the truth 0.402'
drawn kernels kernels_fits kernels_weights kernels_widths_fits kernels_widths_weights
example attention_scoring '[[0.4324, 0.5676, 0.0000, 0.0000],' '[[1.0000, 0.0000, 0.0000, 0.0000],' \
    'additive attention:' 'scaled dot-product attention:' '[[ 2.,  3.,  4.,  5.]],' '[[10., 11., 12., 13.]]])'
drawn masked_softmax additive_attention dot_product_attention
example positional_encoding '6 in binary is 110' 'distance  5: products 11.7774 at 0, 11.7774 at 30'
drawn positional_encoding positional_encoding_binary positional_encoding_columns
example exercise_sharpness 'w = 1   28.5 keys count, loss 0.779 by the others and 0.705 with itself' \
    'w = 4    8.6 keys count, loss 0.360' 'w = 30   1.6 keys count, loss 0.509 by the others and 0.087 with itself'
drawn exercise_sharpness_fits exercise_sharpness_weights
example exercise_bandwidth 'artificial data: smallest error 0.36' 'w = 3.972, a bandwidth of 0.252; by gradients w = 3.96'
drawn exercise_bandwidth
arguments="--data $mcycle --out out"
example exercise_bandwidth 'mcycle.csv: smallest error 596.' 'w = 1.059, a bandwidth of 0.945; by gradients w = 1.09'
drawn exercise_bandwidth exercise_bandwidth_data
arguments=
example exercise_more_data '      20         0.53' '     320         0.37'
drawn exercise_more_data_errors exercise_more_data_w
expect 'parametric pooling gets no better with more examples' awk \
    'NR > 2 && !($3 < last) { bad = 1 } NR > 1 { last = $3 } END { exit bad || NR != 6 || last > 0.02 }' ../printed

begin 'mistakes in the options of those that draw'
for wrong in --sed '--out' '--data data.csv'; do
    "$BUILD/examples/kernels" $wrong >../printed 2>../complaint
    status=$?
    expect "$wrong: status $status" [ $status = 2 ]
    expect "$wrong: one line on stderr" [ "$(wc -l <../complaint)" -eq 1 ]
    expect "$wrong: prints or writes something" nothing_written
done
"$BUILD/examples/kernels" --help >../printed
expect '--help' prints '--out FOLDER'
mkdir -p out/kernels_fits.png
"$BUILD/examples/kernels" >../printed 2>../complaint
status=$?
expect "a figure that cannot be written: status $status" [ $status = 1 ]
expect 'one line on stderr' [ "$(wc -l <../complaint)" -eq 1 ]
expect 'names the figure' complains 'out/kernels_fits.png'

# An example that nobody runs here would be one that nobody tests.
test='every example has been run'
for file in "$source"/examples/*.c; do
    name=$(basename "$file" .c)
    expect "$name is not tested in tests/examples.sh" grep -qE "^example $name |^nadaraya_watson=.*/$name\$" "$source/tests/examples.sh"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
