"""tests/mutation_shapes.py - whether the suites notice a wrong shape, stride or offset:

    python3 tests/mutation_shapes.py [--build FOLDER] [--every N] [FILE...]

In copies of the tree one small thing is changed at a time - an operator, a number, an index, a statement left out - in
the lines that compute with sizes. Each time a suite must fail, crash, or hang; what all suites pass is built once more
with the sanitizers, which see what reads beside an array. What does not compile, or compiles to the same code, does not
count. Changes that no caller could see are listed, with the reason, in tests/mutation_equivalent.txt.
Prints the survivors; exits non-zero if there are any. --every N takes one change in N.
"""
import argparse
import collections
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Each file with the suites that test it, the quickest and the likeliest to notice first.
SUITES = {
    "tensor/shape.c": "tensor reference errors reduce autograd deferred",
    "tensor/value.c": "tensor reference deferred autograd ownership",
    "tensor/look.c": "tensor errors reference autograd",
    "tensor/create.c": "tensor errors reference",
    "tensor/reduce.c": "reduce deferred reference autograd",
    "tensor/softmax.c": "reduce deferred reference autograd",
    "tensor/product.c": "product nn reference",
    "tensor/gemm.c": "product nn reference",
    "tensor/sort.c": "sort",
    "tensor/topk.c": "sort",
    "tensor/extreme.c": "reduce sort reference",
    "tensor/select.c": "reference sort autograd",
    "tensor/compile.c": "deferred tensor product reduce reference",
    "tensor/run.c": "deferred tensor product reduce reference",
    "tensor/evaluate.c": "deferred tensor product reduce reference",
    "autograd/shapes.c": "tensor reference errors autograd ownership gradients",
    "autograd/indexing.c": "reference errors tensor autograd sort",
    "autograd/backward.c": "autograd reference ownership",
    "autograd/order.c": "autograd ownership",
    "autograd/node.c": "autograd ownership",
    "autograd/checkpoint.c": "checkpoint nn",
}
SECONDS, SECONDS_SANITIZED = 60, 300  # for a suite
MEMORY = 4 << 30

# ---- changes ---------------------------------------------------------------------------------------------------------

SIZES = re.compile(r"stride|dim|shape|offset|numel|lead\b|rows?\b|columns?\b|step|chunk|covered|start|inner|outer|"
                   r"count\b|capacity|slice|width|pieces|groups|rest\b|run\b|place|\[.*\]|\bat\b|\bn\b|n_slots|"
                   r"n_inputs")
MESSAGE = re.compile(r'_fail|"|PRI|tn_describe|tn_shape_text')

OPERATORS = [  # a binary operator has a space on either side, a pointer's star has not
    (r" \+ ", [" - "]), (r" - ", [" + "]), (r" \* ", [" / "]), (r" / ", [" * "]), (r" % ", [" / "]),
    (r" < ", [" <= "]), (r" <= ", [" < "]), (r" > ", [" >= "]), (r" >= ", [" > "]),
    (r" == ", [" != "]), (r" != ", [" == "]), (r" && ", [" || "]), (r" \|\| ", [" && "]),
    (r" \+= ", [" -= ", " = "]), (r" -= ", [" += ", " = "]), (r" \*= ", [" = "]), (r" /= ", [" *= ", " = "]),
    (r"(?<![\w.])0(?![\w.])", ["1"]), (r"(?<![\w.])1(?![\w.])", ["0"]), (r"(?<![\w.])2(?![\w.])", ["1"]),
    (r"(?:(?<=stride)|(?<=index))\[(\w+)\]", ["[\\1 - 1]"]), (r"(?<=\bdim)\[(\w+)\]", ["[\\1 - 1]"]),
    (r"!(?=[\w(])", [""]),
]


def code_of(text):
    """The lines of a file without comments and preprocessor lines, blank where nothing may be changed."""
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    lines, message, depth = [], False, 0
    for line in text.split("\n"):
        message = message or bool(MESSAGE.search(line))
        useful = not message and not line.startswith("#include") and SIZES.search(line) and line[:1] in " #"
        lines.append(line if useful else "")
        if line.rstrip(" \\").endswith((";", "{", "}")):
            message = False
    return lines


def changes_of(line):
    """All changed forms of one line of code."""
    for pattern, replacements in OPERATORS:
        for match in re.finditer(pattern, line):
            for replacement in replacements:
                yield line[:match.start()] + match.expand(replacement) + line[match.end():]
    statement = re.match(r"( +)(?! |return|break|continue|goto|case|else)[^{}]*;( *\\?)$", line)
    if statement:
        yield statement.group(1) + ";" + statement.group(2)


def mutants_of(file):
    with open(os.path.join(ROOT, file)) as source:
        text = source.read()
    for number, code in enumerate(code_of(text)):
        for changed in changes_of(code) if code else ():
            yield file, number, normal(code), changed


def normal(line):
    return " ".join(line.rstrip("\\").split())


def read_equivalents(path):
    """{(file, line): its changed forms}; the head of the file says how it is written."""
    equivalents, file, line = {}, None, None
    for text in open(path) if os.path.exists(path) else ():
        kind, rest = text[:2], normal(text[2:])
        if kind == "@ ":
            file = rest
        elif kind == "- ":
            line = rest
        elif kind == "+ ":
            equivalents.setdefault((file, line), set()).add(rest)
    return equivalents


# ---- trees -----------------------------------------------------------------------------------------------------------


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.setsid()


def passes(tree, suite, sanitized):
    """False where the suite fails, crashes, or takes too long."""
    process = subprocess.Popen(["build/tests/check", suite], cwd=tree, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "CK_FORK": "no"},
                               preexec_fn=os.setsid if sanitized else limit)
    try:
        return process.wait(SECONDS_SANITIZED if sanitized else SECONDS) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


class Tree:
    """A built copy of the sources, in which one file at a time is changed."""

    def __init__(self, folder, sanitized):
        self.folder, self.sanitized, self.changed, self.text, self.original = folder, sanitized, None, None, None
        self.make = ["make", "-s", "BUILD=build", "CFLAGS=-O1"] + ["SANITIZE=address,undefined"] * sanitized

    def copy_from(self, root):
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for name in files:
            if os.path.exists(os.path.join(root, name)):
                os.makedirs(os.path.join(self.folder, os.path.dirname(name)), exist_ok=True)
                shutil.copy2(os.path.join(root, name), os.path.join(self.folder, name))

        if self.sanitized:
            self.guard_buffers()

    def guard_buffers(self):
        """The pool rounds sizes up; here the sanitizer reports what lies between a buffer's end and that size."""
        name = os.path.join(self.folder, "tensor/pool.c")
        with open(name) as source:
            text = source.read()
        size = "    b->bytes = bytes;\n"
        guard = ("    __asan_unpoison_memory_region(b->data, (size_t)class_bytes(size_class));\n"
                 "    __asan_poison_memory_region(b->data + bytes, (size_t)(class_bytes(size_class) - bytes));\n")
        if size not in text:
            sys.exit("mutation: tensor/pool.c: no %r, after which buffers could be guarded" % size.strip())
        with open(name, "w") as out:
            out.write("#include <sanitizer/asan_interface.h>\n" + text.replace(size, size + guard))

    def build(self, goal):
        return subprocess.run(self.make + [goal], cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def object(self, file):
        with open(os.path.join(self.folder, "build/obj", file[:-2] + ".o"), "rb") as compiled:
            return compiled.read()

    def write(self, file, text):
        with open(os.path.join(self.folder, file), "w") as out:
            out.write(text)

    def change(self, file, number, line):
        """False if the change does not compile, None if it compiles to the same code."""
        if file != self.changed:
            if self.changed:
                self.write(self.changed, self.text)
            self.build("build/tests/check")
            with open(os.path.join(self.folder, file)) as source:
                self.text = source.read()
            self.changed, self.original = file, self.object(file)
        lines = self.text.split("\n")
        lines[number] = line
        self.write(file, "\n".join(lines))
        if not self.build("build/obj/" + file[:-2] + ".o"):
            return False
        return None if self.object(file) == self.original else self.build("build/tests/check")

    def passes(self, suites):
        return all(passes(self.folder, suite, self.sanitized) for suite in suites)


# ---- all of it -------------------------------------------------------------------------------------------------------


def outcome_of(mutant, plain, sanitized):
    file, number, _, changed = mutant
    compiled = plain.change(file, number, changed)
    if not compiled:
        return "the same" if compiled is None else "not compiled"
    if not plain.passes(SUITES[file].split()):
        return "caught"
    sanitized.change(file, number, changed)
    return "survived" if sanitized.passes(SUITES[file].split()) else "caught"


def work(mutants, trees, report):
    while True:
        try:
            mutant = mutants.get_nowait()
        except queue.Empty:
            return
        report(mutant, outcome_of(mutant, *trees))


def make_trees(folder, jobs, suites):
    """A plain and a sanitized tree for each job; each kind is built once, and must pass."""
    shutil.rmtree(folder, ignore_errors=True)
    trees = []
    for sanitized in False, True:
        first = Tree(os.path.join(folder, "sanitized0" if sanitized else "plain0"), sanitized)
        first.copy_from(ROOT)
        first.make.append("-j%d" % jobs)
        if not first.build("build/tests/check"):
            sys.exit("mutation: %s does not build" % first.folder)
        if not first.passes(suites):
            sys.exit("mutation: %s: the suites fail without any change" % first.folder)
        others = [Tree(first.folder[:-1] + str(i), sanitized) for i in range(1, jobs)]
        for tree in others:
            shutil.copytree(first.folder, tree.folder)
        trees.append([first] + others)
    return list(zip(*trees))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("file", nargs="*", default=list(SUITES))
    options = parser.parse_args()
    if not set(options.file) <= set(SUITES):
        parser.error("want files among " + " ".join(SUITES))

    equivalents = read_equivalents(os.path.join(ROOT, "tests/mutation_equivalent.txt"))
    mutants, counts, lock = queue.Queue(), collections.Counter(), threading.Lock()
    for file in options.file:
        for mutant in list(mutants_of(file))[::options.every]:
            if {normal(mutant[3]), "*"} & equivalents.get((file, mutant[2]), set()):
                counts["equivalent"] += 1
            else:
                mutants.put(mutant)

    def report(mutant, outcome):
        with lock:
            counts[outcome] += 1
            if outcome == "survived":
                print("SURVIVED\n@ %s\n- %s\n+ %s" % (mutant[0], mutant[2], normal(mutant[3])), flush=True)

    jobs = os.cpu_count() or 1
    trees = make_trees(os.path.abspath(os.path.join(options.build, "mutation_shapes")), jobs,
                       {suite for file in options.file for suite in SUITES[file].split()})
    threads = [threading.Thread(target=work, args=(mutants, pair, report)) for pair in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("mutation: %d caught, %d survived; %d equivalent, %d the same code, %d not compiled" % tuple(
        counts[kind] for kind in ("caught", "survived", "equivalent", "the same", "not compiled")))
    sys.exit(counts["survived"] > 0)


if __name__ == "__main__":
    main()
