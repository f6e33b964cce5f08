"""
`./dev bench --flat`: what a message costs as the tables grow.

Buffers and WAL are counted while the messages come in chunks, each after all events of the one before, so
that units of work have the same shape in every database.  Time is taken while they come as fast as they go,
in rounds over all databases.  Each is compared with a smaller one whose orders are spread alike; the one of
all lines with the one of a hundredth, for in an empty database trees of one page are no trees yet.
"""

import collections
import contextlib
import statistics

import fill
import machine
import processes
import report
import servers
from load import Load, orders_over
from place import (
    BenchError,
    LostMessage,
    connected,
    environment_of,
    fresh_database,
    refuse_unsafe,
    run_program,
    worker_on,
)

# Only the messages should write WAL or touch buffers meanwhile.
SETTINGS = ("shared_preload_libraries=pg_stat_statements", "autovacuum=off", "max_wal_size=8GB")
FULL = 10_000_000

WARM_UP = 2_000
COUNTED = 10_000
TIMED = 40_000

# How much more a database may cost than its base. Differences of time below 15 % do not count.
COUNT_LIMIT = 1.10
TIME_LIMIT = 1.15

# `orders_skus`: over how many SKUs the orders are spread.  Without limits it is there to be compared with.
Variant = collections.namedtuple(
    "Variant", "name contents orders_skus base time_limit limits_counts", defaults=(None, None, False)
)
Cost = collections.namedtuple("Cost", "unit levels buffers wal_bytes")
Time = collections.namedtuple("Time", "us cpu_us")


def variants(lines):
    scale = lines / FULL
    skus, exhausted = max(2000, round(100_000 * scale)), max(100, round(10_000 * scale))
    spread, some, one = "1000 SKUs, no lines", f"1000 SKUs, {lines // 100} lines", "one SKU, no lines"
    return [
        Variant(spread, fill.Contents(1000), 1000),
        Variant(some, fill.Contents(1000, lines // 100), 1000, spread),
        Variant(f"1000 SKUs, {lines} lines", fill.Contents(1000, lines), 1000, some, TIME_LIMIT, True),
        Variant(f"{skus} SKUs, no lines", fill.Contents(skus), skus, spread, 1.3),
        Variant(one, fill.Contents(1), 1),
        Variant(f"one SKU, {lines // 10} lines", fill.Contents(1, lines // 10), 1, one, TIME_LIMIT, True),
        Variant(
            f"one SKU, {exhausted} exhausted batches", fill.Contents(1, exhausted, exhausted), 1, one,
            TIME_LIMIT, True,
        ),
    ]  # fmt: skip


class Subject:
    """A filled database, and what was measured on it."""

    def __init__(self, server, variant, url):
        self.server = server
        self.variant = variant
        self.url = url
        self.skus = [f"sku-{number}" for number in range(1, variant.orders_skus + 1)]
        self.sent = 0
        self.cost = None
        self.times = []

    def orders(self, count):
        orders = orders_over(self.skus, count, self.sent)
        self.sent += count
        return orders

    @contextlib.contextmanager
    def worker(self, redis_url):
        with worker_on(self.url, redis_url) as worker:
            load = Load(redis_url, worker.prefix, "stream")
            load.as_fast_as_it_goes(self.orders(len(self.skus)))
            load.one_read_at_a_time(self.orders(WARM_UP))
            yield worker, load
            load.close()

    def count(self, redis_url):
        """Buffers and WAL without full-page images, both of all of the worker's statements."""
        with self.worker(redis_url) as (_worker, load), connected(self.url) as database:
            name, units = database.rows("select current_database(), count(*) from units")[0]
            self.server.run("select pg_stat_statements_reset()")
            begin = self.server.value("select pg_current_wal_insert_lsn()")
            load.one_read_at_a_time(self.orders(COUNTED))
            buffers, wal_bytes = self.server.value(BUFFERS, [name]), self.server.value(WAL, [begin])
            units = database.value("select count(*) from units") - units
            levels = levels_of(database)
        self.cost = Cost(COUNTED / units, levels, float(buffers) / COUNTED, float(wal_bytes) / COUNTED)

    def time(self, redis_url, postmaster):
        orders = self.orders(TIMED)
        self.server.run("checkpoint")
        with self.worker(redis_url) as (worker, load):
            begin = self.cpu(worker, postmaster)
            seconds = load.as_fast_as_it_goes(orders)
            cpu = self.cpu(worker, postmaster) - begin
        self.times.append(Time(1e6 * seconds / TIMED, 1e6 * cpu / TIMED))

    def cpu(self, worker, postmaster):
        return processes.cpu_seconds(worker.process.pid) + processes.server_cpu_seconds(postmaster)

    def check(self):
        """Checks that every order has its line, and that `allocd verify` finds nothing."""
        with connected(self.url) as database:
            lines = database.value("select count(*) from order_lines")
        if lines != self.variant.contents.lines + self.sent:
            raise LostMessage(f"{self.variant.name}: {lines} lines, {self.sent} of them sent")
        run_program("verify", environment=environment_of(self.url))


def levels_of(database):
    database.run("create extension pageinspect")
    levels = database.value(LEVELS, [list(fill.LARGE)])
    database.run("drop extension pageinspect")
    return levels


BUFFERS = """
select sum(shared_blks_hit + shared_blks_read)
from pg_stat_statements s join pg_database d on d.oid = s.dbid
where d.datname = %s
"""

# The levels of all indexes together.
LEVELS = """
select sum((bt_metap(i.indexrelid::regclass::text)).level)::integer
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
where i.indrelid = any (%s::regclass[]) and a.amname = 'btree'
"""

WAL = "select sum(record_size) from pg_get_wal_stats(%s, pg_current_wal_flush_lsn())"


def main(options):
    with (
        servers.environment(None, durable=True, settings=SETTINGS) as urls,
        connected(urls["DATABASE_URL"]) as server,
        contextlib.ExitStack() as stack,
    ):
        refuse_unsafe(server)
        prepare(server)
        subjects = []
        for variant in variants(options.lines):
            print(f"filling: {variant.name}", flush=True)
            url = stack.enter_context(fresh_database(server))
            fill.fill(url, variant.contents)
            subjects.append(Subject(server, variant, url))
        measure(server, urls["REDIS_URL"], subjects, options.pairs)
        tell(server, urls["REDIS_URL"], subjects, options)


def prepare(server):
    if "pg_stat_statements" not in server.value("show shared_preload_libraries"):
        raise BenchError("this Postgres does not have pg_stat_statements in shared_preload_libraries")
    server.run("create extension if not exists pg_stat_statements")
    server.run("create extension if not exists pg_walinspect")


def measure(server, redis_url, subjects, rounds):
    postmaster = processes.parent_of(server.value("select pg_backend_pid()"))
    for subject in subjects:
        print(f"counting: {subject.variant.name}", flush=True)
        subject.count(redis_url)
    for number in range(rounds):
        # Every other round goes backwards: else a machine that slows down makes the last databases look slow.
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            print(f"round {number + 1} of {rounds}: {subject.variant.name}", flush=True)
            subject.time(redis_url, postmaster)
    for subject in subjects:
        print(f"verifying: {subject.variant.name}", flush=True)
        subject.check()


def tell(server, redis_url, subjects, options):
    by_name = {subject.variant.name: subject for subject in subjects}
    table = report.Table(HEAD)
    verdicts = []
    for subject in subjects:
        base = by_name.get(subject.variant.base)
        row, row_verdicts = describe(subject, base)
        table.add(row)
        verdicts += row_verdicts
    lines = [
        *machine.describe(server, redis_url),
        table.text(),
        "",
        *(f"- {verdict}" for verdict in verdicts),
        "",
        NOTE.format(pairs=options.pairs),
    ]
    report.write(options.results, "flat", "As the tables grow", lines)


HEAD = [
    "database", "messages a unit", "index levels", "buffers", "ratio", "WAL bytes", "ratio",
    "µs", "ratio (min..max)", "CPU µs", "ratio",
]  # fmt: skip

NOTE = (
    "A message is an `allocate` from the stream, to a worker that has met every product before; what it costs is"
    " shown per message. WAL is without full-page"
    " images; buffers are those that the worker's statements found or read. Index levels are those of all"
    " B-trees of lines, read model, inbox and outbox together: a row touches one buffer more in a tree of one"
    " level more. CPU is that of Postgres and the worker. Ratios are to a smaller database whose orders"
    " are spread alike: that of 1000 SKUs and all lines to that of a hundredth of them, the others to the one"
    " without lines. Those of time are medians of {pairs} rounds (least..most)."
)


def describe(subject, base):
    """A row of the table, and the results of its targets."""
    us, cpu = (statistics.median(column) for column in zip(*subject.times))
    cost = subject.cost
    row = [
        subject.variant.name, f"{cost.unit:.0f}", str(cost.levels), f"{cost.buffers:.1f}", "",
        f"{cost.wal_bytes:.0f}", "", f"{us:.1f}", "", f"{cpu:.1f}", "",
    ]  # fmt: skip
    if not base:
        return row, []
    time = report.Ratio([mine.us / its.us for mine, its in zip(subject.times, base.times)])
    cpu_ratio = report.Ratio([mine.cpu_us / its.cpu_us for mine, its in zip(subject.times, base.times)])
    buffers, wal = cost.buffers / base.cost.buffers, cost.wal_bytes / base.cost.wal_bytes
    row[4::2] = [f"{buffers:.2f}", f"{wal:.2f}", f"{time:.2f}", f"{cpu_ratio.median:.2f}"]
    targets = []
    if subject.variant.time_limit:
        targets += [
            report.at_most(f"{subject.variant.name}: time", time.median, subject.variant.time_limit),
            report.at_most(f"{subject.variant.name}: CPU", cpu_ratio.median, subject.variant.time_limit),
        ]
    if subject.variant.limits_counts:
        targets += [
            report.at_most(f"{subject.variant.name}: buffers", buffers, COUNT_LIMIT),
            report.at_most(f"{subject.variant.name}: WAL", wal, COUNT_LIMIT),
        ]
    return row, targets
