/* autograd/order.c - the nodes below a root, each after what it was computed from.
 *
 * Depth first and without recursion, so that a graph may be as deep as memory allows. */
#include <string.h>

#include "internal.h"

/* Memory from the pool for an array that grows: a loop's later turns find what its first ones freed. */
static void *grown(tn_buffer **memory, size_t used, size_t bytes) {
    tn_buffer *larger = tn_buffer_new((int64_t)bytes);
    if (!larger) return NULL;
    if (used) memcpy(larger->data, (*memory)->data, used);
    tn_buffer_release(*memory);
    *memory = larger;
    return larger->data;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

static size_t slot_of(const ag_graph *graph, const ag_node *node) {
    size_t mask = ((size_t)1 << graph->bits) - 1;
    size_t slot = (size_t)((uint64_t)(uintptr_t)node * UINT64_C(0x9E3779B97F4A7C15) >> (64 - graph->bits));
    while (graph->table[slot] >= 0 && graph->entries[graph->table[slot]].node != node) slot = (slot + 1) & mask;
    return slot;
}

ag_entry *ag_find_in_table(const ag_graph *graph, const ag_node *node) {
    int64_t i = graph->table[slot_of(graph, node)];
    return i < 0 ? NULL : &graph->entries[i];
}

static bool has_marked(const ag_graph *graph, const ag_node *node) {
    return atomic_load_explicit(&node->walk, memory_order_relaxed) == graph;
}

static bool grow_table(ag_graph *graph) {
    int bits = graph->bits ? graph->bits + 1 : 6;
    size_t slots = (size_t)1 << bits;
    int64_t *table = grown(&graph->table_memory, 0, slots * sizeof *table);
    if (!table) return false;
    graph->table = table;
    graph->bits = bits;
    memset(table, -1, slots * sizeof *table);
    for (int64_t i = 0; i < graph->count; i++)
        if (!has_marked(graph, graph->entries[i].node)) table[slot_of(graph, graph->entries[i].node)] = i;
    return true;
}

static bool add_to_table(ag_graph *graph, const ag_node *node) {
    if (graph->in_table == ((int64_t)1 << graph->bits) / 2 && !grow_table(graph)) return false;
    graph->table[slot_of(graph, node)] = graph->count;
    graph->in_table++;
    return true;
}

static bool mark(const ag_graph *graph, ag_node *node) {
    const ag_graph *none = NULL;
    if (atomic_load_explicit(&node->walk, memory_order_relaxed)) return false;
    if (TN_SINGLE_THREADED)
        atomic_store_explicit(&node->walk, graph, memory_order_relaxed);
    else if (!atomic_compare_exchange_strong_explicit(&node->walk, &none, graph, memory_order_acquire,
                                                      memory_order_relaxed))
        return false; /* LCOV_EXCL_LINE: another thread's walk came between two instructions */
    node->place = graph->count;
    return true;
}

static bool grow(ag_graph *graph) {
    int64_t capacity = graph->capacity ? 2 * graph->capacity : 64;
    ag_entry *entries =
        grown(&graph->entry_memory, (size_t)graph->count * sizeof *entries, (size_t)capacity * sizeof *entries);
    if (!entries) return false;
    graph->entries = entries;
    graph->capacity = capacity;
    return true;
}

static bool append(ag_graph *graph, ag_node *node) {
    if (graph->count == graph->capacity && !grow(graph)) return false;
    if (!mark(graph, node) && !add_to_table(graph, node)) return false;
    if (node->n_inputs > graph->most_inputs) graph->most_inputs = node->n_inputs;
    graph->entries[graph->count++] = (ag_entry){.node = node, .needed = node->requires_grad};
    return true;
}

/* ---- the order of computation ------------------------------------------------------------------------------------ */

typedef struct {
    ag_node *node;
    int next; /* input to look at */
} visit;

typedef struct {
    visit *visits;
    int64_t count, capacity;
    tn_buffer *memory;
} visit_stack;

static bool grow_stack(visit_stack *s) {
    int64_t capacity = s->capacity ? 2 * s->capacity : 64;
    visit *visits = grown(&s->memory, (size_t)s->count * sizeof *visits, (size_t)capacity * sizeof *visits);
    if (!visits) return false;
    s->visits = visits;
    s->capacity = capacity;
    return true;
}

static ag_node *next_unseen_input(const ag_graph *graph, visit *at) {
    while (at->next < at->node->n_inputs) {
        ag_node *input = at->node->input[at->next++].node;
        if (input && !ag_find(graph, input)) return input;
    }
    return NULL;
}

/* A node that is met again while it is still on the stack would be part of a cycle, which recording cannot make; one
 * that is met again later has its entry. */
bool ag_put_in_order(ag_graph *graph, ag_node *root) {
    visit_stack stack = {0};
    visit at = {.node = root};
    graph->root = tn_retain(&root->result);
    bool good = true;
    while (good && at.node) {
        ag_node *input = next_unseen_input(graph, &at);
        if (input) {
            good = stack.count < stack.capacity || grow_stack(&stack);
            if (good) stack.visits[stack.count++] = at;
            at = (visit){.node = input};
        } else {
            good = append(graph, at.node);
            at = stack.count ? stack.visits[--stack.count] : (visit){0};
        }
    }
    tn_buffer_release(stack.memory);
    return good;
}

void ag_graph_end(ag_graph *graph) {
    for (int64_t i = 0; i < graph->count; i++) {
        const ag_entry *e = &graph->entries[i];
        if (has_marked(graph, e->node)) atomic_store_explicit(&e->node->walk, NULL, memory_order_release);
        tn_release(e->grad);
        tn_release(e->leaf);
    }
    at_release(graph->root);
    tn_buffer_release(graph->entry_memory);
    tn_buffer_release(graph->table_memory);
}
