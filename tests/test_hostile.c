/* tests/test_hostile.c - arguments that are meant to do harm, and what the fuzzers found (make fuzz). */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "support.h"

/* ---- sizes that cannot be counted -------------------------------------------------------------------------------- */

static const int64_t large = INT64_C(1) << 40;

START_TEST(a_product_may_have_more_elements_than_its_factors) {
    at_tensor *tall = at_zeros_shape(AT_SHAPE(large, 0)), *wide = at_zeros_shape(AT_SHAPE(0, large));
    EXPECT_ERROR(at_matmul(tall, wide), AT_ERROR_SHAPE,
                 "matmul: shape (1099511627776, 1099511627776): too many elements");
    at_tensor *column = at_expand(at_ones(1), large, 1), *row = at_expand(at_ones(1), 1, large);
    EXPECT_ERROR(at_matmul(column, row), AT_ERROR_SHAPE, "matmul: shape (1099511627776, 1099511627776)");
    EXPECT_ERROR(at_bmm(at_unsqueeze(column, 0), at_unsqueeze(row, 0)), AT_ERROR_SHAPE,
                 "bmm: shape (1, 1099511627776, 1099511627776): too many elements");
}
END_TEST

START_TEST(joined_sizes_may_overflow) {
    at_tensor *list[20], *x = at_expand(at_ones(1), (INT64_C(1) << 59) - 1);
    for (int i = 0; i < 20; i++) list[i] = x;
    EXPECT_ERROR(at_cat_list(0, list, 20), AT_ERROR_SHAPE, "cat: shape (9223372036854775807): too many elements");
}
END_TEST

START_TEST(selecting_may_enlarge_what_is_empty) {
    at_tensor *x = at_zeros_shape(AT_SHAPE(INT64_C(1) << 57, 2, 0)), *index = at_expand(at_randperm(1), 16);
    EXPECT_ERROR(at_index_select(x, 1, index), AT_ERROR_SHAPE,
                 "index_select: shape (144115188075855872, 16, 0): too many elements");
}
END_TEST

START_TEST(a_shape_may_say_any_number_of_dimensions) {
    at_tensor *x = at_ones(2, 3);
    const int counts[] = {INT_MIN, -1, 1, 9, INT_MAX};
    for (int i = 0; i < 5; i++) {
        at_shape shape = {.ndim = counts[i], .dim = {6}};
        EXPECT_ERROR(at_expand_shape(x, shape), AT_ERROR_SHAPE, "expand: float32 (2, 3)");
        EXPECT_ERROR(at_repeat_shape(x, shape), AT_ERROR_SHAPE, "repeat: float32 (2, 3)");
        EXPECT_ERROR(at_permute_shape(x, shape), AT_ERROR_SHAPE, "permute: order");
        if (counts[i] != 1) EXPECT_ERROR(at_reshape_shape(x, shape), AT_ERROR_SHAPE, "reshape: ");
        if (counts[i] != 1) EXPECT_ERROR(at_zeros_shape(shape), AT_ERROR_SHAPE, "zeros: ");
    }
}
END_TEST

/* A row of nearly 2^59 elements: its bytes can be counted, sixteen times those cannot. */
START_TEST(rows_may_be_too_long_to_evaluate) {
    at_tensor *x = at_expand(at_ones(1), (INT64_C(1) << 59) - 1);
    at_tensor *y = at_add(x, x);
    EXPECT_ERROR(at_floats(y), AT_ERROR_MEMORY, "out of memory");
}
END_TEST

/* ---- sizes, dimensions and counts of every function ------------------------------------------------------------- */

/* A call on a tensor with a number that is too large or too small in every sense. */
typedef at_tensor *hostile_call(at_tensor *x, int64_t n);
#define CALL(name, expression)                                                                                         \
    static at_tensor *call_##name(at_tensor *x, int64_t n) {                                                           \
        (void)x;                                                                                                       \
        return expression;                                                                                             \
    }
CALL(zeros, at_zeros(2, n))
CALL(ones, at_ones(n))
CALL(full, at_full(1, n, n))
CALL(rand, at_rand(n))
CALL(randn, at_randn(n))
CALL(normal, at_normal(0, 1, n))
CALL(randint, at_randint(0, 2, n))
CALL(randperm, at_randperm(n))
CALL(eye, at_eye(n))
CALL(linspace, at_linspace(0, 1, n))
CALL(from_floats, at_from_floats(at_floats(x), n))
CALL(from_doubles, at_from_doubles((double[]){1}, 1, n))
CALL(from_int64s, at_from_int64s((int64_t[]){1}, n, 1))
CALL(from_bools, at_from_bools((bool[]){1}, n))
CALL(reshape, at_reshape(x, n, -1))
CALL(permute, at_permute(x, 0, n))
CALL(expand, at_expand(x, n, 2, 3))
CALL(repeat, at_repeat(x, 1, n))
CALL(repeat_interleave, at_repeat_interleave(x, n))
CALL(repeat_interleave_dim, at_repeat_interleave_dim(x, n, 0))
CALL(select, at_select(x, 0, n))
CALL(topk, at_topk(x, n, 0, NULL))
CALL(one_hot, at_one_hot(at_to(x, AT_INT64), n))
CALL(index_select, at_index_select(x, 0, at_from_int64s(&n, 1)))
CALL(gather, at_gather(x, 0, at_from_int64s(&n, 1, 1)))
CALL(scatter_add, at_scatter_add(x, 0, at_from_int64s(&n, 1, 1), at_ones(1, 1)))
#undef CALL
static const struct {
    const char *name;
    hostile_call *call;
} by_size[] = {{"zeros", call_zeros},
               {"ones", call_ones},
               {"full", call_full},
               {"rand", call_rand},
               {"randn", call_randn},
               {"normal", call_normal},
               {"randint", call_randint},
               {"randperm", call_randperm},
               {"eye", call_eye},
               {"linspace", call_linspace},
               {"from_floats", call_from_floats},
               {"from_doubles", call_from_doubles},
               {"from_int64s", call_from_int64s},
               {"from_bools", call_from_bools},
               {"reshape", call_reshape},
               {"permute", call_permute},
               {"expand", call_expand},
               {"repeat", call_repeat},
               {"repeat_interleave", call_repeat_interleave},
               {"repeat_interleave", call_repeat_interleave_dim},
               {"select", call_select},
               {"topk", call_topk},
               {"one_hot", call_one_hot},
               {"index_select", call_index_select},
               {"gather", call_gather},
               {"scatter_add", call_scatter_add}};
enum { BY_SIZE = sizeof by_size / sizeof *by_size };

/* The error names the call, and is one of its arguments or of memory. */
static void expect_error_of(const char *name, bool failed, int64_t n) {
    if (!failed) ck_abort_msg("%s of %" PRId64 " is no error", name, n);
    at_error_kind kind = at_error_code();
    ck_assert_msg(kind == AT_ERROR_SHAPE || kind == AT_ERROR_VALUE || kind == AT_ERROR_MEMORY, "%s", at_error());
    ck_assert_msg(strncmp(at_error(), name, strlen(name)) == 0, "%s of %" PRId64 ": %s", name, n, at_error());
    at_clear_error();
}

START_TEST(sizes_and_counts_at_the_ends_of_int64) {
    const int64_t sizes[] = {INT64_MIN,        INT64_MIN + 1, -7,       INT64_C(1) << 58,
                             INT64_C(1) << 62, INT64_MAX - 1, INT64_MAX};
    at_tensor *x = at_ones(2, 3);
    for (int i = 0; i < BY_SIZE; i++)
        for (int k = 0; k < 7; k++)
            AT_SCOPE
                expect_error_of(by_size[i].name, !by_size[i].call(x, sizes[k]), sizes[k]);
    ck_assert_int_eq(at_numel(at_slice(x, 0, INT64_MIN, INT64_MAX, INT64_MAX)), 3);
    ck_assert_int_eq(at_numel(at_slice(x, 1, INT64_MAX, INT64_MIN, 1)), 0);
    expect_error_of("slice", !at_slice(x, 0, 0, 2, INT64_MIN), INT64_MIN);
    EXPECT(at_triu(x, INT64_MIN), 1, 1, 1, 1, 1, 1);
    EXPECT(at_tril(x, INT64_MIN), 0, 0, 0, 0, 0, 0);
    EXPECT(at_triu(x, INT64_MAX), 0, 0, 0, 0, 0, 0);
}
END_TEST

#define CALL(name, expression)                                                                                         \
    static at_tensor *along_##name(at_tensor *x, int64_t dim) {                                                        \
        int d = (int)dim;                                                                                              \
        return expression;                                                                                             \
    }
CALL(sum, at_sum_dim(x, d, false))
CALL(mean, at_mean_dim(x, d, false))
CALL(prod, at_prod_dim(x, d, false))
CALL(var, at_var_dim(x, d, false))
CALL(std, at_std_dim(x, d, false))
CALL(logsumexp, at_logsumexp_dim(x, d, false))
CALL(any, at_any_dim(x, d, false))
CALL(all, at_all_dim(x, d, false))
CALL(max, at_max_dim(x, d, false, NULL))
CALL(min, at_min_dim(x, d, false, NULL))
CALL(argmax, at_argmax(x, d, false))
CALL(argmin, at_argmin(x, d, false))
CALL(cumsum, at_cumsum(x, d))
CALL(softmax, at_softmax(x, d))
CALL(log_softmax, at_log_softmax(x, d))
CALL(transpose, at_transpose(x, 0, d))
CALL(unsqueeze, at_unsqueeze(x, d))
CALL(squeeze, at_squeeze(x, d))
CALL(slice, at_slice(x, d, 0, 1, 1))
CALL(select, at_select(x, d, 0))
CALL(cat, at_cat(d, x, x))
CALL(stack, at_stack(d, x, x))
CALL(flip, at_flip(x, d))
CALL(repeat_interleave, at_repeat_interleave_dim(x, 2, d))
CALL(sort, at_sort(x, d, false, NULL))
CALL(argsort, at_argsort(x, d, false))
CALL(topk, at_topk(x, 1, d, NULL))
CALL(index_select, at_index_select(x, d, at_randperm(1)))
CALL(gather, at_gather(x, d, at_to(x, AT_INT64)))
CALL(scatter_add, at_scatter_add(x, d, at_to(x, AT_INT64), x))
#undef CALL
#define ALONG(name)                                                                                                    \
    { #name, along_##name }
static const struct {
    const char *name;
    hostile_call *call;
} by_dim[] = {ALONG(sum),       ALONG(mean),       ALONG(prod),        ALONG(var),
              ALONG(std),       ALONG(logsumexp),  ALONG(any),         ALONG(all),
              ALONG(max),       ALONG(min),        ALONG(argmax),      ALONG(argmin),
              ALONG(cumsum),    ALONG(softmax),    ALONG(log_softmax), ALONG(transpose),
              ALONG(unsqueeze), ALONG(squeeze),    ALONG(slice),       ALONG(select),
              ALONG(cat),       ALONG(stack),      ALONG(flip),        ALONG(repeat_interleave),
              ALONG(sort),      ALONG(argsort),    ALONG(topk),        ALONG(index_select),
              ALONG(gather),    ALONG(scatter_add)};
enum { BY_DIM = sizeof by_dim / sizeof *by_dim };

/* Tensors of no dimensions, of no elements, and of as many dimensions as there can be. */
START_TEST(dimensions_at_the_ends_of_int) {
    const int dims[] = {INT_MIN, INT_MIN + 1, -10, 9, INT_MAX};
    at_tensor *x[] = {at_scalar(1), at_zeros(0, 3), at_ones(1, 2, 1, 2, 1, 2, 1, 2)};
    for (int i = 0; i < BY_DIM; i++)
        for (int k = 0; k < 15; k++)
            AT_SCOPE
                expect_error_of(by_dim[i].name, !by_dim[i].call(x[k / 5], dims[k % 5]), dims[k % 5]);
    ck_assert_int_eq(at_size(x[2], INT_MIN), -1);
    expect_error_of("size", true, INT_MIN);
    EXPECT_ERROR(at_unsqueeze(x[2], 0), AT_ERROR_SHAPE, "unsqueeze: ");
    EXPECT_ERROR(at_stack(0, x[2], x[2]), AT_ERROR_SHAPE, "stack: ");
}
END_TEST

/* The error of a module's constructor begins with its own name, whichever part could not be made. */
START_TEST(modules_of_any_size) {
    const int64_t sizes[] = {INT64_MIN, -1, INT64_C(1) << 62, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        int64_t n = sizes[i], outside = n == -1 ? -6 : n;
        expect_error_of("linear_new: ", !at_linear_new(n, 3), n);
        expect_error_of("embedding_new: ", !at_embedding_new(3, n), n);
        expect_error_of("embedding_new: ", !at_embedding_new(3, 2, .has_padding = true, .padding_index = outside), n);
        expect_error_of("layer_norm_new: ", !at_layer_norm_new(2, n), n);
        expect_error_of("additive_attention_new: ", !at_additive_attention_new(2, n, 3), n);
        expect_error_of("multi_head_attention_new: ", !at_multi_head_attention_new(.hiddens = 4, .heads = n), n);
        expect_error_of("gru_new: ", !at_gru_new(2, n), n);
        expect_error_of("lstm_new: ", !at_lstm_new(n, 2), n);
        expect_error_of("lstm_new: ", !at_lstm_new(2, 2, .layers = n), n);
        expect_error_of("positional_encoding_new: ", !at_positional_encoding_new(n, 0, 5), n);
        expect_error_of("position_wise_ffn_new: ", !at_position_wise_ffn_new(2, 2, n), n);
        expect_error_of("add_norm_new: ", !at_add_norm_new(n, 0), n);
        at_transformer_options o = {.hiddens = 4, .ffn_hiddens = 4, .heads = 2, .vocabulary = 5, .layers = n};
        expect_error_of("transformer_encoder_new: ", !at_transformer_encoder_new_with(o), n);
        expect_error_of("transformer_decoder_new: ", !at_transformer_decoder_new_with(o), n);
    }
}
END_TEST

START_TEST(modules_hold_each_part_once) {
    at_module *whole = at_module_new(sizeof *whole, "Whole"), *part = at_module_new(sizeof *part, "Part");
    at_tensor *slot = NULL, *other = NULL;
    ck_assert(at_module_child(whole, "part", part) && at_module_parameter(whole, "w", &slot, at_ones(1)));
    EXPECT_ERROR(at_module_child(whole, "again", part), AT_ERROR_STATE, "Part is a part of Whole already");
    EXPECT_ERROR(at_module_child(part, "up", whole), AT_ERROR_VALUE, "Whole would become a part of itself");
    EXPECT_ERROR(at_module_child(whole, "self", whole), AT_ERROR_VALUE, "Whole would become a part of itself");
    EXPECT_ERROR(at_module_buffer(whole, "b", &slot, NULL), AT_ERROR_VALUE, "\"b\" would be kept where \"w\" is");
    ck_assert(at_module_buffer(whole, "b", &other, NULL));
    at_module_free(whole);
}
END_TEST

START_TEST(options_that_are_no_numbers) {
    at_tensor *w = at_set_requires_grad(at_ones(1), true);
    at_parameter_list list = {1, &w};
    const double numbers[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        expect_error_of("sgd: lr", !at_sgd(list, .lr = numbers[i]), i);
        expect_error_of("sgd: momentum", !at_sgd(list, .lr = 1, .momentum = numbers[i]), i);
        expect_error_of("adam: beta1", !at_adam(list, .beta1 = numbers[i]), i);
        expect_error_of("rmsprop: alpha", !at_rmsprop(list, .alpha = numbers[i]), i);
        expect_error_of("adagrad: lr_decay", !at_adagrad(list, .lr_decay = numbers[i]), i);
        expect_error_of("dropout: p", !at_dropout(w, numbers[i]), i);
        expect_error_of("arange: ", !at_arange(0, numbers[i], 1), i);
        expect_error_of("arange: ", !at_arange(0, 1, numbers[i]), i);
    }
    EXPECT_ERROR(at_clamp(w, NAN, 1), AT_ERROR_VALUE, "clamp: ");
    EXPECT_ERROR(at_load_csv("data.csv", .header = (at_csv_header)77), AT_ERROR_VALUE, "load_csv: header is 77");
    EXPECT_ERROR(at_data_loader_new(((at_tensor *[]){at_scalar(1)}), 1), AT_ERROR_SHAPE, "tensors[0] is float32 ()");
    at_named_tensor named = {"w", w};
    EXPECT_ERROR(at_save_tensors("w", &named, 1, .n_remarks = INT_MIN), AT_ERROR_VALUE,
                 "no list of -2147483648 remarks");
    EXPECT_ERROR(at_save_tensors("w", &named, 1, .n_remarks = 1), AT_ERROR_VALUE, "no list of 1 remarks");
    EXPECT_ERROR((at_assign(NULL, at_ones(2)), false), AT_ERROR_VALUE, "assign: slot is NULL");
    EXPECT_ERROR(at_write_file("mine", NULL, &(at_contents){.head_bytes = 0}), AT_ERROR_VALUE, "mine: path is NULL");
    EXPECT_ERROR(at_write_file("mine", "w", &(at_contents){.head_bytes = 1}), AT_ERROR_VALUE, "mine: head is NULL");
}
END_TEST

/* ---- derivatives ------------------------------------------------------------------------------------------------- */

/* 0 times infinity is no number: what is not chosen must not be multiplied. */
START_TEST(an_infinite_gradient_goes_to_the_largest_only) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){1, 3, 3}), 3), true);
    at_backward_with(at_max(x), at_from_doubles_shape((double[]){INFINITY}, AT_SHAPE_SCALAR));
    EXPECT(at_grad(x), 0, INFINITY, INFINITY);
    at_zero_grad(x);
    at_backward_with(at_min(x), at_from_doubles_shape((double[]){-INFINITY}, AT_SHAPE_SCALAR));
    EXPECT(at_grad(x), -INFINITY, 0, 0);
}
END_TEST

START_TEST(a_power_by_bools_has_a_derivative) {
    at_tensor *x = at_set_requires_grad(at_from_doubles(((double[]){2, 3}), 2), true);
    at_backward(at_sum(at_pow(x, at_from_bools(((bool[]){true, false}), 2))));
    EXPECT(at_grad(x), 1, 0);
}
END_TEST

Suite *hostile_suite(void) {
    Suite *suite = suite_create("hostile");
    TCase *tcase = tcase_create("hostile");
    tcase_add_checked_fixture(tcase, support_begin, support_end);
    tcase_add_test(tcase, a_product_may_have_more_elements_than_its_factors);
    tcase_add_test(tcase, joined_sizes_may_overflow);
    tcase_add_test(tcase, selecting_may_enlarge_what_is_empty);
    tcase_add_test(tcase, a_shape_may_say_any_number_of_dimensions);
    tcase_add_test(tcase, rows_may_be_too_long_to_evaluate);
    tcase_add_test(tcase, sizes_and_counts_at_the_ends_of_int64);
    tcase_add_test(tcase, dimensions_at_the_ends_of_int);
    tcase_add_test(tcase, modules_of_any_size);
    tcase_add_test(tcase, modules_hold_each_part_once);
    tcase_add_test(tcase, options_that_are_no_numbers);
    tcase_add_test(tcase, an_infinite_gradient_goes_to_the_largest_only);
    tcase_add_test(tcase, a_power_by_bools_has_a_derivative);
    suite_add_tcase(suite, tcase);
    return suite;
}
