# atled - `make help` lists what there is to make. GNU make.
#
# For the command line:  CC=clang  CFLAGS="-O3 -march=native"  WERROR=1  SANITIZE=address,undefined  BUILD=folder  V=1
#                        PREFIX=/usr  DESTDIR=/tmp/package  LIBDIR=/usr/lib64
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

MAJOR   := 0
VERSION := $(MAJOR).1.0

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BUILD      ?= build$(if $(SANITIZE),/sanitize)

# Before `make setup` there may be no compiler to ask; the one it installs compiles for this machine.
MACHINE := $(or $(shell $(CC) -dumpmachine 2>/dev/null),$(shell uname -sm))

# ---- flags -----------------------------------------------------------------------------------------------------------

CFLAGS       ?= -O2 -g
CLANG_FORMAT ?= clang-format
PKG_CONFIG   ?= pkg-config
WARNINGS     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(WERROR),-Werror)
SANITIZERS   := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

# -ffp-contract=off: a * b + c rounds twice with every compiler, so that the same program gives the same bits everywhere.
# Users of the shared library see only what the public headers mark as visible; none of it is meant to be replaced.
# -fno-tree-slp-vectorize: two pointers that were stored one by one a moment ago are slow to load as one vector.
# gcc would compute floats in double on s390x and on 32-bit x86, and round when it stores them: other bits.
# -D_FILE_OFFSET_BITS: files and inodes may be larger than 32-bit machines' own numbers.
FLOATS   := $(if $(findstring s390x,$(MACHINE)),-fexcess-precision=fast) $(if $(filter i%86-%,$(MACHINE)),-msse2 -mfpmath=sse)
REQUIRED := -std=c11 $(WARNINGS) -D_FILE_OFFSET_BITS=64 $(FLOATS) -fvisibility=hidden -fno-semantic-interposition -fno-tree-slp-vectorize -ffp-contract=off -fno-math-errno -fPIC -pthread -I. -Iplot
COMPILE   = $(CC) $(CPPFLAGS) $(CFLAGS) $(REQUIRED) $(SANITIZERS)
LINK      = $(CC) $(CFLAGS) -pthread $(SANITIZERS) $(LDFLAGS)
LIBRARIES = -lm -ldl $(LDLIBS)

# The shell asks pkg-config when a recipe runs: `make setup check` may only just have installed it.
PNG_CFLAGS   = $$($(PKG_CONFIG) --cflags libpng)
PNG_LIBS     = $$($(PKG_CONFIG) --libs libpng)
JSON_CFLAGS  = $$($(PKG_CONFIG) --cflags jansson)
JSON_LIBS    = $$($(PKG_CONFIG) --libs jansson)
CHECK_CFLAGS = $$($(PKG_CONFIG) --cflags check)
CHECK_LIBS   = $$($(PKG_CONFIG) --libs check)

# kernels.c and gemm_kernels.c are compiled once for each instruction set; kernels_get.c chooses when the program runs.
# The latter's sums may use fused multiply-adds: they are faster and round once.
KERNEL_LEVELS := baseline
ifneq ($(findstring x86_64,$(MACHINE)),)
KERNEL_LEVELS += avx2 avx512
HAVE_LEVELS   := -DTN_HAVE_X86_LEVELS
endif
FASTEST      ?= -O3
KERNEL_FLAGS := $(FASTEST) -ftree-slp-vectorize -fno-trapping-math
FLAGS_avx2   := -mavx2 -mfma
FLAGS_avx512 := -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512

# ---- files -----------------------------------------------------------------------------------------------------------

HEADERS := atled.h atled-check.h tensor/memory.h tensor/tensor.h tensor/safetensors.h autograd/operations.h autograd/autograd.h autograd/custom.h autograd/graph.h $(sort $(filter-out nn/internal.h nn/state.h,$(wildcard nn/*.h))) data/data.h optim/optim.h optim/resume.h
PLOT_HEADER := plot/atled-plot.h

object  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
KERNEL_SOURCES := $(wildcard tensor/kernels.c tensor/gemm_kernels.c)
SOURCES := $(sort $(filter-out $(KERNEL_SOURCES),$(wildcard tensor/*.c autograd/*.c nn/*.c data/*.c optim/*.c)))
KERNELS := $(foreach level,$(KERNEL_LEVELS),$(KERNEL_SOURCES:%.c=$(BUILD)/obj/%_$(level).o))
OBJECTS := $(call object,$(SOURCES)) $(KERNELS)
PLOT_OBJECTS := $(call object,$(sort $(filter-out plot/make_%,$(wildcard plot/*.c))))
TEST_OBJECTS := $(call object,$(sort $(wildcard tests/*.c)))
SCALE_OBJECTS := $(call object,$(sort $(wildcard tests/scale/*.c)))
TORTURE_OBJECTS := $(call object,$(sort $(wildcard tests/torture/*.c)) tests/support.c)
CONFORMANCE_OBJECTS := $(call object,$(sort $(wildcard tests/conformance/*.c)))
ACCURACY_OBJECTS := $(call object,$(sort $(wildcard tests/accuracy/*.c)))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
FUZZ_TARGETS := npy safetensors checkpoint csv shapes programs
BENCH_OBJECTS := $(call object,$(sort $(wildcard bench/common/*.c)))
EXAMPLE_OBJECTS := $(call object,$(sort $(wildcard examples/common/*.c)))
BENCHES  := $(patsubst %.c,$(BUILD)/%,$(filter-out bench/start.c,$(wildcard bench/*.c)))
STARTS   := $(BUILD)/bench/start_static $(BUILD)/bench/start_shared
REGRESSION_SUITE := $(BUILD)/examples/regression_suite/regression_suite
EXCHANGE := $(BUILD)/tests/exchange
PROGRAM_OBJECTS := $(patsubst $(BUILD)/%,$(BUILD)/obj/%.o,$(EXAMPLES) $(BENCHES) $(REGRESSION_SUITE)) $(BUILD)/obj/bench/start.o \
    $(BUILD)/obj/tests/machines/exchange.o
SUITES   := $(patsubst tests/test_%.c,%,$(sort $(wildcard tests/test_*.c)))
STATIC   := $(BUILD)/libatled-plot.a $(BUILD)/libatled.a

# A shared library's file, the name that programs ask the loader for, and the name that the linker looks for.
ifneq ($(findstring darwin,$(MACHINE))$(findstring Darwin,$(MACHINE)),)
shared_names = $(1).$(VERSION).dylib $(1).$(MAJOR).dylib $(1).dylib
soname = -Wl,-install_name,$(LIBDIR)/$(1)
else
shared_names = $(1).so.$(VERSION) $(1).so.$(MAJOR) $(1).so
soname = -Wl,-soname,$(1)
endif
SHARED_NAMES      := $(call shared_names,libatled)
PLOT_SHARED_NAMES := $(call shared_names,libatled-plot)
SHARED      := $(BUILD)/$(word 1,$(SHARED_NAMES))
PLOT_SHARED := $(BUILD)/$(word 1,$(PLOT_SHARED_NAMES))
# $(call symlinks,folder,names): the second and third name point to the first.
symlinks = ln -sf $(word 1,$(2)) $(1)/$(word 2,$(2)) && ln -sf $(word 1,$(2)) $(1)/$(word 3,$(2))

# ---- building --------------------------------------------------------------------------------------------------------

.PHONY: all libraries run
all: libraries $(EXAMPLES)
libraries: $(STATIC) $(SHARED) $(PLOT_SHARED)

run: $(BUILD)/examples/nadaraya_watson
	$< $(ARGS)

Q := $(if $(V),,@)

# Files that hold a line of text, written only when it changes: what depends on them is then made again. When setup is
# among the goals, all else waits for it here. `sudo make install` takes what has been built, whatever its flags were.
$(BUILD)/flags: TEXT = $(COMPILE)
$(BUILD)/objects: TEXT = $(OBJECTS) $(PLOT_OBJECTS) $(call object,$(wildcard tests/*.c tests/*/*.c))
$(BUILD)/suites.inc: TEXT = $(patsubst %,SUITE(%),$(SUITES))
$(BUILD)/flags $(BUILD)/objects $(BUILD)/suites.inc: $(if $(filter-out install,$(or $(MAKECMDGOALS),all)),ALWAYS) \
    | $(filter setup setup-ci setup-conformance setup-accuracy,$(MAKECMDGOALS))
	@mkdir -p $(@D)
	@test "$$(cat $@ 2>/dev/null)" = '$(TEXT)' || echo '$(TEXT)' > $@
.PHONY: ALWAYS
ALWAYS:

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D) && echo "compile  $<"
	$(Q)$(COMPILE) $(EXTRA) -MMD -MP -c $< -o $@
define compile_for
$(KERNEL_SOURCES:%.c=$(BUILD)/obj/%_$(1).o): $(BUILD)/obj/%_$(1).o: %.c $(BUILD)/flags
	@mkdir -p $$(@D) && echo "compile  $$< for $(1)"
	$(Q)$$(COMPILE) $(KERNEL_FLAGS) $$(EXTRA) $(FLAGS_$(1)) -DTN_LEVEL=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach level,$(KERNEL_LEVELS),$(eval $(call compile_for,$(level))))
$(KERNEL_LEVELS:%=$(BUILD)/obj/tensor/gemm_kernels_%.o): EXTRA = -ffp-contract=fast
$(call object,tensor/kernels_get.c): EXTRA = $(HAVE_LEVELS)
$(call object,tensor/random.c): EXTRA = $(FASTEST)
$(call object,tensor/json.c tensor/safetensors.c): EXTRA = $(JSON_CFLAGS)
$(PLOT_OBJECTS): EXTRA = $(PNG_CFLAGS)
$(TEST_OBJECTS) $(TORTURE_OBJECTS): EXTRA = $(PNG_CFLAGS) $(CHECK_CFLAGS) $(JSON_CFLAGS) -I$(BUILD)
$(call object,tests/main.c): $(BUILD)/suites.inc
# Only for ThreadSanitizer: OpenMP's library keeps a block to the end, which valgrind would report for every suite.
TEST_OPENMP = $(if $(findstring thread,$(SANITIZE)),$(OPENMP))
$(call object,tests/test_threads.c): EXTRA = $(CHECK_CFLAGS) $(TEST_OPENMP)
-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d)

$(BUILD)/libatled.a: $(OBJECTS) $(BUILD)/objects
$(BUILD)/libatled-plot.a: $(PLOT_OBJECTS) $(BUILD)/objects
$(STATIC):
	@echo "archive  $@" && rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)
$(SHARED): $(OBJECTS) $(BUILD)/objects
	@echo "link     $@"
	$(Q)$(LINK) -shared $(call soname,$(word 2,$(SHARED_NAMES))) $(filter %.o,$^) -o $@ $(JSON_LIBS) $(LIBRARIES)
	@$(call symlinks,$(BUILD),$(SHARED_NAMES))
$(PLOT_SHARED): $(PLOT_OBJECTS) $(BUILD)/objects $(SHARED)
	@echo "link     $@"
	$(Q)$(LINK) -shared $(call soname,$(word 2,$(PLOT_SHARED_NAMES))) $(filter %.o,$^) -o $@ -L$(BUILD) -latled \
	    $(PNG_LIBS) $(LIBRARIES)
	@$(call symlinks,$(BUILD),$(PLOT_SHARED_NAMES))

$(EXAMPLES): $(EXAMPLE_OBJECTS)
$(BENCHES): $(BENCH_OBJECTS)
$(BENCHES): MORE_LIBS = $(OPENMP)
$(EXAMPLES) $(BENCHES): $(BUILD)/%: $(BUILD)/obj/%.o $(STATIC)
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter %.o,$^) $(STATIC) -o $@ $(MORE_LIBS) $(PNG_LIBS) $(JSON_LIBS) $(LIBRARIES)
# The hand-written limit is compiled for this very processor (by gcc best, which makes vectors of expf too); OPENMP is
# empty where the compiler has none.
OPENMP = $(shell echo 'int main(void) { return 0; }' | $(CC) -fopenmp -x c - -o /dev/null 2>/dev/null && echo -fopenmp)
NATIVE := $(if $(findstring x86_64,$(MACHINE)),-march=native -mprefer-vector-width=512)
$(call object,bench/common/limit_nw.c): EXTRA = -O3 $(NATIVE) -ffast-math $(or $(OPENMP),-Wno-unknown-pragmas)
$(BUILD)/bench/start_static: $(BUILD)/obj/bench/start.o $(BUILD)/libatled.a
	$(Q)mkdir -p $(@D) && $(LINK) $^ -o $@ $(LIBRARIES)
$(BUILD)/bench/start_shared: $(BUILD)/obj/bench/start.o $(SHARED)
	$(Q)mkdir -p $(@D) && $(LINK) $< -o $@ -L$(BUILD) -latled -Wl,-rpath,$(abspath $(BUILD)) $(LIBRARIES)
# A user's test suite: only the check goals build it, as only they need Check.
$(REGRESSION_SUITE:$(BUILD)/%=$(BUILD)/obj/%.o): EXTRA = $(CHECK_CFLAGS)
$(REGRESSION_SUITE): $(BUILD)/%: $(BUILD)/obj/%.o $(STATIC)
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $^ -o $@ $(CHECK_LIBS) $(LIBRARIES)
$(BUILD)/tests/check: $(TEST_OBJECTS) $(STATIC) $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter-out %/objects,$^) -o $@ $(CHECK_LIBS) $(PNG_LIBS) $(JSON_LIBS) $(TEST_OPENMP) $(LIBRARIES)
$(BUILD)/tests/scale: $(SCALE_OBJECTS) $(BUILD)/libatled.a $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter-out %/objects,$^) -o $@ $(LIBRARIES)

# The program's functions stand in the place of these of the C library's. As files may be large, glibc's headers make
# open64 of open, and so on.
LARGE   = $(shell $(CC) -E -dM -include stdio.h -x c /dev/null | grep -q __GLIBC__ && echo 64)
WRAPPED = malloc write fsync close rename realpath mkdir fread ferror getline \
    $(addsuffix $(LARGE),open stat fstat fopen fseeko)
$(BUILD)/tests/torture/torture: $(TORTURE_OBJECTS) $(STATIC) $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(WRAPPED:%=-Wl,--wrap=%) $(filter-out %/objects,$^) -o $@ $(CHECK_LIBS) $(PNG_LIBS) $(JSON_LIBS) $(LIBRARIES)

# ---- testing ---------------------------------------------------------------------------------------------------------

.PHONY: check check-suites check-scale check-headers check-snippets check-examples check-torture check-fuzz
.PHONY: check-adding-an-operation torture bench bench-docs
check: check-headers check-suites check-scale check-snippets check-examples check-torture check-fuzz

# TESTS="random npy" runs only tests/test_random.c and tests/test_npy.c; CK_FORK=no suits debuggers.
check-suites: $(BUILD)/tests/check
	$< $(TESTS)

# Other machines: see tests/machines.sh, which each of these calls for one leg. QUICK=1: fewer suites under emulators.
LEGS := compilers libraries m32 musl arm64 s390x
.PHONY: check-machines $(LEGS:%=check-%)
check-machines:
	+@MAKE='$(MAKE)' QUICK='$(QUICK)' bash tests/machines.sh $(LEGS)
$(LEGS:%=check-%): check-%:
	+@MAKE='$(MAKE)' QUICK='$(QUICK)' bash tests/machines.sh $*
$(EXCHANGE): $(BUILD)/obj/tests/machines/exchange.o $(BUILD)/libatled.a
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $^ -o $@ $(LIBRARIES)

# The suite threads under ThreadSanitizer, and its small cases under valgrind's two tools for threads. None of them sees
# what OpenMP and OpenBLAS do inside; what atled does beside them is seen.
VALGRIND_THREADS = CK_FORK=no CK_RUN_CASE=small ATLED_BLAS=none valgrind --quiet --error-exitcode=1 \
    --suppressions=tests/valgrind_threads.supp
.PHONY: check-threads
check-threads: $(BUILD)/tests/check
	+@$(MAKE) --no-print-directory SANITIZE=thread BUILD=$(BUILD)/thread $(BUILD)/thread/tests/check
	CK_FORK=no $(BUILD)/thread/tests/check threads
	$(VALGRIND_THREADS) --tool=helgrind $< threads
	$(VALGRIND_THREADS) --tool=drd $< threads

# Very deep and wide graphs, a million training steps, and more than 2^31 elements, with the time and memory of each: some
# minutes. Takes up to MEMORY GiB of memory (10) and leaves out what this machine has not got.
.PHONY: scale
scale: $(BUILD)/tests/scale
	MEMORY=$(MEMORY) $< $(ARGS)
check-scale: $(BUILD)/tests/scale
	$< --quick
# Every allocation and every call on files made to fail, one after the other: all of them, minutes; and a sample. Scenarios
# call every public function. Then accuracy, where MPFR is installed: a quarter of an hour; ACCURACY="--every 61" a minute.
SCENARIOS = $(filter-out %/torture.o %/faults.o %/support.o,$(TORTURE_OBJECTS))
torture: $(BUILD)/tests/torture/torture
	@sh tests/torture/uncalled.sh '$(SCENARIOS)' '$(STATIC)'
	$< $(ARGS)
	+@if $(HAVE_MPFR); then $(MAKE) --no-print-directory accuracy ARGS='$(ACCURACY)'; else \
	    echo "torture: accuracy is left out, for which MPFR is missing: make setup-accuracy installs it"; fi
HAVE_MPFR = echo 'int main(void) { return 0; }' | $(CC) $(CPPFLAGS) -include mpfr.h -x c - -o $(BUILD)/mpfr -lmpfr -lgmp 2>/dev/null
check-torture: $(BUILD)/tests/torture/torture
	@sh tests/torture/uncalled.sh '$(SCENARIOS)' '$(STATIC)'
	$< --every $(if $(SANITIZE),200,30)

# Each public header, alone, in a strict user's program.
STRICT = -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I. -Iplot $(CHECK_CFLAGS)
check-headers: | $(BUILD)/flags
	@for header in $(HEADERS) $(notdir $(PLOT_HEADER)); do \
	    echo "header   $$header as C11 and C++17"; \
	    printf '#include <%s>\nint main(void) { return 0; }\n' $$header > $(BUILD)/header.c; \
	    $(CC) -std=c11 $(STRICT) $(BUILD)/header.c || exit 1; \
	    $(CXX) -std=c++17 $(STRICT) -x c++ $(BUILD)/header.c || exit 1; \
	done

# The programs in README.md and docs/, as a reader would compile them.
check-snippets: $(STATIC)
	@CC='$(CC) -std=gnu11 -I. -Iplot $(SANITIZERS)' LIBS="$(STATIC) $(PNG_LIBS) $(JSON_LIBS) -pthread $(LIBRARIES)" \
	    sh tests/snippets.sh $(BUILD)/snippets README.md docs/*.md

check-examples: $(EXAMPLES) $(REGRESSION_SUITE)
	$(REGRESSION_SUITE)
	@if test -e tests/examples.sh; then BUILD=$(BUILD) sh tests/examples.sh; fi

# What `make fuzz` has found worth keeping, the inputs that once broke something among it, each run once.
FUZZERS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%)
check-fuzz: $(FUZZERS)
	@for target in $(FUZZ_TARGETS); do $(BUILD)/tests/fuzz/$$target tests/fuzz/corpus/$$target/* || exit 1; done

# A fuzzer is a target with what runs it: libFuzzer where it is built in, otherwise replay.c. What the library is compared
# with is no code to be explored, and more than half of it is loops: libFuzzer need not watch it.
FUZZ_MAIN = $(if $(findstring fuzzer,$(SANITIZE)),-fsanitize=fuzzer,$(call object,tests/fuzz/replay.c))
FUZZ_REFERENCE := $(call object,tests/fuzz/tape.c $(sort $(wildcard tests/fuzz/naive*.c tests/fuzz/program_*.c)))
$(FUZZ_REFERENCE): EXTRA = $(if $(findstring fuzzer,$(SANITIZE)),-fno-sanitize=fuzzer-no-link)
$(BUILD)/tests/fuzz/programs: $(FUZZ_REFERENCE)
$(FUZZERS): $(BUILD)/%: $(BUILD)/obj/%.o $(call object,tests/fuzz/memory.c tests/fuzz/replay.c) $(BUILD)/libatled.a $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter-out %/replay.o,$(filter %.o,$^)) $(FUZZ_MAIN) $(BUILD)/libatled.a -o $@ $(JSON_LIBS) $(LIBRARIES)

# libFuzzer under the sanitizers on each target in turn, SECONDS in all; RAW=1: without the sanitizers, much faster.
.PHONY: fuzz fuzzers
SECONDS ?= 60
fuzzers: $(FUZZERS)
fuzz:
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/fuzz$(if $(RAW),-raw) \
	    SANITIZE=fuzzer-no-link$(if $(RAW),,$(comma)address$(comma)undefined) fuzzers
	@BUILD=$(BUILD)/fuzz$(if $(RAW),-raw) sh tests/fuzz/run.sh $(SECONDS) $(or $(TARGETS),$(FUZZ_TARGETS))
comma := ,

# The worked example of docs/adding_an_operation.md, in a copy of the sources. Needs patch, so it is not part of check.
check-adding-an-operation: $(BUILD)/tests/check
	+@BUILD=$(BUILD) MAKE='$(MAKE)' sh tests/adding_an_operation.sh

bench: $(BENCHES) $(STARTS) $(BUILD)/examples/nadaraya_watson
	@BUILD=$(BUILD) CC='$(CC)' PYTHON='$(PYTHON)' QUICK='$(QUICK)' sh bench/run.sh
# The tables and the curves of docs/performance.md and README.md, measured again: a quarter of an hour or more.
MEASURED := docs/performance.md README.md
bench-docs: $(BENCHES) $(STARTS) $(BUILD)/examples/nadaraya_watson
	FIGURE=docs/figures/scaling.png $(MAKE) --no-print-directory bench > $(BUILD)/bench/table.md
	@for page in $(MEASURED); do \
	    awk -f bench/fill.awk $(BUILD)/bench/table.md $$page > $(BUILD)/bench/page.md && cp $(BUILD)/bench/page.md $$page || exit 1; \
	done

# Disturbs each derivative rule, and what computes with shapes, in copies of the tree, and the suites must notice: half
# an hour. FILES=tensor/shape.c takes only the shapes in that file. The PyTorch reference values are written again by
# PYTHON, a Python that has torch.
PYTHON ?= /usr/bin/python3
.PHONY: mutation reference
mutation:
	$(if $(FILES),,BUILD=$(BUILD) sh tests/mutation.sh)
	$(PYTHON) tests/mutation_shapes.py --build $(BUILD) $(FILES)
reference:
	$(PYTHON) tests/reference/generate.py

# The ONNX project's test cases, as Debian's libonnx-testdata has them. They are read by protobuf-c, which nothing else
# needs: not part of check. ARGS="--list softmax" runs and lists the cases whose names contain "softmax".
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
ONNX_CODE  := $(BUILD)/onnx/onnx.pb-c.c
.PHONY: conformance
conformance: $(BUILD)/tests/conformance
	$< $(ARGS)
$(ONNX_CODE): | $(filter setup-conformance,$(MAKECMDGOALS))
	@command -v protoc-c >/dev/null && test -e $(ONNX_PROTO) || \
	    { echo "conformance: no protoc-c or no $(ONNX_PROTO); make setup-conformance installs them"; exit 1; }
	@mkdir -p $(@D) && protoc-c --c_out=$(@D) -I$(dir $(ONNX_PROTO)) $(ONNX_PROTO)
$(ONNX_CODE:.c=.o): $(ONNX_CODE) $(BUILD)/flags
	@echo "compile  $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZERS) -w -c $< -o $@
$(CONFORMANCE_OBJECTS): EXTRA = -isystem $(BUILD)/onnx $$($(PKG_CONFIG) --cflags libprotobuf-c)
$(call object,tests/conformance/onnx_reader.c): $(ONNX_CODE)
$(BUILD)/tests/conformance: $(CONFORMANCE_OBJECTS) $(ONNX_CODE:.c=.o) $(BUILD)/libatled.a $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter-out %/objects,$^) -o $@ $$($(PKG_CONFIG) --libs libprotobuf-c) $(LIBRARIES)

# The largest errors of functions, softmax and sums beside MPFR's, which nothing else needs: not part of check. All float32
# numbers take a quarter of an hour on two free cores; ARGS="--every 17" takes a minute. hard-inputs writes the worst
# inputs found, for tests/test_vector_math.c. Estimates are computed by glibc's vector functions, where gcc takes them.
.PHONY: accuracy hard-inputs
accuracy: $(BUILD)/tests/accuracy
	$< $(ARGS)
hard-inputs: $(BUILD)/tests/accuracy
	$< --hard-inputs tests/hard_inputs.inc $(ARGS)
$(call object,tests/accuracy/errors.c): EXTRA = -O3 $(NATIVE) -fno-trapping-math
$(call object,tests/accuracy/estimate.c): EXTRA = -O3 $(NATIVE) -ffast-math
$(BUILD)/tests/accuracy: $(ACCURACY_OBJECTS) $(BUILD)/libatled.a $(BUILD)/objects
	@mkdir -p $(@D) && echo "link     $@"
	$(Q)$(LINK) $(filter-out %/objects,$^) -o $@ -lmpfr -lgmp $(LIBRARIES)

# What the tests run of the library, compiled without optimisation: every suite, those of the kernels at the lower levels
# too, the examples, the fuzzers' corpus, and all faults, but of the operations' rows only one in TORTURED;
# `make -j2 coverage` takes two at a time. What no test can run is marked by LCOV_EXCL_LINE, or LCOV_EXCL_START and
# LCOV_EXCL_STOP, with the reason, and listed at the end. The details are in $(BUILD)/coverage/index.html.
COVERED  := tensor autograd nn data optim plot
TORTURED ?= 10
FOR_COVERAGE = $(MAKE) --no-print-directory BUILD=$(BUILD)/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic' FASTEST=-O0
COVERAGE_RUNS := suites $(filter-out $(lastword $(KERNEL_LEVELS)),$(KERNEL_LEVELS)) processes examples torture fuzz
.PHONY: coverage $(COVERAGE_RUNS:%=cover-%)
coverage:
	@command -v gcovr >/dev/null || { echo "coverage: no gcovr; make setup-coverage installs it"; exit 1; }
	+@$(FOR_COVERAGE) all $(BUILD)/coverage/tests/check $(BUILD)/coverage/tests/torture/torture fuzzers
	@find $(BUILD)/coverage -name '*.gcda' -delete
	+@$(FOR_COVERAGE) $(COVERAGE_RUNS:%=cover-%)
	@awk -f tests/excluded.awk $(COVERED:%=%/*.[ch])
	@gcovr --root . $(COVERED:%=--filter '%/') --exclude plot/make_ --gcov-ignore-parse-errors \
	    --exclude-unreachable-branches --object-directory $(BUILD)/coverage --print-summary \
	    --txt $(BUILD)/coverage/lines.txt --html-details $(BUILD)/coverage/index.html \
	    --fail-under-line 100 --fail-under-branch 97 $(BUILD)/coverage
cover-suites: $(BUILD)/tests/check
	CK_FORK=no $<
$(KERNEL_LEVELS:%=cover-%): cover-%: $(BUILD)/tests/check
	CK_FORK=no ATLED_KERNELS=$* $< kernels product random reduce vector_math
# In processes of their own, each of which loads another BLAS.
cover-processes: $(BUILD)/tests/check
	CK_RUN_CASE='with and without BLAS' $< product
cover-examples:
	@BUILD=$(BUILD) sh tests/examples.sh
cover-torture: $(BUILD)/tests/torture/torture
	$< --rows $(TORTURED)
cover-fuzz: check-fuzz

# Every C file but those whose first line says that they are generated.
C_FILES   := $(filter-out build/%,$(wildcard *.h */*.[ch] */*/*.[ch]))
FORMATTED  = $(shell awk 'FNR == 1 && !/ - generated by / { print FILENAME }' $(C_FILES))
.PHONY: format check-format
format:
	$(CLANG_FORMAT) -i $(FORMATTED)
check-format: | $(filter setup-ci,$(MAKECMDGOALS))
	@command -v $(CLANG_FORMAT) >/dev/null || { echo "check-format: no $(CLANG_FORMAT); make setup-ci installs it"; exit 1; }
	@$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

# ---- installing ------------------------------------------------------------------------------------------------------

.PHONY: install uninstall setup setup-ci setup-conformance setup-machines clean help setup-accuracy setup-coverage
LIB_DEST     = $(DESTDIR)$(LIBDIR)
INCLUDE_DEST = $(DESTDIR)$(INCLUDEDIR)/atled
relative = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
pc = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call relative,$(LIBDIR))|' -e 's|@VERSION@|$(VERSION)|' \
    -e 's|@INCLUDEDIR@|$(call relative,$(INCLUDEDIR))|' $(1).pc.in > '$(LIB_DEST)/pkgconfig/$(1).pc'

install: libraries
	@set -e; for folder in $(sort $(dir $(HEADERS))); do install -d "$(INCLUDE_DEST)/$$folder"; done
	@set -e; for header in $(HEADERS); do install -m 644 $$header "$(INCLUDE_DEST)/$$header"; done
	@install -m 644 $(PLOT_HEADER) '$(INCLUDE_DEST)'
	@install -d '$(LIB_DEST)/pkgconfig'
	@install -m 644 $(STATIC) '$(LIB_DEST)'
	@install -m 755 $(SHARED) $(PLOT_SHARED) '$(LIB_DEST)'
	@$(call symlinks,'$(LIB_DEST)',$(SHARED_NAMES))
	@$(call symlinks,'$(LIB_DEST)',$(PLOT_SHARED_NAMES))
	@$(call pc,atled)
	@$(call pc,atled-plot)
	@test -n '$(DESTDIR)' || test "$$(id -u)" != 0 || ldconfig 2>/dev/null || true
	@echo "installed in $(DESTDIR)$(PREFIX)"

uninstall:
	@rm -f $(patsubst %,'$(INCLUDE_DEST)/%',$(HEADERS) $(notdir $(PLOT_HEADER)))
	@rm -f $(patsubst %,'$(LIB_DEST)/%',$(notdir $(STATIC)) $(SHARED_NAMES) $(PLOT_SHARED_NAMES))
	@rm -f '$(LIB_DEST)/pkgconfig/atled.pc' '$(LIB_DEST)/pkgconfig/atled-plot.pc'
	@for folder in $(filter-out ./,$(sort $(dir $(HEADERS)))) ''; do rmdir "$(INCLUDE_DEST)/$$folder" 2>/dev/null || true; done
	@echo "uninstalled from $(DESTDIR)$(PREFIX)"

setup:
	@CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' sh tools/setup.sh
setup-ci: | $(filter setup,$(MAKECMDGOALS))
	@CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' sh tools/setup.sh ci
setup-conformance: | $(filter setup,$(MAKECMDGOALS))
	@CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' sh tools/setup.sh conformance
setup-accuracy: | $(filter setup,$(MAKECMDGOALS))
	@CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' sh tools/setup.sh accuracy
setup-coverage: | $(filter setup,$(MAKECMDGOALS))
	@CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' sh tools/setup.sh coverage

setup-machines: | $(filter setup,$(MAKECMDGOALS))
	@LEGS='$(LEGS)' sh tests/machines/setup.sh build/machines/roots

clean:
	rm -rf $(BUILD)

help:
	@echo "make setup      install what building and testing need (only what is missing)"
	@echo "make            the libraries and examples, in $(BUILD)/"
	@echo "make run        the Nadaraya-Watson chapter; its figures go to out/"
	@echo "make check      every test; make check-suites TESTS=npy runs tests/test_npy.c"
	@echo "make check-threads  what threads share, under ThreadSanitizer, helgrind and drd"
	@echo "make scale      ten million operations, a million steps, 2^31 elements: time and memory; MEMORY=20: GiB allowed"
	@echo "make torture    every allocation and every call on files made to fail, then make accuracy; make check takes a sample"
	@echo "make check-adding-an-operation  what docs/adding_an_operation.md says, done in a copy"
	@echo "make conformance  the ONNX project's test cases; make setup-conformance installs what they need"
	@echo "make check-machines  other compilers and processors; make setup-machines installs what they need"
	@echo "make accuracy   the largest errors of functions and sums; make setup-accuracy installs MPFR"
	@echo "make coverage   whether the tests run every line and 97 % of the branches; -j2: faster; make setup-coverage: gcovr"
	@echo "make fuzz       hostile files, arguments and programs by libFuzzer; SECONDS=60 TARGETS=\"npy csv\"; needs clang"
	@echo "make bench      benchmarks beside PyTorch and OpenBLAS; QUICK=1: under a minute"
	@echo "make bench-docs the tables of docs/performance.md and README.md, measured again"
	@echo "make mutation   whether the suites notice a wrong derivative or shape; half an hour; FILES=tensor/shape.c: less"
	@echo "make reference  write the PyTorch reference values again"
	@echo "make install    into PREFIX ($(PREFIX)); make uninstall removes it"
	@echo "make format     clang-format on every C file; make check-format only looks"
	@echo "make setup-ci   install what .ci/run needs beyond that"
	@echo "make clean      remove $(BUILD)/"
