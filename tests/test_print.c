/* tests/test_print.c - tensors as text. Every expected text is str() of the same tensor in PyTorch, without "torch.". */
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../atled.h"

static void check_text(at_tensor *t, const char *expected) {
    char *text = at_to_string(t);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strcmp(text, expected) == 0, "\n%s\ninstead of\n%s", text, expected);
    free(text);
}

/* ---- small tensors ----------------------------------------------------------------------------------------------- */

enum { MOST_ELEMENTS = 32 };

static const struct {
    at_dtype dtype;
    at_shape shape;
    double elements[MOST_ELEMENTS];
    const char *text;
} small[] = {
    {AT_FLOAT32, {0, {0}}, {3}, "tensor(3.)"},
    {AT_FLOAT32, {0, {0}}, {3.14159265}, "tensor(3.1416)"},
    {AT_FLOAT32, {0, {0}}, {NAN}, "tensor(nan)"},
    {AT_FLOAT32, {0, {0}}, {-INFINITY}, "tensor(-inf)"},
    {AT_FLOAT32, {0, {0}}, {-1e+20}, "tensor(-1.0000e+20)"},
    {AT_FLOAT32, {0, {0}}, {1e-20}, "tensor(1.0000e-20)"},
    {AT_BOOL, {0, {0}}, {1}, "tensor(True)"},
    {AT_INT64, {0, {0}}, {-7}, "tensor(-7)"},
    {AT_FLOAT64, {0, {0}}, {2.5}, "tensor(2.5000, dtype=float64)"},
    {AT_FLOAT32, {1, {0}}, {0}, "tensor([])"},
    {AT_FLOAT32, {2, {0, 3}}, {0}, "tensor([], size=(0, 3))"},
    {AT_FLOAT32, {3, {2, 0, 4}}, {0}, "tensor([], size=(2, 0, 4))"},
    {AT_INT64, {1, {0}}, {0}, "tensor([], dtype=int64)"},
    {AT_BOOL, {1, {0}}, {0}, "tensor([], dtype=bool)"},
    {AT_FLOAT64, {1, {0}}, {0}, "tensor([], dtype=float64)"},
    {AT_FLOAT64, {2, {0, 3}}, {0}, "tensor([], size=(0, 3), dtype=float64)"},
    {AT_FLOAT32, {1, {3}}, {1, 2, 3}, "tensor([1., 2., 3.])"},
    {AT_FLOAT32, {1, {3}}, {1.5, -2.25, 100}, "tensor([  1.5000,  -2.2500, 100.0000])"},
    {AT_FLOAT32, {1, {2}}, {-0.0, 1}, "tensor([-0., 1.])"},
    {AT_FLOAT32, {1, {2}}, {-0.0, 0.5}, "tensor([-0.0000, 0.5000])"},
    {AT_FLOAT32, {1, {2}}, {0, 0}, "tensor([0., 0.])"},
    {AT_FLOAT32, {1, {2}}, {1, NAN}, "tensor([1., nan])"},
    {AT_FLOAT32, {1, {4}}, {1.5, NAN, INFINITY, -INFINITY}, "tensor([1.5000,    nan,    inf,   -inf])"},
    {AT_FLOAT32, {1, {3}}, {NAN, INFINITY, -INFINITY}, "tensor([nan, inf, -inf])"},
    {AT_FLOAT32, {1, {2}}, {0, NAN}, "tensor([0., nan])"},
    {AT_FLOAT32, {1, {3}}, {1, -1000000, INFINITY}, "tensor([ 1.0000e+00, -1.0000e+06,         inf])"},
    {AT_FLOAT32, {1, {1}}, {100000000.0}, "tensor([100000000.])"},
    {AT_FLOAT32, {1, {2}}, {100000000.0, 1}, "tensor([1.0000e+08, 1.0000e+00])"},
    {AT_FLOAT32, {1, {1}}, {100000001}, "tensor([100000000.])"},
    {AT_FLOAT32, {1, {2}}, {1000, 1}, "tensor([1000.,    1.])"},
    {AT_FLOAT32, {1, {2}}, {1001, 1}, "tensor([1.0010e+03, 1.0000e+00])"},
    {AT_FLOAT32, {1, {2}}, {1000.5, 1}, "tensor([1.0005e+03, 1.0000e+00])"},
    {AT_FLOAT32, {1, {2}}, {100.5, 100000}, "tensor([   100.5000, 100000.0000])"},
    {AT_FLOAT64, {1, {1}}, {0.0001}, "tensor([0.0001], dtype=float64)"},
    {AT_FLOAT32, {1, {1}}, {0.0001}, "tensor([1.0000e-04])"},
    {AT_FLOAT32, {1, {2}}, {0.00012, 0.1}, "tensor([0.0001, 0.1000])"},
    {AT_FLOAT32, {1, {2}}, {5e-05, 0}, "tensor([5.0000e-05, 0.0000e+00])"},
    {AT_FLOAT64, {1, {2}}, {99999.99995, 5}, "tensor([1.0000e+05, 5.0000e+00], dtype=float64)"},
    {AT_FLOAT32, {1, {3}}, {0.1, -10000000000.0, 0}, "tensor([ 1.0000e-01, -1.0000e+10,  0.0000e+00])"},
    {AT_FLOAT32, {1, {2}}, {3.4e+38, 1e-45}, "tensor([3.4000e+38, 1.4013e-45])"},
    {AT_BOOL, {1, {2}}, {1, 0}, "tensor([ True, False])"},
    {AT_BOOL, {2, {1, 2}}, {1, 1}, "tensor([[True, True]])"},
    {AT_INT64, {1, {3}}, {1, 2, -300}, "tensor([   1,    2, -300])"},
    {AT_FLOAT64,
     {2, {2, 2}},
     {1, 2, 3, 4},
     "tensor([[1., 2.],\n"
     "        [3., 4.]], dtype=float64)"},
    {AT_FLOAT32,
     {3, {2, 2, 2}},
     {1, 2, 3, 4, 5, 6, 7, 8},
     "tensor([[[1., 2.],\n"
     "         [3., 4.]],\n"
     "\n"
     "        [[5., 6.],\n"
     "         [7., 8.]]])"},
    {AT_FLOAT32,
     {4, {2, 1, 2, 1}},
     {1, 2, 3, 4},
     "tensor([[[[1.],\n"
     "          [2.]]],\n"
     "\n"
     "\n"
     "        [[[3.],\n"
     "          [4.]]]])"},
    {AT_FLOAT32, {8, {1, 1, 1, 1, 1, 1, 1, 1}}, {1.5}, "tensor([[[[[[[[1.5000]]]]]]]])"},
    {AT_FLOAT32,
     {1, {30}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29},
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
     "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
     "        28., 29.])"},
    {AT_FLOAT32,
     {2, {2, 12}},
     {0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75,
      3, 3.25, 3.5, 3.75, 4, 4.25, 4.5, 4.75, 5, 5.25, 5.5, 5.75},
     "tensor([[0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.2500, 1.5000, 1.7500, 2.0000,\n"
     "         2.2500, 2.5000, 2.7500],\n"
     "        [3.0000, 3.2500, 3.5000, 3.7500, 4.0000, 4.2500, 4.5000, 4.7500, 5.0000,\n"
     "         5.2500, 5.5000, 5.7500]])"},
    {AT_FLOAT32,
     {2, {1, 14}},
     {0, 1000000.0, 2000000.0, 3000000.0, 4000000.0, 5000000.0, 6000000.0, 7000000.0, 8000000.0, 9000000.0, 10000000.0,
      11000000.0, 12000000.0, 13000000.0},
     "tensor([[       0.,  1000000.,  2000000.,  3000000.,  4000000.,  5000000.,\n"
     "          6000000.,  7000000.,  8000000.,  9000000., 10000000., 11000000.,\n"
     "         12000000., 13000000.]])"},
    {AT_FLOAT64, {1, {9}}, {0, 1, 2, 3, 4, 5, 6, 7, 8}, "tensor([0., 1., 2., 3., 4., 5., 6., 7., 8.], dtype=float64)"},
    {AT_FLOAT64,
     {1, {12}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.],\n"
     "       dtype=float64)"},
    {AT_FLOAT64,
     {1, {13}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12.],\n"
     "       dtype=float64)"},
    {AT_FLOAT64,
     {1, {14}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.],\n"
     "       dtype=float64)"},
    {AT_FLOAT64,
     {1, {15}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
     "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
     "        14.], dtype=float64)"},
};

START_TEST(small_tensors) {
    at_tensor *t = at_from_doubles_shape(small[_i].elements, small[_i].shape);
    check_text(at_to(t, small[_i].dtype), small[_i].text);
}
END_TEST

START_TEST(integers_of_every_length) {
    check_text(at_from_int64s((const int64_t[]){INT64_MIN, INT64_MAX, 0}, 3),
               "tensor([-9223372036854775808,  9223372036854775807,                    0])");
}
END_TEST

START_TEST(views_and_pending_results) {
    at_tensor *t = at_reshape(at_arange(0, 12, 1), 3, 4);
    check_text(at_transpose(t, 0, 1), "tensor([[ 0.,  4.,  8.],\n"
                                      "        [ 1.,  5.,  9.],\n"
                                      "        [ 2.,  6., 10.],\n"
                                      "        [ 3.,  7., 11.]])");
    check_text(at_slice(t, 1, 1, 4, 2), "tensor([[ 1.,  3.],\n"
                                        "        [ 5.,  7.],\n"
                                        "        [ 9., 11.]])");
    check_text(at_expand(at_ones(3), 2, 3), "tensor([[1., 1., 1.],\n"
                                            "        [1., 1., 1.]])");
    check_text(at_add(at_mul(at_arange(0, 4, 1), 2), 1), "tensor([1., 3., 5., 7.])");
}
END_TEST

START_TEST(the_default_dtype_is_not_named) {
    at_set_default_dtype(AT_FLOAT64);
    check_text(at_ones(2), "tensor([1., 1.])");
    check_text(at_to(at_ones(2), AT_FLOAT32), "tensor([1., 1.], dtype=float32)");
    check_text(at_ones(0), "tensor([])");
    check_text(at_to(at_ones(0), AT_FLOAT32), "tensor([], dtype=float32)");
    at_set_default_dtype(AT_FLOAT32);
}
END_TEST

/* ---- more than 1,000 elements ------------------------------------------------------------------------------------ */

START_TEST(long_vectors) {
    check_text(at_arange(0, 1001, 1), "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])");
    check_text(at_mul(at_arange(0, 1001, 1), -0.5),
               "tensor([  -0.0000,   -0.5000,   -1.0000,  ..., -499.0000, -499.5000,\n"
               "        -500.0000])");
    check_text(at_to(at_zeros(2000), AT_BOOL), "tensor([False, False, False,  ..., False, False, False])");
    char *text = at_to_string(at_arange(0, 1000, 1)); /* not yet too long */
    ck_assert_ptr_null(strstr(text, "..."));
    free(text);
}
END_TEST

START_TEST(long_matrices) {
    check_text(at_reshape(at_arange(0, 2000, 1), 20, 100),
               "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n"
               "         9.9000e+01],\n"
               "        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n"
               "         1.9900e+02],\n"
               "        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n"
               "         2.9900e+02],\n"
               "        ...,\n"
               "        [1.7000e+03, 1.7010e+03, 1.7020e+03,  ..., 1.7970e+03, 1.7980e+03,\n"
               "         1.7990e+03],\n"
               "        [1.8000e+03, 1.8010e+03, 1.8020e+03,  ..., 1.8970e+03, 1.8980e+03,\n"
               "         1.8990e+03],\n"
               "        [1.9000e+03, 1.9010e+03, 1.9020e+03,  ..., 1.9970e+03, 1.9980e+03,\n"
               "         1.9990e+03]])");
    check_text(at_to(at_reshape(at_arange(0, 1100, 1), 10, 10, 11), AT_INT64),
               "tensor([[[   0,    1,    2,  ...,    8,    9,   10],\n"
               "         [  11,   12,   13,  ...,   19,   20,   21],\n"
               "         [  22,   23,   24,  ...,   30,   31,   32],\n"
               "         ...,\n"
               "         [  77,   78,   79,  ...,   85,   86,   87],\n"
               "         [  88,   89,   90,  ...,   96,   97,   98],\n"
               "         [  99,  100,  101,  ...,  107,  108,  109]],\n"
               "\n"
               "        [[ 110,  111,  112,  ...,  118,  119,  120],\n"
               "         [ 121,  122,  123,  ...,  129,  130,  131],\n"
               "         [ 132,  133,  134,  ...,  140,  141,  142],\n"
               "         ...,\n"
               "         [ 187,  188,  189,  ...,  195,  196,  197],\n"
               "         [ 198,  199,  200,  ...,  206,  207,  208],\n"
               "         [ 209,  210,  211,  ...,  217,  218,  219]],\n"
               "\n"
               "        [[ 220,  221,  222,  ...,  228,  229,  230],\n"
               "         [ 231,  232,  233,  ...,  239,  240,  241],\n"
               "         [ 242,  243,  244,  ...,  250,  251,  252],\n"
               "         ...,\n"
               "         [ 297,  298,  299,  ...,  305,  306,  307],\n"
               "         [ 308,  309,  310,  ...,  316,  317,  318],\n"
               "         [ 319,  320,  321,  ...,  327,  328,  329]],\n"
               "\n"
               "        ...,\n"
               "\n"
               "        [[ 770,  771,  772,  ...,  778,  779,  780],\n"
               "         [ 781,  782,  783,  ...,  789,  790,  791],\n"
               "         [ 792,  793,  794,  ...,  800,  801,  802],\n"
               "         ...,\n"
               "         [ 847,  848,  849,  ...,  855,  856,  857],\n"
               "         [ 858,  859,  860,  ...,  866,  867,  868],\n"
               "         [ 869,  870,  871,  ...,  877,  878,  879]],\n"
               "\n"
               "        [[ 880,  881,  882,  ...,  888,  889,  890],\n"
               "         [ 891,  892,  893,  ...,  899,  900,  901],\n"
               "         [ 902,  903,  904,  ...,  910,  911,  912],\n"
               "         ...,\n"
               "         [ 957,  958,  959,  ...,  965,  966,  967],\n"
               "         [ 968,  969,  970,  ...,  976,  977,  978],\n"
               "         [ 979,  980,  981,  ...,  987,  988,  989]],\n"
               "\n"
               "        [[ 990,  991,  992,  ...,  998,  999, 1000],\n"
               "         [1001, 1002, 1003,  ..., 1009, 1010, 1011],\n"
               "         [1012, 1013, 1014,  ..., 1020, 1021, 1022],\n"
               "         ...,\n"
               "         [1067, 1068, 1069,  ..., 1075, 1076, 1077],\n"
               "         [1078, 1079, 1080,  ..., 1086, 1087, 1088],\n"
               "         [1089, 1090, 1091,  ..., 1097, 1098, 1099]]])");
    check_text(at_div(at_reshape(at_arange(0, 1400, 1), 7, 1, 200), 8),
               "tensor([[[0.0000e+00, 1.2500e-01, 2.5000e-01,  ..., 2.4625e+01,\n"
               "          2.4750e+01, 2.4875e+01]],\n"
               "\n"
               "        [[2.5000e+01, 2.5125e+01, 2.5250e+01,  ..., 4.9625e+01,\n"
               "          4.9750e+01, 4.9875e+01]],\n"
               "\n"
               "        [[5.0000e+01, 5.0125e+01, 5.0250e+01,  ..., 7.4625e+01,\n"
               "          7.4750e+01, 7.4875e+01]],\n"
               "\n"
               "        ...,\n"
               "\n"
               "        [[1.0000e+02, 1.0012e+02, 1.0025e+02,  ..., 1.2462e+02,\n"
               "          1.2475e+02, 1.2488e+02]],\n"
               "\n"
               "        [[1.2500e+02, 1.2512e+02, 1.2525e+02,  ..., 1.4962e+02,\n"
               "          1.4975e+02, 1.4988e+02]],\n"
               "\n"
               "        [[1.5000e+02, 1.5012e+02, 1.5025e+02,  ..., 1.7462e+02,\n"
               "          1.7475e+02, 1.7488e+02]]])");
    check_text(at_to(at_ones(1001, 1), AT_FLOAT64), "tensor([[1.],\n"
                                                    "        [1.],\n"
                                                    "        [1.],\n"
                                                    "        ...,\n"
                                                    "        [1.],\n"
                                                    "        [1.],\n"
                                                    "        [1.]], dtype=float64)");
}
END_TEST

START_TEST(only_what_is_shown_is_looked_at) {
    float *x = at_floats_mut(at_zeros(2000));
    x[1000] = 1e30f;
    check_text(at_from_floats(x, 2000), "tensor([0., 0., 0.,  ..., 0., 0., 0.])");
}
END_TEST

/* ---- files, errors ----------------------------------------------------------------------------------------------- */

START_TEST(printing_ends_with_a_newline) {
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    at_fprint(file, at_ones(2));
    at_fprint(file, at_scalar(2));
    rewind(file);
    char text[64] = "";
    ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), strlen("tensor([1., 1.])\ntensor(2.)\n"));
    ck_assert_str_eq(text, "tensor([1., 1.])\ntensor(2.)\n");
    fclose(file);
}
END_TEST

START_TEST(the_decimal_point_is_a_point_in_every_locale) {
    const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setlocale(LC_NUMERIC, names[i]) == NULL) continue; /* not installed */
        check_text(at_from_floats((const float[]){0.5f, NAN}, 2), "tensor([0.5000,    nan])");
        check_text(at_from_floats((const float[]){0.5f, 1e5f}, 2), "tensor([5.0000e-01, 1.0000e+05])");
    }
    setlocale(LC_NUMERIC, "C");
}
END_TEST

static void check_error(const char *message) {
    ck_assert_ptr_nonnull(at_error());
    ck_assert_str_eq(at_error(), message);
    ck_assert_int_eq(at_error_code(), AT_ERROR_VALUE);
    at_clear_error();
}

START_TEST(errors) {
    at_set_error_mode(AT_ERROR_RETURN);
    at_print(NULL);
    check_error("print: t is NULL");
    at_fprint(stdout, NULL);
    check_error("fprint: t is NULL");
    at_fprint(NULL, at_ones(1));
    check_error("fprint: file is NULL");
    ck_assert_ptr_null(at_to_string(NULL));
    check_error("to_string: t is NULL");
    at_set_error_mode(AT_ERROR_ABORT);
}
END_TEST

Suite *print_suite(void);
Suite *print_suite(void) {
    Suite *suite = suite_create("print");
    TCase *tests = tcase_create("print");
    tcase_add_loop_test(tests, small_tensors, 0, sizeof small / sizeof *small);
    tcase_add_test(tests, integers_of_every_length);
    tcase_add_test(tests, views_and_pending_results);
    tcase_add_test(tests, the_default_dtype_is_not_named);
    tcase_add_test(tests, long_vectors);
    tcase_add_test(tests, long_matrices);
    tcase_add_test(tests, only_what_is_shown_is_looked_at);
    tcase_add_test(tests, printing_ends_with_a_newline);
    tcase_add_test(tests, the_decimal_point_is_a_point_in_every_locale);
    tcase_add_test(tests, errors);
    suite_add_tcase(suite, tests);
    return suite;
}
