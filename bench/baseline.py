"""The baseline: pgbench writes the same tables, one transaction a message, and is checked as allocd is."""

import collections
import pathlib
import re
import subprocess

import servers
import stock
from place import BenchError, LostMessage, connected, environment_of, fresh_database, run_program

HERE = pathlib.Path(__file__).resolve().parent
CLIENTS = (1, 4, 16)

Run = collections.namedtuple("Run", "transactions rate")
Effects = collections.namedtuple(
    "Effects", "units inbox lines view allocated versions revisions outbox heads"
)

EFFECTS = """
select (select count(*) from units), (select count(*) from inbox), (select count(*) from order_lines),
	(select count(*) from allocations_view), (select sum(allocated) from batches),
	(select sum(version) from products), (select sum(revision) from products),
	(select count(*) from outbox), (select sum(position) from outbox_heads)
"""


def measure(server, script, skus, clients, length):
    """
    Transactions a second, in a database made for this, after it was seen that each had its effects.
    `length`: pgbench's option that says for how long.
    """
    with fresh_database(server) as url:
        stock.fill(url, script, skus)
        server.run("checkpoint")
        run = run_pgbench(url, script, skus, clients, length)
        check(url, script, skus, run.transactions)
        return run.rate


def run_pgbench(url, script, skus, clients, length):
    command = [
        servers.postgres_tool("pgbench"), "--no-vacuum", "--protocol=prepared", f"--file={HERE / script}.sql",
        f"--client={clients}", f"--jobs={min(clients, 2)}", length,
        f"--define=skus={skus}", f"--define=clients={clients}", "--define=sent=0",
    ]  # fmt: skip
    done = subprocess.run(
        [*command, url], env=environment_of(url), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"pgbench {script} ended with {done.returncode}: {done.stderr}{done.stdout}")
    if number_of(r"number of failed transactions: (\d+)", done.stdout):
        raise BenchError(f"pgbench {script}: transactions failed: {done.stdout}")
    return Run(
        int(number_of(r"number of transactions actually processed: (\d+)", done.stdout)),
        number_of(r"tps = ([\d.]+) \(without initial connection time\)", done.stdout),
    )


def number_of(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise BenchError(f"pgbench said nothing that looks like {pattern!r}:\n{text}")
    return float(found.group(1))


def check(url, script, skus, transactions):
    with connected(url) as database:
        effects = Effects(*map(int, database.rows(EFFECTS)[0]))
    expected = EXPECTED[script](skus, transactions, effects)
    if effects != expected:
        raise LostMessage(f"pgbench {script}, {transactions} transactions: {effects}, not {expected}")
    run_program("verify", environment=environment_of(url))


def expected_of_allocate(skus, messages, _effects):
    return Effects(
        units=messages, inbox=messages, lines=messages, view=messages, allocated=messages,
        versions=messages, revisions=skus + messages, outbox=messages, heads=messages,
    )  # fmt: skip


def expected_of_reallocate(skus, messages, effects):
    """Half of the messages move a line, except that each client may be one ahead."""
    moves = effects.outbox
    if not 0 <= 2 * moves - messages <= max(CLIENTS):
        raise LostMessage(f"pgbench reallocate: {moves} of {messages} messages moved a line, not half")
    return Effects(
        units=messages, inbox=messages, lines=skus, view=skus, allocated=10 * skus,
        versions=skus + 2 * moves, revisions=skus + messages, outbox=moves, heads=moves,
    )  # fmt: skip


EXPECTED = {"allocate": expected_of_allocate, "reallocate": expected_of_reallocate}
