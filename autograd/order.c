/* autograd/order.c - the nodes below a root, each after what it was computed from.
 *
 * Depth first and without recursion, so that a graph may be as deep as memory allows. What a walk needs to know of a
 * node it keeps in tables of its own: threads can walk over shared leaves. */
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

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static size_t slot_of(const ag_graph *graph, const ag_node *node) {
    size_t mask = ((size_t)1 << graph->bits) - 1;
    size_t slot = (size_t)((uint64_t)(uintptr_t)node * UINT64_C(0x9E3779B97F4A7C15) >> (64 - graph->bits));
    while (graph->table[slot] >= 0 && graph->entries[graph->table[slot]].node != node) slot = (slot + 1) & mask;
    return slot;
}

ag_entry *ag_find(const ag_graph *graph, const ag_node *node) {
    int64_t i = graph->table[slot_of(graph, node)];
    return i < 0 ? NULL : &graph->entries[i];
}

static bool grow(ag_graph *graph) {
    int bits = graph->bits ? graph->bits + 1 : 6;
    size_t slots = (size_t)1 << bits;
    ag_entry *entries =
        grown(&graph->entry_memory, (size_t)graph->count * sizeof *entries, slots / 2 * sizeof *entries);
    if (!entries) return false;
    graph->entries = entries;
    int64_t *table = grown(&graph->table_memory, 0, slots * sizeof *table);
    if (!table) return false;
    graph->table = table;
    graph->bits = bits;
    graph->capacity = (int64_t)(slots / 2);
    memset(table, -1, slots * sizeof *table);
    for (int64_t i = 0; i < graph->count; i++) table[slot_of(graph, entries[i].node)] = i;
    return true;
}

static bool append(ag_graph *graph, ag_node *node) {
    if (graph->count == graph->capacity && !grow(graph)) return false;
    graph->table[slot_of(graph, node)] = graph->count;
    graph->entries[graph->count++] = (ag_entry){.node = node};
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

static bool push(visit_stack *s, ag_node *node) {
    if (s->count == s->capacity) {
        int64_t capacity = s->capacity ? 2 * s->capacity : 64;
        visit *visits = grown(&s->memory, (size_t)s->count * sizeof *visits, (size_t)capacity * sizeof *visits);
        if (!visits) return false;
        s->visits = visits;
        s->capacity = capacity;
    }
    s->visits[s->count++] = (visit){.node = node};
    return true;
}

/* A node that is met again while it is still on the stack would be part of a cycle, which recording cannot make; one
 * that is met again later is in the table. */
bool ag_put_in_order(ag_graph *graph, ag_node *root) {
    visit_stack stack = {0};
    bool good = grow(graph) && push(&stack, root);
    while (good && stack.count > 0) {
        visit *top = &stack.visits[stack.count - 1];
        if (top->next < top->node->n_inputs) {
            ag_node *input = top->node->input[top->next++].node;
            if (input && !ag_find(graph, input)) good = push(&stack, input);
        } else {
            ag_node *node = top->node;
            stack.count--;
            if (!ag_find(graph, node)) good = append(graph, node);
        }
    }
    tn_buffer_release(stack.memory);
    return good;
}

void ag_graph_end(ag_graph *graph) {
    for (int64_t i = 0; i < graph->count; i++) at_release(graph->entries[i].grad);
    tn_buffer_release(graph->entry_memory);
    tn_buffer_release(graph->table_memory);
}
