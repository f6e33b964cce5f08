"""HTTP: wrk's requests, over connections that stay open, to a worker that has stock."""

import contextlib
import json
import re
import secrets
import shutil
import subprocess
import urllib.request

import place
import processes
import stock

CONNECTIONS = 64
ANSWER_S = 10


class Target:
    """A worker with stock of these SKUs, and with the orders NAME-1 to NAME-`count`."""

    def __init__(self, server, redis_url, url, worker, skus):
        self.server = server
        self.redis_url = redis_url
        self.url = url
        self.worker = worker
        self.skus = skus
        stock.fill(url, "allocate", skus)
        self.name = secrets.token_hex(4)
        posted = ended(self.start(1, "post", self.name, skus))
        self.check_lines(self.name, posted)
        self.count = self.first_orders(posted["answers"])

    def first_orders(self, answers):
        """The number of the first orders without a gap, because wrk ends without waiting for its last answers."""
        missing = (
            "select min(n) from generate_series(1, %s) as n"
            " where not exists (select from allocations_view where orderid = %s || '-' || n)"
        )
        with place.connected(self.url) as database:
            return database.value(missing, [answers + CONNECTIONS + 1, self.name]) - 1

    def start(self, seconds, *arguments):
        command = [
            "wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s", "--timeout=10s",
            f"--script={place.ROOT / 'bench' / 'wrk.lua'}", f"http://{self.worker.http}", "--",
            *map(str, arguments),
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    # ---- what is measured ----

    def post(self, seconds):
        """Each request is a line of a new order, which was committed before its answer."""
        name = secrets.token_hex(4)
        before = self.costs()
        result = ended(self.start(seconds, "post", name, self.skus))
        after = self.costs()
        self.check_lines(name, result)
        units, messages = after["units"] - before["units"], after["messages"] - before["messages"]
        return figures(result, before, after, messages / units)

    def get(self, seconds):
        """Each request reads the allocations of an order."""
        before = self.costs()
        result = ended(self.start(seconds, "get", self.name, self.count))
        return figures(result, before, self.costs())

    def get_beside_post(self, seconds):
        """The same while another wrk sends orders; what each of the two costs is unknown."""
        name = secrets.token_hex(4)
        with self.start(seconds, "post", name, self.skus) as post:  # waits for its end in any case
            result = ended(self.start(seconds, "get", self.name, self.count))
            posted = ended(post)
        self.check_lines(name, posted)
        return figures(result)

    def check_lines(self, name, posted):
        """Each order that was answered is a line; at most the last of each connection was not answered any more."""
        with place.connected(self.url) as database:
            lines = database.value("select count(*) from order_lines where orderid like %s", [f"{name}-%"])
        if not posted["answers"] <= lines <= posted["answers"] + CONNECTIONS:
            raise place.LostMessage(f"{posted['answers']} requests were answered, and there are {lines} lines")

    def costs(self):
        with urllib.request.urlopen(f"http://{self.worker.http}/metrics", timeout=ANSWER_S) as answer:
            metrics = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        postmaster = processes.parent_of(self.server.value("select pg_backend_pid()"))
        redis = re.findall(r"^used_cpu_(?:sys|user):([\d.]+)", place.ask_redis(self.redis_url, "info", "cpu"), re.MULTILINE)
        return {
            "worker": float(metrics["process_cpu_seconds_total"]),
            "postgres": processes.server_cpu_seconds(postmaster),
            "redis": sum(map(float, redis)),
            "messages": float(metrics["allocd_unit_size_messages_sum"]),
            "units": float(metrics["allocd_unit_size_messages_count"]),
        }


def refuse_without():
    if not shutil.which("wrk"):
        raise place.BenchError("wrk is not installed: see ./dev packages bench")


@contextlib.contextmanager
def target(server, redis_url, skus):
    with place.fresh_database(server) as url, place.worker_on(url, redis_url) as worker:
        yield Target(server, redis_url, url, worker, skus)


def ended(wrk):
    """What a wrk that was started has measured."""
    try:
        _, text = wrk.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        wrk.kill()
        raise place.BenchError("wrk did not end in time") from None
    if wrk.returncode != 0:
        raise place.BenchError(f"wrk ended with {wrk.returncode}: {text}")
    result = json.loads(text)
    if result["errors"]:
        raise place.LostMessage(f"{result['errors']} of {result['answers']} requests failed")
    if not result["answers"]:
        raise place.BenchError("no request of wrk was answered")
    return result


def figures(result, before=None, after=None, messages_mean=None):
    """Named like those of `allocd-bench`; None where it is unknown."""
    cpu = {
        process: 1e6 * (after[process] - before[process]) / result["answers"] if before else None
        for process in ("worker", "postgres", "redis")
    }
    return {
        "rate": result["answers"] / result["seconds"],
        "latency_ms": {rank: result[rank] for rank in ("p50", "p99")},
        "cpu_us_per_message": cpu,
        "units": {"messages_mean": messages_mean},
    }
