"""`./dev bench --compare`: that it works, not how fast anything is."""

import os
import re
import subprocess
import sys

import installation

sys.path.append(str(installation.ROOT / "bench"))

import peers  # noqa: E402

VARIANTS = {
    "allocate, stream", "allocate, pub/sub", "allocate, UNIT_MAX=1", "reallocate", "hot", "Redis alone",
    "floor, stream", *peers.PEERS.values(), "POST, 64 connections", "GET, 64 connections", "GET beside POST, 64 and 64",
    *(f"{name} at {rate}/s" for name in ("floor", "latency") for rate in (100, 1000, 10000)),
    "1 worker, 1 stream", "2 replicas, 1 stream", "3 replicas, 1 stream", "1 worker, 2 streams", "2 replicas, 2 streams",
    *(f"pgbench {name}, {clients}" for name in ("allocate", "reallocate", "hot")
      for clients in ("1 client", "4 clients", "16 clients")),
}  # fmt: skip


def compare(*arguments, **variables):
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, installation.ROOT / "bench" / "run.py", "--compare", "--quick", *arguments],
        env={**kept, "ALLOCD_BIN": installation.binary(), **variables},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_every_variant_runs_with_all_its_effects_and_is_reported(tmp_path):
    results = tmp_path / "RESULTS.md"

    done = compare("--peers", "--messages", "200", "--results", results)

    assert done.returncode == 0, done.stdout + done.stderr
    text = results.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\S.*?) +\| +(\d+) \(", text, re.MULTILINE))
    assert rows.keys() == VARIANTS
    assert all(int(rate) > 0 for rate in rows.values())
    assert len(re.findall(r"\*\*(?:met|missed by \d+%)\*\*$", text, re.MULTILINE)) == 21
    assert "fsync on, synchronous_commit on, full_page_writes on" in text
    assert re.search(r"^- Versions of the peers: Node [\d.]+, bullmq [\d.]+, ioredis [\d.]+, pg [\d.]+, redis [\d.]+$", text, re.MULTILINE)
    assert len(re.findall(r"^- allocate, stream / Node, [^:]+: [\d.]+ \(", text, re.MULTILINE)) == len(peers.PEERS)
    assert re.search(r"^- fdatasync: \d+ µs$", text, re.MULTILINE)
    assert not re.search(r"(?<![\w.`])/(?:var|tmp|home|usr|work)\b", text), "no path of this machine"


def test_without_wrk_nothing_is_measured(tmp_path):
    done = compare("--results", tmp_path / "none", PATH=str(tmp_path))

    assert (done.returncode, done.stderr) == (1, "bench: wrk is not installed: see ./dev packages bench\n")


def test_a_postgres_that_may_lose_commits_is_refused(tmp_path, database_url, server_urls):
    with installation.administrator(database_url) as execute:
        execute("""do $$ begin
            execute format('alter database %I set synchronous_commit = off', current_database());
        end $$""")

    done = compare("--results", tmp_path / "none", DATABASE_URL=database_url, REDIS_URL=server_urls["REDIS_URL"])

    assert done.returncode == 1
    assert re.fullmatch(r"bench: (fsync|synchronous_commit) is off .*\n", done.stderr)
    assert not (tmp_path / "none").exists()
