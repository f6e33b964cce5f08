"""`allocd-bench` on a running worker: every scenario, by stream and pub/sub; and effects that a test removes."""

import contextlib
import json
import os
import pty
import signal
import subprocess

import pytest
from installation import TIMEOUT_S, bench_program, wait_until

SMALL = ("--messages", "300", "--skus", "20", "--window", "100")


def bench(allocd, *arguments, **settings):
    """Runs the bench to its end; returns its exit status and the object that it printed."""
    done = allocd.bench(*arguments, "--json", **settings)
    return done.returncode, json.loads(done.stdout)


@contextlib.contextmanager
def benching(allocd, *arguments):
    """A running bench, which is ended in any case."""
    child = subprocess.Popen(
        [bench_program(), *arguments], env=allocd.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def lines_of(allocd):
    return allocd.query("select count(*) from order_lines")[0][0]


# ---- what it measures ----


@pytest.mark.parametrize("way", ["stream", "pubsub"])
@pytest.mark.parametrize("scenario", ["allocate", "reallocate", "mixed", "hot"])
def test_a_bench_verifies_that_every_message_has_its_effect(module_allocd, scenario, way):
    status, result = bench(module_allocd, scenario, "--way", way, *SMALL)

    assert (status, result["effects"]["missing"], result["effects"]["wrong"]) == (0, 0, [])
    assert (result["scenario"], result["way"], result["messages"], result["skus"]) == (scenario, way, 300, 20)
    assert result["effects"]["checked"] == result["effects"]["messages"] >= 330
    assert result["rate"] == pytest.approx(300 / result["seconds"], rel=1e-3)


@pytest.mark.parametrize("way", ["stream", "pubsub"])
def test_a_bench_verifies_that_every_cancellation_has_its_effect(allocd, way):
    status, result = bench(allocd, "mixed", "--cancel", "20", "--way", way, *SMALL)

    assert (status, result["effects"]["missing"], result["effects"]["wrong"]) == (0, 0, [])
    assert (result["messages"], result["cancel"]) == (300, 20)
    spent = dict(allocd.query("select message, count(*) from inbox where outcome = 'handled' group by message"))
    assert spent["order_cancelled"] > 40 and spent["deallocate"] > spent["order_cancelled"]
    assert allocd.query("select key from processes") == []


def test_a_bench_reports_consistent_figures(module_allocd):
    status, result = bench(module_allocd, "allocate", "--messages", "3000", "--skus", "50")

    assert status == 0
    assert result["latency_ms"]["count"] == 3000
    percentiles = [result["latency_ms"][name] for name in ("p50", "p90", "p99", "p99_9", "max")]
    assert percentiles == sorted(percentiles) and percentiles[0] > 0
    assert percentiles[-1] / 1000 <= result["seconds"]
    assert all(us > 0 for us in result["cpu_us_per_message"].values())
    assert result["units"]["count"] * result["units"]["messages_mean"] == pytest.approx(3000)
    assert 0 < result["worker_memory_bytes"]["now"] <= result["worker_memory_bytes"]["peak"]
    assert result["wal_bytes_per_message"] > 100
    assert result["rate_wanted"] is None


def test_the_latency_scenario_sends_at_its_rate(module_allocd):
    status, result = bench(module_allocd, "latency", "--rate", "200", "--seconds", "1", "--warm-up", "0")

    assert status == 0
    assert (result["rate_wanted"], result["messages"]) == (200, 200)
    assert result["seconds"] >= 0.995  # the last one is due then


def test_a_stall_counts_for_every_message_that_was_due_meanwhile(module_allocd):
    """The messages that were due during a stall count from their due times; coordinated omission would show one slow message."""
    before = lines_of(module_allocd)
    with benching(module_allocd, "latency", "--rate", "200", "--seconds", "2", "--window", "10", "--warm-up", "0",
                  "--json") as child:  # fmt: skip
        wait_until(lambda: lines_of(module_allocd) > before + 10, "the first lines")
        module_allocd.worker.send_signal(signal.SIGSTOP)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1)
        finally:
            module_allocd.worker.send_signal(signal.SIGCONT)
        out, _ = child.communicate(timeout=2 * TIMEOUT_S)

    # A second of 200 messages: a quarter of all were due in its first half, and took at least the other half.
    assert child.returncode == 0
    assert json.loads(out)["latency_ms"]["p90"] > 500


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("envelope", ["bare", "cloudevents"])
def test_a_bench_reads_events_in_every_encoding_and_envelope(parked, encoding, envelope):
    parked.start(ALLOCD_ENCODING=encoding, ALLOCD_ENVELOPE=envelope)

    status, result = bench(parked, "reallocate", *SMALL)

    assert (status, result["effects"]["wrong"]) == (0, [])


def test_several_streams_share_the_messages(parked):
    parked.settings["ALLOCD_STREAM"] = "one,two"
    parked.start()

    status, _ = bench(parked, "mixed", *SMALL)

    assert status == 0
    assert all(parked.redis.xlen(parked.prefix + name) > 50 for name in ("one", "two"))


def test_without_http_a_bench_reports_no_figures_of_the_worker(module_allocd):
    status, result = bench(module_allocd, *SMALL, ALLOCD_HTTP="")

    assert status == 0
    assert (result["cpu_us_per_message"]["worker"], result["units"]["count"]) == (None, None)
    assert result["cpu_us_per_message"]["redis"] > 0


def test_without_json_a_bench_prints_a_table(module_allocd):
    done = module_allocd.bench("allocate", *SMALL)

    assert done.returncode == 0
    assert done.stdout.startswith("allocate by stream: 300 messages over 20 SKUs in ")
    assert "all 370 messages had theirs" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stderr == ""


def test_a_bench_shows_its_progress_on_a_terminal(module_allocd):
    terminal, its_end = pty.openpty()
    try:
        subprocess.run(
            [bench_program(), "latency", "--seconds", "1", "--warm-up", "0"], env=module_allocd.environment(),
            stdout=subprocess.PIPE, stderr=its_end, timeout=2 * TIMEOUT_S, check=True,
        )  # fmt: skip
        shown = os.read(terminal, 65536).decode()
    finally:
        os.close(its_end)
        os.close(terminal)

    assert "measuring" in shown and "/100" in shown and "\u2588" in shown
    assert shown.endswith("\r\x1b[K")


# ---- what was lost ----


def make_trigger(allocd, body):
    allocd.query(f"create function damage() returns trigger language plpgsql as $$ begin {body}; end $$")


def test_a_row_that_the_read_model_lost_is_a_failed_run(allocd):
    make_trigger(allocd, "if new.orderid like '%%00000050' then return null; end if; return new")
    allocd.query("create trigger damage before insert on allocations_view for each row execute function damage()")

    status, result = bench(allocd, *SMALL)

    assert status == 1
    assert result["effects"]["wrong"] == ["lines in the read model: 329, not 330"]


def test_a_message_that_is_a_dead_letter_is_a_failed_run(allocd):
    make_trigger(allocd, "raise exception 'no' using errcode = '22000'")
    allocd.query("""create trigger damage before insert on order_lines for each row
        when (new.orderid like '%%00000050') execute function damage()""")

    status, result = bench(allocd, *SMALL, "--stall", "2")

    assert (status, result["effects"]["missing"]) == (1, 1)
    wrong = "\n".join(result["effects"]["wrong"])
    assert "m00000050 (allocate): not in the inbox; 0 of 1 events arrived" in wrong
    assert "m00000050 is a dead letter: failed: " in wrong


def test_a_worker_that_stops_is_a_failed_run(allocd):
    allocd.worker.send_signal(signal.SIGSTOP)
    try:
        done = allocd.bench(*SMALL, "--stall", "0.5", "--json")
    finally:
        allocd.worker.send_signal(signal.SIGCONT)

    result = json.loads(done.stdout)
    assert done.stderr == "allocd-bench: no progress for 0.5 s: giving up\n"
    assert (done.returncode, result["effects"]["missing"]) == (1, 40)
    assert result["effects"]["wrong"][0] == "messages sent: 40, not 370"
    assert "m00000000 (create_batch): not in the inbox" in result["effects"]["wrong"][1]
    assert (result["seconds"], result["rate"]) == (None, None)


# ---- the program ----


def test_allocd_names_the_program_that_its_former_command_became(parked):
    for arguments in (["bench"], ["bench", "hot", "--messages", "1"], ["help", "bench"]):
        done = parked.run(*arguments)

        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr == "allocd: bench is a program of its own now: run allocd-bench\n"
    assert "bench" not in parked.run("help").stdout


def test_help_needs_no_settings_and_names_every_option(parked):
    done = parked.bench("--help", DATABASE_URL="")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: allocd-bench [OPTION]... [SCENARIO]\n")
    for option in ("messages", "skus", "zipf", "rate", "window", "way", "warm-up", "stall", "redis-url", "stream"):
        assert f"  --{option} " in done.stdout
    assert parked.bench("--version").stdout.replace("-bench", "") == parked.run("version").stdout.split("\n\n")[0] + "\n"


def test_an_error_repeats_no_control_characters(parked):
    done = parked.bench("--messages", "\x1b[2J\x07")

    assert done.returncode == 2 and "\x1b" not in done.stderr and "\x07" not in done.stderr


# ---- what cannot be ----


def test_without_a_worker_it_ends_with_69(parked):
    assert parked.run("migrate").returncode == 0

    done = parked.bench()

    assert (done.returncode, done.stdout, done.stderr) == (69, "", "allocd-bench: no worker listens\n")


def test_without_redis_it_ends_with_69(allocd):
    done = allocd.bench(REDIS_URL="redis://127.0.0.1:1/0")

    assert (done.returncode, done.stdout) == (69, "")
    assert "allocd-bench: Redis, " in done.stderr


def test_without_a_database_it_ends_with_69(allocd):
    done = allocd.bench(DATABASE_URL="postgresql://127.0.0.1:1/none")

    assert (done.returncode, done.stdout) == (69, "")
    assert "allocd-bench: the database cannot be reached: " in done.stderr


def test_a_bench_that_loses_redis_ends_with_69(on_own_redis, own_redis):
    before = lines_of(on_own_redis)
    with benching(on_own_redis, "latency", "--seconds", "600") as child:
        wait_until(lambda: lines_of(on_own_redis) > before, "the first lines")
        own_redis.stop()
        out, err = child.communicate(timeout=2 * TIMEOUT_S)
        own_redis.start()

    assert (child.returncode, out) == (69, "")
    assert err.startswith("allocd-bench: Redis: ")


def test_a_bench_that_redis_refuses_ends_with_69(on_own_redis):
    before = lines_of(on_own_redis)
    with benching(on_own_redis, "latency", "--seconds", "600") as child:
        wait_until(lambda: lines_of(on_own_redis) > before, "the first lines")
        on_own_redis.redis.config_set("maxmemory", 1)
        out, err = child.communicate(timeout=2 * TIMEOUT_S)
        on_own_redis.redis.config_set("maxmemory", 0)

    assert (child.returncode, out) == (69, "")
    assert err.startswith("allocd-bench: Redis: OOM")


def test_a_wrong_option_is_an_error_with_its_reason(parked):
    done = parked.bench("--messages", "0")

    assert done.returncode == 2
    assert done.stderr == "allocd-bench: expected 1 to 10000000 after --messages (see allocd-bench --help)\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_bench_in_order(allocd, number):
    before = lines_of(allocd)
    with benching(allocd, "latency", "--seconds", "600") as child:
        wait_until(lambda: lines_of(allocd) > before, "the first lines")
        child.send_signal(number)
        out, err = child.communicate(timeout=TIMEOUT_S)

    assert (child.returncode, out, err) == (75, "", "allocd-bench: interrupted\n")
