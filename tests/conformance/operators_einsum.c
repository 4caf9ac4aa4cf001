/* tests/conformance/operators_einsum.c - sums of products in Einstein's notation: "bij, bjk -> bik".
 *
 * A letter names a dimension. Every operand is brought to the dimensions of the result followed by all others, with
 * size 1 where it lacks one; their product is summed over the others. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <string.h>

#include "operators.h"

/* The names of a tensor's dimensions. "..." stands for those that have no letter: they are called '0', '1', ... from
 * the last to the first. */
typedef struct {
    int n;
    char of[AT_MAX_DIMS];
} names;

static void append(names *to, char name) {
    if (to->n < AT_MAX_DIMS) to->of[to->n++] = name;
}

static int place(const names *in, char name) {
    const char *found = memchr(in->of, name, (size_t)in->n);
    return found ? (int)(found - in->of) : -1;
}

static names read_names(const char *text, size_t length, int unnamed) {
    names result = {0};
    for (size_t i = 0; i < length; i++) {
        if (isalpha((unsigned char)text[i])) append(&result, text[i]);
        if (strncmp(text + i, "...", 3) == 0)
            for (int k = unnamed - 1; k >= 0; k--) append(&result, (char)('0' + k));
    }
    return result;
}

static int count_letters(const char *text, size_t length) {
    int letters = 0;
    for (size_t i = 0; i < length; i++) letters += isalpha((unsigned char)text[i]) != 0;
    return letters;
}

/* Where dimensions i and j have one name, only their diagonal remains: with both moved to the end and joined, its
 * elements are size + 1 apart. */
static at_tensor *diagonal(at_tensor *x, names *own, int i, int j) {
    at_shape order = {0}, joined = {0};
    names rest = {0};
    for (int d = 0; d < own->n; d++) {
        if (d == i || d == j) continue;
        order.dim[order.ndim++] = d;
        joined.dim[joined.ndim++] = at_size(x, d);
        append(&rest, own->of[d]);
    }
    int64_t size = at_size(x, i);
    order.dim[order.ndim++] = i;
    order.dim[order.ndim++] = j;
    joined.dim[joined.ndim++] = size * size;
    append(&rest, own->of[i]);
    *own = rest;
    return at_slice(at_reshape_shape(at_permute_shape(x, order), joined), -1, 0, size * size, size + 1);
}

static bool find_repeated(const names *own, int *i, int *j) {
    for (*i = 0; *i < own->n; ++*i)
        for (*j = *i + 1; *j < own->n; ++*j)
            if (own->of[*i] == own->of[*j]) return true;
    return false;
}

static at_tensor *aligned(at_tensor *x, const names *own, const names *all) {
    at_shape order = {0};
    for (int i = 0; i < all->n; i++)
        if (place(own, all->of[i]) >= 0) order.dim[order.ndim++] = place(own, all->of[i]);
    x = at_permute_shape(x, order);
    for (int i = 0; i < all->n; i++)
        if (place(own, all->of[i]) < 0) x = at_unsqueeze(x, i);
    return x;
}

/* The result's names: after "->", or else what occurs once, in alphabetical order. */
static names read_result(const char *text, int unnamed) {
    const char *arrow = strstr(text, "->");
    if (arrow) return read_names(arrow + 2, strlen(arrow + 2), unnamed);
    names result = {0};
    for (int c = 'A'; c <= 'z'; c++) {
        const char *first = strchr(text, c);
        if (isalpha(c) && first && !strchr(first + 1, c)) append(&result, (char)c);
    }
    return result;
}

void onnx_Einsum(node *n) {
    char buffer[64];
    const char *text = onnx_attribute_text(n->source, "equation", "", buffer), *from = text;
    names own[MAX_VALUES];
    at_tensor *operand[MAX_VALUES];
    int unnamed = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        size_t length = strcspn(from, ",-");
        int left = at_ndim(n->input[i]) - count_letters(from, length);
        unnamed = left > unnamed ? left : unnamed;
        own[i] = read_names(from, length, left);
        operand[i] = n->input[i];
        for (int p, q; find_repeated(&own[i], &p, &q);) operand[i] = diagonal(operand[i], &own[i], p, q);
        from += length + (from[length] != '\0');
    }
    names all = read_result(text, unnamed);
    int kept = all.n;
    for (int i = 0; i < n->n_inputs; i++)
        for (int k = 0; k < own[i].n; k++)
            if (place(&all, own[i].of[k]) < 0) append(&all, own[i].of[k]);
    at_tensor *product = aligned(operand[0], &own[0], &all);
    for (int i = 1; i < n->n_inputs; i++) product = at_mul(product, aligned(operand[i], &own[i], &all));
    for (int d = all.n - 1; d >= kept; d--) product = at_sum_dim(product, d, false);
    n->output[0] = product;
}
