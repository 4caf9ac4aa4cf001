/* tests/fuzz/tape.c - scalar reverse-mode differentiation with error bounds. */
#include <math.h>
#include <string.h>

#include "tape.h"

enum { NODES = 1 << 16, PARTS = 1 << 19, OPERATIONS = 256 };

typedef struct {
    int x;
    number by;
} part;

typedef struct {
    number x, gradient;
    precision p;
    int first; /* of its parts; they end where the next node's begin */
    int leaf;
    int operation; /* that it belongs to */
    bool untold;
} node;

static node nodes[NODES + 2];
static part parts[PARTS];
static int n_nodes, n_parts, operation;
static bool depends[OPERATIONS][OPERATIONS];
static bool full;
bool tape_paused, tape_untold;

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

bool is_known(number x) { return isfinite(x.e) && isfinite(x.v); }

bool is_sure(number x, double limit) { return is_known(x) && (fabs(x.v - limit) > x.e || x.e == 0); }

/* Sixteen units in the last place: functions are good to four, and sums of many add up to some. */
static double relative(precision p) { return p == SINGLE ? 0x1p-20 : p == DOUBLE ? 0x1p-49 : 0; }
static double smallest(precision p) { return p == SINGLE ? 1e-37 : p == DOUBLE ? 1e-300 : 0; }
double tape_largest(precision p) { return p == SINGLE ? 1e30 : p == DOUBLE ? 1e250 : 0x1p52; }

static number checked(double v, double e, precision p) {
    if (!isfinite(v) || !isfinite(e) || fabs(v) + e > tape_largest(p)) return (number){0, INFINITY};
    return (number){v, e};
}

static number rounded(double v, double e, precision p) {
    return checked(v, e + relative(p) * fabs(v) + smallest(p), p);
}

/* a * b + c */
static number multiply_add(number a, number b, number c, precision p) {
    double product = a.v * b.v, e = fabs(a.v) * b.e + fabs(b.v) * a.e + a.e * b.e + c.e;
    if (product == 0 && e == 0) return c;
    return checked(product + c.v, e + relative(p) * (fabs(product) + fabs(c.v)) + smallest(p), p);
}

/* ---- the tape ---------------------------------------------------------------------------------------------------- */

void tape_clear(void) {
    n_nodes = n_parts = operation = 0;
    memset(depends[0], 0, sizeof depends[0]);
    full = tape_paused = tape_untold = false;
}

int tape_next_operation(void) {
    if (operation < OPERATIONS - 1) memset(depends[++operation], 0, sizeof depends[0]);
    return operation;
}

void tape_depends_on(int other) { depends[operation][other] = depends[operation][other] || !tape_paused; }

int tape_mark(void) { return n_nodes; }

void tape_cut(int mark) {
    if (mark < n_nodes) n_parts = nodes[mark].first;
    n_nodes = mark;
    full = false;
}

bool tape_is_full(void) { return full; }

int tape_new(double v, double e, precision p, int leaf) {
    int i = n_nodes < NODES ? n_nodes++ : NODES; /* a place for all that do not fit */
    full = full || i == NODES;
    nodes[i] = (node){.x = checked(v, e, p), .p = p, .first = n_parts, .leaf = leaf, .operation = operation};
    nodes[i + 1].first = n_parts;
    return i;
}

/* y is the newest node. */
void tape_part(int y, int x, number by) {
    if (tape_paused || nodes[y].p == WHOLE) return;
    full |= n_parts == PARTS;
    if (full) return;
    by = checked(by.v, by.e, nodes[y].p); /* what overflows there makes no number of a gradient of 0 */
    parts[n_parts++] = (part){x, by};
    nodes[y + 1].first = n_parts;
}

void tape_set_untold(int y) { nodes[y].untold = true; }
number tape_number(int x) { return nodes[x].x; }
void tape_widen(int x, double relative_error) { nodes[x].x.e += relative_error * (fabs(nodes[x].x.v) + 1); }

/* ---- functions --------------------------------------------------------------------------------------------------- */

int tape_unary(int x, const function_of_one *f, precision p) {
    number a = nodes[x].x;
    if (!is_known(a) || (a.e > 1 && !f->exact)) return tape_one_of(1, &x, 0, INFINITY, p);
    double low = a.v - a.e, high = a.v + a.e, v = f->f(a.v), v_low = f->f(low), v_high = f->f(high);
    double slope = f->slope(a.v), slope_low = f->slope(low), slope_high = f->slope(high);
    double e = fmax(fabs(v_low - v), fabs(v_high - v));
    if (!isfinite(v_low) || !isfinite(v_high) || (f->steps && e > 0)) e = INFINITY;
    number y = f->exact ? checked(v, e, p) : rounded(v, e + (f->steps ? 0 : fabs(slope) * a.e), p);
    int result = tape_new(y.v, y.e, p, -1);
    double unsure = fmax(fabs(slope_low - slope), fabs(slope_high - slope));
    if (isnan(slope_low) || isnan(slope_high)) unsure = INFINITY;
    if (!f->exact) unsure += relative(p) * (fabs(slope) + 1);
    if (!f->steps && !is_known(y)) unsure = INFINITY;
    tape_part(result, x, (number){slope, unsure});
    return result;
}

/* f at the corners of where a and b may be. */
static number at_corners(double (*f)(double, double), number a, number b) {
    number y = {f(a.v, b.v), 0};
    if (a.e == 0 && b.e == 0) y.e = isfinite(y.v) ? 0 : INFINITY;
    for (int corner = 0; corner < 4 && (a.e > 0 || b.e > 0); corner++) {
        double z = f(corner & 1 ? a.v + a.e : a.v - a.e, corner & 2 ? b.v + b.e : b.v - b.e);
        y.e = isfinite(z) ? fmax(y.e, fabs(z - y.v)) : INFINITY;
        if (isinf(y.e)) break;
    }
    return y;
}

int tape_binary(int a, int b, const function_of_two *f, precision p) {
    number m = nodes[a].x, n = nodes[b].x;
    if (!is_known(m) || !is_known(n)) return tape_one_of(2, (int[]){a, b}, 0, INFINITY, p);
    number y = at_corners(f->f, m, n);
    bool fits = f->basic && y.e == 0 && (double)(float)y.v == y.v && (double)(float)m.v == m.v &&
                (double)(float)n.v == n.v && fabs(y.v) < 0x1p20 && (y.v == 0 || fabs(y.v) > 0x1p-20);
    if (!fits) y = rounded(y.v, y.e, p);
    int result = tape_new(y.v, y.e, p, -1);
    number by_a = at_corners(f->slope_a, m, n), by_b = at_corners(f->slope_b, m, n);
    if (!f->basic) by_a.e += relative(p) * (fabs(by_a.v) + 1), by_b.e += relative(p) * (fabs(by_b.v) + 1);
    tape_part(result, a, by_a);
    tape_part(result, b, by_b);
    return result;
}

int tape_copy(int x, precision p) {
    number a = nodes[x].x;
    bool fits = nodes[x].p == p || (double)(float)a.v == a.v || p == DOUBLE;
    number y = fits || p == WHOLE ? checked(a.v, a.e, p) : rounded(a.v, a.e, p);
    int result = tape_new(y.v, y.e, p, -1);
    tape_part(result, x, exactly(1));
    return result;
}

int tape_sum(int n, const int *x, double scale, precision p) {
    number sum = {0, 0};
    double size = 0;
    bool whole = scale == 1;
    for (int i = 0; i < n; i++) {
        number a = nodes[x[i]].x;
        whole = whole && a.e == 0 && a.v * 1024 == floor(a.v * 1024) && fabs(a.v) < 64;
        sum.v += a.v;
        sum.e += a.e;
        size += fabs(a.v);
    }
    double e = fabs(scale) * (sum.e + (whole && size < 64 ? 0 : (relative(p) + n * 0x1p-53) * size + smallest(p)));
    number y = checked(scale * sum.v, e, p);
    int result = tape_new(y.v, y.e, p, -1);
    for (int i = 0; i < n; i++) tape_part(result, x[i], (number){scale, relative(p) * fabs(scale)});
    return result;
}

int tape_dot(int n, const int *a, const int *b, precision p) {
    number sum = {0, 0};
    for (int i = 0; i < n; i++) sum = multiply_add(nodes[a[i]].x, nodes[b[i]].x, sum, p);
    int result = tape_new(sum.v, sum.e, p, -1);
    for (int i = 0; i < n; i++) {
        tape_part(result, a[i], nodes[b[i]].x);
        tape_part(result, b[i], nodes[a[i]].x);
    }
    return result;
}

int tape_log_sum_exp(int n, const int *x, precision p) {
    double most = -INFINITY, e = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, nodes[x[i]].x.v);
        e = fmax(e, nodes[x[i]].x.e);
    }
    for (int i = 0; i < n; i++) sum += exp(nodes[x[i]].x.v - most);
    double v = most + log(sum);
    number y = rounded(v, e + relative(p) * (1 + fabs(most)) + n * 0x1p-53, p);
    if (n == 0 || e > 1) y = (number){0, INFINITY};
    int result = tape_new(y.v, y.e, p, -1);
    for (int i = 0; i < n; i++) {
        double by = exp(nodes[x[i]].x.v - y.v);
        tape_part(result, x[i], (number){by, by * (expm1(y.e + e) + relative(p)) + relative(p)});
    }
    return result;
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

int tape_one_of(int n, const int *x, double v, double e, precision p) {
    int result = tape_new(v, isfinite(e) ? e : INFINITY, p, -1);
    nodes[result].x.e = isfinite(e) ? nodes[result].x.e : INFINITY;
    for (int i = 0; i < n; i++) tape_part(result, x[i], (number){0.5, isfinite(e) ? 1 : INFINITY});
    return result;
}

int tape_extreme(int n, const int *x, bool largest_wanted, bool share, precision p, int *at) {
    double sign = largest_wanted ? 1 : -1, least = -INFINITY, v = -INFINITY, e = 0;
    int candidates = 0;
    *at = -1;
    for (int i = 0; i < n; i++) {
        number a = nodes[x[i]].x;
        if (!is_known(a)) return tape_one_of(n, x, 0, INFINITY, p);
        least = fmax(least, sign * a.v - a.e);
        v = fmax(v, sign * a.v);
        e = fmax(e, a.e);
    }
    bool exact = true;
    for (int i = n - 1; i >= 0; i--) {
        number a = nodes[x[i]].x;
        if (sign * a.v + a.e < least) continue;
        candidates++;
        exact = exact && a.e == 0;
        *at = i;
    }
    int result = tape_new(sign * v, candidates == 1 ? nodes[x[*at]].x.e : exact ? 0 : e, p, -1);
    if (candidates > 1 && !exact) *at = -1;
    for (int i = 0; i < n; i++) {
        number a = nodes[x[i]].x;
        if (sign * a.v + a.e < least) continue;
        if (*at < 0)
            tape_part(result, x[i], (number){0.5, 1});
        else if (share || i == *at)
            tape_part(result, x[i], (number){share ? 1.0 / candidates : 1, relative(p)});
    }
    return result;
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* Hands the gradient of a node on to what it was computed from. */
static void hand_on(const node *y, number g) {
    for (int k = y->first; k < y[1].first; k++) {
        node *x = &nodes[parts[k].x];
        x->gradient = multiply_add(g, parts[k].by, x->gradient, x->p == SINGLE ? SINGLE : y->p);
    }
}

/* The operations that a gradient comes to. Its zeros count: 0 times infinity is no number. */
static void reach(int from, bool *reached) {
    memset(reached, 0, OPERATIONS * sizeof *reached);
    reached[from] = true;
    for (int i = from; i > 0; i--)
        for (int k = 0; k < i && reached[i]; k++) reached[k] = reached[k] || depends[i][k];
}

void tape_backward(int from, int n, const int *root, const double *weight, number *gradients) {
    bool reached[OPERATIONS];
    reach(from, reached);
    for (int i = 0; i < n_nodes; i++) nodes[i].gradient = (number){0, 0};
    for (int i = 0; i < n; i++) {
        node *r = &nodes[root[i]];
        r->gradient = multiply_add(exactly(weight[i]), exactly(1), r->gradient, r->p);
    }
    for (int i = n_nodes - 1; i >= 0; i--) {
        number g = nodes[i].gradient;
        if (!reached[nodes[i].operation]) continue;
        tape_untold |= nodes[i].untold;
        if (nodes[i].leaf >= 0 && (g.v != 0 || g.e != 0)) {
            number *to = &gradients[nodes[i].leaf];
            *to = multiply_add(g, exactly(1), *to, nodes[i].p);
        }
        hand_on(&nodes[i], g);
    }
}
