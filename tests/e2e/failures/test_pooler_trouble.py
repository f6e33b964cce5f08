"""PgBouncer in transaction mode that stops, starts and moves its clients between sessions, under load."""

import time

import psycopg2
import psycopg2.extensions
from sender import RELEASES, STREAM, Senders

# The worker has more than twice as many connections.
POOL_SIZE = 3


def kill_and_start(pooler, _url):
    pooler.kill()
    time.sleep(0.5)
    pooler.start()


def end_and_start(pooler, _url):
    pooler.stop()
    pooler.start()


def reconnect(pooler, _url):
    """Closes each session of the server at the end of its transaction."""
    for _ in range(5):
        pooler.command("RECONNECT")
        time.sleep(0.1)


def pause(pooler, _url):
    """Lets transactions end, and then every client waits."""
    pooler.command("PAUSE")
    time.sleep(1)
    pooler.command("RESUME")


def pause_for_longer_than_an_answer_may_take(pooler, _url):
    pooler.command("PAUSE")
    time.sleep(9)
    pooler.command("RESUME")


def kill_clients(pooler, url):
    """Kills sessions in the middle of their transactions."""
    database = psycopg2.extensions.parse_dsn(url)["dbname"]
    pooler.command(f'KILL "{database}"')
    pooler.command(f'RESUME "{database}"')


def use_up_the_pool(pooler, url):
    """Other clients hold every session, and PgBouncer disconnects clients that wait for more than a second."""
    pooler.command("SET query_wait_timeout = 1")
    others = [psycopg2.connect(url) for _ in range(POOL_SIZE)]
    for other in others:
        other.cursor().execute("select 1")  # in a transaction, which stays open
    time.sleep(3)
    for other in others:
        other.close()
    pooler.command("SET query_wait_timeout = 120")


TROUBLES = (
    kill_and_start, end_and_start, reconnect, pause, kill_clients, use_up_the_pool, kill_and_start,
    pause_for_longer_than_an_answer_may_take,
)  # fmt: skip


def test_trouble_of_the_pooler_loses_and_repeats_nothing(make_pooled, parked, ledger):
    """The worker is ready again within seconds, each time, with fewer sessions than it has connections."""
    pooler, allocd = make_pooled(f"default_pool_size={POOL_SIZE}"), parked
    allocd.settings["ALLOCD_POOLED"] = "on"
    allocd.start()
    ledger.open(*(f"sku-{number}" for number in range(10)))

    with ledger.listening():
        with Senders(ledger, [STREAM, "http", "pubsub"], rate=100, anonymous=True, releases=RELEASES) as senders:
            for trouble in TROUBLES:
                time.sleep(0.5)
                trouble(pooler, allocd.settings["DATABASE_URL"])
                assert seconds_until(allocd.ready) < 10, trouble.__name__
        ledger.settle(senders.send)
        ledger.await_stream(STREAM)
        ledger.check()
    assert allocd.stop() == 0


def seconds_until(condition):
    begun = time.monotonic()
    while not condition() and time.monotonic() - begun < 20:
        time.sleep(0.05)
    return time.monotonic() - begun
