#!/usr/bin/python3
"""Runs the unit and integration tests of a build with gcov and prints what they reached.

    coverage.py BUILD [TEST…]

TEST is a name that meson knows, as "bus" or "postgres"; without one, all tests are run. The servers are those of DATABASE_URL and REDIS_URL. Counts are for src/ alone: a line for each room, then each
function that no test called. BUILD/html shows every line.
"""

import collections
import pathlib
import subprocess
import sys

import run_tests
import servers

ROOT = pathlib.Path(__file__).resolve().parents[1]


def lcov(*arguments):
    subprocess.run(["lcov", "--quiet", *map(str, arguments)], check=True)


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


def read(path):
    """The files in lcov's format: SF names a file, FN begins a function, FNDA and DA count calls and lines."""
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
    return files


def reached(counts):
    """How many of these counts are not zero, as text of a fixed width."""
    hits = sum(count > 0 for count in counts)
    share = f"{100 * hits / len(counts):5.1f} %" if counts else "      -"
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


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    lcov("--zerocounters", "--directory", build)
    with run_tests.test_environment() as environment:
        status, count = run_tests.run_meson(build, environment, *sys.argv[2:])
    counts = collect(build)
    report(read(counts))
    html = ["genhtml", "--quiet", "--prefix", ROOT, "--output-directory", build / "html", counts]
    subprocess.run(html, check=True)
    print(f"\n{count.passed} passed, {count.failed} failed; line by line: {build / 'html' / 'index.html'}")
    return 1 if status else 0


if __name__ == "__main__":
    servers.end_in_order_on_signals()
    sys.exit(main())
