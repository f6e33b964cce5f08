"""
A call of libc that fails, once, in a worker that is started with the library of failed_calls.c.

A test counts the calls of a part of the worker's life, and chooses among them: one call at each place at which there was
one, with each error that the call can give there. A place is the function and the calls on the stack.
"""

import collections
import ctypes
import mmap
import os
import random
import subprocess

from built import build_directory
from installation import binary

CALLS_MAX = 1 << 17
ALLOCATION, SYSTEM_CALL = 1, 2
SHOWN = 8  # calls of the stack
KINDS = {"allocations": ALLOCATION, "system calls": SYSTEM_CALL}

# How many of the possible failures each test tries ("all": all of them), or some of them by name, as a failed test prints it.
CHOSEN = os.environ.get("ALLOCD_TEST_NTH", "4")


class Call(ctypes.Structure):
    _fields_ = [("place", ctypes.c_uint64), ("errors", ctypes.c_uint32), ("name", ctypes.c_char * 20)]


class Plan(ctypes.Structure):
    """struct plan of failed_calls.c."""

    _fields_ = [
        ("counted_kind", ctypes.c_uint32),
        ("failing_kind", ctypes.c_uint32),
        ("place", ctypes.c_uint64),
        ("nth", ctypes.c_int64),
        ("error", ctypes.c_uint32),
        ("has_failed", ctypes.c_uint32),
        ("failed", ctypes.c_char * 64),
        ("stack", ctypes.c_char * 1024),
        ("count", ctypes.c_int64),
        ("calls", Call * CALLS_MAX),
    ]

    def arm(self, failure):
        """The worker's next such call fails."""
        self.has_failed = 0
        self.place, self.nth, self.error = failure.place, failure.nth, failure.error
        self.failing_kind = failure.kind

    def disarm(self):
        """Returns whether it failed."""
        self.failing_kind = 0
        return bool(self.has_failed)

    def __str__(self):
        if not self.has_failed:
            return "nothing failed"
        calls = self.stack.decode(errors="replace").split()[:SHOWN]
        return f"{self.failed.decode()} in {' < '.join(map(function_of, calls))}"

    def begin_to_count(self, kind):
        self.count = 0
        self.counted_kind = kind

    def counted(self):
        """Ends the count, and returns the calls in their order."""
        self.counted_kind = 0
        assert self.count <= CALLS_MAX, self.count
        return self.calls[: self.count]


def function_of(call):
    """The function of the program and its line; a call of a library as it is."""
    module, _, offset = call.partition("+")
    if module != "allocd":
        return call
    command = ["addr2line", "--functions", "--basenames", "--exe", binary(), f"{int(offset, 16) - 1:#x}"]
    return " ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[:2])


class Failure(collections.namedtuple("Failure", "kind place nth error name")):
    """Call number `nth` at the place gives its error number `error`; `name` is the function."""

    def __str__(self):
        return f"{self.kind}/{self.place:x}/{self.nth}/{self.error}"


def make_plan(path):
    with open(path, "w+b") as file:
        file.truncate(ctypes.sizeof(Plan))
        return Plan.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Plan)))


def preloaded(path):
    """The settings with which the worker finds the library and its plan."""
    library = build_directory() / "tests" / "e2e" / "failed_calls" / "failed-calls.so"
    assert library.exists(), f"{library} is missing: build everything"
    return {"LD_PRELOAD": str(library), "FAILED_CALLS": str(path)}


def possible(kind, calls, rounds=1):
    """The failures of these calls: at each place in turn, each error, of any one of the calls that a round makes there."""
    times = collections.Counter(call.place for call in calls)
    first = {call.place: call for call in reversed(calls)}
    return [
        Failure(kind, place, random.randint(1, max(1, times[place] // rounds)), error, call.name.decode())
        for place, call in sorted(first.items())
        for error in range(call.errors)
    ]


def chosen(failures):
    """Those that ALLOCD_TEST_NTH names, or a sample."""
    if "/" in CHOSEN:
        return [failure for failure in map(named_failure, CHOSEN.split(",")) if failure.kind == failures[0].kind]
    return sample_of(failures)


def sample_of(failures):
    """All of them, or the number that ALLOCD_TEST_NTH says, spread evenly from a random one on."""
    if CHOSEN == "all" or int(CHOSEN) >= len(failures):
        return failures
    step = len(failures) / int(CHOSEN)
    begin = random.random() * step
    return [failures[int(begin + number * step)] for number in range(int(CHOSEN))]


def named_failure(name):
    kind, place, nth, error = name.split("/")
    return Failure(int(kind), int(place, 16), int(nth), int(error), "named")
