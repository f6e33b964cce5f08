#!/usr/bin/python3
"""Runs every test against the servers of DATABASE_URL and REDIS_URL and closes with the true count.

    run_tests.py BUILD PLAIN-BUILD

Those servers may hold other data: everything happens in databases of the tests' own, dropped at the end.
BUILD holds the C tests (meson) and the program that the end-to-end tests drive; PLAIN-BUILD, by gcc and
without sanitizers, what the guard counts. Meson counts programs and pytest counts functions; the closing line
counts checks: every one of every Check suite, every end-to-end test, and every case of the guard.
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS / "e2e" / "support"), str(TESTS / "guard"), str(TESTS.parent / "scripts")]

import guard  # noqa: E402
import installation  # noqa: E402
import servers  # noqa: E402

CHECK_TOTALS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)

ASAN = "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
UBSAN = "halt_on_error=1:print_stacktrace=1"
PROGRAM = {"ASAN_OPTIONS": ASAN, "UBSAN_OPTIONS": UBSAN}
# Each C test is a process that looks for leaks when it ends.  It looks into freed memory and former stacks, too;
# with these bounds on both, small tests take half of the time.
BOUNDS = "quarantine_size_mb=2:thread_local_quarantine_size_kb=64:max_uar_stack_size_log=16"
C_TESTS = {"ASAN_OPTIONS": f"{ASAN}:{BOUNDS}", "UBSAN_OPTIONS": UBSAN}

# Half of the tests wait most of the time, so more than there are processors keep those busy.
SIDE_BY_SIDE = int(os.environ.get("ALLOCD_TEST_SIDE_BY_SIDE", (os.cpu_count() or 1) + 1))
C_SIDE_BY_SIDE = SIDE_BY_SIDE + 1

Count = collections.namedtuple("Count", "passed failed skipped")


def run_meson(build, environment, *names):
    """The C tests of these names, or all of them: unit, and integration on the real servers."""
    print(f"== unit and integration tests of {build.name}", flush=True)
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    processes = f"--num-processes={C_SIDE_BY_SIDE}"
    command = ["meson", "test", "-C", build, "--print-errorlogs", "--timeout-multiplier=5", processes, *names]
    with subprocess.Popen(command, env={**C_TESTS, **environment}) as meson:
        try:
            status = meson.wait()
        except BaseException:
            meson.terminate()  # so that it ends the tests under way
            raise
    results = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return status, total([count_program(result) for result in results])


def count_program(result):
    """A Check program prints its totals; any other program, and one that crashed, counts as one test."""
    totals = CHECK_TOTALS.findall(result["stdout"])
    checks, failures, errors = (sum(map(int, column)) for column in zip(*totals)) if totals else (0, 0, 0)
    failed = failures + errors
    if result["result"] in ("OK", "EXPECTEDFAIL"):
        return Count(checks - failed if totals else 1, failed, 0)
    if result["result"] == "SKIP":
        return Count(0, 0, 1)
    return Count(checks - failed, failed or 1, 0)


def run_pytest(build, environment):
    """The end-to-end tests, from outside, against the same sanitized program."""
    print("== end-to-end tests, against the sanitized program", flush=True)
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"]
        command += ["-n", str(SIDE_BY_SIDE), "--dist", "loadfile"]  # one file's tests may share an installation
        command += [f"--junit-xml={report.name}", "tests/e2e"]
        settings = {**PROGRAM, **environment, "ALLOCD_BIN": str(build / "allocd")}
        status = subprocess.run(command, env=settings, check=False).returncode
        return status, count_pytest(report.name)


def count_pytest(report):
    try:
        suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    except xml.etree.ElementTree.ParseError:
        return Count(0, 1, 0)  # it died before it could report
    tests, failed, skipped = (int(suite.get(name)) for name in ("tests", "failures", "skipped"))
    failed += int(suite.get("errors"))
    return Count(tests - failed - skipped, failed, skipped)


def run_guard(plain_build):
    """The cost of messages and units of work, on the guard's own servers."""
    print("== guard: what messages and units of work cost, in counts", flush=True)
    outcome = guard.check(plain_build)
    return outcome.failed, outcome


def total(counts):
    return Count(*map(sum, zip(*counts))) if counts else Count(0, 0, 0)


@contextlib.contextmanager
def test_environment():
    """What the integration tests find in their environment: a database of their own, Redis, and a pooler."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with installation.fresh_database(os.environ["DATABASE_URL"]) as database_url:
        environment["ALLOCD_TEST_DATABASE_URL"] = database_url
        environment["ALLOCD_TEST_REDIS_URL"] = os.environ["REDIS_URL"]
        with servers.pooler(os.environ["DATABASE_URL"]) as bouncer:
            environment["ALLOCD_TEST_POOLER"] = bouncer.where()
            yield environment


def run_all(build, plain_build):
    with test_environment() as environment:
        yield run_meson(build, environment)
    yield run_pytest(build, environment)
    yield run_guard(plain_build)


def main():
    runs = list(run_all(*(pathlib.Path(build).resolve() for build in sys.argv[1:])))
    count = total([count for _status, count in runs])
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    print(f"{count.passed} passed, {count.failed} failed{skipped}", flush=True)
    return 1 if count.failed or any(status for status, _count in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
