/* plot/ticks.c - round numbers for an axis, and their texts. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUS "\xe2\x88\x92" /* U+2212 */
#define TIMES "\xc3\x97"     /* U+00D7 */

/* Steps are 1, 2, 2.5 or 5 times a power of ten, written with an integer, so that ticks are exact decimal numbers. */
typedef struct {
    int64_t digits;
    int exponent;
} decimal;

static double power_of_ten(int exponent) {
    double power = 1;
    for (int i = 0; i < exponent; i++) power *= 10;
    return power;
}

/* Rounded once for |exponent| up to 22, where the power of ten is exact. */
static double value_of(decimal d) {
    if (d.exponent >= 0) return (double)d.digits * power_of_ten(d.exponent);
    return (double)d.digits / power_of_ten(-d.exponent);
}

/* The steps in ascending order: number 4 * k + i is the i-th of the decade 10^k. */
static decimal step_number(int number, bool whole) {
    static const decimal steps[] = {{1, 0}, {2, 0}, {25, -1}, {5, 0}};
    int decade = (int)floor(number / 4.0);
    decimal step = steps[number - 4 * decade];
    step.exponent += decade;
    if (whole && step.exponent < 0) return (decimal){number == 2 ? 2 : 1, 0}; /* in place of 2.5, and of all below 1 */
    return step;
}

static int decade_of(double x) {
    int decade = 0;
    while (value_of((decimal){1, decade}) > x) decade--;
    while (value_of((decimal){1, decade + 1}) <= x) decade++;
    return decade;
}

/* The multiples of step in lo ... hi, whose ends count in spite of rounding. */
static void multiples(double lo, double hi, decimal step, int64_t *first, int64_t *last) {
    const double tolerance = 1e-9;
    *first = (int64_t)ceil(lo / value_of(step) - tolerance);
    *last = (int64_t)floor(hi / value_of(step) + tolerance);
}

/* The smallest step that makes no more than so many intervals, or a smaller one if only that gives two ticks. */
static decimal choose_step(double lo, double hi, int intervals, bool whole) {
    double wanted = (hi - lo) / intervals * (1 - 1e-9);
    int number = 4 * decade_of(wanted);
    while (value_of(step_number(number, whole)) < wanted) number++;
    for (int smaller = number; smaller > number - 4; smaller--) {
        int64_t first, last;
        multiples(lo, hi, step_number(smaller, whole), &first, &last);
        if (last > first) return step_number(smaller, whole);
    }
    return step_number(number, whole);
}

static int count_digits(int64_t n) {
    int count = 0;
    for (; n != 0; n /= 10) count++;
    return count;
}

/* The power of ten that goes with the axis rather than with each number: that of the largest number, where it would
 * take many zeros to write. 0: none. */
static int common_exponent(decimal step, int64_t first, int64_t last) {
    int64_t largest = first < 0 && -first > last ? -first : last;
    int exponent = step.exponent + count_digits(largest * step.digits) - 1;
    return exponent < -4 || exponent > 5 ? exponent : 0;
}

/* digits * 10^exponent without rounding and without an exponent. */
static void print_decimal(char text[PL_TICK_BYTES], decimal d) {
    char digits[PL_TICK_BYTES - sizeof MINUS];
    const char *sign = d.digits < 0 ? MINUS : "";
    int places = d.exponent < 0 ? -d.exponent : 0;
    int64_t magnitude = d.digits < 0 ? -d.digits : d.digits;
    for (int i = 0; i < d.exponent; i++) magnitude *= 10;
    int length = snprintf(digits, sizeof digits, "%0*" PRId64, places + 1, magnitude);
    if (places == 0)
        snprintf(text, PL_TICK_BYTES, "%s%s", sign, digits);
    else
        snprintf(text, PL_TICK_BYTES, "%s%.*s.%s", sign, length - places, digits, digits + length - places);
}

/* "10^6" after a prefix. */
static void print_power(char text[PL_TICK_BYTES], const char *prefix, int exponent) {
    static const char *const superscripts[] = {"\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",
                                               "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7",
                                               "\xe2\x81\xb8", "\xe2\x81\xb9"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", exponent < 0 ? -exponent : exponent);
    snprintf(text, PL_TICK_BYTES, "%s10%s", prefix, exponent < 0 ? "\xe2\x81\xbb" : "");
    for (const char *digit = digits; *digit; digit++) strcat(text, superscripts[*digit - '0']);
}

void pl_ticks_choose(pl_ticks *ticks, double lo, double hi, int intervals, bool whole) {
    decimal step = choose_step(lo, hi, intervals, whole);
    int64_t first, last;
    multiples(lo, hi, step, &first, &last);
    if (last - first >= PL_MAX_TICKS) last = first + PL_MAX_TICKS - 1;
    int factor = whole ? 0 : common_exponent(step, first, last);
    ticks->count = 0;
    ticks->decades = false;
    ticks->factor[0] = '\0';
    if (factor) print_power(ticks->factor, TIMES, factor);
    for (int64_t i = first; i <= last; i++) {
        decimal number = {i * step.digits, step.exponent};
        ticks->at[ticks->count] = value_of(number);
        number.exponent -= factor;
        print_decimal(ticks->text[ticks->count], number);
        ticks->count++;
    }
}

static const double log_rounding = 1e-9; /* by which a logarithm may miss the end of an axis */

/* Each stride-th power of ten. */
static void choose_decades(pl_ticks *ticks, int first, int last, int stride) {
    *ticks = (pl_ticks){.decades = stride == 1};
    for (int i = first; i <= last; i++) {
        if (i % stride != 0) continue;
        ticks->at[ticks->count] = i;
        print_power(ticks->text[ticks->count], "", i);
        ticks->count++;
    }
}

/* 1, 2 and 5 times powers of ten, on an axis that has no more than one of these powers within it. */
static void choose_within_decades(pl_ticks *ticks, double lo, double hi) {
    static const int digits[] = {1, 2, 5};
    const int lowest = (int)floor(lo), highest = (int)floor(hi + log_rounding);
    const int factor = highest < -4 || highest > 5 ? highest : 0;
    *ticks = (pl_ticks){0};
    if (factor) print_power(ticks->factor, TIMES, factor);
    for (int i = 0; i < 3 * (highest - lowest + 1); i++) {
        decimal number = {digits[i % 3], lowest + i / 3 - factor};
        const double at = lowest + i / 3 + pl_log10(digits[i % 3]);
        if (at < lo - log_rounding || at > hi + log_rounding) continue;
        ticks->at[ticks->count] = at;
        print_decimal(ticks->text[ticks->count], number);
        ticks->count++;
    }
}

/* What would be round numbers on another axis. */
static void choose_within_numbers(pl_ticks *ticks, double lo, double hi, int intervals) {
    pl_ticks_choose(ticks, pl_power_of_10(lo), pl_power_of_10(hi), intervals, false);
    for (int i = 0; i < ticks->count; i++) ticks->at[i] = pl_log10(ticks->at[i]);
}

void pl_ticks_choose_log(pl_ticks *ticks, double lo, double hi, int intervals) {
    const int least = 3;
    const int first = (int)ceil(lo - log_rounding), last = (int)floor(hi + log_rounding);
    if (last > first) {
        choose_decades(ticks, first, last, (last - first + intervals - 1) / intervals);
        return;
    }
    choose_within_decades(ticks, lo, hi);
    if (ticks->count < least || ticks->count > intervals + 1) choose_within_numbers(ticks, lo, hi, intervals);
}

double pl_ticks_width(const pl_ticks *ticks) {
    double widest = 0;
    for (int i = 0; i < ticks->count; i++) widest = fmax(widest, pl_text_width(&pl_font_text, ticks->text[i]));
    return widest;
}
