#!/usr/bin/python3
"""Runs the unit and integration tests of a build with gcov and prints what they reached.

    coverage.py BUILD [TEST…]

TEST is a name that meson knows, as "bus", "postgres" or "fuzz messages"; without one, all tests are run. The servers are those of DATABASE_URL and REDIS_URL. Counts are for src/ alone: a line for each room,
then each function that no test called, then each reader of bytes, with its branches. When all tests were run, a reader of which they reach less than LINES or BRANCHES is a failure. BUILD/html shows every line.
"""

import collections
import pathlib
import subprocess
import sys

import run_tests
import servers

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Files that are given bytes of others, of which any may come.
READERS = (
    "src/adapters/codec/envelope.c", "src/adapters/codec/fields_read.c", "src/adapters/codec/json/json_reader.c",
    "src/adapters/codec/json/json_scanner.c", "src/adapters/codec/msgpack/messagepack.c", "src/adapters/codec/msgpack/msgpack_check.c",
    "src/adapters/codec/names.c", "src/adapters/codec/tools/edit.c", "src/adapters/codec/tools/line.c",
    "src/adapters/codec/tools/pairs.c", "src/adapters/codec/tools/replace.c", "src/adapters/postgres/connector/conninfo_check.c",
    "src/adapters/redis/connection/handshake.c", "src/adapters/redis/discovery/cluster_nodes.c", "src/adapters/redis/protocol/redis_error.c",
    "src/adapters/redis/protocol/resp_reader.c", "src/adapters/redis/publisher/fence.c", "src/adapters/redis/server/redis_url.c",
    "src/adapters/redis/stream/stream_entries.c", "src/adapters/redis/stream/stream_info.c", "src/adapters/smtp/smtp_url.c",
    "src/bus/base/stream_names.c", "src/bus/tracing/traceparent.c", "src/bus/unit_of_work/outbox_frame.c", "src/core/base/calendar.c",
    "src/core/base/utf8.c", "src/entrypoints/config/secrets.c", "src/entrypoints/http_server/http_head.c",
    "src/entrypoints/http_server/http_reader.c",
)  # fmt: skip
LINES, BRANCHES = 90, 85  # percent of a reader

WITH_BRANCHES = ("--rc", "lcov_branch_coverage=1")


def lcov(*arguments):
    subprocess.run(["lcov", "--quiet", *WITH_BRANCHES, *map(str, arguments)], check=True)


def collect(build):
    """Writes what gcov counted for src/ to one file, files that no test links included; returns its path."""
    names = ("untouched", "counted", "everything", "coverage")
    untouched, counted, everything, ours = (build / f"{name}.info" for name in names)
    for mode, output in (["--initial"], untouched), ([], counted):
        lcov("--capture", *mode, "--directory", build, "--base-directory", build, "--output-file", output)
    lcov("--add-tracefile", untouched, "--add-tracefile", counted, "--output-file", everything)
    lcov("--extract", everything, f"{ROOT}/src/*", "--output-file", ours)
    return ours


class File:
    """The counts of one source file."""

    def __init__(self, name):
        self.name = name
        self.lines = {}
        self.functions = {}
        self.begins = {}
        self.branches = []

    def is_below(self):
        return percent(self.lines.values()) < LINES or percent(self.branches) < BRANCHES


def read(path):
    """
    The files in lcov's format: SF names a file, FN begins a function, FNDA, DA and BRDA count calls, lines and branches;
    the branches of a line that was not reached have no count.
    """
    files = []
    for row in path.read_text(encoding="utf-8").splitlines():
        kind, _, rest = row.partition(":")
        values = rest.split(",")
        if kind == "SF":
            files.append(File(pathlib.Path(rest).relative_to(ROOT)))
        elif kind == "FN":
            files[-1].begins[values[-1]] = int(values[0])
        elif kind == "FNDA":
            files[-1].functions[values[1]] = int(values[0])
        elif kind == "DA":
            files[-1].lines[values[0]] = int(values[1])
        elif kind == "BRDA":
            files[-1].branches.append(0 if values[3] == "-" else int(values[3]))
    return files


def percent(counts):
    return 100 * sum(count > 0 for count in counts) / len(counts) if counts else 100


def reached(counts):
    """How many of these counts are not zero, as text of a fixed width."""
    hits = sum(count > 0 for count in counts)
    share = f"{percent(counts):5.1f} %" if counts else "      -"
    return f"{share} {hits:6} of {len(counts):6}"


def row(title, files):
    lines = [count for file in files for count in file.lines.values()]
    functions = [count for file in files for count in file.functions.values()]
    return f"{title:40} {reached(lines)}   {reached(functions)}"


def report(files):
    rooms = collections.defaultdict(list)
    for file in files:
        rooms[str(file.name.parent)].append(file)
    print(f"{'room':40} {'lines':>24}   {'functions':>24}")
    for room in sorted(rooms):
        print(row(room, rooms[room]))
    print(row("all of src", files))
    print("\nNo unit or integration test calls:")
    for file in sorted(files, key=lambda file: file.name):
        for function, count in sorted(file.functions.items(), key=lambda item: file.begins[item[0]]):
            if not count:
                print(f"  {file.name}:{file.begins[function]}: {function}")


def report_readers(files):
    """Returns how many of them are below the goal."""
    by_name = {str(file.name): file for file in files}
    print(f"\n{'reader of bytes':50} {'lines':>24}   {'branches':>24}")
    for reader in (by_name[name] for name in READERS):
        mark = "   below the goal" if reader.is_below() else ""
        print(f"{str(reader.name).removeprefix('src/'):50} {reached(reader.lines.values())}   {reached(reader.branches)}{mark}")
    return sum(by_name[name].is_below() for name in READERS)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    lcov("--zerocounters", "--directory", build)
    with run_tests.test_environment() as environment:
        status, count = run_tests.run_meson(build, environment, *sys.argv[2:])
    counts = collect(build)
    files = read(counts)
    report(files)
    below = report_readers(files)
    html = ["genhtml", "--quiet", *WITH_BRANCHES, "--branch-coverage", "--prefix", ROOT, "--output-directory", build / "html", counts]
    subprocess.run(html, check=True)
    print(f"\n{below} of {len(READERS)} readers are below {LINES} % of their lines or {BRANCHES} % of their branches")
    print(f"{count.passed} passed, {count.failed} failed; line by line: {build / 'html' / 'index.html'}")
    return 1 if status or (below and not sys.argv[2:]) else 0


if __name__ == "__main__":
    servers.end_in_order_on_signals()
    sys.exit(main())
