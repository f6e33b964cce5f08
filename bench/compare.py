"""
`./dev bench --compare`: this worker against the least that is durable, against pgbench, against itself with one
message a unit of work and over HTTP, and against Redis alone; with `--peers` also against workers on Node.

In each round every variant runs once, for a few seconds, in a database of its own that is filled alike;
figures are compared within their round.
"""

import collections
import re
import statistics

import alone
import baseline
import floor
import machine
import peers
import report
import servers
import wrk
from place import connected, fresh_database, refuse_unsafe, replicas_on, worker_on

SKUS, HOT_SKUS = 1000, 10
UNKNOWN = {"p50": None, "p99": None}
# The share of the messages that variants handle which commit each in a transaction of its own.
SINGLE_SHARE = 0.05

# One piece of a round: `run(bench)` returns the measurement.
Piece = collections.namedtuple("Piece", "name run")


class Bench:
    """The servers, and the sizes of the pieces."""

    def __init__(self, server, redis_url, options):
        self.server = server
        self.redis_url = redis_url
        self.messages = options.messages or (20_000 if options.quick else 100_000)
        self.skus = min(SKUS, self.messages)
        self.is_quick = options.quick
        self.pieces = [*(PEERS if options.peers else []), *PIECES]
        self.latency_seconds = 1 if options.quick else 5

    def worker(self, *arguments, **settings):
        """The result of `allocd-bench` for a worker on an empty database."""
        with fresh_database(self.server) as url, worker_on(url, self.redis_url, **settings) as worker:
            self.server.run("checkpoint")
            return worker.bench(*arguments)

    def replicas(self, count, streams, *arguments):
        """The result for several workers that share the streams evenly."""
        names = ",".join(f"commands{number}" for number in range(streams))
        with (
            fresh_database(self.server) as url,
            replicas_on(url, self.redis_url, count, ALLOCD_STREAM=names) as workers,
        ):
            self.server.run("checkpoint")
            result = workers[0].bench(*arguments)
        if count > 1:
            result["cpu_us_per_message"]["worker"] = None  # these are figures of the first one only
            result["units"]["messages_mean"] = None
        return result

    def http(self, measure):
        """What `measure` measures by wrk, of a worker on a database of its own."""
        with wrk.target(self.server, self.redis_url, self.skus) as target:
            self.server.run("checkpoint")
            return measure(target, self.latency_seconds)

    def floor(self, *arguments):
        return floor.measure(self.server, self.redis_url, *arguments)

    def peer(self, name):
        messages = round(self.messages * SINGLE_SHARE)
        return peers.measure(self.server, self.redis_url, name, messages, self.skus)

    def pgbench(self, script, skus, clients):
        length = f"--transactions={self.messages // 10 // clients + 1}" if self.is_quick else "--time=3"
        return baseline.measure(self.server, script, min(skus, self.skus), clients, length)


def scenario(name, way="stream", share=1, **settings):
    """A piece that sends this share of the messages; `hot` has few SKUs anyway."""
    return lambda bench: bench.worker(
        name, "--way", way, "--messages", round(bench.messages * share),
        *([] if name == "hot" else ["--skus", bench.skus]), **settings,
    )  # fmt: skip


def replicas(count, streams):
    return lambda bench: bench.replicas(
        count, streams, "allocate", "--messages", bench.messages, "--skus", bench.skus
    )


def latency_pieces(rate):
    def arguments(bench):
        return "latency", "--rate", rate, "--seconds", bench.latency_seconds

    return [
        Piece(f"floor at {rate}/s", lambda bench: bench.floor(*arguments(bench))),
        Piece(f"latency at {rate}/s", lambda bench: bench.worker(*arguments(bench), "--skus", bench.skus)),
    ]


def http(measure):
    return lambda bench: bench.http(measure)


def pgbench(script, skus, clients):
    return lambda bench: bench.pgbench(script, skus, clients)


def baseline_pieces(name, script, skus):
    return [Piece(baseline_name(name, count), pgbench(script, skus, count)) for count in baseline.CLIENTS]


def baseline_name(name, clients):
    return f"pgbench {name}, {clients} client{'s' if clients > 1 else ''}"


def peer(name):
    return lambda bench: bench.peer(name)


# Variants that are compared run one after the other.
PEERS = [Piece(title, peer(name)) for name, title in peers.PEERS.items()]
PIECES = [
    Piece("floor, stream", lambda bench: bench.floor("allocate", "--messages", bench.messages)),
    Piece("allocate, stream", scenario("allocate")),
    Piece("POST, 64 connections", http(wrk.Target.post)),
    *baseline_pieces("allocate", "allocate", SKUS),
    Piece("allocate, UNIT_MAX=1", scenario("allocate", share=SINGLE_SHARE, ALLOCD_UNIT_MAX="1")),
    Piece("allocate, pub/sub", scenario("allocate", way="pubsub")),
    Piece("1 worker, 1 stream", replicas(1, 1)),
    Piece("2 replicas, 1 stream", replicas(2, 1)),
    Piece("3 replicas, 1 stream", replicas(3, 1)),
    Piece("1 worker, 2 streams", replicas(1, 2)),
    Piece("2 replicas, 2 streams", replicas(2, 2)),
    Piece("Redis alone", lambda bench: alone.measure(bench.redis_url, bench.messages, bench.skus)),
    Piece("reallocate", scenario("reallocate")),
    *baseline_pieces("reallocate", "reallocate", SKUS),
    Piece("hot", scenario("hot")),
    *baseline_pieces("hot", "allocate", HOT_SKUS),
    Piece("GET, 64 connections", http(wrk.Target.get)),
    Piece("GET beside POST, 64 and 64", http(wrk.Target.get_beside_post)),
    *latency_pieces(100),
    *latency_pieces(1000),
    *latency_pieces(10_000),
]


def main(options):
    wrk.refuse_without()
    with servers.environment(None, durable=True) as urls, connected(urls["DATABASE_URL"]) as server:
        refuse_unsafe(server)
        bench = Bench(server, urls["REDIS_URL"], options)
        rounds = [run_round(bench, number + 1, options.pairs) for number in range(options.pairs)]
        tell(bench, rounds, options)


def run_round(bench, number, count):
    results = {}
    for piece in bench.pieces:
        results[piece.name] = result = piece.run(bench)
        print(f"round {number} of {count}: {piece.name}: {summary(result)}", flush=True)
    return results


def summary(result):
    rate = f"{rate_of(result):.0f} messages/s"
    spread = UNKNOWN if isinstance(result, float) else result["latency_ms"]
    return rate if spread == UNKNOWN else f"{rate}, p50 {spread['p50']:.2f} ms, p99 {spread['p99']:.2f} ms"


# ---- results ----


def rate_of(result):
    return result if isinstance(result, float) else result["rate"]


def ratio(rounds, name, *others):
    """The ratio to the fastest of the others in the same round."""
    return report.Ratio([rate_of(r[name]) / max(rate_of(r[other]) for other in others) for r in rounds])


def best(name):
    return [baseline_name(name, clients) for clients in baseline.CLIENTS]


def replicas_ratio(rounds, streams):
    plural = "s" if streams > 1 else ""
    return ratio(rounds, f"2 replicas, {streams} stream{plural}", f"1 worker, {streams} stream{plural}")


def floor_ratio(rounds, name, read):
    """The ratio to the floor's figure in the same round."""
    floor_name = re.sub("^(allocate|latency)", "floor", name)
    return report.Ratio([read(r[name]) / read(r[floor_name]) for r in rounds])


def cpu_of(result):
    """CPU time a message, of all but the load."""
    return sum(result["cpu_us_per_message"][process] for process in ("worker", "postgres", "redis"))


def latency_to_floor(rounds, rate, rank, limit):
    ratio = floor_ratio(rounds, f"latency at {rate}/s", lambda result: result["latency_ms"][rank])
    return report.at_most(f"latency at {rate}/s / floor, {rank}", ratio, limit)


def median(rounds, name, read):
    return statistics.median(read(r[name]) for r in rounds)


def percentile(rounds, name, rank, limit, goal=None):
    value = median(rounds, name, lambda result: result["latency_ms"][rank])
    return report.at_most(f"{name}, {rank}", value, limit, " ms", goal)


def verdicts(rounds):
    """The targets, one line each."""
    cpu = median(rounds, "allocate, stream", lambda result: result["cpu_us_per_message"]["worker"])
    memory = max(peak_mib(r[name]) for r in rounds for name in LOADED)
    stream = ratio(rounds, "allocate, stream", *best("allocate"))
    pubsub = ratio(rounds, "allocate, pub/sub", *best("allocate"))
    single = ratio(rounds, "allocate, UNIT_MAX=1", best("allocate")[0])
    return [
        report.at_most("allocate, stream / floor, CPU", floor_ratio(rounds, "allocate, stream", cpu_of), 2.5),
        report.at_least("allocate, stream / floor", floor_ratio(rounds, "allocate, stream", rate_of), 0.4),
        *(latency_to_floor(rounds, rate, rank, 1.5) for rate in (100, 1000) for rank in ("p50", "p99")),
        latency_to_floor(rounds, 10_000, "p99", 2),
        report.at_least("allocate, stream / best pgbench", stream, 7, goal=10),
        report.at_least("allocate, pub/sub / best pgbench", pubsub, 7, goal=10),
        report.at_least("reallocate / best pgbench", ratio(rounds, "reallocate", *best("reallocate")), 10),
        report.at_least("hot / best pgbench", ratio(rounds, "hot", *best("hot")), 12),
        report.at_least("2 replicas / 1 worker, 1 stream", replicas_ratio(rounds, 1), 0.95),
        report.at_least("2 replicas / 1 worker, 2 streams", replicas_ratio(rounds, 2), 0.9),
        report.at_least("POST / allocate, stream", ratio(rounds, "POST, 64 connections", "allocate, stream"), 0.5),
        report.at_least("GET beside POST / GET", ratio(rounds, "GET beside POST, 64 and 64", "GET, 64 connections"), 0.6),
        report.at_least("UNIT_MAX=1 / pgbench, 1 client", single, 1),
        percentile(rounds, "latency at 100/s", "p50", 2.5, goal=1.5),
        percentile(rounds, "latency at 100/s", "p99", 6),
        percentile(rounds, "latency at 10000/s", "p99", 20),
        report.at_most("worker's CPU per message (allocate, stream)", cpu, 10, " µs"),
        report.at_most("worker's memory, the most in any round", memory, 64, " MiB"),
    ]


LOADED = ("allocate, stream", "allocate, pub/sub", "reallocate", "hot")


def peak_mib(result):
    return result["worker_memory_bytes"]["peak"] / 2**20


HEAD = [
    "variant", "messages/s (min..max)", "p50 ms", "p99 ms",
    "CPU µs: worker", "Postgres", "Redis", "messages a unit",
]  # fmt: skip


def table(pieces, rounds):
    rows = report.Table(HEAD)
    for piece in pieces:
        results = [r[piece.name] for r in rounds]
        rates = [rate_of(result) for result in results]
        rate = f"{statistics.median(rates):.0f} ({min(rates):.0f}..{max(rates):.0f})"
        rows.add([piece.name, rate, *(figure(results, path) for path in FIGURES)])
    return rows.text()


FIGURES = (
    ("latency_ms", "p50"),
    ("latency_ms", "p99"),
    ("cpu_us_per_message", "worker"),
    ("cpu_us_per_message", "postgres"),
    ("cpu_us_per_message", "redis"),
    ("units", "messages_mean"),
)


def figure(results, path):
    """The median of the worker's runs; empty where it is unknown."""
    values = [result[path[0]][path[1]] for result in results if isinstance(result, dict)]
    return f"{statistics.median(values):.2f}" if values and None not in values else ""


NOTE = (
    "Ratios are medians of {pairs} rounds (least..most), each to the figure of its round; that of `pgbench` is the"
    " one of the fastest number of clients. `floor` reads what waits, inserts one row a message into a table with"
    " one index in one transaction, publishes an event for each, and acknowledges: see floor.c."
    " `pgbench` runs the scripts beside this file: the worker's writes, one transaction a message, over a"
    " socket of the same machine. It neither hears messages nor publishes events. `Redis alone` decodes,"
    " encodes and publishes, and has no database. `POST` and `GET` are sent by wrk, over connections that stay open,"
    " each with one request at a time; what each costs beside the other is unknown."
)


PEERS_NOTE = (
    " A worker on Node handles 16 messages at a time, each in one transaction on two tables, and publishes an event"
    " for each: see the folder peers. What it handles was in its queue before the clock started, and it keeps neither inbox nor"
    " outbox."
)


def lines_of_peers(rounds):
    ratios = {title: ratio(rounds, "allocate, stream", title) for title in peers.PEERS.values()}
    return [
        *(f"- allocate, stream / {title}: {times:.2f}" for title, times in ratios.items()),
        f"- Versions of the peers: {peers.versions()}",
    ]


def tell(bench, rounds, options):
    bound = ratio(rounds, "allocate, pub/sub", "Redis alone")
    lines = [
        *machine.describe(bench.server, bench.redis_url),
        *(f"- {verdict}" for verdict in verdicts(rounds)),
        f"- allocate, pub/sub / Redis alone: {bound:.2f}",
        *(lines_of_peers(rounds) if options.peers else []),
        "",
        table(bench.pieces, rounds),
        "",
        NOTE.format(pairs=options.pairs) + (PEERS_NOTE if options.peers else ""),
    ]
    report.write(options.results, "compare", "Against others", lines)
