"""HTTP and the worker's own connections work with many connections, slow ones, and few file descriptors."""

import contextlib
import re
import resource
import socket
import subprocess
import time

import psycopg2
import pytest
import redis
from installation import ROOT, binary, unique, wait_until

# The usual limit of a liveness probe.
SOON_S = 1
ATTEMPTS = 3  # of which one must be as quick as that: another program may stop all others on a busy machine for a moment


@contextlib.contextmanager
def crowd(allocd, count, sends=b""):
    """Opens connections that send something and then stay idle."""
    clients = []
    try:
        for _ in range(count):
            clients.append(connect(allocd))
            clients[-1].sendall(sends)
        yield clients
    finally:
        for client in clients:
            client.close()


def connect(allocd):
    host, port = allocd.http.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def seconds_for(request, status):
    begin = time.monotonic()
    assert request().status_code == status
    return time.monotonic() - begin


def answers_soon(request, status):
    return any(seconds_for(request, status) < SOON_S for _ in range(ATTEMPTS))


def is_live_soon(allocd):
    return answers_soon(lambda: allocd.get("/livez"), 200)


def descriptors_that_may_be_used():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(hard, 1 << 16) - 200


HALVES = {"a request line": b"GET /livez HT", "a header": b"GET /livez HTTP/1.1\r\nHost:", "a body": (
    b"POST /allocate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")}  # fmt: skip


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES.keys())
def test_1000_slow_connections_delay_no_probe(allocd, half):
    with crowd(allocd, 1000, half) as slow:
        for _ in range(3):
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(b"x")
            assert is_live_soon(allocd)


def test_10000_idle_connections_delay_no_probe_and_no_command(allocd):
    with crowd(allocd, min(10000, descriptors_that_may_be_used())):
        for _ in range(10):
            assert is_live_soon(allocd)

        def add_batch():
            return allocd.post("/add_batch", {"ref": unique("ref"), "sku": unique("sku"), "qty": 1})

        assert answers_soon(add_batch, 201)


def test_a_connection_in_use_is_not_closed_for_the_idle_ones(allocd):
    with connect(allocd) as kept, contextlib.ExitStack() as crowds:
        for _ in range(20):
            crowds.enter_context(crowd(allocd, 50))
            kept.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.fixture
def with_few_descriptors(parked, own_redis):
    """Starts the worker with that soft and hard limit of descriptors, on a Redis whose clients are all its own."""
    parked.redis_url = own_redis.url()
    parked.redis = redis.Redis(port=own_redis.port)

    def start(limit, **settings):
        command = ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", binary(), "run"]
        with open(parked.log, "ab") as log:
            parked.worker = subprocess.Popen(command, env=parked.environment(settings), stderr=log)
        return parked

    return start


def cut_all_connections(allocd):
    """The connections of every worker on these two servers."""
    with contextlib.closing(psycopg2.connect(allocd.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                       " where datname = current_database() and pid <> pg_backend_pid()")  # fmt: skip
    for client in allocd.redis.client_list():
        if client["name"].startswith("allocd-"):
            with contextlib.suppress(Exception):
                allocd.redis.client_kill_filter(_id=client["id"])


@pytest.mark.parametrize(("limit", "streams"), [(72, "s0"), (100, "s0"), (95, "s0,s1,s2,s3,s4,s5")])
def test_idle_connections_do_not_use_the_descriptors_that_the_worker_needs(with_few_descriptors, limit, streams):
    allocd = with_few_descriptors(limit, ALLOCD_STREAM=streams)
    wait_until(allocd.ready_or_dead, "allocd to be ready")

    with crowd(allocd, limit, b"GET /li"):
        cut_all_connections(allocd)
        wait_until(lambda: allocd.ready_or_dead(), "allocd to be ready again")
        assert is_live_soon(allocd)
        assert allocd.post("/add_batch", {"ref": unique("ref"), "sku": unique("sku"), "qty": 1}).status_code == 201

    assert not [line for line in allocd.log_lines() if "cannot be accepted" in line]


@pytest.mark.parametrize("limit", [7, 11, 19, 27, 42])
def test_too_few_descriptors_end_the_program_with_the_number_that_it_needs(with_few_descriptors, limit):
    allocd = with_few_descriptors(limit)

    assert allocd.wait() == 78
    [line] = allocd.log_lines()
    assert "ulimit -n" in line


def test_the_documented_number_of_descriptors_is_reserved(with_few_descriptors):
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    own, least = re.search(r"\((\d+) at the default settings.*?fewer than (\d+)", text, re.S).groups()
    allocd = with_few_descriptors(30)

    assert allocd.wait() == 78
    assert f"needed={int(own) + int(least)}" in "".join(allocd.log_lines())


def test_a_soft_limit_that_is_too_low_is_raised(with_few_descriptors):
    allocd = with_few_descriptors("-S 16")
    wait_until(allocd.ready_or_dead, "allocd to be ready")

    soft, _ = resource.prlimit(allocd.worker.pid, resource.RLIMIT_NOFILE)
    assert soft >= 1000


def test_a_worker_that_runs_out_of_descriptors_keeps_working(allocd):
    """The descriptors run out because the limit is lowered, not because of HTTP's clients."""
    soft, hard = resource.prlimit(allocd.worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(allocd.worker.pid, resource.RLIMIT_NOFILE, (5, hard))
    with crowd(allocd, 3) as clients:
        wait_until(lambda: logged(allocd, "HTTP connections cannot be accepted"), "the log to say so")
        cut_all_connections(allocd)
        time.sleep(0.5)  # the listener retries more than once meanwhile
        resource.prlimit(allocd.worker.pid, resource.RLIMIT_NOFILE, (soft, hard))

        clients[0].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert clients[0].recv(4096).startswith(b"HTTP/1.1 200")
    wait_until(lambda: logged(allocd, "HTTP connections are accepted again"), "the log to say so")
    wait_until(allocd.ready_or_dead, "allocd to be ready again")

    assert logged(allocd, "HTTP connections cannot be accepted") == 1


def logged(allocd, text):
    return sum(text in line for line in allocd.log_lines())
