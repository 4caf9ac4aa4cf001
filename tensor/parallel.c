/* tensor/parallel.c - a pool of threads that share the pieces of one range at a time.
 *
 * The pool starts with the first large range. While one thread uses it, others do their work alone. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "parallel.h"
#include "thread.h"

enum {
    MAX_THREADS = 64,
    PIECE = 32 * 1024, /* elements: some 10 microseconds */
    SPINS = 1000       /* some 50 microseconds, about as long as it takes to wake a thread */
};

typedef struct {
    bool (*body)(void *context, int64_t start, int64_t end);
    void *context;
    int64_t n, piece;
    atomic_int_least64_t next; /* where the next piece begins */
    atomic_bool failed;
    char message[TN_MESSAGE_BYTES]; /* of the first piece that failed */
} job;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    pthread_t thread[MAX_THREADS];
    int n_threads; /* running, beside the caller's */
    job *current;
    int helpers;      /* of them, how many the current job may have */
    atomic_uint turn; /* counts jobs, so that each worker joins each once */
    atomic_uint busy; /* workers in the current job */
    bool stop;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static pthread_mutex_t user = PTHREAD_MUTEX_INITIALIZER; /* held by the thread whose job it is */
static atomic_int wanted;                                /* 0: as many as there are processors */

/* Asking the system takes as long as a small job. */
static int processors(void) {
    static atomic_int known;
    int n = atomic_load_explicit(&known, memory_order_relaxed);
    if (n == 0) atomic_store(&known, n = (int)sysconf(_SC_NPROCESSORS_ONLN));
    return n;
}

int at_num_threads(void) {
    int n = atomic_load(&wanted);
    if (n == 0) n = processors();
    return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

void at_set_num_threads(int n) {
    if (n < 1)
        at_fail(AT_ERROR_VALUE, "set_num_threads: %d threads: want at least 1", n);
    else
        atomic_store(&wanted, n);
}

static void take_pieces(job *j) {
    for (;;) {
        int64_t start = atomic_fetch_add(&j->next, j->piece);
        if (start >= j->n || atomic_load(&j->failed)) return;
        int64_t end = j->n - start < j->piece ? j->n : start + j->piece;
        if (!j->body(j->context, start, end) && !atomic_exchange(&j->failed, true))
            snprintf(j->message, sizeof j->message, "%s", at_error() ? at_error() : "out of memory");
    }
}

/* Waits a little without sleeping: in a sequence of operations the next job comes soon. Not where threads would keep
 * each other from running. */
static void spin_while(atomic_uint *counter, unsigned value) {
    if (pool.n_threads >= processors()) return;
    for (int i = 0; i < SPINS && atomic_load_explicit(counter, memory_order_relaxed) == value; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
}

/* Errors of a piece are reported again by the thread whose job it is, in its own mode. */
static void keep_errors_quiet(void) {
    tn_self()->has_error_mode = true;
    tn_self()->error_mode = AT_ERROR_RETURN;
}

static void *worker(void *index) {
    unsigned seen = 0;
    keep_errors_quiet();
    pthread_mutex_lock(&pool.mutex);
    while (!pool.stop) {
        if (!pool.current || pool.turn == seen || (intptr_t)index >= pool.helpers) {
            pthread_cond_wait(&pool.work, &pool.mutex);
            continue;
        }
        seen = pool.turn;
        job *j = pool.current;
        pool.busy++;
        pthread_mutex_unlock(&pool.mutex);
        take_pieces(j);
        at_clear_error();
        pthread_mutex_lock(&pool.mutex);
        if (--pool.busy == 0) pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.mutex);
        spin_while(&pool.turn, seen);
        pthread_mutex_lock(&pool.mutex);
    }
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

/* A child of fork has none of the threads: it starts with an idle pool. */
static void forget_threads(void) {
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.done, NULL);
    pthread_mutex_init(&user, NULL);
    pool.n_threads = 0;
    atomic_store(&pool.busy, 0);
    pool.current = NULL;
}

static void prepare_fork(void) { (void)pthread_atfork(NULL, NULL, forget_threads); }

static void start_threads(int n) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_fork);
    while (pool.n_threads < n &&
           pthread_create(&pool.thread[pool.n_threads], NULL, worker, (void *)(intptr_t)pool.n_threads) == 0)
        pool.n_threads++;
}

__attribute__((destructor)) static void stop_threads(void) {
    pthread_mutex_lock(&pool.mutex);
    pool.stop = true;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
    for (int i = 0; i < pool.n_threads; i++) pthread_join(pool.thread[i], NULL);
    pool.n_threads = 0;
}

static void run_together(job *j, int helpers) {
    pthread_mutex_lock(&pool.mutex);
    start_threads(helpers);
    pool.current = j;
    pool.helpers = helpers;
    pool.turn++;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
    take_pieces(j);
    pthread_mutex_lock(&pool.mutex);
    pool.current = NULL; /* who has not woken by now need not */
    while (pool.busy > 0) pthread_cond_wait(&pool.done, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

bool tn_parallel(int64_t n, int64_t grain, bool (*body)(void *context, int64_t start, int64_t end), void *context) {
    int64_t piece = (PIECE + grain - 1) / grain * grain;
    int threads = n > piece ? at_num_threads() : 1;
    if (threads == 1 || pthread_mutex_trylock(&user) != 0) return body(context, 0, n);
    job j = {.body = body, .context = context, .n = n, .piece = piece};
    run_together(&j, threads - 1);
    pthread_mutex_unlock(&user);
    return !atomic_load(&j.failed) ||
           at_fail(AT_ERROR_MEMORY, "%s", j.message); /* keeps an error of this thread's own */
}
