/* tests/test_threads.c - what threads may share and what each has of its own; results are those of one thread, bit for
 * bit. Case "small" is small enough for helgrind and drd; "large" uses the library's own threads and OpenBLAS. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

enum { THREADS = 8, MESSAGE = 400 };

/* ---- running one function in several threads --------------------------------------------------------------------- */

typedef void job(int index);

/* Check's assertions belong to the main thread: a job says here what is wrong. */
static char wrong[THREADS][MESSAGE];
static job *current_job;
static pthread_barrier_t start;

#define WANT(index, condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition) && !wrong[index][0]) snprintf(wrong[index], MESSAGE, "thread %d: %s", index, #condition);     \
    } while (0)

static void do_job(int index) {
    current_job(index);
    if (at_error() && !wrong[index][0]) snprintf(wrong[index], MESSAGE, "thread %d: %s", index, at_error());
}

static void *enter(void *index) {
    pthread_barrier_wait(&start);
    do_job((int)(intptr_t)index);
    return NULL;
}

static void none_is_wrong(void) {
    for (int i = 0; i < THREADS; i++) ck_assert_msg(!wrong[i][0], "%s", wrong[i]);
}

static void in_threads(job *work) {
    pthread_t thread[THREADS];
    current_job = work;
    memset(wrong, 0, sizeof wrong);
    pthread_barrier_init(&start, NULL, THREADS);
    for (intptr_t i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, enter, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&start);
    none_is_wrong();
}

static void one_after_another(job *work) {
    current_job = work;
    memset(wrong, 0, sizeof wrong);
    for (int i = 0; i < THREADS; i++)
        AT_SCOPE { do_job(i); }
    none_is_wrong();
}

/* What each job hands over to be compared. */
enum { RESULT = 16384 };
static double result[THREADS][RESULT];
static int n_results[THREADS];

static void hand_over(int index, at_tensor *t) {
    AT_SCOPE {
        int n = (int)at_numel(t);
        const double *x = at_doubles(at_to(at_flatten(at_detach(t)), AT_FLOAT64));
        WANT(index, x && n_results[index] + n <= RESULT);
        if (!wrong[index][0]) memcpy(&result[index][n_results[index]], x, (size_t)n * sizeof *x);
        if (!wrong[index][0]) n_results[index] += n;
    }
}

static void run(void (*how)(job *work), job *work, int pool_threads) {
    memset(n_results, 0, sizeof n_results);
    at_set_num_threads(pool_threads);
    how(work);
}

/* Eight jobs at once, alone and with the library's own threads at work, have the results of one thread. */
static void compare_with_one_thread(void (*how)(job *work), job *work) {
    static double expected[THREADS][RESULT];
    static int n_expected[THREADS];
    int before = at_num_threads();
    run(one_after_another, work, 1);
    memcpy(expected, result, sizeof result);
    memcpy(n_expected, n_results, sizeof n_results);
    for (int pool_threads = 1; pool_threads <= 4; pool_threads += 3) {
        run(how, work, pool_threads);
        for (int i = 0; i < THREADS; i++) {
            ck_assert_int_gt(n_results[i], 0);
            ck_assert_int_eq(n_results[i], n_expected[i]);
            ck_assert_mem_eq(result[i], expected[i], (size_t)n_results[i] * sizeof(double));
        }
    }
    at_set_num_threads(before);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

typedef struct {
    at_module module;
    at_tensor *weight[2], *bias[2];
} network;

static network *network_new(int inputs, int hidden) {
    network *net = at_module_new(sizeof *net, "network");
    at_module_parameter(&net->module, "weight0", &net->weight[0], at_randn(inputs, hidden));
    at_module_parameter(&net->module, "bias0", &net->bias[0], at_zeros(hidden));
    at_module_parameter(&net->module, "weight1", &net->weight[1], at_mul(at_randn(hidden, 1), 0.1));
    at_module_parameter(&net->module, "bias1", &net->bias[1], at_zeros(1));
    return net;
}

static at_tensor *forward(network *net, at_tensor *x) {
    at_tensor *hidden = at_tanh(at_add(at_matmul(x, net->weight[0]), net->bias[0]));
    return at_add(at_matmul(hidden, net->weight[1]), net->bias[1]);
}

static at_tensor *loss_of(network *net, at_tensor *x) {
    at_tensor *target = at_sin(at_sum_dim(x, 1, true));
    return at_mse_loss(forward(net, x), target, AT_MEAN);
}

typedef struct {
    int rows, inputs, hidden, steps;
} model_size;

/* The larger one's elementwise work is enough for several threads. */
static const model_size small_model = {24, 6, 10, 4}, large_model = {300, 20, 128, 2};

static void train_network(int index, model_size size) {
    at_manual_seed((uint64_t)index);
    at_tensor *x = at_rand(size.rows, size.inputs);
    network *net = network_new(size.inputs, size.hidden);
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.05, .momentum = 0.9);
    for (int step = 0; step < size.steps; step++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            WANT(index, at_backward(loss_of(net, x)) && at_optimizer_step(trainer));
        }
    for (int i = 0; i < 2; i++) hand_over(index, net->weight[i]);
    for (int i = 0; i < 2; i++) hand_over(index, net->bias[i]);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}

static void train_kernel_regression(int index, int n) {
    at_manual_seed(100 + (uint64_t)index);
    at_tensor *x = at_sort(at_mul(at_rand(n), 5), 0, false, NULL);
    at_tensor *y = at_add(at_sin(x), at_normal(0, 0.5, n));
    NWKernelRegression *net = at_nw_kernel_regression();
    at_optimizer *trainer = at_sgd(at_parameters(&net->module), .lr = 0.001);
    for (int step = 0; step < 2; step++)
        AT_SCOPE {
            at_optimizer_zero_grad(trainer);
            at_tensor *f = at_nw_kernel_regression_forward(net, x, x, y, .leave_one_out = true, .fused = step == 1);
            WANT(index, at_backward(at_mse_loss(f, y, AT_SUM)) && at_optimizer_step(trainer));
            hand_over(index, f);
        }
    hand_over(index, net->w);
    at_optimizer_free(trainer);
    at_module_free(&net->module);
}

static void train_small(int index) {
    train_network(index, small_model);
    train_kernel_regression(index, 20);
}

START_TEST(each_thread_trains_its_own_model) { compare_with_one_thread(in_threads, train_small); }
END_TEST

/* 660 cubed multiplications: OpenBLAS's where there is one. */
static void multiply(int index) {
    at_tensor *a = at_reshape(at_sin(at_arange(0, 660 * 660, 1)), 660, 660);
    hand_over(index, at_select(at_matmul(a, at_transpose(a, 0, 1)), 0, index));
}

static void train_large(int index) {
    train_network(index, large_model);
    train_kernel_regression(index, 200);
    multiply(index);
}

START_TEST(each_thread_trains_its_own_large_model) { compare_with_one_thread(in_threads, train_large); }
END_TEST

#ifdef _OPENMP
/* The sanitizer does not see how OpenMP makes its threads wait; it sees this, and so the region captures nothing. */
static _Atomic(int) gate;

static void in_openmp(job *work) {
    current_job = work;
    memset(wrong, 0, sizeof wrong);
    gate++;
#pragma omp parallel for num_threads(THREADS)
    for (int i = 0; i < THREADS; i++) {
        gate++;
        AT_SCOPE { do_job(i); }
        gate++;
    }
    gate++;
    none_is_wrong();
}

START_TEST(openmp_threads_train_models) { compare_with_one_thread(in_openmp, train_large); }
END_TEST
#endif

/* ---- shared parameters ------------------------------------------------------------------------------------------- */

static network *shared;
static model_size shared_size;

static at_tensor *own_input(int index) {
    at_manual_seed(200 + (uint64_t)index);
    return at_rand(shared_size.rows, shared_size.inputs);
}

/* Gradients by the shared tensors themselves; then the gradient of a gradient's sum of squares. */
static void differentiate_shared(int index) {
    at_tensor *inputs[] = {shared->weight[0], shared->weight[1], shared->bias[0], shared->bias[1]}, *g[4], *twice;
    at_tensor *x = own_input(index);
    for (int turn = 0; turn < 2; turn++) {
        WANT(index, at_gradients(loss_of(shared, x), inputs, 4, false, g));
        for (int i = 0; i < 4; i++) hand_over(index, g[i]);
    }
    WANT(index, at_gradients(loss_of(shared, x), inputs, 4, true, g));
    WANT(index, at_gradients(at_sum(at_square(g[1])), inputs, 1, false, &twice));
    hand_over(index, twice);
}

/* at_backward into leaves of the thread's own that share the elements. */
static void differentiate_own_leaves(int index) {
    network own = {.weight = {NULL}};
    for (int i = 0; i < 2; i++) {
        own.weight[i] = at_set_requires_grad(at_detach(shared->weight[i]), true);
        own.bias[i] = at_set_requires_grad(at_detach(shared->bias[i]), true);
    }
    WANT(index, at_backward(loss_of(&own, own_input(index))));
    for (int i = 0; i < 2; i++) {
        hand_over(index, at_grad(own.weight[i]));
        hand_over(index, at_grad(own.bias[i]));
        at_floats_mut(own.bias[i])[0] += 1; /* the thread's own: nobody else sees it */
        hand_over(index, own.bias[i]);
    }
}

static void share_network(model_size size) {
    at_manual_seed(1);
    shared_size = size;
    shared = network_new(size.inputs, size.hidden);
}

START_TEST(threads_differentiate_by_shared_parameters) {
    share_network(_i ? large_model : small_model);
    compare_with_one_thread(in_threads, differentiate_shared);
    compare_with_one_thread(in_threads, differentiate_own_leaves);
    for (int i = 0; i < 2; i++) ck_assert_ptr_null(at_grad(shared->weight[i])); /* untouched */
    at_module_free(&shared->module);
}
END_TEST

/* Modules are read: parameters, printing, a forward pass; a kernel regression keeps its weights, so each thread has one
 * of its own around the shared parameter. */
static at_tensor *shared_w;

static void read_modules(int index) {
    AT_NO_GRAD
        hand_over(index, forward(shared, own_input(index)));
    FILE *nowhere = fopen("/dev/null", "w");
    at_module_fprint(nowhere, &shared->module);
    fclose(nowhere);
    NWKernelRegression *net = at_nw_kernel_regression();
    at_assign(&net->w, shared_w);
    at_tensor *x = at_flatten(own_input(index)), *g;
    at_tensor *y = at_nw_kernel_regression_forward(net, x, x, at_sin(x));
    WANT(index, at_gradients(at_sum(y), &shared_w, 1, false, &g));
    hand_over(index, g);
    hand_over(index, at_select(net->attention_weights, 0, 1));
    at_module_free(&net->module);
}

START_TEST(threads_read_one_module) {
    share_network(small_model);
    shared_w = at_set_requires_grad(at_from_floats(((float[]){0.7F}), 1), true);
    compare_with_one_thread(in_threads, read_modules);
    at_module_free(&shared->module);
}
END_TEST

/* ---- shared pending tensors -------------------------------------------------------------------------------------- */

static at_tensor *pending, *pending_view;

static void read_pending(int index) {
    at_tensor *y = at_mul(pending, 2), *rows = at_sum_dim(pending, 1, true);
    hand_over(index, at_sum(at_div(y, at_add(rows, 3))));
    hand_over(index, at_slice(at_select(at_softmax(pending, 1), 0, 1), 0, 0, 30, 1));
    hand_over(index, at_select(at_sort(pending_view, 1, index % 2, NULL), 0, 2));
    hand_over(index, at_select(at_matmul(pending_view, at_transpose(at_add(pending_view, 1), 0, 1)), 0, 1));
    WANT(index, at_floats(pending_view) == at_floats(pending_view));
    hand_over(index, at_max(at_add(at_reshape(pending_view, -1), index)));
}

/* Made anew for each run, and first computed by whoever comes first. */
static void read_new_pending(job *work) {
    AT_SCOPE {
        int n = shared_size.rows;
        at_tensor *x = at_sin(at_reshape(at_arange(0, n * 20, 1), n, 20));
        at_tensor *row = at_sum_dim(at_square(x), 1, true);
        pending = at_add(at_exp(at_mul(x, row)), at_tan(at_flip(x, 0)));
        pending_view = at_slice(at_transpose(at_log1p(at_square(pending)), 0, 1), 1, 0, 40, 2);
        in_threads(work);
    }
}

static void read_computed(job *work) {
    at_set_eager(true);
    read_new_pending(work);
    at_set_eager(false);
}

START_TEST(threads_compute_one_pending_tensor) {
    static double expected[THREADS][RESULT];
    shared_size.rows = _i ? 4000 : 60;
    run(read_computed, read_pending, 1);
    memcpy(expected, result, sizeof result);
    for (int turn = 0; turn < 6; turn++) {
        run(read_new_pending, read_pending, turn % 2 ? 4 : 1);
        ck_assert_int_gt(n_results[0], 0);
        ck_assert_mem_eq(result, expected, sizeof result);
    }
}
END_TEST

/* ---- what each thread has of its own ----------------------------------------------------------------------------- */

static void draw(int index) {
    at_manual_seed((uint64_t)index);
    for (int turn = 0; turn < 20; turn++)
        AT_SCOPE {
            hand_over(index, at_rand(5));
            hand_over(index, at_randn(7)); /* an odd number: one is kept for the next draw */
            hand_over(index, at_randn(20));
            hand_over(index, at_randint(0, 1000, 3));
            hand_over(index, at_randperm(9));
        }
}

static void draw_unseeded(int index) { hand_over(index, at_rand(100)); }

START_TEST(each_thread_has_a_generator) {
    compare_with_one_thread(in_threads, draw);
    run(in_threads, draw_unseeded, at_num_threads());
    for (int i = 1; i < THREADS; i++) ck_assert_mem_eq(result[i], result[0], 100 * sizeof(double));
    at_manual_seed(5);
    double first = at_item(at_rand(1)), second = at_item(at_rand(1));
    at_manual_seed(5);
    ck_assert_double_eq(at_item(at_rand(1)), first);
    in_threads(draw);
    ck_assert_double_eq(at_item(at_rand(1)), second);
}
END_TEST

static pthread_barrier_t meeting;

static void record_or_not(int index) {
    at_tensor *w = at_set_requires_grad(at_ones(3), true);
    WANT(index, at_requires_grad(at_mul(w, 2))); /* the main thread records nothing at the moment */
    for (int turn = 0; turn < 20; turn++) {
        if ((index + turn) % 2)
            AT_NO_GRAD {
                pthread_barrier_wait(&meeting);
                WANT(index, !at_requires_grad(at_mul(w, 2)));
            }
        else {
            pthread_barrier_wait(&meeting);
            WANT(index, at_requires_grad(at_mul(w, 2)));
        }
    }
}

START_TEST(each_thread_has_a_gradient_mode) {
    pthread_barrier_init(&meeting, NULL, THREADS);
    AT_NO_GRAD {
        in_threads(record_or_not);
        ck_assert(!at_requires_grad(at_mul(at_set_requires_grad(at_ones(3), true), 2)));
    }
    pthread_barrier_destroy(&meeting);
}
END_TEST

static void fail_and_look(int index) {
    WANT(index, !at_error() && at_error_code() == AT_OK);
    for (int turn = 0; turn < 20; turn++)
        AT_SCOPE {
            char size[32];
            snprintf(size, sizeof size, "(%d, 3)", 100 + index);
            WANT(index, !at_bmm(at_zeros(2, 2, 2), at_zeros(100 + index, 3)));
            pthread_barrier_wait(&meeting);
            WANT(index, at_error_code() == AT_ERROR_SHAPE && strstr(at_error(), size));
            pthread_barrier_wait(&meeting);
            at_clear_error();
            WANT(index, at_item(at_sum(at_ones(index + 1))) == index + 1);
        }
}

START_TEST(each_thread_has_an_error) {
    pthread_barrier_init(&meeting, NULL, THREADS);
    in_threads(fail_and_look);
    ck_assert_ptr_null(at_error());
    pthread_barrier_destroy(&meeting);
}
END_TEST

/* ---- tensors that change hands ----------------------------------------------------------------------------------- */

enum { GIVEN = 40 };
static at_tensor *given[THREADS][GIVEN];

/* A pending tensor, one with a graph, a number, and a view, in turn. */
static at_tensor *something(int index, int i) {
    at_tensor *x = at_mul(at_arange(0, 50, 1), index + 1);
    switch (i % 4) {
    case 0: return at_exp(at_neg(x));
    case 1: return at_sin(at_mul(at_set_requires_grad(at_contiguous(x), true), 2));
    case 2: return at_scalar(index);
    default: return at_slice(x, 0, 1, 40, 3);
    }
}

/* What one thread made, the next one reads and frees. */
static void pass_on(int index) {
    int from = (index + 1) % THREADS;
    for (int turn = 0; turn < 5; turn++)
        AT_SCOPE {
            for (int i = 0; i < GIVEN; i++) given[index][i] = at_retain(something(index, i));
            pthread_barrier_wait(&meeting);
            for (int i = 0; i < GIVEN; i++)
                AT_SCOPE {
                    WANT(index, at_allclose(at_detach(given[from][i]), at_detach(something(from, i)), 0, 0));
                    at_release(given[from][i]);
                }
            pthread_barrier_wait(&meeting);
        }
}

START_TEST(a_tensor_is_freed_by_another_thread) {
    pthread_barrier_init(&meeting, NULL, THREADS);
    in_threads(pass_on);
    pthread_barrier_destroy(&meeting);
}
END_TEST

/* Scopes that a thread leaves open close when it ends, and so does the outermost one. */
static void leave_scopes_open(int index) {
    at_scope_guard guards[3];
    for (int i = 0; i < 3; i++) {
        guards[i] = at_scope_open();
        WANT(index, guards[i].open && something(index, i));
    }
}

START_TEST(a_thread_that_ends_lets_go_of_its_tensors) {
    int64_t tensors = at_live_tensors(), bytes = at_live_bytes();
    in_threads(leave_scopes_open);
    ck_assert_int_eq(at_live_tensors(), tensors);
    ck_assert_int_eq(at_live_bytes(), bytes);
}
END_TEST

/* Pages of memory that the process has; 0 where the system does not say. */
static long resident_pages(void) {
    long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%ld %ld", &all, &resident) != 2) resident = 0;
    fclose(file);
    return resident;
}

static void use_a_megabyte(int index) { WANT(index, at_floats(at_full(index, 1 << 18))[9] == (float)index); }

/* 400 threads free 1 MiB each into their pools. Most of it may be in a sanitizer's hands. */
START_TEST(a_thread_that_ends_gives_its_memory_back) {
    in_threads(use_a_megabyte);
    long before = resident_pages();
    for (int turn = 0; turn < 50; turn++) in_threads(use_a_megabyte);
    long grown = (resident_pages() - before) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
    ck_assert_msg(grown < 300, "%ld MiB more than before", grown);
}
END_TEST

/* The number of threads changes while others compute. */
static void compute_and_change(int index) {
    if (index == 0)
        for (int i = 0; i < 200; i++) at_set_num_threads(1 + i % 5);
    for (int i = 0; i < 3; i++) hand_over(index, at_sum(at_sin(at_arange(0, 100000 + index, 1))));
}

START_TEST(the_number_of_threads_changes_meanwhile) { compare_with_one_thread(in_threads, compute_and_change); }
END_TEST

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static double large_work(void) {
    double sum = 0;
    AT_SCOPE {
        at_tensor *x = at_set_requires_grad(at_sin(at_reshape(at_arange(0, 300000, 1), 600, 500)), true), *g;
        if (at_gradients(at_sum(at_exp(at_softmax(x, 1))), &x, 1, false, &g)) sum = at_item(at_sum(at_square(g)));
    }
    return sum;
}

/* 0 if the child found that; its parent waits. */
static int status_of(pid_t child) {
    int status = -1;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(a_child_of_fork_computes) {
    int before = at_num_threads();
    at_set_num_threads(4);
    double expected = large_work();
    for (int i = 0; i < 5; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            bool good = large_work() == expected && large_work() == expected;
            _exit(good ? 0 : 1);
        }
        ck_assert_double_eq(large_work(), expected);
        ck_assert_int_eq(status_of(child), 0);
    }
    at_set_num_threads(before);
}
END_TEST

/* A child, and a child of that, in the middle of scopes, leave them as usual. */
static bool leave_scopes_in_child(at_tensor *x, int64_t tensors, int generations) {
    bool good = true;
    AT_SCOPE {
        at_tensor *y = at_exp(x);
        pid_t child = generations ? fork() : -1;
        if (child == 0) _exit(leave_scopes_in_child(x, at_live_tensors(), generations - 1) ? 0 : 1);
        if (child > 0) good = status_of(child) == 0;
        good = good && at_get(y, 0) == 1 && large_work() == large_work();
    }
    return good && at_live_tensors() == tensors;
}

START_TEST(fork_within_scopes) {
    at_tensor *x = at_zeros(40);
    ck_assert(leave_scopes_in_child(x, at_live_tensors(), 2));
}
END_TEST

/* A program's end joins the pool's threads; a child that returns from main has none to join, or its own. */
START_TEST(a_child_of_fork_exits) {
    (void)large_work();
    for (int i = 0; i < 2; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            if (i) (void)large_work();
            exit(7);
        }
        int status = status_of(child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
}
END_TEST

/* Each thread forks while the others have the pool, the lock on pending expressions and the allocator at work. */
static double expected_work;

static void fork_meanwhile(int index) {
    for (int i = 0; i < 3; i++) {
        WANT(index, large_work() == expected_work);
        pid_t child = index % 4 == 0 ? fork() : -1;
        if (child == 0) _exit(large_work() == expected_work && at_item(at_sum(pending)) == 1000 ? 0 : 1);
        int status = 0;
        if (child > 0) WANT(index, waitpid(child, &status, 0) == child && status == 0);
        WANT(index, at_item(at_sum(pending)) == 1000);
    }
}

START_TEST(fork_while_other_threads_compute) {
    int before = at_num_threads();
    at_set_num_threads(3);
    expected_work = large_work();
    pending = at_exp(at_sub(at_ones(1000), 1));
    in_threads(fork_meanwhile);
    at_set_num_threads(before);
}
END_TEST

/* ThreadSanitizer does not follow a child that starts threads; and to LeakSanitizer, at a child's exit, what the threads
 * of its parent held is lost. */
#if defined(__has_feature)
#define HAS_SANITIZER(name) __has_feature(name)
#else
#define HAS_SANITIZER(name) 0
#endif
#if defined(__SANITIZE_THREAD__) || HAS_SANITIZER(thread_sanitizer)
enum { FORKS = false, EXITS = false };
#elif defined(__SANITIZE_ADDRESS__) || HAS_SANITIZER(address_sanitizer)
enum { FORKS = true, EXITS = false };
#else
enum { FORKS = true, EXITS = true };
#endif

static void add_fork_tests(TCase *tcase) {
    if (FORKS) tcase_add_test(tcase, a_child_of_fork_computes);
    if (FORKS) tcase_add_test(tcase, fork_within_scopes);
    if (FORKS) tcase_add_test(tcase, fork_while_other_threads_compute);
    if (EXITS) tcase_add_test(tcase, a_child_of_fork_exits);
}

Suite *threads_suite(void) {
    Suite *suite = suite_create("threads");
    TCase *small = tcase_create("small"), *large = tcase_create("large"), *forks = tcase_create("fork");
    tcase_add_checked_fixture(small, support_begin, support_end);
    tcase_add_test(small, each_thread_trains_its_own_model);
    tcase_add_loop_test(small, threads_differentiate_by_shared_parameters, 0, 1);
    tcase_add_test(small, threads_read_one_module);
    tcase_add_loop_test(small, threads_compute_one_pending_tensor, 0, 1);
    tcase_add_test(small, each_thread_has_a_generator);
    tcase_add_test(small, each_thread_has_a_gradient_mode);
    tcase_add_test(small, each_thread_has_an_error);
    tcase_add_test(small, a_tensor_is_freed_by_another_thread);
    tcase_add_test(small, a_thread_that_ends_lets_go_of_its_tensors);
    suite_add_tcase(suite, small);
    tcase_add_checked_fixture(large, support_begin, support_end);
    tcase_add_test(large, each_thread_trains_its_own_large_model);
    tcase_add_loop_test(large, threads_differentiate_by_shared_parameters, 1, 2);
    tcase_add_loop_test(large, threads_compute_one_pending_tensor, 1, 2);
    tcase_add_test(large, the_number_of_threads_changes_meanwhile);
    tcase_add_test(large, a_thread_that_ends_gives_its_memory_back);
#ifdef _OPENMP
    tcase_add_test(large, openmp_threads_train_models);
#endif
    suite_add_tcase(suite, large);
    tcase_add_checked_fixture(forks, support_begin, support_end);
    add_fork_tests(forks);
    suite_add_tcase(suite, forks);
    return suite;
}
