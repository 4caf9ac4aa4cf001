/* nn/save.c - modules in files. */
#include "save.h"
#include "state.h"

bool at_save_module(at_module *module, const char *path) {
    if (!module) return at_fail_null("save_module", "module");
    if (!path) return at_fail_null("save_module", "path");
    AT_CALL("save_module");
    nn_state state = {NULL, 0, 0};
    bool saved = nn_state_add_module(&state, module, "") && at_save_tensors(path, state.items, state.count);
    nn_state_free(&state);
    return saved;
}

/* Each part takes its value from the tensor of its name, where there is one. */
static void take_values(const nn_state *parts, const nn_state *loaded) {
    for (int i = 0, next = 0; i < parts->count && next < loaded->count; i++)
        if (strcmp(parts->items[i].name, loaded->items[next].name) == 0)
            tn_tensor_replace(parts->items[i].tensor, loaded->items[next++].tensor);
}

bool at_load_module_with(at_load_module_options o) {
    if (!o.module) return at_fail_null("load_module", "module");
    AT_CALL("load_module");
    at_tensor_file *file = tn_tensor_file_open("load_module", o.path);
    if (!file) return false;
    const char *prefix = o.prefix ? o.prefix : "";
    nn_state parts = {NULL, 0, 0}, loaded = {NULL, 0, 0};
    bool good = false;
    AT_SCOPE {
        good = nn_state_add_module(&parts, o.module, prefix) &&
               nn_state_read(&loaded, &parts, file, &(nn_read_options){"load_module", o.partial, o.report, prefix});
        if (good) take_values(&parts, &loaded);
    }
    nn_state_free(&parts);
    nn_state_free(&loaded);
    at_tensor_file_close(file);
    return good;
}
