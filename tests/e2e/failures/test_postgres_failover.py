"""Postgres fails over while the old primary stays up: the worker works on the new one, and reads nothing from the old one."""

import contextlib
import os
import socket
import subprocess
import threading
import time

import clusters
import installation
import psycopg2.extensions
import pytest
import requests
import servers


@pytest.fixture
def pair():
    with clusters.primary_and_standby() as pair:
        yield pair


@pytest.fixture
def install(tmp_path, server_urls):
    """Makes an installation on a database that the test names, and ends its worker."""
    with contextlib.ExitStack() as stack:

        def make(database_url):
            there = installation.Installation(tmp_path, database_url, server_urls["REDIS_URL"])
            stack.callback(there.close)
            return there

        yield make


def stock(allocd, reference):
    return allocd.post("/add_batch", {"ref": reference, "sku": "lamp", "qty": 100})


def works(allocd, order):
    """Whether the order is allocated; the same order may be sent again."""
    with contextlib.suppress(requests.RequestException):
        return allocd.post("/allocate", {"orderid": order, "sku": "lamp", "qty": 1}).status_code == 202
    return False


def sees(allocd, order):
    """A read after a 2xx never shows an older state, but may be answered 503."""
    answer = allocd.get(f"/allocations/{order}")
    assert answer.status_code in (200, 503), f"the allocation of {order} is not seen: {answer.text}"
    return answer.status_code == 200


def promote(primary, standby):
    servers.wait_until(lambda: clusters.caught_up(primary, standby), "the standby to have everything", 20)


def test_a_frozen_primary_is_left_for_the_standby_and_not_read_when_it_wakes_up(pair, install):
    primary, standby = pair
    allocd = install(clusters.url_of(primary, standby, target_session_attrs="read-write"))
    allocd.start()
    assert stock(allocd, "shelf").status_code == 201
    assert works(allocd, "before") and sees(allocd, "before")
    promote(primary, standby)

    clusters.freeze(primary)
    standby.promote()
    begun = time.monotonic()
    servers.wait_until(lambda: works(allocd, "after"), "an order to be allocated", 15)
    assert time.monotonic() - begun < 15
    servers.wait_until(lambda: sees(allocd, "after"), "the allocation to be seen", 5)

    # The old server still accepts writes, like a primary that was not demoted.
    clusters.thaw(primary)
    for number in range(20):
        assert works(allocd, f"later-{number}")
        assert sees(allocd, f"later-{number}")
    assert primary.psql("select count(*) from allocations_view where orderid like 'later%'", "allocd") == "0"


def test_reads_move_to_the_new_primary_with_the_writes_while_the_old_one_is_up(pair, install):
    primary, standby = pair
    allocd = install(clusters.url_of(primary, standby))
    allocd.start()
    assert stock(allocd, "shelf").status_code == 201
    assert works(allocd, "before") and sees(allocd, "before")
    promote(primary, standby)

    # The old primary accepts no more connections, and only its session for reads is left.
    standby.promote()
    path = primary.sockets / ".s.PGSQL.5432"
    path.rename(primary.sockets / "away")
    end_sessions_but_the_reader(primary.sockets / "away")
    servers.wait_until(lambda: works(allocd, "after"), "an order to be allocated", 15)
    servers.wait_until(lambda: sees(allocd, "after"), "the allocation to be seen", 5)

    # The old primary is the first host again, but a session that is lost meanwhile does not return to it.
    (primary.sockets / "away").rename(path)
    standby.psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = 'allocd'")
    servers.wait_until(lambda: works(allocd, "later"), "an order to be allocated", 15)
    servers.wait_until(lambda: sees(allocd, "later"), "the allocation to be seen", 5)
    assert primary.psql("select count(*) from allocations_view", "allocd") == "1"


def test_every_session_leaves_a_primary_that_becomes_read_only(pair, install):
    primary, standby = pair
    allocd = install(clusters.url_of(primary, standby))
    allocd.start()
    assert stock(allocd, "shelf").status_code == 201 and works(allocd, "before")
    assert sees(allocd, "before")
    promote(primary, standby)

    primary.psql("alter system set default_transaction_read_only = on")
    primary.psql("select pg_reload_conf()")
    standby.promote()
    servers.wait_until(lambda: works(allocd, "after"), "an order to be allocated", 15)

    for _ in range(20):
        servers.wait_until(lambda: sees(allocd, "after"), "the allocation to be seen", 5)
    servers.wait_until(allocd.ready, "allocd to be ready", 10)


def end_sessions_but_the_reader(path):
    """Connects through a socket that was moved."""
    directory = path.parent / "moved"
    directory.mkdir(exist_ok=True)
    (directory / ".s.PGSQL.5432").symlink_to(path)
    with installation.administrator(f"host={directory} dbname=allocd user=allocd") as execute:
        execute(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = 'allocd'"
            " and pid <> pg_backend_pid() and query not like 'select %from allocations_view%where orderid%'"
        )


# ---- what is set for the database ----


def test_a_worker_on_a_read_only_database_is_not_ready_until_it_accepts_writes(allocd, server_urls):
    name = psycopg2.extensions.parse_dsn(allocd.database_url)["dbname"]
    with installation.administrator(server_urls["DATABASE_URL"]) as execute:
        execute(f'alter database "{name}" set default_transaction_read_only = on')
        execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        reason = servers.wait_until(lambda: said_of(allocd, "default_transaction_read_only"), "the reason", 15)
        assert "takes no writes" in reason
        execute(f'alter database "{name}" reset default_transaction_read_only')
    servers.wait_until(allocd.ready, "allocd to be ready", 15)
    assert stock(allocd, "shelf").status_code == 201


def said_of(allocd, word):
    """The answer of /readyz, once it contains the word."""
    text = allocd.get("/readyz").text
    return text if word in text else None


@pytest.mark.parametrize("setting", ["statement_timeout", "idle_session_timeout"])
def test_a_worker_starts_and_works_with_any_timeout_set_in_the_database(parked, server_urls, setting):
    name = psycopg2.extensions.parse_dsn(parked.database_url)["dbname"]
    with installation.administrator(server_urls["DATABASE_URL"]) as execute:
        execute(f'alter database "{name}" set {setting} = 1')
        parked.start(ALLOCD_START_WAIT="19")  # for a first session that gets to its first statement, too
        assert stock(parked, "shelf").status_code == 201
        assert works(parked, "order") and sees(parked, "order")
        # A session may be ended in the millisecond before its first statement; the worker then connects again, but not a tool.
        servers.wait_until(lambda: parked.run("verify").returncode == 0, "a session of verify that gets to its first statement")


# ---- names ----

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0,
    reason="needs a mount namespace of its own",
)


@contextlib.contextmanager
def listening(address, port, answer=None):
    """A listener that passes each connection to `answer`, or never answers it."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(64)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    answer(listener.accept()[0])

        if answer:
            threading.Thread(target=accept, daemon=True).start()
        yield listener
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


def to_socket(path):
    def answer(client):
        server = socket.socket(socket.AF_UNIX)
        server.connect(path)
        for sides in ((client, server), (server, client)):
            threading.Thread(target=pass_on, args=sides, daemon=True).start()

    return answer


@needs_mounts
def test_the_next_address_of_a_host_name_is_tried(install, database_url, tmp_path, monkeypatch):
    """db.test: the first address refuses, the second is silent, the third is the server."""
    parts = psycopg2.extensions.parse_dsn(database_url)
    port = servers.free_port()
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.7.{n} db.test\n" for n in (1, 2, 3)))
    run = tmp_path / "allocd"
    run.write_text(
        "#!/bin/sh\n"
        f"exec unshare -m sh -c 'mount --bind {hosts} /etc/hosts; exec \"$@\"' sh {installation.binary()} \"$@\"\n"
    )
    run.chmod(0o755)
    monkeypatch.setenv("ALLOCD_BIN", str(run))
    socket_path = f"{parts['host']}/.s.PGSQL.{parts.get('port', '5432')}"
    with listening("127.0.7.2", port), listening("127.0.7.3", port, to_socket(socket_path)):
        url = f"host=db.test port={port} user={parts['user']} dbname='{parts['dbname']}' connect_timeout=2"
        allocd = install(url)
        done = allocd.run("migrate")
        assert done.returncode == 0, done.stderr
        allocd.start()
        assert allocd.post("/add_batch", {"ref": "shelf", "sku": "lamp", "qty": 1}).status_code == 201
        assert allocd.stop() == 0
