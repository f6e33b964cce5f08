"""
Compares three records, which must agree: commands sent, rows of the database, events received.

A command is recorded before it is sent, here and in the sender's file. Two kinds of `allocate` are sent: one
for which there is stock, and one for which there never is, which raises an event at each attempt and so
reveals a second handling at once. `change_batch_quantity` moves lines back and forth between a small batch
and one that is never exhausted. Lines are released by `deallocate`, `ship` and `order_cancelled`: what becomes
of an order is known from its commands alone, because each is sent when those before it on the order must have
their effect first.
"""

import collections
import dataclasses
import itertools
import json
import time

import requests
import servers
import subscriber
from installation import wait_until

PLENTY = 1_000_000
TOO_MANY = 2_000_000_000
PROCESSES_END_S = 120  # the lease of a process, rounds of housekeeping, and its commands
VERIFIED_S = 300
LIMIT = 100_000  # the length to which the event stream is trimmed


@dataclasses.dataclass
class Command:
    way: str  # "http", "pubsub", or the stream's name
    name: str
    fields: dict
    entry_id: str = None  # of the stream entry, once it is known
    sent_at: float = dataclasses.field(default_factory=time.time, compare=False, repr=False)

    @property
    def sku(self):
        return self.fields.get("sku") or self.fields["batchref"].partition("/")[0]

    @property
    def id(self):
        return self.fields.get("id")

    @property
    def is_on_stream(self):
        return self.way not in ("http", "pubsub")

    @property
    def line(self):
        return self.sku, self.fields["orderid"], self.fields["qty"]


class Ledger:
    def __init__(self, allocd, folder):
        self.allocd = allocd
        self.path = folder / "sent.jsonl"
        self.sent = []
        self.heard = folder / "heard.jsonl"
        self.skus = []
        self.http = requests.Session()

    def open(self, *skus):
        """Makes the SKUs, each with a small batch in the warehouse and an inexhaustible shipment."""
        for sku in skus:
            for reference, qty, eta in (("shelf", 20, None), ("ship", PLENTY, "2030-01-01")):
                batch = {"ref": f"{sku}/{reference}", "sku": sku, "qty": qty, "eta": eta}
                assert self.allocd.post("/add_batch", batch).status_code == 201
            self.skus.append(sku)

    def write(self, command):
        self.sent.append(command)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps([command.way, command.name, command.fields]) + "\n")

    def listening(self):
        return subscriber.listening(self.allocd.redis_url, self.allocd.prefix, self.heard)

    # Rows of the database.

    def spent(self):
        """The ids in the inbox, of commands and of entries without an id."""
        rows = self.allocd.query("select id from inbox")
        return {identity for (identity,) in rows}

    def missing(self):
        """Commands whose id is missing in the inbox, of those that have one."""
        spent = self.spent()
        keys = [(command, command.id or command.entry_id) for command in list(self.sent)]
        return [command for command, key in keys if key not in spent and (key or command.way != "http")]

    def lines(self):
        rows = self.allocd.query(
            "select p.sku, l.orderid, l.qty, b.reference, l.version from order_lines l"
            " join products p on p.id = l.product_id join batches b on b.id = l.batch_id"
        )
        return {(sku, orderid, qty): (reference, version) for sku, orderid, qty, reference, version in rows}

    def events(self, sku):
        """The SKU's events in the database, which the API returns in pages."""
        events = []
        while page := self.page(sku, events[-1]["version"] if events else 0):
            events += [event["data"] | {"type": event["type"]} for event in page]
        return events

    def page(self, sku, after):
        def ask():
            answer = self.http.get(self.allocd.url(f"/events/{sku}?after={after}"))
            return answer if answer.status_code == 200 else None

        return wait_until(ask, "the API to be well again").json()

    def has_events_of(self, command):
        return any(event["orderid"] == command.fields["orderid"] for event in self.events(command.sku))

    # Events that were received.

    def heard_on_channels(self):
        return [json.loads(line) for line in subscriber.heard(self.heard)]

    def heard_on_stream(self):
        entries = self.allocd.redis.xrange(self.allocd.prefix + "allocd:events", count=2 * LIMIT)
        return [json.loads(entry[b"data"]) for _, entry in entries]

    # The end of a run.

    def settle(self, send=None, again=("pubsub",)):
        """
        Waits until every command is handled and every event is published. Commands sent over the transports
        in `again`, which may lose them, are sent again with send() until they are handled.
        """

        self.await_processes()

        def all_there():
            missing = self.missing()
            for command in missing:
                if command.way in again:
                    send(command)
            return not missing

        try:
            wait_until(all_there, "every command to be handled")
        finally:
            missing = self.missing()
            assert not missing, f"{len(missing)} of {len(self.sent)} commands are lost: {missing[:3]}"
        self.await_published()

    def await_stream(self, name):
        """Waits until the group has read and acknowledged every entry."""

        def state():
            groups = self.allocd.redis.xinfo_groups(self.allocd.prefix + name)
            return next((each for each in groups if each["name"] == b"allocd"), None)

        def all_acknowledged():
            stream = self.allocd.redis.xinfo_stream(self.allocd.prefix + name)
            group = state()
            if not group:
                return False  # it was destroyed, and is not created again yet
            # Redis 6.2 shows no lag, and 7.0 one that is too large after a failover.
            has_read = group["last-delivered-id"] == stream["last-generated-id"]
            return (has_read or group.get("lag") == 0) and group["pending"] == 0

        wait_until(all_acknowledged, lambda: f"every entry of {name} to be acknowledged, but there is {state()}")

    def await_published(self):
        behind = (
            "select * from outbox_heads h join outbox_cursors c using (partition)"
            " where h.position <> c.position"
        )
        wait_until(lambda: not self.allocd.query(behind), "every event to be published")

    def await_processes(self):
        """
        Waits until every cancellation has ended. The leases of dead workers end now, and not in a minute; but one
        that a worker has begun or taken over since, and died, lasts for a minute.
        """
        self.allocd.query("update processes set due_at = now()")
        servers.wait_until(
            lambda: not self.allocd.query("select key from processes"), "every cancellation to end", PROCESSES_END_S
        )

    def await_heard(self, count):
        """Waits until the subscriber, which is a separate process, has written that number of events."""

        def identities():
            return {(event["sku"], event["version"]) for event in self.heard_on_channels()}

        wait_until(lambda: len(identities()) >= count, f"{count} events to be heard")

    # The balance.

    def check(self, heard_all=True, heard_once=False, on_stream=True, in_order=True, dead_letters=0):
        """
        Asserts that nothing was lost or done twice, that versions are gapless, and that the order per SKU was
        kept: of commands, of events, and of received events. The arguments switch off checks.
        """
        events = {sku: self.events(sku) for sku in self.skus}
        self.check_handled(events, in_order, dead_letters)
        if heard_all:
            self.await_heard(sum(map(len, events.values())))
        self.check_heard(self.heard_on_channels(), events, heard_all, heard_once)
        if on_stream:
            stream = self.heard_on_stream()
            self.check_heard(stream, events, True, heard_once, is_trimmed=len(stream) >= LIMIT)
        self.check_verify()

    def check_handled(self, events, in_order=True, dead_letters=0):
        """What the database has: commands, lines and events."""
        for sku in self.skus:
            check_versions(sku, events[sku])
        self.check_effects(events)
        if in_order:
            self.check_order(events)
        self.check_spent()
        assert len(self.allocd.dead_letters()) == dead_letters

    def check_effects(self, events):
        """
        Each line has the effects that its commands must have, each once and in their order, and no other ones;
        the lines that are left are the same in the tables, in the read model and by the events.
        """
        expected, effects = self.expected_effects(), self.effects(events)
        texts = [{(line, *each[0]) for line in of for each in of[line]} for of in (effects, expected)]
        assert texts[0] == texts[1], difference(*texts)
        for line, of_line in effects.items():
            had, must_have = ([effect for effect, _ in of] for of in (of_line, expected[line]))
            assert had == must_have, f"{line} had the effects {had}, not {must_have}"
        lines = {}
        for sku in self.skus:
            replay(events[sku], lines)
        assert self.lines() == lines, "the lines are not what the events say"
        assert self.view() == {line: reference for line, (reference, _) in lines.items()}

    def expected_effects(self):
        """Of each line: the effects that it must have, with the command of each."""
        expected, held = collections.defaultdict(list), collections.defaultdict(set)
        for command in self.sent:
            if command.name != "change_batch_quantity":
                for line, *effect in effects_of(command, held[command.fields["orderid"]]):
                    expected[line].append(((*effect, command.id), command))
        return expected

    def effects(self, events):
        """Of each line: the effects that its events show, with their versions, without its moves to another batch."""
        effects = collections.defaultdict(list)
        moving = set()
        for sku in self.skus:
            for event in events[sku]:
                line, reason = line_of(event), event.get("reason")
                if reason == "batch_shrunk":
                    moving.add((line, event.get("cause")))
                elif (line, event.get("cause")) in moving:
                    assert event["type"] == "line_allocated", event
                    moving.remove((line, event.get("cause")))
                else:
                    effect = event["type"], reason, event.get("cause")
                    effects[line].append((effect, event["version"]))
        assert not moving, f"lines lost their batch, and got no other: {moving}"
        return effects

    def view(self):
        rows = self.allocd.query("select sku, orderid, qty, batchref from allocations_view")
        return {(sku, orderid, qty): reference for sku, orderid, qty, reference in rows}

    def check_order(self, events):
        """Commands of one stream had their effects in the order in which they were sent, per SKU."""
        overtaken = self.overtaken(events)
        assert not overtaken, f"{overtaken[0]} was handled before one that was sent earlier"
        self.check_quantities(events)

    def overtaken(self, events):
        """The commands of streams that had an effect before one that was sent earlier on the same stream, of the same SKU."""
        expected, effects = self.expected_effects(), self.effects(events)
        versions = collections.defaultdict(list)
        for line, of_line in expected.items():
            for (_, command), (_, version) in zip(of_line, effects[line]):
                versions[id(command)].append((line[0], version))
        last = collections.defaultdict(int)
        overtaken = []
        for command in self.sent:
            for sku, version in versions[id(command)] if command.is_on_stream else []:
                key = command.way, sku
                if version < last[key]:
                    overtaken.append(command)
                last[key] = max(version, last[key])
        return overtaken

    def check_quantities(self, events):
        """Each batch has the quantity of its last change, less what was shipped from it since then."""
        shipped, since = collections.Counter(), collections.Counter()
        purchased, causes = {}, {}
        for event in itertools.chain.from_iterable(events.values()):
            if event["type"] == "line_shipped":
                causes[line_of(event), event.get("cause")] = event["batchref"]
                shipped[event["batchref"]] += event["qty"]
        for command in self.sent:
            if command.name == "change_batch_quantity":
                purchased[command.fields["batchref"]] = command.fields["qty"]
                since[command.fields["batchref"]] = 0
            elif command.name == "ship" and command.is_on_stream:
                since[causes.get((command.line, command.id))] += command.fields["qty"]
                shipped[causes.get((command.line, command.id))] -= command.fields["qty"]
        rows = dict(self.allocd.query("select reference, purchased from batches"))
        for reference, qty in purchased.items():
            most = qty - since[reference]
            assert most - shipped[reference] <= rows[reference] <= most, (reference, rows[reference], most)

    def check_spent(self):
        """Only ids that were sent are spent, each by the command that it was sent with."""
        assert not self.missing()
        sent = {(command.name, command.id) for command in self.sent if command.id}
        spent = self.allocd.query(
            "select message, id from inbox where message <> 'stream entry' and not starts_with(source, 'process ')"
        )
        assert set(spent) == sent, difference(set(spent), sent)
        entries = self.allocd.query("select id from inbox where message = 'stream entry'")
        assert len(entries) == sum(1 for command in self.sent if command.entry_id and not command.id)

    def check_heard(self, heard, events, all_of_it, once, is_trimmed=False):
        """Each version has one content and was first received in order, and no version is missing but trimmed ones."""
        known = {(sku, event["version"]): without_type(event) for sku in self.skus for event in events[sku]}
        last = collections.defaultdict(int)
        if is_trimmed:
            last.update((event["sku"], event["version"] - 1) for event in reversed(heard))
        for event in heard:
            sku, version = event["sku"], event["version"]
            assert event == known[sku, version], "one version has two contents"
            if version > last[sku]:
                assert version == last[sku] + 1 or not all_of_it, f"{sku}: {last[sku]}, then {version}"
                last[sku] = version
            else:
                assert not once, f"{sku}: {version} was heard twice"
        if all_of_it:
            assert last == {sku: len(events[sku]) for sku in self.skus if events[sku]}

    def check_verify(self):
        """The whole output of `allocd verify`, which takes a while after a long run."""
        done = self.allocd.run("verify", timeout_s=VERIFIED_S)
        assert done.returncode == 0, done.stdout + done.stderr


def check_versions(sku, events):
    assert [event["version"] for event in events] == list(range(1, len(events) + 1)), f"{sku}: a gap"


def effects_of(command, held):
    """The lines on which the command has an effect, each with its event and reason; `held` are its order's."""
    if command.name == "order_cancelled":
        released = [(line, "line_deallocated", "cancelled") for line in held]
        held.clear()
        return released
    if command.name == "allocate":
        if command.fields["qty"] == TOO_MANY:
            return [(command.line, "out_of_stock", None)]
        if command.line in held:
            return []
        held.add(command.line)
        return [(command.line, "line_allocated", None)]
    if command.line not in held:
        return []
    held.remove(command.line)
    release = {"deallocate": ("line_deallocated", "cancelled"), "ship": ("line_shipped", None)}
    return [(command.line, *release[command.name])]


def replay(events, lines):
    """Applies the events to `lines`; each must fit the state before it."""
    for event in events:
        line = line_of(event)
        if event["type"] == "line_allocated":
            assert line not in lines, f"allocated twice: {event}"
            lines[line] = event["batchref"], event["version"]
        elif event["type"] in ("line_deallocated", "line_shipped"):
            assert lines.pop(line)[0] == event["batchref"], event


def line_of(event):
    return event["sku"], event["orderid"], event["qty"]


def without_type(event):
    return {name: value for name, value in event.items() if name != "type"}


def difference(there, expected):
    """A few surplus and a few missing items, for the report of a failure."""
    return f"too many: {list(there - expected)[:5]}, missing: {list(expected - there)[:5]}"
