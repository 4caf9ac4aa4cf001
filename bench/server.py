"""bench/server.py - PyTorch's side of the benchmarks: does what the programs in bench/ ask for, a line each.

    run THREADS SECONDS STATEMENT        runs it; answers 0
    number THREADS SECONDS EXPRESSION    answers with its value
    time THREADS SECONDS EXPRESSION      answers with the nanoseconds that it takes, in a turn of about SECONDS

Statements share one set of variables with expressions. One thread's time is the processor time of this process.
"""
import ctypes
import sys
import time

import torch

try:
    openblas = ctypes.CDLL("libopenblas.so.0")
except OSError:
    openblas = None

print(torch.__version__, flush=True)
variables = {"torch": torch}
calls_of = {}  # how many calls make a turn, by expression; kept until the next statement changes what it means


def turn(call, calls, clock):
    start = clock()
    for _ in range(calls):
        call()
    return clock() - start


def nanoseconds(expression, threads, seconds):
    clock = time.process_time if threads == 1 else time.perf_counter
    call = eval("lambda: " + expression, variables)
    if threads > 1:
        time.sleep(0.04)  # as let_others_sleep() in common/bench.c
    if expression not in calls_of:
        calls = 1
        call()
        while turn(call, calls, clock) < seconds:
            calls *= 2
        calls_of[expression] = calls
    calls = calls_of[expression]
    call()  # as turn() there
    return turn(call, calls, clock) / calls * 1e9


def set_threads(threads):
    """Of both: a PyTorch that calls OpenBLAS, as Debian's does, does not tell it, and it would use all processors."""
    torch.set_num_threads(threads)
    if openblas:
        openblas.openblas_set_num_threads(threads)


for line in sys.stdin:
    command, threads, seconds, text = line.rstrip("\n").split(" ", 3)
    set_threads(int(threads))
    if command == "time":
        answer = nanoseconds(text, int(threads), float(seconds))
    elif command == "number":
        answer = eval(text, variables)
    else:
        calls_of.clear()
        exec(text, variables)
        answer = 0
    print(answer, flush=True)
