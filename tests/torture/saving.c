/* tests/torture/saving.c - what is learned and what it is learned from, in files: safetensors, modules, checkpoints, tables. */
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "torture.h"

static FILE *nowhere;

/* ---- named tensors ----------------------------------------------------------------------------------------------- */

static void prepare_tensors(fixture *f) {
    keep(f, at_randn(6, 7));
    keep(f, at_to(at_randn(3), AT_FLOAT64));
    keep(f, at_randint(0, 9, 2, 2));
    keep(f, at_gt(at_randn(5), 0));
}

static bool save_list(fixture *f, at_tensor *first) {
    const at_named_tensor list[] = {{"x", first},
                                    {"wide", f->tensor[1]},
                                    {"numbers", f->tensor[2]},
                                    {"mask", f->tensor[3]}};
    const at_remark remarks[] = {{"model", "none"}, {"epoch", "3"}};
    return calling("save_tensors") &&
           at_save_tensors(in_folder("t.safetensors"), list, 4, .remarks = remarks, .n_remarks = 2);
}

static bool save_tensors(fixture *f) { return save_list(f, f->tensor[0]); }

static bool save_pending(fixture *f) {
    calling("mul transpose");
    at_tensor *pending = at_transpose(at_mul(f->tensor[0], 2), 0, 1);
    return pending && save_list(f, pending);
}

static void prepare_saved_tensors(fixture *f) {
    prepare_tensors(f);
    save_tensors(f);
}

static void prepare_other_tensors(fixture *f) {
    prepare_tensors(f);
    at_save_npy(f->tensor[1], in_folder("t.safetensors"));
}

static at_tensor_file *open_file(void) {
    calling("tensor_file_open");
    return at_tensor_file_open(in_folder("t.safetensors"));
}

/* What is asked of an open file needs no memory. */
static bool look(at_tensor_file *file) {
    const char *remark = at_tensor_file_remark(file, "model");
    bool good = at_tensor_file_count(file) == 4 && at_tensor_file_find(file, "none") == -1 && remark;
    for (int i = 0; i < 4 && good; i++) {
        const char *name = at_tensor_file_name(file, i);
        at_shape shape = at_tensor_file_shape(file, i);
        at_dtype dtype = at_tensor_file_dtype(file, i);
        good = name && result_bytes(name, strlen(name)) && result_bytes(&shape.ndim, sizeof shape.ndim) &&
               result_bytes(&dtype, sizeof dtype) && at_tensor_file_find(file, name) == i;
    }
    return good;
}

static bool read_tensors(fixture *f) {
    (void)f;
    at_tensor_file *file = open_file();
    bool good = file && look(file) && calling("tensor_file_read") && result(at_tensor_file_read(file, 0)) &&
                calling("tensor_file_get") && result(at_tensor_file_get(file, "mask"));
    at_tensor_file_close(file);
    return good;
}

/* ---- modules ----------------------------------------------------------------------------------------------------- */

static at_module *new_net(void) {
    at_module_list *net = at_sequential_new(at_linear_new(3, 4), at_layer_norm_new(4), at_linear_new(4, 2));
    return net ? &net->module : NULL;
}

static void prepare_net(fixture *f) {
    f->module = new_net();
    at_parameter_list list = at_parameters(f->module);
    for (int i = 0; i < list.count; i++) keep(f, list.items[i]);
}

static bool save_module(fixture *f) {
    return calling("save_module") && at_save_module(f->module, in_folder("net.safetensors"));
}

/* Another module, whose parameters have been drawn anew. */
static void prepare_saved_net(fixture *f) {
    f->module = new_net();
    save_module(f);
    at_module_free(f->module);
    prepare_net(f);
}

static bool load_module(fixture *f) {
    return calling("load_module") && at_load_module(f->module, in_folder("net.safetensors"));
}

static void prepare_part(fixture *f) {
    at_linear *layer = at_linear_new(3, 4);
    at_save_module(&layer->module, in_folder("net.safetensors"));
    at_module_free(&layer->module);
    prepare_net(f);
}

static bool load_part(fixture *f) {
    calling("load_module");
    return at_load_module(f->module, in_folder("net.safetensors"), .partial = true, .report = nowhere);
}

/* ---- trainings --------------------------------------------------------------------------------------------------- */

static void prepare_training(fixture *f) {
    prepare_net(f);
    f->number = 3;
    f->optimizer = at_adam(at_parameters(f->module), .lr = 0.1);
    f->schedule = at_step_lr(f->optimizer, 2, 0.5);
    f->loader =
        at_data_loader_new(((at_tensor *[]){at_randn(6, 3), at_randn(6, 2)}), 2, .batch_size = 2, .shuffle = true);
}

static void train_step(fixture *f) {
    at_tensor **batch = at_data_loader_next(f->loader);
    at_backward(at_mse_loss(at_forward(f->module, batch[0]), batch[1], AT_MEAN));
    at_optimizer_step(f->optimizer);
    at_optimizer_zero_grad(f->optimizer);
    at_schedule_step(f->schedule);
    f->number++;
}

static at_training training(fixture *f) {
    return (at_training){.module = f->module,
                         .optimizer = f->optimizer,
                         .schedules = {f->schedule},
                         .loader = f->loader,
                         .numbers = {{"number", &f->number}}};
}

static void prepare_trained(fixture *f) {
    prepare_training(f);
    train_step(f);
}

static bool save_checkpoint(fixture *f) {
    at_training t = training(f);
    return calling("save_checkpoint") && at_save_checkpoint(&t, in_folder("run.safetensors"));
}

/* Saved after one step; then two more. */
static void prepare_checkpoint(fixture *f) {
    prepare_trained(f);
    save_checkpoint(f);
    train_step(f);
    train_step(f);
}

static bool load_checkpoint(fixture *f) {
    at_training t = training(f);
    return calling("load_checkpoint") && at_load_checkpoint(&t, in_folder("run.safetensors"));
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static void write_text(const char *text) {
    const at_contents contents = {.body = text, .body_bytes = strlen(text)};
    at_write_file("write_text", in_folder("table.csv"), &contents);
}

static void prepare_table(fixture *f) {
    (void)f;
    write_text("a,\"b\"\n1,2\n3,4.5\n\n-1e3,0\n");
}

static bool load_table(fixture *f) {
    (void)f;
    calling("load_csv");
    char **names = NULL;
    at_tensor *table = at_load_csv(in_folder("table.csv"), .names = &names);
    bool good = result(table) && result_bytes(names[1], 2);
    free(names);
    return good;
}

static bool write_contents(fixture *f) {
    (void)f;
    const at_contents contents = {"head", "body", 4, 4, .lasting = true};
    return calling("mine") && at_write_file("mine", in_folder("table.csv"), &contents);
}

void torture_saving(void (*by)(const scenario *s)) {
    static const scenario all[] = {{"files save_tensors", prepare_tensors, save_tensors, NULL},
                                   {"files save_tensors over another", prepare_other_tensors, save_tensors, NULL},
                                   {"files save_tensors pending", prepare_tensors, save_pending, NULL},
                                   {"files tensor_file", prepare_saved_tensors, read_tensors, NULL},
                                   {"files save_module", prepare_net, save_module, NULL},
                                   {"files save_module over another", prepare_saved_net, save_module, NULL},
                                   {"files load_module", prepare_saved_net, load_module, NULL},
                                   {"files load_module partial", prepare_part, load_part, NULL},
                                   {"files save_checkpoint", prepare_training, save_checkpoint, NULL},
                                   {"files save_checkpoint of a trained model", prepare_trained, save_checkpoint, NULL},
                                   {"files save_checkpoint over another", prepare_checkpoint, save_checkpoint, NULL},
                                   {"files load_checkpoint", prepare_checkpoint, load_checkpoint, NULL},
                                   {"files load_csv", prepare_table, load_table, NULL},
                                   {"files write_file over another", prepare_table, write_contents, NULL}};
    nowhere = fopen("/dev/null", "w");
    if (!nowhere) exit(EXIT_FAILURE);
    fault_includes_malloc = true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) by(&all[i]);
    fault_includes_malloc = false;
    fclose(nowhere);
}
