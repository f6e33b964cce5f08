"""
The peers: workers on Node that allocate one message a transaction, as services usually do, with packages of npm.

What waits is in their queues before the clock starts, and nothing but their events is read meanwhile. They keep no
inbox, no outbox and no read model: a peer that ends between its commit and its event loses the event.
"""

import contextlib
import json
import pathlib
import secrets
import select
import shutil
import subprocess
import time

import place  # which makes scripts/ known
import load
import npm
import processes
import psycopg2.extensions

HERE = pathlib.Path(__file__).resolve().parent / "peers"
PACKAGES = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
START_S = 60
PEERS = {"bullmq": "Node, BullMQ", "pool": "Node, pg and redis"}


def versions():
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return ", ".join([f"Node {node.removeprefix('v')}", *(f"{name} {version}" for name, version in PACKAGES.items())])


def modules():
    """Where the packages are; they are installed when they are not."""
    if missing := [command for command in ("node", "npm") if not shutil.which(command)]:
        raise place.BenchError(f"--peers needs {' and '.join(missing)}: see ./dev packages peers")
    try:
        return npm.node_modules(*(f"{name}@{version}" for name, version in PACKAGES.items()))
    except subprocess.SubprocessError as error:
        raise place.BenchError(f"--peers: npm cannot install what the peers use: {error}") from None


def measure(server, redis_url, name, messages, skus):
    """Messages a second and CPU time, in a database made for this, after all effects were counted."""
    prefix = f"bench-{secrets.token_hex(4)}:"
    with contextlib.ExitStack() as stack:
        stack.callback(place.remove_keys, redis_url, prefix)
        url = stack.enter_context(place.fresh_database(server))
        peer = start(url, redis_url, name, prefix, messages, skus)
        stack.callback(end, peer)
        ear = load.Ear(redis_url, f"{prefix}line_allocated".encode())
        stack.callback(ear.close)
        server.run("checkpoint")
        seconds, cpu = timed(peer, ear, messages, pids(server, redis_url, peer))
        check(url, name, messages, ear.count, stop(peer))
    return {
        "rate": messages / seconds,
        "latency_ms": {"p50": None, "p99": None},
        "cpu_us_per_message": {process: 1e6 * used / messages for process, used in cpu.items()},
        "units": {"messages_mean": 1},
    }


def start(database_url, redis_url, name, prefix, messages, skus):
    """A peer that is ready: it begins after a line on its standard input."""
    environment = place.environment_of(database_url, REDIS_URL=redis_url, NODE_MODULES=str(modules()))
    environment |= postgres_variables(database_url)
    command = ["node", HERE / f"{name}.mjs", prefix, str(messages), str(skus)]
    peer = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    is_readable, _, _ = select.select([peer.stdout], [], [], START_S)
    if not is_readable or peer.stdout.readline() != "ready\n":
        end(peer)
        raise place.BenchError(f"the peer {name} was not ready within {START_S} s, or ended before")
    return peer


def end(peer):
    peer.kill()
    peer.communicate()


def postgres_variables(database_url):
    """As variables of libpq, which pg reads: it knows URLs, and not libpq's other form."""
    values = psycopg2.extensions.parse_dsn(database_url)
    return {f"PG{'DATABASE' if key == 'dbname' else key.upper()}": value for key, value in values.items()}


def pids(server, redis_url, peer):
    lines = place.ask_redis(redis_url, "info", "server").split()
    return {
        "worker": peer.pid,
        "postgres": processes.parent_of(server.value("select pg_backend_pid()")),
        "redis": next(int(line.split(":")[1]) for line in lines if line.startswith("process_id:")),
    }


def timed(peer, ear, messages, pid_of):
    """Seconds to the last event, and the CPU seconds of each process."""
    before, begun = cpu(pid_of), time.monotonic()
    begin(peer)
    ear.await_count(messages)
    seconds, after = time.monotonic() - begun, cpu(pid_of)
    return seconds, {process: after[process] - before[process] for process in pid_of}


def begin(peer):
    peer.stdin.write("\n")
    peer.stdin.flush()


def cpu(pid_of):
    return {process: processes.server_cpu_seconds(pid) for process, pid in pid_of.items()}


def stop(peer):
    """How many messages it did not acknowledge."""
    output, _ = peer.communicate(timeout=place.STOP_TIMEOUT_S)
    if peer.returncode != 0:
        raise place.BenchError(f"the peer ended with {peer.returncode}")
    return json.loads(output)["left"]


EFFECTS = """
select (select count(*) from peer.order_lines), (select sum(allocated) from peer.batches)
"""


def check(database_url, name, messages, events, left):
    """Each message is a line, has taken its stock, has one event, and is acknowledged."""
    with place.connected(database_url) as database:
        lines, allocated = database.rows(EFFECTS)[0]
    if (lines, allocated, events, left) != (messages, messages, messages, 0):
        raise place.LostMessage(
            f"the peer {name}, {messages} messages: {lines} lines, {allocated} allocated, {events} events,"
            f" {left} not acknowledged"
        )
