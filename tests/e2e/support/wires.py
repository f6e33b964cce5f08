"""
Recognizes the phases of a unit of work in the traffic between the worker and its servers.

A phase is a moment at which a crash, or a lost connection, can be distinguished from every other moment:

    begun           processes are recorded, and the worker does not know
    load            a load was sent, and is not answered
    flush           a flush has begun: its first bytes are held back
    sync sent       a flush was sent whole, and is not answered: perhaps it is committed
    committed       a flush is committed, and the worker does not know
    published       events are published, and the worker does not know
    unacknowledged  entries of a stream are handled, and their acknowledgement is held back
"""

import collections
import struct
import threading

from proxy import REPLY, REQUEST

PHASES = ("begun", "load", "flush", "sync sent", "committed", "published", "unacknowledged")

# The phase of a segment of the Postgres protocol that was sent whole, and of one that was answered.
SENT = {"load": "load", "flush": "sync sent"}
ANSWERED = {"begin": "begun", "flush": "committed"}


class Watch:
    """Is called for every phase that any connection reaches, and acts at the armed one."""

    def __init__(self):
        self.armed = None
        self.seen = collections.Counter()

    def at(self, phase, act):
        """
        Calls act(relay) at the next such moment, in the proxy's thread: nothing passes that connection before
        it returns. Returns an event that is set afterwards.
        """
        sprung = threading.Event()
        self.armed = (phase, act, sprung)
        return sprung

    def reached(self, phase, relay):
        self.seen[phase] += 1
        armed = self.armed
        if armed and armed[0] == phase:
            self.armed = None
            armed[1](relay)
            armed[2].set()


class PostgresWire:
    """
    Version 3 of the protocol: a type, a length, a body. Statements are prepared under the names of
    src/adapters/postgres/sql/statements.sql: INSERT_WITNESS begins a flush, a load has LOAD_… in it.
    """

    def __init__(self, watch):
        self.watch = watch
        self.rest = {REQUEST: b"", REPLY: b""}
        self.is_started = False  # the startup message, which has no type, was seen
        self.segment = "other"
        self.segments = collections.deque(["start"])  # unanswered; ReadyForQuery ends each
        self.failed = False

    def messages(self, way, data):
        data = self.rest[way] + data
        start = 0
        while (end := self.end_of_message(way, data, start)) <= len(data):
            yield data[start:end]
            start = end
        self.rest[way] = data[start:]

    def end_of_message(self, way, data, start):
        typed = way == REPLY or self.is_started
        if len(data) < start + typed + 4:
            return len(data) + 1
        end = start + typed + struct.unpack_from("!I", data, start + typed)[0]
        if not typed and end <= len(data):
            self.is_started = True
        return end

    def before(self, relay, way, message):
        if way == REQUEST:
            if is_bind(message, b"INSERT_WITNESS"):
                self.segment = "flush"
                self.watch.reached("flush", relay)
        elif message[:1] == b"Z" and self.segments[0] in ANSWERED and not self.failed:
            self.watch.reached(ANSWERED[self.segments[0]], relay)

    def after(self, relay, way, message):
        if way == REQUEST:
            self.after_request(relay, message)
        else:
            self.after_reply(message)

    def after_request(self, relay, message):
        if is_bind(message, b"LOAD_") and self.segment == "other":
            self.segment = "load"
        elif is_bind(message, b"BEGIN_PROCESSES"):
            self.segment = "begin"
        elif message[:1] in (b"S", b"Q"):
            segment, self.segment = self.segment, "other"
            self.segments.append(segment)
            if segment in SENT:
                self.watch.reached(SENT[segment], relay)

    def after_reply(self, message):
        if message[:1] == b"E":
            self.failed = True
        elif message[:1] == b"Z":
            self.segments.popleft()
            self.failed = False


def is_bind(message, statement):
    """Whether the message is a Bind of a statement with that prefix; the portal's name before it is empty."""
    return message[:1] == b"B" and message[5:].partition(b"\0")[2].startswith(statement)


class RedisWire:
    """RESP2: requests are arrays of strings, and each but those of a subscriber has one reply."""

    def __init__(self, watch):
        self.watch = watch
        self.rest = {REQUEST: b"", REPLY: b""}
        self.commands = collections.deque()  # requests that are not answered yet
        self.subscribes = False

    def messages(self, way, data):
        data = self.rest[way] + data
        start = 0
        while (end := end_of_value(data, start)) is not None:
            yield data[start:end]
            start = end
        self.rest[way] = data[start:]

    def before(self, relay, way, message):
        if way == REQUEST:
            if command_of(message) == b"XACK":
                self.watch.reached("unacknowledged", relay)
        elif self.commands and self.commands[0] == b"EVALSHA" and not message.startswith(b"-"):
            self.watch.reached("published", relay)

    def after(self, relay, way, message):
        if way == REQUEST:
            command = command_of(message)
            self.subscribes |= command == b"SUBSCRIBE"
            self.commands.append(command)
        elif not self.subscribes:
            self.commands.popleft()


def command_of(request):
    return request.split(b"\r\n", 3)[2].upper()


def end_of_value(data, start):
    """The end of the value that begins at `start`; None when it is incomplete."""
    line = data.find(b"\r\n", start)
    if line < 0:
        return None
    kind, end = data[start : start + 1], line + 2
    if kind in b"+-:":
        return end
    size = int(data[start + 1 : line])
    if kind == b"$":
        end += size + 2 if size >= 0 else 0
        return end if end <= len(data) else None
    for _ in range(size):
        end = end_of_value(data, end)
        if end is None:
            return None
    return end
