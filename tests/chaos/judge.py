"""
Compares what was sent with what the database has and what the consumer heard, and counts for each way in what was lost,
doubled or out of order, and for how long nothing was done. What the README does not promise is counted apart: commands on
channels, and entries of the event stream that a failover of Redis took with it.
"""

import bisect
import collections
import dataclasses
import datetime
import itertools

from incidents import REDIS
from traffic import content_of

PUBSUB, EVENTS = "pubsub", "events"
# What a failover of Redis may take with it was written less than this long before it, or before all had followed.
BEFORE_S, AFTER_S = 2, 5
# A command on a channel may be lost while the holder of pub/sub is away, and until another one is.
TAKEOVER_S = 10


@dataclasses.dataclass
class Row:
    """The figures of one way in, or of the events."""

    name: str
    sent: int = 0
    lost: int = 0
    allowed: list = dataclasses.field(default_factory=list)  # when what was lost or repeated may be, as the README says
    doubled: int = 0
    out_of_order: int = 0
    times: list = dataclasses.field(default_factory=list)  # of effects, in their order

    def pause(self, since=None, until=None):
        """The longest time without an effect, or of those that overlap this time, as (seconds, begin, end); or None."""
        first = max(bisect.bisect(self.times, since) - 1, 0) if since else 0
        behind = bisect.bisect(self.times, until) + 1 if until else len(self.times)
        pairs = itertools.pairwise(self.times[first:behind])
        pauses = (((end - begin).total_seconds(), begin, end) for begin, end in pairs)
        return max(pauses, key=lambda pause: pause[0], default=None)

    def is_clean(self):
        return not (self.lost or self.doubled or self.out_of_order)


@dataclasses.dataclass
class Verdict:
    rows: list
    troubles: list = dataclasses.field(default_factory=list)  # anything else that must not be

    def is_kept(self):
        return not self.troubles and all(row.is_clean() for row in self.rows)


def name_of(way):
    return {"http": "HTTP", PUBSUB: "pub/sub"}.get(way, f"stream {way}")


def judge(ledger, events, spent, heard, unheard, incidents):
    """
    `events` are those of the database, by SKU; `spent` the ids of its inbox; `heard` what the consumer read; `unheard` the
    commands on channels that were not handled when they were first published.
    """
    ways = list(dict.fromkeys(command.way for command in ledger.sent))
    rows = {way: Row(name_of(way), sum(command.way == way for command in ledger.sent)) for way in ways}
    judge_commands(rows, ledger, events, spent)
    judge_channels(rows, unheard, incidents)
    sent_again = {command.id for command in unheard}  # when everything else was over
    note_times(rows, ledger, events, sent_again)
    return Verdict([*rows.values(), judge_heard(events, heard, incidents, sent_again)])


# ---- commands ----


def judge_commands(rows, ledger, events, spent):
    way_of = {command.id: command.way for command in ledger.sent}
    lost = {command.id for command in ledger.sent if command.id not in spent}
    missing, surplus = effects_beyond(ledger, events)
    lost |= set(missing)
    for identity in lost:
        rows[way_of[identity]].lost += 1
    for identity, count in surplus.items():
        # An effect without a cause that we know belongs to no command that was sent.
        rows[way_of.get(identity, next(iter(rows)))].doubled += count
    for command in ledger.overtaken(events):
        rows[command.way].out_of_order += 1


def effects_beyond(ledger, events):
    """How many effects of each command are missing, and how many there are that must not be."""
    had = counted(ledger.effects(events))
    must_have = counted(ledger.expected_effects())
    return by_command(must_have - had), by_command(had - must_have)


def counted(effects):
    return collections.Counter((line, effect) for line, of in effects.items() for effect, _ in of)


def by_command(effects):
    counts = collections.Counter()
    for (_, effect), count in effects.items():
        counts[effect[-1]] += count  # the cause
    return counts


def judge_channels(rows, unheard, incidents):
    for command in unheard:
        at = datetime.datetime.fromtimestamp(command.sent_at, datetime.UTC)
        if any(incident.overlaps(at, at, 1, TAKEOVER_S) for incident in incidents):
            rows[PUBSUB].allowed.append(at)
        else:
            rows[PUBSUB].lost += 1


def note_times(rows, ledger, events, sent_again):
    way_of = {command.id: command.way for command in ledger.sent if command.id not in sent_again}
    for event in itertools.chain.from_iterable(events.values()):
        if event.get("cause") in way_of:
            rows[way_of[event["cause"]]].times.append(datetime.datetime.fromisoformat(event["occurred_at"]))
    for row in rows.values():
        row.times.sort()


# ---- events ----


def judge_heard(events, heard, incidents, sent_again=()):
    """Each event of the database was read once, and in its order, unless Redis failed over at that time."""
    known = {(sku, event["version"]): event for sku, of in events.items() for event in of}
    row = Row(EVENTS, len(known))
    seen, last = set(), collections.defaultdict(int)
    for each in heard:
        key = each.sku, each.version
        if key in seen:
            at = datetime.datetime.fromtimestamp(each.at, datetime.UTC)
            count(row, "doubled", at, incidents)
        elif each.version < last[each.sku]:
            row.out_of_order += 1
        elif key not in known or content_of(known[key]) != each.content:
            row.doubled += 1  # one version has two contents
        seen.add(key)
        last[each.sku] = max(last[each.sku], each.version)
    for key in known.keys() - seen:
        count(row, "lost", datetime.datetime.fromisoformat(known[key]["occurred_at"]), incidents)
    for each in heard:
        if known.get((each.sku, each.version), {}).get("cause") not in sent_again:
            row.times.append(datetime.datetime.fromtimestamp(each.at, datetime.UTC))
    return row


def count(row, what, at, incidents):
    failed_over = (incident for incident in incidents if incident.place == REDIS)
    if any(incident.overlaps(at, at, BEFORE_S, AFTER_S) for incident in failed_over):
        row.allowed.append(at)
    else:
        setattr(row, what, getattr(row, what) + 1)
