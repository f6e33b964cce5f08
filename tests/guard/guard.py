#!/usr/bin/python3
"""Compares the counted cost of messages and units of work with recorded.toml, and never times.

    guard.py BUILD [--record]

BUILD is a plain build by gcc (`./dev build`). A figure that is off by more than its tolerance fails, better
or worse: a better one has to be recorded, or it could get lost again unnoticed. A figure that cannot be
counted here, or was recorded with another compiler or server, is skipped with a message. --record rewrites
the file.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDED = pathlib.Path(__file__).with_name("recorded.toml")
sys.path.append(str(ROOT / "scripts"))

import servers  # noqa: E402

Count = collections.namedtuple("Count", "passed failed skipped")

# glibc chooses its string functions by the processor, and valgrind simulates one of a few, depending on the
# real one. Without these features glibc chooses the same functions on each.
PLAIN_PROCESSOR = "glibc.cpu.hwcaps=" + ",".join(
    f"-{feature}"
    for feature in (
        "AVX AVX2 AVX512F AVX512VL AVX512BW AVX_Fast_Unaligned_Load BMI1 BMI2 ERMS FSRM LZCNT MOVBE POPCNT"
        " RTM SSE4_1 SSE4_2 SSSE3 XSAVE XSAVEC"
    ).split()
)

# There is no background work, and no full-page image in the WAL.
POSTGRES_SETTINGS = (
    "shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all", "autovacuum=off",
    "checkpoint_timeout=1d", "max_wal_size=10GB", "full_page_writes=off", "bgwriter_lru_maxpages=0",
)  # fmt: skip


class Skipped(Exception):
    """A figure cannot be counted or compared here; the text says why."""


# ---- versions that figures depend on ----


def facts_of(build):
    facts = tomllib.loads((build / "tests" / "guard" / "built_with.toml").read_text(encoding="utf-8"))
    facts["glibc"] = platform.libc_ver()[1]
    with contextlib.suppress(servers.ServerError):
        facts["postgres"] = version_of(servers.postgres_tool("postgres"))
        facts["redis"] = version_of("redis-server", executable=servers.redis_program())
    return facts


def version_of(program, **how):
    """Postgres says "postgres (PostgreSQL) 15.1", Redis "Redis server v=7.0.1"."""
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=True, **how).stdout
    return re.search(r"\d+(\.\d+)+", said)[0]


def significant(fact, facts):
    """The major version of a server, and the whole version of anything else."""
    value = facts.get(fact, "none")
    return value.split(".")[0] if fact in ("postgres", "redis") else value


def require_alike(decisive, recorded, here):
    for fact in decisive:
        if significant(fact, recorded) != significant(fact, here):
            raise Skipped(f"recorded with {fact} {recorded.get(fact)}, here it is {here.get(fact)}")


def differences(recorded, here):
    return [
        f"recorded with {fact} {recorded.get(fact)}, here it is {here.get(fact)}"
        for fact in here
        if recorded.get(fact) != here[fact]
    ]


def run_alone(*command, **environment):
    """Runs a program without our environment, which may name other servers; returns its lines."""
    environment["PATH"] = os.environ["PATH"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


# ---- instructions ----


def count_instructions(build):
    """{case: {"instructions": a message}}"""
    return count_under_callgrind(build, "guard-instructions")


def count_received(build):
    """{case: {"instructions": an entry of a stream}}"""
    return count_under_callgrind(build, "guard-received")


def count_under_callgrind(build, name):
    program = build / "tests" / "guard" / name
    if not shutil.which("valgrind") or not program.exists():
        raise Skipped("valgrind is not installed, or was not when the build was set up")
    profiles = build / "guard" / name
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir(parents=True)
    printed = run_alone(
        "valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
        f"--callgrind-out-file={profiles}/callgrind.out", program, GLIBC_TUNABLES=PLAIN_PROCESSOR,
    )  # fmt: skip
    counted = dict(line.rsplit("\t", 1) for line in printed)
    totals = dict(map(profile_total, profiles.glob("callgrind.out.*")))
    return {case: {"instructions": round(totals[case] / int(count))} for case, count in counted.items()}


def profile_total(path):
    text = path.read_text()
    case = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)[1]
    return case, int(re.search(r"^totals: (\d+)$", text, re.MULTILINE)[1])


# ---- units of work ----


def count_pooled_units(build):
    """Counts units with ALLOCD_POOLED=on."""
    return count_units(build, "pooled")


def count_units(build, *how):
    """{case: {figure: a unit}}; statements and Redis' commands are lists of words."""
    with private_servers() as (postgres, redis):
        program = build / "tests" / "guard" / "guard-units"
        told = run_alone(program, postgres.url("postgres"), postgres.url("allocd"), redis.url(), *how)
    counted = collections.defaultdict(dict)
    for line in told:
        case, what, count = line.split("\t")
        counted[case][what] = int(count)
    return {case: figures_a_unit(counts) for case, counts in counted.items()}


@contextlib.contextmanager
def private_servers():
    servers.end_in_order_on_signals()
    with servers.scratch_directory() as directory:
        directory = servers.usable_directory(directory)
        with (
            servers.running(servers.Redis(directory)) as redis,
            servers.running(servers.Postgres(directory, settings=POSTGRES_SETTINGS)) as postgres,
        ):
            postgres.ensure_database("allocd")
            yield postgres, redis


def figures_a_unit(counts):
    units = counts.pop("units")
    figures = {"statements": [], "redis_commands": []}
    for what, count in sorted(counts.items()):
        if what.startswith("statement "):
            figures["statements"].append(times(count / units, what.removeprefix("statement ")))
        elif what.startswith("redis "):
            figures["redis_commands"].append(times(count / units, what.removeprefix("redis ")))
        else:
            figures[what] = rounded(count / units)
    return figures


def times(count, name):
    return name if count == 1 else f"{rounded(count)} {name}"


def rounded(count):
    """The count a unit: a whole number, unless units differ and it is small."""
    return round(count) if count >= 100 or count == int(count) else round(count, 2)


# ---- comparing ----


def describe(figure, recorded, counted, tolerance):
    if isinstance(counted, list):
        lost = [f"-{word}" for word in recorded if word not in counted]
        return f"{figure}: {' '.join(lost + [f'+{word}' for word in counted if word not in recorded])}"
    share = f" ({100 * (counted - recorded) / recorded:+.1f} %, tolerated: {tolerance} %)" if recorded else ""
    return f"{figure}: {counted} instead of {recorded}{share}"


def is_close(recorded, counted, tolerance):
    if isinstance(counted, list) or isinstance(recorded, list):
        return recorded == counted
    return abs(counted - recorded) * 100 <= tolerance * recorded


def faults_of(recorded, counted, tolerances):
    faults = [f"{figure}: not counted any more" for figure in recorded if figure not in counted]
    for figure, value in counted.items():
        tolerance = tolerances.get(figure, 0)
        if figure not in recorded:
            faults.append(f"{figure}: not recorded")
        elif not is_close(recorded[figure], value, tolerance):
            faults.append(describe(figure, recorded[figure], value, tolerance))
    return faults


def compare(recorded, counted, tolerances):
    """Prints a line for each figure that is off; returns the numbers of cases that passed and failed."""
    failed = 0
    cases = dict.fromkeys([*recorded, *counted])
    for case in cases:
        faults = faults_of(recorded.get(case, {}), counted.get(case, {}), tolerances)
        failed += bool(faults)
        for fault in faults:
            print(f"guard: {case}: {fault}")
    return Count(len(cases) - failed, failed, 0)


# What is counted, and the versions that must be the recorded ones for a comparison.
PARTS = {
    "a_message": (count_instructions, ("processor", "compiler", "build")),
    "a_received_entry": (count_received, ("processor", "compiler", "build")),
    "a_unit": (count_units, ("processor", "postgres", "redis")),
    "a_pooled_unit": (count_pooled_units, ("processor", "postgres", "redis")),
}


def check_part(recorded, part, build):
    count, decisive = PARTS[part]
    here = facts_of(build)
    try:
        require_alike(decisive, recorded["recorded_with"], here)
        outcome = compare(recorded[part], count(build), recorded["tolerance_percent"])
    except (Skipped, servers.ServerError) as reason:
        print(f"guard: SKIPPED, {part} was not compared: {reason}")
        return Count(0, 0, len(recorded[part]))
    except subprocess.CalledProcessError as error:
        print(f"guard: {part} could not be counted: {error}")
        return Count(0, len(recorded[part]), 0)
    if outcome.failed:
        for difference in differences(recorded["recorded_with"], here):
            print(f"guard: note: {difference}")
    return outcome


def check(build):
    recorded = tomllib.loads(RECORDED.read_text(encoding="utf-8"))
    counts = [check_part(recorded, part, build) for part in PARTS]
    outcome = Count(*map(sum, zip(*counts)))
    if outcome.failed:
        print("guard: if that is meant, better or worse: ./dev guard --record,")
        print("guard: and commit recorded.toml with the change")
        print("guard: where instructions go:")
        print(f"guard: callgrind_annotate --auto=no --threshold=100 {build}/guard/PROGRAM/callgrind.out.N")
    return outcome


# ---- recording ----


def toml(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def table(name, values):
    return [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in values.items()), ""]


def record(build):
    old = tomllib.loads(RECORDED.read_text(encoding="utf-8"))
    lines = [
        "# What messages and units of work cost. Written by `./dev guard --record`, read by `./dev guard` and",
        "# `./dev test`.",
        "# a_message: instructions of decode, handle and encode, a message, in units of 100.",
        "# a_received_entry: instructions from the bytes on the socket to an entry that the codec can decode.",
        "# a_unit: what one unit of work costs Postgres and Redis; a_pooled_unit: with ALLOCD_POOLED=on.",
        "",
        *table("tolerance_percent", old["tolerance_percent"]),
        *table("recorded_with", facts_of(build)),
    ]
    for part, (count, _decisive) in PARTS.items():
        for case, figures in count(build).items():
            lines += table(f"{part}.{json.dumps(case)}", figures)
    RECORDED.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.record:
        try:
            record(options.build.resolve())
        except (Skipped, servers.ServerError, subprocess.CalledProcessError) as reason:
            sys.exit(f"guard: {reason}")
        return 0
    count = check(options.build.resolve())
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    print(f"{count.passed} passed, {count.failed} failed{skipped}")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
