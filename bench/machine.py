"""Describes the machine of a measurement, without host names and paths."""

import contextlib
import datetime
import os
import pathlib
import platform
import re
import subprocess

import servers
from place import DURABLE, ROOT, ask_redis

SETTINGS = (*DURABLE, "wal_level", "shared_buffers", "max_wal_size", "checkpoint_timeout", "autovacuum")


def describe(server, redis_url):
    """Lines of Markdown."""
    folder = server.value("show data_directory")
    facts = {
        "Date, commit": f"{datetime.date.today()}, {commit()}",
        "CPU": f"{cpu_model()}, {os.cpu_count()} cores, shared by worker, Postgres, Redis and load",
        "Memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "File system": first_line("sh", "-c", 'df --output=fstype "$1" | tail -n 1', "sh", folder),
        "Postgres": server.value("show server_version"),
        "Settings": ", ".join(f"{name} {server.value(f'show {name}')}" for name in SETTINGS),
        "Redis": redis_facts(redis_url),
        "Compiler": first_line("gcc", "--version"),
        "fdatasync": fsync_time(folder),
    }
    return [*(f"- {name}: {fact}" for name, fact in facts.items()), ""]


def first_line(*command):
    with contextlib.suppress(OSError):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return (done.stdout.splitlines() or [""])[0]
    return "not known"


def commit():
    here = first_line("git", "rev-parse", "--short", "HEAD")
    changed = first_line("git", "status", "--porcelain", "-uno", "--", ".", ":!bench/RESULTS.md")
    return here + (", with changes" if changed else "")


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def redis_facts(redis_url):
    version = re.search(r"^redis_version:(\S+)", ask_redis(redis_url, "info", "server"), re.MULTILINE).group(1)
    names = ("appendonly", "appendfsync")
    settings = [" ".join(ask_redis(redis_url, "config", "get", name).split()) for name in names]
    return ", ".join([version, *settings])


def fsync_time(folder):
    """The time of an 8 kB write with fdatasync where the data is, by Postgres' pg_test_fsync."""
    try:
        program = servers.postgres_tool("pg_test_fsync")
    except servers.ServerError:
        return "not known"
    file = pathlib.Path(folder).parent / "pg_test_fsync.out"
    if not os.access(file.parent, os.W_OK):
        return "not known"
    try:
        # Read line by line, so that it can be ended after the line that we need.
        command = ["stdbuf", "-oL", program, "--secs-per-test=1", f"--filename={file}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as test:
            for line in test.stdout:
                if found := re.search(r"^\s+fdatasync\s.*?(\d+) usecs/op", line):
                    test.terminate()
                    return f"{found.group(1)} µs"
    finally:
        file.unlink(missing_ok=True)
    return "not known"
