"""Several workers read the same streams: each stream has one reader at a time, and the next one takes over."""

import json
import signal
import threading
import uuid

import pytest
from fleet import HAND_OVER_S, TAKEOVER_S, has_all, holders, leases, reader_and_standby, seconds_until, spent_since
from installation import wait_until
from ledger import Command, Ledger
from proxy import REQUEST, postgres_behind
from sender import STREAM, Senders
from wires import PostgresWire, Watch, is_bind

SKUS = [f"sku-{number}" for number in range(10)]
# The contract's bound, in seconds.
SHARE_OUT_S = 5


def warnings_of(worker):
    """Without those about stock, which the commands of these tests cause."""
    lines = [line for line in worker.log_lines() if "level=warn" in line or "level=error" in line]
    return [line for line in lines if 'msg="out of stock"' not in line]


@pytest.mark.parametrize("how", ["kill -9", "SIGTERM", "SIGSTOP"])
def test_the_next_worker_takes_over_and_nothing_is_lost_or_done_twice(fleet, tmp_path, how):
    """Ten SKUs under load on one stream: the order of each SKU, and one effect of each command."""
    reader, standby = reader_and_standby(fleet(), fleet())
    assert standby.ready(), "a worker that waits for a lease is ready"
    ledger = Ledger(standby, tmp_path)
    ledger.open(*SKUS)
    with ledger.listening():
        with Senders(ledger, [STREAM], rate=200, anonymous=True) as senders:
            wait_until(lambda: len(ledger.spent()) > 500, "500 commands to be handled")
            if how == "kill -9":
                reader.kill()
            else:
                reader.worker.send_signal(signal.SIGTERM if how == "SIGTERM" else signal.SIGSTOP)
            took_s = seconds_until(lambda: has_all(standby), "the other worker to take the lease")
            paused_s = took_s + seconds_until(spent_since(ledger), "it to handle commands")
            if how == "SIGSTOP":
                reader.worker.send_signal(signal.SIGCONT)
            elif how == "SIGTERM":
                assert reader.wait() == 0
                assert warnings_of(reader) == warnings_of(standby) == []
            wait_until(lambda: len(ledger.spent()) > 1500, "it to go on")
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    print(f"{how}: the lease was taken after {took_s:.2f} s, and commands were handled after {paused_s:.2f} s")
    assert paused_s < (HAND_OVER_S if how == "SIGTERM" else TAKEOVER_S)


def test_a_worker_that_was_stopped_and_comes_back_does_nothing_under_its_old_lease(fleet, tmp_path):
    """It is stopped again and again, in the middle of its work."""
    one, other = fleet(), fleet()
    ledger = Ledger(one, tmp_path)
    ledger.open(*SKUS)
    taken = 0
    with ledger.listening():
        with Senders(ledger, [STREAM, "http"], rate=200, anonymous=True) as senders:
            for _ in range(4):
                reader, standby = reader_and_standby(one, other)
                reader.worker.send_signal(signal.SIGSTOP)
                try:
                    wait_until(lambda standby=standby: has_all(standby), "the other worker to take the lease")
                    wait_until(spent_since(ledger), "it to handle commands")
                finally:
                    reader.worker.send_signal(signal.SIGCONT)
                wait_until(reader.ready, "readiness to return")
                taken += 1
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    assert taken == 4
    assert all("lease lost" in worker.log.read_text() for worker in (one, other))


def test_streams_and_pubsub_are_shared_out_evenly_whenever_a_worker_comes_or_goes(fleet):
    streams = ",".join(f"allocd:commands{number}" for number in range(8))
    workers = [fleet(ALLOCD_STREAM=streams)]

    def counts():
        names = list(leases(workers[0]).values())
        return sorted(names.count(name) for name in set(names))

    wait_until(lambda: counts() == [9], "the first worker to have all")
    for expected in ([4, 5], [3, 3, 3], [2, 2, 2, 3]):
        workers.append(fleet(ALLOCD_STREAM=streams))
        assert seconds_until(lambda expected=expected: counts() == expected, f"{expected}") < SHARE_OUT_S
    leaving = workers.pop()
    assert leaving.stop() == 0
    assert seconds_until(lambda: counts() == [3, 3, 3], "the others to share what it had") < SHARE_OUT_S
    assert [warnings_of(worker) for worker in (*workers, leaving)] == [[], [], [], []]
    workers.pop().kill()
    assert seconds_until(lambda: counts() == [4, 5], "the others to share what the dead one had") < SHARE_OUT_S


def test_a_worker_that_is_killed_and_started_again_continues_at_once(fleet, tmp_path):
    alone = fleet()
    ledger = Ledger(alone, tmp_path)
    ledger.open("sku")
    paused_s = []
    with ledger.listening():
        with Senders(ledger, [STREAM], rate=100) as senders:
            for _ in range(3):
                wait_until(spent_since(ledger), "it to work")
                alone.kill()
                alone.start()
                paused_s.append(seconds_until(spent_since(ledger), "it to handle commands"))
        ledger.settle(senders.send)
        ledger.check(heard_once=True)
    # Each start would wait for the end of a lease of 2.5 s, but only one in three is slow for another reason.
    assert min(paused_s) < 1.5, paused_s


class StoppingWire(PostgresWire):
    """Calls stop() in the middle of a large flush."""

    def __init__(self, stop):
        super().__init__(Watch())
        self.stop = stop
        self.passed = 0

    def before(self, relay, way, message):
        super().before(relay, way, message)
        if way != REQUEST or self.segment != "flush":
            return
        self.passed = 0 if is_bind(message, b"INSERT_WITNESS") else self.passed + len(message)
        if self.passed > 2_000_000:
            self.stop(relay, self.passed)


def test_a_reader_that_is_stopped_in_the_middle_of_a_large_flush_does_nothing(fleet, tmp_path, database_url):
    """Its session has locked the lease, and its kernel answers for it: the next reader ends that session."""
    held, stopped = [], threading.Event()

    def stop(relay, size):
        if not held:
            held.append((relay, size))
            reader.worker.send_signal(signal.SIGSTOP)
            relay.hold()
            stopped.set()

    with postgres_behind(database_url, lambda: StoppingWire(stop)) as proxy:
        standby = fleet()
        reader = fleet(DATABASE_URL=proxy.url, ALLOCD_UNIT_MAX="5000", ALLOCD_LANES="1")
        wait_until(lambda: has_all(reader), "the stream to move to it, while pub/sub stays")
        ledger = Ledger(standby, tmp_path)
        ledger.open(*SKUS)
        senders = Senders(ledger, [])
        try:
            with ledger.listening():
                commands = [
                    Command(STREAM, "allocate", {
                        "orderid": f"{number}-".ljust(255, "\U0001f4e6"), "sku": SKUS[number % len(SKUS)], "qty": 1,
                        "id": str(uuid.uuid4()),
                    })
                    for number in range(6000)
                ]  # fmt: skip
                add_at_once(senders, ledger, commands)
                wait_until(stopped.is_set, "a large flush")
                took_s = seconds_until(lambda: has_all(standby), "the other worker to take the lease")
                paused_s = took_s + seconds_until(spent_since(ledger), "it to handle commands")
                proxy.release(held[0][0])
                reader.worker.send_signal(signal.SIGCONT)
                wait_until(reader.ready, "readiness to return")
                ledger.settle(senders.send)
                ledger.check(heard_once=True)
        finally:
            reader.worker.send_signal(signal.SIGCONT)
        assert "lease lost" in reader.log.read_text()
    print(f"stopped after {held[0][1]} bytes: taken after {took_s:.2f} s, commands handled after {paused_s:.2f} s")
    assert paused_s < TAKEOVER_S


def add_at_once(senders, ledger, commands):
    pipeline = senders.redis.pipeline(transaction=False)
    for command in commands:
        ledger.write(command)
        data = json.dumps(command.fields, ensure_ascii=False)
        pipeline.xadd(ledger.allocd.prefix + command.way, {"type": command.name, "data": data})
    for command, entry_id in zip(commands, pipeline.execute(), strict=True):
        command.entry_id = entry_id.decode()


# ---- upgrades ----

NEWER = "00000000-0000-4000-8000-000000000001"


def newer_worker_beats(allocd, candidacies):
    """As a worker of a newer program does, which knows one message more."""
    allocd.query(
        "insert into workers as w (id, name, ttl_ms, candidacies, messages) values (%s, 'newer', 2500, %s, %s)"
        " on conflict (id) do update set beats = w.beats + 1 returning id",
        NEWER, candidacies, "allocate\nnew_command",
    )  # fmt: skip


def test_an_entry_that_only_a_newer_worker_knows_waits_for_it(allocd):
    stream = allocd.prefix + STREAM
    candidacies = stream + "\nits own"
    # It has as many leases as the worker that also has pub/sub would have without the stream.
    allocd.query("insert into leases (name, term, holder) values ('its own', gen_random_uuid(), %s) returning name", NEWER)
    batch = {"ref": "batch", "sku": "sku", "qty": 100}
    assert allocd.post("/add_batch", batch).status_code == 201

    def count(table):
        [[rows]] = allocd.query(f"select count(*) from {table}")
        return rows

    def beats_until(condition, what):
        def beaten():
            newer_worker_beats(allocd, candidacies)
            return condition()

        wait_until(beaten, what)

    def is_given():
        return STREAM not in holders(allocd)

    def beats():
        [[number]] = allocd.query("select beats from workers where id <> %s", NEWER)
        return number

    newer_worker_beats(allocd, candidacies)
    enough = beats() + 2
    beats_until(lambda: STREAM in holders(allocd) and beats() >= enough, "the worker to read, and to know of the newer one")
    for name, data in (
        ("allocate", {"orderid": "before", "sku": "sku", "qty": 1}),
        ("new_command", {"orderid": "new"}),
        ("allocate", {"orderid": "behind", "sku": "sku", "qty": 1}),
    ):
        allocd.redis.xadd(stream, {"type": name, "data": json.dumps(data)})
    beats_until(is_given, "the worker to give the lease to the newer one")
    assert (count("order_lines"), count("dead_letters")) == (1, 0)
    assert "an entry is of a type that only another worker knows" in allocd.log.read_text()

    # Without the newer worker the entry is invalid.
    wait_until(lambda: count("order_lines") == 2, "the entry behind it to be handled")
    [(reason,)] = allocd.query("select reason from dead_letters")
    assert reason == "type: unknown command new_command"
