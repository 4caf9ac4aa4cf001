/* autograd/graph.c - graphs and backward passes as text. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "internal.h"

enum { FEW = 6, TEXT = 160 }; /* elements that are shown one by one; bytes of a cell */

/* ---- cells ------------------------------------------------------------------------------------------------------- */

/* Appends to a text of TEXT bytes as much as fits. */
static void append(char *text, const char *format, ...) {
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, TEXT - used, format, arguments);
    va_end(arguments);
}

/* The elements of a small tensor, the shape of a large one; false where it cannot be computed. */
static bool describe_value(char *text, tn_value *value) {
    unsigned before = tn_failures();
    text[0] = '\0';
    AT_SCOPE
        AT_NO_GRAD {
            at_tensor *t = value && value->numel <= FEW ? at_to(ag_tensor(value, NULL), AT_FLOAT64) : NULL;
            const double *x = t ? at_doubles(t) : NULL;
            if (value && !x) append(text, "%s", tn_shape_text(&value->shape));
            if (x && value->shape.ndim) append(text, "[");
            for (int64_t i = 0; x && i < value->numel; i++) append(text, "%s%.5g", i ? ", " : "", x[i]);
            if (x && value->shape.ndim) append(text, "]");
        }
    return !tn_failed_since(before);
}

static bool is_leaf(const ag_node *node) { return node->operation == AG_LEAF; }

/* A leaf's node does not know its value; whoever read it does. */
static tn_value *value_of(const ag_graph *graph, const ag_node *node, at_tensor *root) {
    tn_value *value = node == root->node ? root->value : node->result.value;
    for (int64_t i = 0; !value; i++)
        for (int j = 0; j < graph->entries[i].node->n_inputs; j++)
            if (graph->entries[i].node->input[j].node == node) value = graph->entries[i].node->input[j].value;
    return value;
}

static int64_t number_of(const ag_graph *graph, const ag_node *node) { return ag_find(graph, node) - graph->entries; }

static void describe_inputs(char *text, const ag_graph *graph, const ag_node *node) {
    text[0] = '\0';
    for (int i = 0; i < node->n_inputs; i++) {
        char value[TEXT];
        append(text, "%s", i ? ", " : "");
        if (node->input[i].node) {
            append(text, "#%" PRId64, number_of(graph, node->input[i].node));
        } else {
            describe_value(value, node->input[i].value);
            append(text, "%s", value);
        }
    }
}

static void describe_node(char *text, const ag_node *node) {
    text[0] = '\0';
    append(text, "%s%s%s", ag_node_name(node), node->name ? " " : "", node->name ? node->name : "");
}

/* ---- the tape ---------------------------------------------------------------------------------------------------- */

enum { COLUMNS = 7 };

static void fill_row(char cell[COLUMNS][TEXT], const ag_graph *graph, int64_t i, at_tensor *root) {
    const ag_node *node = graph->entries[i].node;
    tn_value *value = value_of(graph, node, root);
    snprintf(cell[0], TEXT, "#%" PRId64, i);
    describe_node(cell[1], node);
    describe_inputs(cell[2], graph, node);
    snprintf(cell[3], TEXT, "%s", tn_shape_text(&value->shape));
    describe_value(cell[4], value->numel <= FEW ? value : NULL);
    describe_value(cell[5], node->grad ? node->grad->value : NULL);
    snprintf(cell[6], TEXT, "%s", is_leaf(node) ? "" : ag_formula(node->operation));
}

static void print_table(FILE *file, const ag_graph *graph, at_tensor *root) {
    static const char *const titles[COLUMNS] = {"",         "operation",           "inputs", "shape", "value",
                                                "gradient", "derivative by inputs"};
    char cell[COLUMNS][TEXT];
    int width[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) width[c] = (int)strlen(titles[c]);
    for (int64_t i = 0; i < graph->count; i++) {
        fill_row(cell, graph, i, root);
        for (int c = 0; c < COLUMNS; c++) width[c] = (int)strlen(cell[c]) > width[c] ? (int)strlen(cell[c]) : width[c];
    }
    for (int64_t i = -1; i < graph->count; i++) {
        if (i >= 0) fill_row(cell, graph, i, root);
        for (int c = 0; c < COLUMNS - 1; c++) fprintf(file, "%-*s  ", width[c], i < 0 ? titles[c] : cell[c]);
        fprintf(file, "%s\n", i < 0 ? titles[COLUMNS - 1] : cell[COLUMNS - 1]);
    }
}

static bool with_graph(const char *function, FILE *file, at_tensor *root,
                       void (*tell)(FILE *, const ag_graph *, at_tensor *)) {
    if (!file) return at_fail_null(function, "file");
    AG_CHECK_TENSOR(function, root);
    if (!at_requires_grad(root))
        return at_fail(AT_ERROR_STATE, "%s: %s has no graph: it does not depend on anything that requires a gradient",
                       function, tn_describe(root));
    AT_CALL(function);
    ag_graph graph = {0};
    unsigned before = tn_failures(); /* a value that cannot be computed */
    if (ag_put_in_order(&graph, root->node)) tell(file, &graph, root);
    ag_graph_end(&graph);
    return !tn_failed_since(before);
}

bool at_graph_print(FILE *file, at_tensor *root) { return with_graph("graph_print", file, root, print_table); }

/* ---- a drawing --------------------------------------------------------------------------------------------------- */

/* Quotes and backslashes would end a label. */
static void print_quoted(FILE *file, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', file);
        fputc(*text, file);
    }
}

static void draw_node(FILE *file, const ag_graph *graph, int64_t i, at_tensor *root) {
    const ag_node *node = graph->entries[i].node;
    char text[TEXT];
    describe_node(text, node);
    fprintf(file, "n%" PRId64 " [shape=%s, label=\"", i, is_leaf(node) ? "box" : "ellipse");
    print_quoted(file, is_leaf(node) && node->name ? node->name : text);
    describe_value(text, value_of(graph, node, root));
    fprintf(file, "\\n%s", text);
    describe_value(text, node->grad ? node->grad->value : NULL);
    if (node->grad) fprintf(file, "\\ngradient %s", text);
    fprintf(file, "\"];\n");
}

/* Length of the module's part of a name: "encoder.0.w" belongs to "encoder.0". */
static size_t module_length(const ag_node *node) {
    const char *dot = is_leaf(node) && node->name ? strrchr(node->name, '.') : NULL;
    return dot ? (size_t)(dot - node->name) : 0;
}

static bool same_module(const ag_node *a, const ag_node *b) {
    size_t n = module_length(a);
    return n > 0 && n == module_length(b) && strncmp(a->name, b->name, n) == 0;
}

static bool begins_module(const ag_graph *graph, int64_t i) {
    const ag_node *node = graph->entries[i].node;
    for (int64_t j = 0; j < i; j++)
        if (same_module(graph->entries[j].node, node)) return false;
    return module_length(node) > 0;
}

static void draw_module(FILE *file, const ag_graph *graph, int64_t first, at_tensor *root) {
    const ag_node *node = graph->entries[first].node;
    fprintf(file, "subgraph cluster_%" PRId64 " {\nlabel=\"%.*s\";\n", first, (int)module_length(node), node->name);
    for (int64_t i = first; i < graph->count; i++)
        if (same_module(graph->entries[i].node, node)) draw_node(file, graph, i, root);
    fprintf(file, "}\n");
}

static void draw_edges(FILE *file, const ag_graph *graph, int64_t i) {
    const ag_node *node = graph->entries[i].node;
    for (int j = 0; j < node->n_inputs; j++) {
        char text[TEXT];
        if (node->input[j].node) {
            fprintf(file, "n%" PRId64 " -> n%" PRId64 ";\n", number_of(graph, node->input[j].node), i);
            continue;
        }
        describe_value(text, node->input[j].value);
        fprintf(file, "c%" PRId64 "_%d [shape=plaintext, label=\"%s\"];\nc%" PRId64 "_%d -> n%" PRId64 ";\n", i, j,
                text, i, j, i);
    }
}

static void draw(FILE *file, const ag_graph *graph, at_tensor *root) {
    fprintf(file, "digraph {\nrankdir=BT;\nnode [fontname=\"sans-serif\"];\n");
    for (int64_t i = 0; i < graph->count; i++) {
        if (begins_module(graph, i))
            draw_module(file, graph, i, root);
        else if (!module_length(graph->entries[i].node))
            draw_node(file, graph, i, root);
    }
    for (int64_t i = 0; i < graph->count; i++) draw_edges(file, graph, i);
    fprintf(file, "}\n");
}

bool at_graph_dot(FILE *file, at_tensor *root) { return with_graph("graph_dot", file, root, draw); }

/* ---- a backward pass --------------------------------------------------------------------------------------------- */

bool ag_trace_node(FILE *file, const ag_graph *graph, int64_t i) {
    const ag_entry *e = &graph->entries[i];
    char name[TEXT], gradient[TEXT];
    describe_node(name, e->node);
    if (!describe_value(gradient, e->grad->value)) return false;
    fprintf(file, "#%" PRId64 " %s: gradient %s", i, name, gradient);
    if (is_leaf(e->node))
        fprintf(file, "%s\n", e->node->grad ? ", added to what the leaf has" : ", the leaf's own");
    else
        fprintf(file, "; by its inputs: %s\n", ag_formula(e->node->operation));
    return true;
}

bool ag_trace_contribution(FILE *file, const ag_graph *graph, const ag_node *node, int i, at_tensor *d) {
    const ag_entry *to = ag_find(graph, node->input[i].node);
    char name[TEXT], contribution[TEXT], before[TEXT];
    describe_node(name, to->node);
    bool good = describe_value(contribution, d->value) && describe_value(before, to->grad ? to->grad->value : NULL);
    if (!good) return false;
    fprintf(file, "    to #%" PRId64 " %s: %s", (int64_t)(to - graph->entries), name, contribution);
    if (to->grad)
        fprintf(file, ", added to %s\n", before);
    else
        fprintf(file, ", the first\n");
    return true;
}
