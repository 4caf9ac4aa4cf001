/* examples/common/settings.c - one table of options, and what reads the command line by it. */
#include "settings.h"
#include "complain.h"
#include "numbers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { WHOLE, POSITIVE, TEXT, FLAG } value_kind;

typedef struct {
    const char *name, *argument, *help;
    value_kind kind;
    void *value;          /* where it goes; holds the default at first */
    uint64_t least, most; /* WHOLE */
} option;

/* ---- help -------------------------------------------------------------------------------------------------------- */

static void print_default(const option *o) {
    if (o->kind == WHOLE) printf(" (%" PRIu64 ")", *(uint64_t *)o->value);
    if (o->kind == POSITIVE) printf(" (%g)", *(double *)o->value);
    if (o->kind == TEXT && *(const char **)o->value) printf(" (%s)", *(const char **)o->value);
    putchar('\n');
}

static void print_help(const option *options, int count) {
    puts("Usage: nadaraya_watson [options]\n"
         "The attention pooling chapter: prints the losses and the learned w, and draws six figures.\n\n"
         "Options, with their defaults in brackets:");
    for (int i = 0; i < count; i++) {
        printf("  --%-9s %-5s  %s", options[i].name, options[i].argument, options[i].help);
        print_default(&options[i]);
    }
    printf("  --%-9s %-5s  %s\n\n", "help", "", "print this");
    puts("Status: 0 done, 1 failed, 2 wrong options or data (nothing has been written then).\n"
         "The gradient grows with the square of y, so real data need a smaller --lr than the artificial ones.");
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool set_whole(const option *o, const char *text) {
    uint64_t value = 0;
    const char *problem = parse_whole(text, &value);
    if (!problem && value < o->least) problem = "is too small";
    if (!problem && value > o->most) problem = "is too large";
    if (problem)
        return complain("--%s: \"%.60s\" %s: want %" PRIu64 " to %" PRIu64, o->name, text, problem, o->least, o->most);
    *(uint64_t *)o->value = value;
    return true;
}

static bool set_positive(const option *o, const char *text) {
    const double least = 1e-30; /* a float32 and its square root's inverse still hold it */
    double value = 0;
    const char *problem = parse_real(text, &value);
    if (!problem && value <= 0) problem = "is not above 0";
    if (!problem && value < least) problem = "is too small";
    if (problem) return complain("--%s: \"%.60s\" %s", o->name, text, problem);
    *(double *)o->value = value;
    return true;
}

static bool set_value(const option *o, const char *text) {
    if (!text) return complain("--%s: want a value, --%s %s", o->name, o->name, o->argument);
    if (o->kind == WHOLE) return set_whole(o, text);
    if (o->kind == POSITIVE) return set_positive(o, text);
    if (!*text) return complain("--%s: want a name, --%s %s", o->name, o->name, o->argument);
    *(const char **)o->value = text;
    return true;
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

/* The option that an argument "--name" or "--name=value" names; NULL: none. */
static const option *find_option(const option *options, int count, const char *argument) {
    if (strncmp(argument, "--", 2) != 0) return NULL;
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    for (int i = 0; i < count; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0) return &options[i];
    return NULL;
}

/* Reads the option at argv[0]; returns how many arguments it took, 0 after complaining. */
static int read_option(const option *options, int count, char **argv) {
    const option *o = find_option(options, count, argv[0]);
    const char *equals = strchr(argv[0], '=');
    if (!o) {
        const char *what = argv[0][0] == '-' ? "unknown option" : "unexpected argument";
        return complain("%s \"%.60s\": --help lists the options", what, argv[0]);
    }
    if (o->kind == FLAG) {
        if (equals) return complain("--%s takes no value", o->name);
        *(bool *)o->value = true;
        return 1;
    }
    if (!set_value(o, equals ? equals + 1 : argv[1])) return 0;
    return equals ? 1 : 2;
}

settings settings_from_arguments(int argc, char **argv) {
    settings s = {.seed = 0, .n_train = 50, .epochs = 5, .lr = 0.5, .bandwidth = 1, .out = "out"};
    const option options[] = {
        {"seed", "N", "of the random numbers, as torch.manual_seed", WHOLE, &s.seed, 0, UINT64_MAX},
        {"n-train", "N", "training examples, without --data", WHOLE, &s.n_train, 2, 1000000},
        {"epochs", "N", "training steps", WHOLE, &s.epochs, 1, 100000000},
        {"lr", "F", "learning rate", POSITIVE, &s.lr, 0, 0},
        {"bandwidth", "F", "width of the nonparametric kernel", POSITIVE, &s.bandwidth, 0, 0},
        {"data", "FILE", "train on the x,y pairs of this CSV file", TEXT, &s.data, 0, 0},
        {"out", "DIR", "folder for the figures, created", TEXT, &s.out, 0, 0},
        {"fused", "", "store no attention weights in training", FLAG, &s.fused, 0, 0},
        {"quiet", "", "print nothing but errors", FLAG, &s.quiet, 0, 0},
    };
    const int count = (int)(sizeof options / sizeof options[0]);
    complain_as(argc > 0 ? argv[0] : "nadaraya_watson");
    for (int i = 1; i < argc;) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(options, count);
            exit(EXIT_SUCCESS);
        }
        int taken = read_option(options, count, argv + i);
        if (taken == 0) exit(2);
        i += taken;
    }
    return s;
}
