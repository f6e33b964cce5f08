"""Readiness, the log, the metric and `allocd status` name the same troubles, which begin and end with their causes."""

import contextlib
import json
import re
import signal
import subprocess

import psycopg2
import pytest
from installation import binary, unique, wait_until


def status(allocd):
    done = allocd.run("status", "--json")
    return json.loads(done.stdout)


def codes(troubles):
    return {trouble["code"] for trouble in troubles}


def logged(allocd, words, code):
    return [line for line in allocd.log_lines() if words in line and f"code={code}" in line]


def metrics(allocd):
    """The codes whose metric is 1, and how many codes there are."""
    found = re.findall(r'^allocd_trouble\{code="([a-z-]+)",severity="[a-z]+"\} ([01])$', allocd.get("/metrics").text, re.M)
    return {code for code, value in found if value == "1"}, len(found)


def await_everywhere(allocd, code, severity):
    """Waits until all faces name the trouble, and returns it as the status has it."""
    wait_until(lambda: code in codes(allocd.get("/readyz?verbose").json()["troubles"]), f"readiness to name {code}")
    wait_until(lambda: logged(allocd, "a trouble has begun", code), f"the log to name {code}")
    [trouble] = [trouble for trouble in status(allocd)["troubles"] if trouble["code"] == code]
    assert trouble["severity"] == severity
    assert trouble["text"] and trouble["effect"] and trouble["advice"]
    assert trouble["since"].startswith("2")
    assert trouble["doc"] == f"docs/operating.md#{code}"
    assert code in metrics(allocd)[0]
    assert metrics(allocd)[1] > 30
    ready = allocd.get("/readyz")
    assert ready.status_code == (503 if severity == "stop" else 200)
    if severity == "stop":
        [named] = [trouble for trouble in ready.json()["troubles"] if trouble["code"] == code]
        assert named["text"][:20] in ready.json()["message"]
    check = allocd.run("status", "--check")
    assert (check.returncode, code in check.stdout) == ({"stop": 2, "harm": 1, "note": 0}[severity], True), check.stdout
    shown = allocd.run("status").stdout
    assert code in shown and "next: " + trouble["advice"] in shown
    return trouble


def await_over(allocd, code):
    wait_until(lambda: code not in codes(allocd.get("/readyz?verbose").json()["troubles"]), f"{code} to be over")
    wait_until(lambda: logged(allocd, "a trouble is over", code), "the log to say so")
    wait_until(lambda: code not in metrics(allocd)[0], "the metric to say so")


def test_a_healthy_worker_has_no_trouble(allocd):
    wait_until(lambda: status(allocd)["state"] == "healthy", "the worker to be healthy")

    found = status(allocd)
    shown = allocd.run("status")

    assert shown.returncode == 0
    assert "HEALTHY since 2" in shown.stdout
    assert allocd.run("status", "--check").stdout == "healthy\n"
    assert set(found) >= {"at", "name", "version", "state", "since", "troubles", "doing", "inputs", "outputs", "dead_letters", "replicas"}
    assert found["name"].endswith(":" + allocd.http.split(":")[1])
    assert [each["kind"] for each in found["inputs"]] == ["pubsub", "stream", "http"]
    assert allocd.get("/admin/status").json()["name"] == found["name"]
    [replica] = wait_until(lambda: status(allocd)["replicas"], "the worker to know itself")
    assert replica["is_this"] and replica["name"] == found["name"]
    both = [allocd.prefix + "allocd:commands", "pubsub"]
    wait_until(lambda: sorted(status(allocd)["replicas"][0]["leases"]) == sorted(both), "it to have both leases")


def test_redis_that_is_killed(on_own_redis, own_redis):
    own_redis.kill()
    trouble = await_everywhere(on_own_redis, "redis-unreachable", "stop")
    assert "events wait in the database" in trouble["text"]
    assert on_own_redis.get("/readyz?for=http").status_code == 200
    own_redis.start()
    await_over(on_own_redis, "redis-unreachable")
    wait_until(on_own_redis.ready, "it to be ready again")


def test_postgres_that_is_stopped(on_own_postgres, own_postgres):
    own_postgres.stop()
    await_everywhere(on_own_postgres, "database-unreachable", "stop")
    assert on_own_postgres.get("/readyz?for=http").status_code == 503
    own_postgres.start()
    await_over(on_own_postgres, "database-unreachable")


def test_a_table_that_is_locked(allocd):
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as session:
        session.cursor().execute("lock table units")
        trouble = await_everywhere(allocd, "database-locked", "stop")
        assert "pg_locks" in trouble["advice"]
    await_over(allocd, "database-locked")


def test_a_right_that_redis_acl_lacks(on_own_redis):
    on_own_redis.stock("lamp", shelf=100)
    wait_until(lambda: on_own_redis.query("select 1 from batches"), "the batch")
    on_own_redis.redis.execute_command("acl", "setuser", "default", "-hset")
    on_own_redis.post("/allocate", {"orderid": "order", "sku": "lamp", "qty": 1})
    await_everywhere(on_own_redis, "redis-noperm", "stop")
    on_own_redis.redis.execute_command("acl", "setuser", "default", "+hset")
    await_over(on_own_redis, "redis-noperm")


def test_a_restored_database(allocd):
    sku = unique("sku")
    allocd.stock(sku, **{unique("batch"): 100})
    allocd.allocate(sku, "order", 1)
    wait_until(lambda: allocd.redis.xlen(allocd.prefix + "allocd:events") == 1, "the event")
    allocd.stop()
    fence, = allocd.redis.keys(allocd.prefix + "allocd:fence:*")
    for partition in allocd.redis.hkeys(fence):
        if partition.isdigit():
            allocd.redis.hincrby(fence, partition, 1000)
    allocd.launch()
    trouble = await_everywhere_once_it_answers(allocd, "database-restored")
    assert "allocd outbox renew" in trouble["advice"]
    assert allocd.run("outbox", "renew", "--yes").returncode == 0
    await_over(allocd, "database-restored")


def await_everywhere_once_it_answers(allocd, code):
    wait_until(lambda: code in allocd.readiness(), f"readiness to name {code}")
    return await_everywhere(allocd, code, "stop")


def test_entries_that_are_trimmed_before_they_are_read(allocd):
    stream = allocd.prefix + "allocd:commands"
    wait_until(lambda: allocd.redis.exists(stream), "the stream")
    fields = {"type": "allocate", "data": json.dumps({"orderid": "order", "sku": "none", "qty": 1})}
    allocd.redis.xadd(stream, fields)
    allocd.await_dead_letters()
    with allocd.redis.pipeline() as transaction:
        entry = transaction.xadd(stream, fields).xtrim(stream, maxlen=0, approximate=False)
        assert entry.execute()
    allocd.redis.xadd(stream, fields)
    await_everywhere(allocd, "stream-lost", "harm")


def test_dead_letters_of_one_cause(allocd):
    wait_until(lambda: status(allocd)["dead_letters"]["kept"] == 0, "dead letters to be counted")
    for number in range(60):
        allocd.allocate("none", f"order-{number}", 1)
    trouble = await_everywhere(allocd, "dead-letters-new", "note")
    wait_until(lambda: status(allocd)["dead_letters"]["last_hour"] == 60, "all of them")
    assert "dead-letters list" in trouble["advice"]


def test_a_queue_that_is_full(parked):
    parked.start(ALLOCD_UNIT_MAX="10", ALLOCD_LANES="1")
    with contextlib.closing(psycopg2.connect(parked.database_url)) as session:
        session.cursor().execute("lock table inbox")
        for number in range(1200):
            parked.send("allocate", {"orderid": f"order-{number}", "sku": f"sku-{number}", "qty": 1, "id": str(number)})
        wait_until(lambda: "queue-full" in codes(status(parked)["troubles"]), "the status to name it")
        wait_until(lambda: "queue-full" in metrics(parked)[0], "the metric to name it")
        wait_until(lambda: logged(parked, "a trouble has begun", "queue-full"), "the log to name it")
        assert status(parked)["doing"]["queue_is_full"]
    wait_until(lambda: "queue-full" not in codes(status(parked)["troubles"]), "it to be over")


@contextlib.contextmanager
def slow_commits(allocd):
    """Each unit of work takes a tenth of a second longer."""
    allocd.query("create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.1); return null; end'")
    allocd.query("create trigger slow after insert on units for each statement execute function wait()")
    try:
        yield
    finally:
        allocd.query("drop trigger slow on units")


def test_a_stream_that_is_read_more_slowly_than_it_is_filled(parked):
    parked.start(ALLOCD_UNIT_MAX="10", ALLOCD_LANES="1")
    stream = parked.prefix + "allocd:commands"
    with slow_commits(parked):
        with parked.redis.pipeline(transaction=False) as pipeline:
            for number in range(5000):
                pipeline.xadd(stream, {"type": "allocate", "data": json.dumps({"orderid": f"order-{number}", "sku": "none", "qty": 1})})
            pipeline.execute()
        trouble = await_everywhere(parked, "stream-behind", "harm")
        assert re.fullmatch(r"entries of stream allocd:commands have waited for \d\d s to be read \(\d+ are unread\)", trouble["text"])
    await_over(parked, "stream-behind")


def test_a_database_whose_clock_is_wrong(allocd):
    """Sessions that begin now find another clock before Postgres' own."""

    def search(path):
        allocd.query(f"do $$ begin execute 'alter database ' || quote_ident(current_database()) || ' {path}'; end $$")
        allocd.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")

    allocd.query("create schema other")
    allocd.query(
        "create function other.clock_timestamp() returns timestamptz language sql"
        " as $$select pg_catalog.clock_timestamp() - interval '1 minute'$$"
    )
    search("set search_path = other, public, pg_catalog")
    trouble = await_everywhere(allocd, "clock-skew", "note")
    assert re.fullmatch(r"the database's clock is (59|60)\.\d s behind that of this machine", trouble["text"])
    search("reset search_path")
    wait_until(lambda: "clock-skew" not in codes(status(allocd)["troubles"]), "the status not to name it any more")
    wait_until(lambda: "clock-skew" not in metrics(allocd)[0], "the metric not to name it any more")


def test_a_database_that_does_not_pass_its_verification(allocd):
    allocd.stock("lamp", shelf=10)
    allocd.allocate("lamp", "order", 1)
    wait_until(lambda: allocd.query("select 1 from allocations_view"), "the line")
    allocd.query("update allocations_view set batchref = 'nowhere'")
    allocd.query("update batches set allocated = 2")
    assert allocd.run("verify").returncode == 1
    assert "1 place where" in await_everywhere(allocd, "verify-failed", "harm")["text"]
    trouble = await_everywhere(allocd, "view-stale", "harm")
    assert "1 line that" in trouble["text"] and "allocd rebuild-view" in trouble["advice"]
    assert allocd.run("rebuild-view").returncode == 0
    await_over(allocd, "view-stale")
    allocd.query("update batches set allocated = 1")
    assert allocd.run("verify").returncode == 0
    await_over(allocd, "verify-failed")


def test_a_lease_that_is_lost_is_logged_and_taken_again(parked):
    """A worker that was stopped comes back, and the one that took its lease has died meanwhile."""
    parked.start()
    parked.worker.send_signal(signal.SIGSTOP)
    other = "00000000-0000-4000-8000-000000000000"
    parked.query(
        "update leases set term = %s, holder = %s, note = '' where name = %s",
        other, other, parked.prefix + "allocd:commands",
    )  # fmt: skip
    parked.worker.send_signal(signal.SIGCONT)
    wait_until(lambda: logged(parked, "lease lost", "lease-lost"), "the log to name it")
    wait_until(parked.ready, "it to take the lease again")


# ---- the command line ----


def test_no_worker_that_answers(parked):
    assert parked.run("migrate").returncode == 0

    done = parked.run("status")
    as_json = parked.run("status", "--json")

    assert done.returncode == 69
    assert "no worker answers at " + parked.http in done.stderr
    assert "postgres  up, 0 commits to publish" in done.stdout
    assert "redis     up" in done.stdout
    assert json.loads(as_json.stdout)["state"] == "no_answer"
    check = parked.run("status", "--check")
    assert (check.returncode, check.stdout) == (69, "no answer\n")


def test_a_worker_that_asks_for_a_token(parked):
    parked.start(ALLOCD_HTTP_TOKEN="secret")

    assert parked.run("status", ALLOCD_HTTP_TOKEN="secret").returncode == 0
    done = parked.run("status")
    assert done.returncode == 78
    assert "ALLOCD_HTTP_TOKEN" in done.stderr
    assert parked.run("healthcheck").returncode == 0


def test_watching_prints_a_line_at_a_time_where_there_is_no_terminal(allocd):
    watch = subprocess.Popen([binary(), "status", "--watch", "0.1"], env=allocd.environment(), stdout=subprocess.PIPE, text=True)
    lines = [watch.stdout.readline() for _ in range(3)]
    watch.terminate()
    watch.communicate()

    assert all(line.startswith("healthy") for line in lines), lines


@pytest.mark.parametrize("arguments", [["--watch", "soon"], ["5"]])
def test_a_wrong_number_of_seconds_is_wrong_usage(parked, arguments):
    assert parked.run("status", *arguments).returncode == 2


def test_healthcheck_is_silent_when_all_is_well(allocd):
    for arguments in ([], ["ready"], ["live"]):
        done = allocd.run("healthcheck", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    away = allocd.run("healthcheck", ALLOCD_HTTP="127.0.0.1:1")
    assert (away.returncode, "no worker answers" in away.stderr) == (1, True)
    assert allocd.run("healthcheck", "well").returncode == 2


def test_healthcheck_says_why_the_worker_is_not_ready(on_own_redis, own_redis):
    own_redis.stop()
    wait_until(lambda: not on_own_redis.ready(), "it to be not ready")

    assert on_own_redis.run("healthcheck", "live").returncode == 0
    done = on_own_redis.run("healthcheck", "ready")
    assert done.returncode == 1
    assert "Not ready: not listening on Redis" in done.stderr
