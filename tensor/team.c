/* tensor/team.c - threads that help the calling one, a job at a time.
 *
 * They start with the first job. A helper that is awake joins a job, and leaves it, by changing one word of memory,
 * which takes less than a microsecond, where waking a thread takes some fifty. So helpers stay awake for PATIENCE after
 * a job, as in a sequence of operations the next one comes soon; then they sleep until they are called. Where they would
 * keep other threads from running, as there are not as many processors, they sleep at once. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "team.h"
#include "thread.h"

enum { PATIENCE = 200000 /* ns */, BUSY_BITS = 8, ROOM_BITS = 8 };

/* The state of the team is one number: how many helpers are in the job, how many more may join, and which job it is. */
#define ONE_ROOM ((uint64_t)1 << BUSY_BITS)
#define ONE_TURN (ONE_ROOM << ROOM_BITS)

static int busy_in(uint64_t state) { return (int)(state % ONE_ROOM); }
static int room_in(uint64_t state) { return (int)(state % ONE_TURN / ONE_ROOM); }
static uint64_t turn_of(uint64_t state) { return state / ONE_TURN; }

static struct {
    _Alignas(64) _Atomic(uint64_t) state;
    /* The job: read by who has joined it, written when nobody may join and all have left. */
    _Alignas(64) void (*part)(void *context, int number);
    void *context;
    atomic_int processor; /* the caller's */
    atomic_bool may_linger;
    pthread_t thread[TN_MAX_THREADS];
    int n_threads; /* running, beside the caller's */

    pthread_mutex_t mutex; /* for going to sleep and waking */
    pthread_cond_t call, done;
    atomic_int asleep; /* helpers that sleep and are not called */
    int called;        /* those that are to wake */
    atomic_bool caller_sleeps;
    atomic_bool stop;
} team = {.mutex = PTHREAD_MUTEX_INITIALIZER, .call = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static pthread_mutex_t user = PTHREAD_MUTEX_INITIALIZER; /* held by the thread whose job it is */
static atomic_int wanted;                                /* 0: as many as there are processors */

#ifdef CPU_COUNT /* Linux says which processors */

/* That this process may use. */
static int count_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static int this_processor(void) { return sched_getcpu(); }

/* A thread may be woken on the processor of who called it, and the two take turns there for many milliseconds while
 * another processor has nothing to do. */
static void leave_processor(int processor) {
    cpu_set_t all, others;
    if (processor < 0 || this_processor() != processor || sched_getaffinity(0, sizeof all, &all) != 0) return;
    others = all;
    CPU_CLR((size_t)processor, &others);
    if (sched_setaffinity(0, sizeof others, &others) == 0) sched_setaffinity(0, sizeof all, &all);
}

#else

static int count_processors(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
static int this_processor(void) { return 0; }
static void leave_processor(int processor) { (void)processor; }

#endif

/* Asking the system takes as long as a small job. */
static int processors(void) {
    static atomic_int known;
    int n = atomic_load_explicit(&known, memory_order_relaxed);
    if (n == 0) atomic_store(&known, n = count_processors());
    return n;
}

int at_num_threads(void) {
    int n = atomic_load(&wanted);
    if (n == 0) n = processors();
    return n < 1 ? 1 : n > TN_MAX_THREADS ? TN_MAX_THREADS : n;
}

void at_set_num_threads(int n) {
    if (n < 1)
        at_fail(AT_ERROR_VALUE, "set_num_threads: %d threads: want at least 1", n);
    else
        atomic_store(&wanted, n);
}

/* Waits a moment, awake. False when it is time to sleep; *since is 0 at first. */
static bool linger(int64_t *since) {
    struct timespec t;
    if (!atomic_load_explicit(&team.may_linger, memory_order_relaxed)) return false;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    if (*since == 0) *since = now;
    return now - *since < PATIENCE;
}

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static bool may_join(uint64_t state, uint64_t seen) { return room_in(state) > 0 && turn_of(state) != seen; }

/* Joins a job that it has not seen, if there is one. Number 0 is the caller's. */
static bool join(uint64_t *seen, int *number) {
    uint64_t state = atomic_load(&team.state);
    while (may_join(state, *seen)) {
        if (!atomic_compare_exchange_weak(&team.state, &state, state - ONE_ROOM + 1)) continue;
        *seen = turn_of(state);
        *number = room_in(state);
        return true;
    }
    return false;
}

static void leave(void) {
    if (busy_in(atomic_fetch_sub(&team.state, 1)) > 1 || !atomic_load(&team.caller_sleeps)) return;
    pthread_mutex_lock(&team.mutex);
    pthread_cond_signal(&team.done);
    pthread_mutex_unlock(&team.mutex);
}

/* Either this sees the job that has just begun, or who began it sees that this thread sleeps. */
static void sleep_until_called(uint64_t seen) {
    pthread_mutex_lock(&team.mutex);
    atomic_fetch_add(&team.asleep, 1);
    if (may_join(atomic_load(&team.state), seen)) {
        atomic_fetch_sub(&team.asleep, 1);
    } else {
        while (team.called == 0 && !atomic_load(&team.stop)) pthread_cond_wait(&team.call, &team.mutex);
        team.called -= team.called > 0;
    }
    pthread_mutex_unlock(&team.mutex);
}

/* An error is reported by the thread whose job it is, in its own mode. */
static void keep_errors_quiet(void) {
    tn_self()->has_error_mode = true;
    tn_self()->error_mode = AT_ERROR_RETURN;
}

static void *help(void *unused) {
    uint64_t seen = 0;
    int64_t idle_since = 0;
    int number;
    keep_errors_quiet();
    while (!atomic_load(&team.stop)) {
        if (join(&seen, &number)) {
            leave_processor(atomic_load_explicit(&team.processor, memory_order_relaxed));
            team.part(team.context, number);
            at_clear_error();
            leave();
            idle_since = 0;
        } else if (!linger(&idle_since)) {
            sleep_until_called(seen);
        }
    }
    return unused;
}

/* ---- from the first job to the end ------------------------------------------------------------------------------- */

/* A child of fork has none of the threads: it starts with an idle team. */
static void forget_threads(void) {
    pthread_mutex_init(&team.mutex, NULL);
    pthread_cond_init(&team.call, NULL);
    pthread_cond_init(&team.done, NULL);
    pthread_mutex_init(&user, NULL);
    team.n_threads = team.called = 0;
    atomic_store(&team.asleep, 0);
    atomic_store(&team.caller_sleeps, false);
    atomic_store(&team.state, 0);
}

static void prepare_fork(void) { (void)pthread_atfork(NULL, NULL, forget_threads); }

/* Returns how many of n there are. */
static int start_threads(int n) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_fork);
    while (team.n_threads < n && pthread_create(&team.thread[team.n_threads], NULL, help, NULL) == 0) team.n_threads++;
    return team.n_threads < n ? team.n_threads : n;
}

__attribute__((destructor)) static void stop_threads(void) {
    pthread_mutex_lock(&team.mutex);
    atomic_store(&team.stop, true);
    pthread_cond_broadcast(&team.call);
    pthread_mutex_unlock(&team.mutex);
    for (int i = 0; i < team.n_threads; i++) pthread_join(team.thread[i], NULL);
    team.n_threads = 0;
}

void tn_team_end(void) {
    pthread_mutex_lock(&user);
    stop_threads();
    atomic_store(&team.asleep, 0);
    atomic_store(&team.stop, false);
    pthread_mutex_unlock(&user);
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

/* Wakes as many as are missing. */
static void call_helpers(int helpers) {
    if (team.n_threads - atomic_load(&team.asleep) >= helpers) return;
    pthread_mutex_lock(&team.mutex);
    for (; team.n_threads - atomic_load(&team.asleep) < helpers; team.called++) {
        atomic_fetch_sub(&team.asleep, 1);
        pthread_cond_signal(&team.call);
    }
    pthread_mutex_unlock(&team.mutex);
}

static void begin(int helpers) {
    uint64_t turn = turn_of(atomic_load(&team.state)) + 1;
    atomic_store_explicit(&team.processor, this_processor(), memory_order_relaxed);
    atomic_store(&team.may_linger, helpers < processors());
    atomic_store(&team.state, turn * ONE_TURN + (uint64_t)helpers * ONE_ROOM);
    call_helpers(helpers);
}

static bool all_have_left(void) { return busy_in(atomic_load(&team.state)) == 0; }

/* Who has not woken by now need not. */
static void end(void) {
    int64_t since = 0;
    atomic_fetch_and(&team.state, ~(ONE_TURN - ONE_ROOM));
    while (!all_have_left() && linger(&since)) continue;
    if (all_have_left()) return;
    pthread_mutex_lock(&team.mutex);
    atomic_store(&team.caller_sleeps, true);
    while (!all_have_left()) pthread_cond_wait(&team.done, &team.mutex);
    atomic_store(&team.caller_sleeps, false);
    pthread_mutex_unlock(&team.mutex);
}

bool tn_team_run(int threads, void (*part)(void *context, int number), void *context) {
    if (pthread_mutex_trylock(&user) != 0) return false;
    team.part = part;
    team.context = context;
    begin(start_threads(threads - 1));
    part(context, 0);
    end();
    pthread_mutex_unlock(&user);
    return true;
}
