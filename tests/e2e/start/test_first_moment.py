"""HTTP answers from the first moment, while the worker waits for its servers, and a signal ends it."""

import contextlib
import signal
import socket
import time

import psycopg2
import pytest
import requests
import servers
from installation import unique, wait_until

# The lock under which programs migrate: see src/adapters/postgres.
MIGRATION_LOCK = 7302157463491
# Long enough for a busy machine, and far from the 10 seconds that draining may take.
AT_ONCE_S = 3


def nowhere():
    return f"127.0.0.1:{servers.free_port()}"


@contextlib.contextmanager
def silent_server():
    """Accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def held(database_url, statement):
    """Another session's transaction, open for as long as the block lasts."""
    with contextlib.closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        yield
        connection.rollback()


@contextlib.contextmanager
def postgres_away(_):
    yield {"DATABASE_URL": f"postgresql://allocd@{nowhere()}/allocd"}


@contextlib.contextmanager
def postgres_silent(_):
    with silent_server() as address:
        yield {"DATABASE_URL": f"postgresql://allocd@{address}/allocd"}


@contextlib.contextmanager
def migration_locked(parked):
    with held(parked.database_url, f"select pg_advisory_xact_lock({MIGRATION_LOCK})"):
        yield {}


@contextlib.contextmanager
def redis_away(_):
    yield {"REDIS_URL": f"redis://{nowhere()}/0"}


@contextlib.contextmanager
def redis_silent(_):
    with silent_server() as address:
        yield {"REDIS_URL": f"redis://{address}/0"}


TROUBLES = {
    postgres_away: "waiting for the database since 2",
    postgres_silent: "the database since 2",
    migration_locked: "checking and migrating the database since 2",
    redis_away: "waiting for Redis since 2",
    redis_silent: "waiting for Redis since 2",
}


def get(allocd, path):
    try:
        return allocd.get(path)
    except requests.ConnectionError:
        return None


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES.items(), ids=[trouble.__name__ for trouble in TROUBLES])
def test_http_answers_while_a_service_is_awaited(parked, trouble, reason):
    with trouble(parked) as settings:
        parked.launch(**settings)
        wait_until(lambda: get(parked, "/livez"), "HTTP to answer")

        assert parked.get("/livez").status_code == 200
        wait_until(lambda: reason in parked.get("/readyz").json()["message"], "readiness to say what is awaited")
        assert parked.get("/readyz").status_code == 503
        assert "allocd_http_connections" in parked.get("/metrics").text
        command = parked.post("/allocate", {"orderid": "order", "sku": "lamp", "qty": 1})
        assert command.status_code == 503
        assert int(command.headers["Retry-After"]) > 0
        assert parked.get("/allocations/order").status_code == 503

        begin = time.monotonic()
        assert parked.stop() == 0
        assert time.monotonic() - begin < AT_ONCE_S


@pytest.mark.parametrize("trouble", [migration_locked, redis_silent])
def test_a_second_signal_while_a_service_is_awaited_ends_it(parked, trouble):
    with trouble(parked) as settings:
        parked.launch(**settings)
        wait_until(lambda: get(parked, "/livez"), "HTTP to answer")

        parked.worker.send_signal(signal.SIGINT)
        begin = time.monotonic()
        assert parked.stop() in (0, 75, -signal.SIGTERM)
        assert time.monotonic() - begin < AT_ONCE_S


def test_a_migration_that_waits_for_a_lock_runs_once_it_is_free(parked):
    with migration_locked(parked):
        parked.launch()
        wait_until(lambda: get(parked, "/livez"), "HTTP to answer")
        assert not parked.ready()

    wait_until(parked.ready_or_dead, "allocd to be ready")
    assert parked.post("/add_batch", {"ref": unique("ref"), "sku": unique("sku"), "qty": 1}).status_code == 201


def test_a_migration_that_a_signal_interrupts_is_done_whole_or_not_at_all(parked):
    with held(parked.database_url, "create table migrations (number integer)"):
        parked.launch()
        wait_until(lambda: get(parked, "/livez"), "HTTP to answer")
        wait_until(lambda: waits_for_a_lock(parked), "the migration to wait")
        assert parked.stop() == 0

    wait_until(lambda: not waits_for_a_lock(parked), "the server to notice")
    tables = parked.query("select count(*) from pg_tables where schemaname = 'public'")
    assert tables == [(0,)] or parked.run("verify").returncode == 0
    assert parked.run("migrate").returncode == 0


def waits_for_a_lock(allocd):
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return allocd.query(waiting)


def test_the_worker_waits_for_a_database_that_starts_later(tmp_path, server_urls, parked, own_postgres):
    name = unique("allocd_e2e")
    own_postgres.ensure_database(name)
    own_postgres.kill()
    parked.database_url = own_postgres.url(name)
    parked.launch()
    wait_until(lambda: "waiting for the database" in parked.get("/readyz").json()["message"]
               if get(parked, "/livez") else False, "readiness to say what is awaited")  # fmt: skip

    own_postgres.start()

    wait_until(parked.ready_or_dead, "allocd to be ready")
    assert parked.stop() == 0
