/* tensor/parallel.c - cutting a range of work among threads.
 *
 * Each thread begins with a share of its own, the same part of the range in each job, so that it finds in its cache what
 * it left there in the job before. Who is done takes pieces of what others have left. */
#include <stdatomic.h>
#include <string.h>

#include "parallel.h"
#include "team.h"
#include "thread.h"

enum {
    SMALLEST_JOB = 32 * 1024, /* elements: some 3 microseconds, below which two threads are hardly faster than one */
    SMALLEST_PIECE = 4 * 1024,
    LARGEST_PIECE = 32 * 1024,
    PIECES = 4,           /* of a share */
    FEWEST_COLUMNS = 512, /* fewer take hardly less than these */
    COLUMNS_IN_LINE = 64  /* of the cache, whatever their dtype */
};

/* Far enough from the next one that threads do not wait for each other's lines of the cache. */
typedef struct {
    _Alignas(64) atomic_int_least64_t next; /* where the next piece begins */
    int64_t end;
} share;

typedef struct {
    bool (*body)(void *context, int64_t start, int64_t end);
    void *context;
    const char *operation, *call; /* the caller's, for messages */
    int64_t piece;
    int threads;
    atomic_bool failed;
    char message[TN_MESSAGE_BYTES]; /* of the first piece that failed */
    share share[TN_MAX_THREADS];
} job;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ratio_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Shares and pieces begin at multiples of the grain. */
static void cut(job *j, int64_t n, int64_t grain) {
    int64_t length = ratio_up(ratio_up(n, grain), j->threads) * grain;
    int64_t piece = larger(SMALLEST_PIECE, smaller(LARGEST_PIECE, length / PIECES));
    j->piece = ratio_up(piece, grain) * grain;
    for (int i = 0; i < j->threads; i++) {
        atomic_init(&j->share[i].next, smaller(n, i * length));
        j->share[i].end = smaller(n, (i + 1) * length);
    }
}

static void take_pieces(job *j, share *s) {
    int64_t start;
    while (!atomic_load(&j->failed) && (start = atomic_fetch_add(&s->next, j->piece)) < s->end)
        if (!j->body(j->context, start, smaller(s->end, start + j->piece)) && !atomic_exchange(&j->failed, true))
            snprintf(j->message, sizeof j->message, "%s", at_error() ? at_error() : "out of memory");
}

static void take_part(void *context, int number) {
    job *j = context;
    tn_self()->operation = j->operation;
    tn_self()->call = j->call;
    for (int i = 0; i < j->threads; i++) take_pieces(j, &j->share[(number + i) % j->threads]);
}

bool tn_parallel(int64_t n, int64_t grain, bool (*body)(void *context, int64_t start, int64_t end), void *context) {
    int threads = n >= SMALLEST_JOB && n > grain ? at_num_threads() : 1;
    if (threads == 1) return body(context, 0, n);
    job j;
    j.body = body;
    j.context = context;
    j.operation = tn_self()->operation;
    j.call = tn_self()->call;
    j.threads = threads;
    atomic_init(&j.failed, false);
    cut(&j, n, grain);
    if (!tn_team_run(threads, take_part, &j)) return body(context, 0, n);
    return !atomic_load(&j.failed) ||
           at_fail(AT_ERROR_MEMORY, "%s", j.message); /* keeps an error of this thread's own */
}

int64_t tn_parallel_columns(int64_t outer, int64_t columns, int64_t most) {
    int64_t threads = at_num_threads(), blocks = ratio_up(columns, most);
    if (outer < threads && columns > FEWEST_COLUMNS) blocks = ratio_up(blocks, threads) * threads;
    int64_t width = ratio_up(ratio_up(columns, blocks), COLUMNS_IN_LINE) * COLUMNS_IN_LINE;
    return smaller(columns, smaller(most, larger(FEWEST_COLUMNS, width)));
}
