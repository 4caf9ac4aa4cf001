/* tests/test_random.c - random numbers: the values that torch gives on a CPU after torch.manual_seed. */
#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../atled.h"
#include "../tensor/internal.h"

/* ---- streams ----------------------------------------------------------------------------------------------------- */

static void check_floats(at_tensor *t, const float *expected) {
    const float *x = at_floats(t);
    for (int64_t i = 0; i < at_numel(t); i++)
        ck_assert_msg(x[i] == expected[i], "element %" PRId64 " is %a, torch's %a", i, x[i], expected[i]);
}

/* The C library's logarithm and sine may differ from the one that torch used in the last digit. */
static void check_doubles(at_tensor *t, const double *expected) {
    const double *x = at_doubles(t);
    for (int64_t i = 0; i < at_numel(t); i++)
        ck_assert_msg(fabs(x[i] - expected[i]) <= 1e-15 * fabs(expected[i]), "element %" PRId64 " is %a, torch's %a", i,
                      x[i], expected[i]);
}

static void check_integers(at_tensor *t, const int64_t *expected) {
    const int64_t *x = at_int64s(t);
    for (int64_t i = 0; i < at_numel(t); i++) ck_assert_int_eq(x[i], expected[i]);
}

START_TEST(uniform) {
    const float floats[] = {0x1.11e15ep-1f, 0x1.97262p-3f, 0x1.518432p-1f, 0x1.5053ecp-1f};
    at_manual_seed(7);
    check_floats(at_rand(2, 2), floats);

    const double doubles[] = {0x1.1e15e7465c988p-2, 0x1.18432a35053ecp-2, 0x1.b9643fa6cd0d3p-1, 0x1.5039774a13667p-1};
    at_set_default_dtype(AT_FLOAT64);
    at_manual_seed(7);
    at_tensor *x = at_rand(4);
    at_set_default_dtype(AT_FLOAT32);
    for (int i = 0; i < 4; i++) ck_assert(at_doubles(x)[i] == doubles[i]);
}
END_TEST

START_TEST(only_the_low_32_bits_of_a_seed_count) {
    at_manual_seed((UINT64_C(1) << 32) + 7);
    check_floats(at_rand(1), (const float[]){0x1.11e15ep-1f});
}
END_TEST

START_TEST(few_normal_numbers_are_drawn_one_by_one) {
    const float floats[] = {-0x1.2ca2e8p-3f, 0x1.92811cp-1f, 0x1.e4c5cep-1f, -0x1.1d45a6p+0f, 0x1.b0d7ap+0f};
    at_manual_seed(7);
    check_floats(at_randn(5), floats);
    at_manual_seed(7);
    check_floats(at_randn(1), floats); /* the second of the pair waits, */
    check_floats(at_randn(4), floats + 1);
    at_manual_seed(7);
    at_randn(1);
    at_manual_seed(7); /* but not for the next seed */
    check_floats(at_randn(1), floats);

    const double doubles[] = {-0x1.2ca2e8774a1cp-3, 0x1.92811cc01ae83p-1, 0x1.e4c5cd4ba2dcfp-1, -0x1.1d45a657cf2b6p+0,
                              0x1.b0d79f26af9afp+0};
    at_tensor *like = at_to(at_zeros(5), AT_FLOAT64);
    at_manual_seed(7);
    check_doubles(at_randn_like(like), doubles);
}
END_TEST

START_TEST(many_normal_numbers_are_drawn_together) {
    const float floats[] = {-0x1.a3e8acp-1f, 0x1.952056p-2f,  0x1.ed2676p+0f,  -0x1.51ee98p-2f, 0x1.966a5cp-3f,
                            0x1.906bd4p-1f,  0x1.0a02f6p+0f,  -0x1.72f312p-1f, -0x1.b2a426p-1f, -0x1.3788bp+0f,
                            -0x1.d0d398p+0f, -0x1.61871cp-2f, -0x1.07de82p+1f, 0x1.5923bap-1f,  -0x1.52c6cap+0f,
                            -0x1.5c19d2p+0f, -0x1.bbc05p-1f,  -0x1.20c57cp-1f};
    at_manual_seed(7);
    check_floats(at_randn(3, 6), floats);

    const double doubles[] = {0x1.0f6e8d3a53973p-4,  0x1.80f46f1ebf213p-5,  0x1.d5026572adeb7p-2,
                              0x1.b17a7806ce055p+0,  0x1.751bc44dd094ap+0,  0x1.eea5a21096e4bp+0,
                              -0x1.711ab8c9c9497p+0, 0x1.749d011ade7ap-1,   -0x1.502a937321611p+0,
                              -0x1.4fdf47365b832p-2, -0x1.3790c8dcbdd93p-3, -0x1.586ff8c3a394bp+1,
                              0x1.bdfa986709c28p+0,  -0x1.0c449e70ad4cdp-1, -0x1.22b12c8c0e81cp-2,
                              0x1.cf6ff3d1fa92fp-2,  -0x1.aaf04bea1dd97p+0, -0x1.9647bfa50381ep+0};
    at_tensor *like = at_to(at_zeros(18), AT_FLOAT64);
    at_manual_seed(7);
    check_doubles(at_randn_like(like), doubles);
}
END_TEST

START_TEST(mean_and_standard_deviation) {
    const float few[] = {0x1.769ae8p+1f, 0x1.b25024p+1f, 0x1.bc98bap+1f, 0x1.38ae96p+1f};
    at_manual_seed(7);
    check_floats(at_normal(3, 0.5, 4), few);
    const float many[] = {0x1.4b82eap+1f, 0x1.995206p+1f, 0x1.b987b8p+1f, 0x1.272464p+1f,
                          0x1.754ffp+1f,  0x1.923fe6p+1f, 0x1.56f85cp+1f, 0x1.46ce5ap+1f,
                          0x1.bb4c7cp+1f, 0x1.5dba2cp+1f, 0x1.35c724p+1f, 0x1.628cc8p+1f,
                          0x1.ad58b4p+1f, 0x1.c0d0fcp+1f, 0x1.8ebed2p+1f, 0x1.c5c544p+1f};
    at_manual_seed(7);
    check_floats(at_normal(3, 0.5, 4, 4), many);
    check_floats(at_normal(1.5, 0, 2), (const float[]){1.5f, 1.5f});
}
END_TEST

START_TEST(uniform_between_bounds) {
    tn_generator g;
    tn_generator_seed(&g, 7);
    const float floats[] = {0x1.30ee12p-4f, -0x1.496550p-3f, 0x1.4aa55cp-3f, 0x1.475164p-3f};
    float x[4];
    tn_fill_uniform_f32(&g, 4, -0.3, 0.4, x);
    ck_assert_mem_eq(x, floats, sizeof x);
    const double doubles[] = {0x1.36bf8c4febdf4p-2, 0x1.47074e029cb86p-3, 0x1.6211ad4cab1cfp-2, 0x1.26960c4f8a7b9p-2};
    double y[4];
    tn_fill_uniform_f64(&g, 4, -0.3, 0.4, y);
    ck_assert_mem_eq(y, doubles, sizeof y);
}
END_TEST

START_TEST(whole_numbers) {
    at_manual_seed(7);
    check_integers(at_randint(-5, 7, 8), (const int64_t[]){-2, -1, -4, -3, 2, -2, 6, 6});
    /* Ranges of 32 bits take one word of the generator, longer ones two. */
    at_manual_seed(7);
    check_integers(at_randint(0, INT64_C(1) << 32, 2), (const int64_t[]){976413892, 1369975286});
    check_integers(at_randint(0, (INT64_C(1) << 32) - 1, 2), (const int64_t[]){1882953283, 4201435347});
    at_manual_seed(7);
    check_integers(at_randint(-(INT64_C(1) << 62), INT64_C(1) << 62, 3),
                   (const int64_t[]){-3204046499487750972, 551904368352831990, 3475536756154880211});
    at_manual_seed(7);
    check_integers(at_randint(INT64_MIN, INT64_MAX, 3),
                   (const int64_t[]){-7815732517915138876, 5163590386780219894, -1136149262272507693});
}
END_TEST

START_TEST(permutations) {
    at_manual_seed(7);
    check_integers(at_randperm(10), (const int64_t[]){5, 0, 3, 4, 1, 7, 9, 6, 8, 2});
    ck_assert_int_eq(at_numel(at_randperm(0)), 0);
    check_integers(at_randperm(1), (const int64_t[]){0});
    const int n = 3000;
    at_manual_seed(7);
    at_tensor *long_one = at_randperm(n);
    check_integers(at_slice(long_one, 0, 1500, 1504, 1), (const int64_t[]){2902, 296, 2672, 231});
    check_integers(at_slice(long_one, 0, 2995, n, 1), (const int64_t[]){452, 2835, 1488, 1360, 2060});
    check_integers(at_randint(0, 1000, 1), (const int64_t[]){963});
    const int64_t *p = at_int64s(long_one);
    bool seen[3000] = {false};
    for (int i = 0; i < n; i++) {
        ck_assert(p[i] >= 0 && p[i] < n && !seen[p[i]]);
        seen[p[i]] = true;
    }
}
END_TEST

/* Whatever was drawn before, the next number is the one that torch would draw. */
START_TEST(one_stream_through_every_kind_of_call) {
    at_tensor *doubles = at_to(at_zeros(2), AT_FLOAT64);
    at_manual_seed(42);
    at_randn(3);
    check_floats(at_rand(1), (const float[]){0x1.e1acccp-1f});
    at_randn_like(doubles);
    at_randn(50);
    check_floats(at_randn(1), (const float[]){0x1.544ef4p-1f});
    at_randint(0, INT64_C(1) << 40, 5);
    at_randperm(100);
    at_rand(0), at_randn(0), at_randperm(1);
    check_floats(at_rand(2), (const float[]){0x1.786bf8p-2f, 0x1.1b631ap-1f});
    at_rand_like(at_to(at_zeros(1000), AT_FLOAT64));
    at_randn_like(at_to(at_zeros(17), AT_FLOAT64));
    check_doubles(at_randn_like(at_to(at_zeros(1), AT_FLOAT64)), (const double[]){-0x1.19d83ef76eb86p-2});
    check_integers(at_randint(0, 100, 1), (const int64_t[]){32});
}
END_TEST

/* Long fills are made in chunks, which must not show. */
START_TEST(sizes_do_not_change_the_stream) {
    enum { N = 5000 };
    static float together[N], apart[N];
    tn_generator g, h;
    tn_generator_seed(&g, 1);
    tn_generator_seed(&h, 1);
    tn_fill_uniform_f32(&g, N, 0, 1, together);
    for (int i = 0, size = 1; i < N; i += size, size = size * 3 % 701) {
        if (size > N - i) size = N - i;
        tn_fill_uniform_f32(&h, size, 0, 1, apart + i);
    }
    ck_assert_mem_eq(together, apart, sizeof together);
    for (int n = 16; n < 700; n += 16) { /* runs of 16 normal numbers do not depend on each other */
        tn_generator_seed(&g, 2);
        tn_generator_seed(&h, 2);
        tn_fill_normal_f32(&g, n, 1, 2, together);
        for (int i = 0; i < n; i += 16) tn_fill_normal_f32(&h, 16, 1, 2, apart + i);
        ck_assert_mem_eq(together, apart, (size_t)n * sizeof *together);
    }
}
END_TEST

START_TEST(moments) {
    at_manual_seed(3);
    enum { N = 200000 };
    const float *x = at_floats(at_randn(N));
    double sum[4] = {0};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 4; k++) sum[k] += pow(x[i], k + 1);
    ck_assert_double_eq_tol(sum[0] / N, 0, 0.01);
    ck_assert_double_eq_tol(sum[1] / N, 1, 0.02);
    ck_assert_double_eq_tol(sum[2] / N, 0, 0.05);
    ck_assert_double_eq_tol(sum[3] / N, 3, 0.1);
}
END_TEST

START_TEST(shapes_and_dtypes) {
    at_tensor *like = at_zeros(2, 0, 3), *scalar = at_rand();
    ck_assert_int_eq(at_ndim(scalar), 0);
    ck_assert_int_eq(at_numel(at_rand_like(like)), 0);
    ck_assert_int_eq(at_size(at_randn_like(like), 2), 3);
    ck_assert_int_eq(at_dtype_of(at_rand_like(at_to(like, AT_FLOAT64))), AT_FLOAT64);
    ck_assert_int_eq(at_dtype_of(at_randint(0, 9, 2)), AT_INT64);
    at_set_default_dtype(AT_FLOAT64);
    at_tensor *t[] = {at_rand(2), at_randn(20), at_normal(0, 1, 2)};
    at_set_default_dtype(AT_FLOAT32);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(at_dtype_of(t[i]), AT_FLOAT64);
}
END_TEST

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void check_error(at_tensor *result, at_error_kind kind, const char *message) {
    ck_assert_ptr_null(result);
    ck_assert_int_eq(at_error_code(), kind);
    ck_assert_str_eq(at_error(), message);
    at_clear_error();
}

static void make_every_error(void) {
    check_error(at_rand(2, -3), AT_ERROR_SHAPE, "rand: shape (2, -3): sizes must not be negative");
    check_error(at_randn(-1), AT_ERROR_SHAPE, "randn: shape (-1): sizes must not be negative");
    check_error(at_rand(1, 1, 1, 1, 1, 1, 1, 1, 1), AT_ERROR_SHAPE, "rand: 9 dimensions: there can be at most 8");
    check_error(at_normal(0, -1, 3), AT_ERROR_VALUE, "normal: std -1 must not be negative");
    check_error(at_normal(0, NAN, 3), AT_ERROR_VALUE, "normal: std must not be NaN");
    check_error(at_randint(5, 5, 3), AT_ERROR_VALUE, "randint: low 5 must be below high 5");
    check_error(at_randint(0, 5, INT64_MAX, 3), AT_ERROR_SHAPE,
                "randint: shape (9223372036854775807, 3): too many elements to count");
    check_error(at_randperm(-1), AT_ERROR_VALUE, "randperm: n -1 must not be negative");
    check_error(at_rand_like(at_randint(0, 5, 3)), AT_ERROR_DTYPE,
                "rand_like: t is int64 (3): want a floating-point tensor");
    check_error(at_randn_like(at_to(at_ones(2), AT_BOOL)), AT_ERROR_DTYPE,
                "randn_like: t is bool (2): want a floating-point tensor");
    check_error(at_rand_like(NULL), AT_ERROR_VALUE, "rand_like: t is NULL");
    check_error(at_randn_like(NULL), AT_ERROR_VALUE, "randn_like: t is NULL");
}

START_TEST(errors) {
    at_set_error_mode(AT_ERROR_RETURN);
    make_every_error();
    at_set_error_mode(AT_ERROR_ABORT);
}
END_TEST

START_TEST(failed_calls_draw_nothing) {
    at_set_error_mode(AT_ERROR_RETURN);
    at_tensor *integers = at_to(at_ones(3), AT_INT64);
    at_manual_seed(42);
    at_randn(3); /* a spare normal number waits */
    ck_assert_ptr_null(at_rand_like(integers));
    at_clear_error();
    ck_assert_ptr_null(at_normal(0, -1, 3));
    at_clear_error();
#ifndef __SANITIZE_ADDRESS__ /* which ends the process when so much is asked for */
    ck_assert_ptr_null(at_randn(INT64_C(1) << 50));
    ck_assert_int_eq(at_error_code(), AT_ERROR_MEMORY);
    at_clear_error();
#endif
    check_floats(at_rand(1), (const float[]){0x1.e1acccp-1f});
    at_set_error_mode(AT_ERROR_ABORT);
}
END_TEST

Suite *random_suite(void);
Suite *random_suite(void) {
    Suite *suite = suite_create("random");
    TCase *streams = tcase_create("streams");
    tcase_add_test(streams, uniform);
    tcase_add_test(streams, only_the_low_32_bits_of_a_seed_count);
    tcase_add_test(streams, few_normal_numbers_are_drawn_one_by_one);
    tcase_add_test(streams, many_normal_numbers_are_drawn_together);
    tcase_add_test(streams, mean_and_standard_deviation);
    tcase_add_test(streams, uniform_between_bounds);
    tcase_add_test(streams, whole_numbers);
    tcase_add_test(streams, permutations);
    tcase_add_test(streams, one_stream_through_every_kind_of_call);
    tcase_add_test(streams, sizes_do_not_change_the_stream);
    tcase_add_test(streams, moments);
    tcase_add_test(streams, shapes_and_dtypes);
    suite_add_tcase(suite, streams);
    TCase *wrong = tcase_create("errors");
    tcase_add_test(wrong, errors);
    tcase_add_test(wrong, failed_calls_draw_nothing);
    suite_add_tcase(suite, wrong);
    return suite;
}
