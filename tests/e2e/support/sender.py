"""Load: threads that send commands, each written into the ledger first, until they are stopped."""

import collections
import contextlib
import itertools
import json
import random
import threading
import time
import uuid

import redis
import requests
from ledger import TOO_MANY, Command

STREAM = "allocd:commands"
RELEASES = ("deallocate", "ship", "order_cancelled")
HTTP_TIMEOUT_S = 20


class Senders:
    """One thread for each transport; as a context manager they run for the length of the block."""

    def __init__(self, ledger, ways, skus=None, rate=200, anonymous=False, releases=()):
        self.allocd = ledger.allocd
        self.ledger = ledger
        self.skus = skus or ledger.skus
        self.rate = rate  # the most commands a second over each transport
        self.anonymous = anonymous  # every third entry of a stream has no id
        self.releases = releases  # what lines are released by: RELEASES, or some of them
        self.allocated = collections.deque()  # over HTTP, so that pub/sub may release their lines
        self.redis = self.allocd.redis
        self.http = requests.Session()
        self.stopping = threading.Event()
        self.defect = None
        self.threads = [threading.Thread(target=self.run, args=[way], daemon=True) for way in ways]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Stops after every command that was begun is sent, however long the receiver takes."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.defect:
            raise self.defect

    def run(self, way):
        try:
            due = time.monotonic()
            for number in itertools.count():
                if self.stopping.wait(max(0, due - time.monotonic())):
                    return
                for command in self.commands(way, number):
                    self.ledger.write(command)
                    self.send(command)
                due = max(due + 1 / self.rate, time.monotonic() - 0.1)
        except Exception as defect:  # reported by stop(), in the test's thread
            self.defect = defect

    def commands(self, way, number):
        """Yields commands; each is sent before the next one is asked for."""
        command = self.next_command(way, number)
        if not self.releases:
            yield command
        elif way == "pubsub":
            yield command
            if number % 2 and self.allocated:
                yield self.release(way, number, self.allocated.popleft())
        else:
            yield from self.with_releases(way, number, command)

    def with_releases(self, way, number, command):
        """The command, and what releases its line: a cancellation before it or behind it, or another command."""
        kind = number % 10
        if kind == 1:
            yield self.cancellation(way, number, command.fields["orderid"])
        yield command
        if kind in (0, 6):
            for sku in random.sample(self.skus, 2):
                yield self.command(way, number, "allocate", {**command.fields, "sku": sku})
        if kind == 0 and way == "http":
            self.allocated.append(command)
        elif kind in (0, 6):
            yield from self.cancelled_twice(way, number, command)
        elif kind in (3, 5):
            yield self.release(way, number, command)

    def cancelled_twice(self, way, number, command):
        """
        The event comes again, and on a stream it does so behind a line that is allocated anew, which must stay.
        (Over HTTP that line could be allocated before the end of a process that a dead worker left.)
        """
        cancellation = self.cancellation(way, number, command.fields["orderid"])
        yield cancellation
        if cancellation.is_on_stream:
            yield self.command(way, number, "allocate", command.fields)
        if cancellation.id:
            self.send(cancellation)

    def release(self, way, number, allocated):
        name = self.releases[number // 2 % len(self.releases)]
        if name == "order_cancelled":
            return self.cancellation(way, number, allocated.fields["orderid"])
        return self.command(way, number, name, allocated.fields)

    def cancellation(self, way, number, orderid):
        return Command(way, "order_cancelled", self.identity(way, number) | {"orderid": orderid})

    def command(self, way, number, name, line):
        fields = {field: line[field] for field in ("orderid", "sku", "qty")}
        return Command(way, name, fields | self.identity(way, number))

    def identity(self, way, number):
        is_anonymous = self.anonymous and way not in ("http", "pubsub") and number % 3 == 0
        return {} if is_anonymous else {"id": str(uuid.uuid4())}

    def next_command(self, way, number):
        sku, fields = random.choice(self.skus), self.identity(way, number)
        if way not in ("http", "pubsub") and number % 10 == 9:
            fields |= {"batchref": f"{sku}/shelf", "qty": random.randrange(40)}
            return Command(way, "change_batch_quantity", fields)
        qty = TOO_MANY if number % 10 == 4 else 1
        return Command(way, "allocate", fields | {"orderid": f"{way}-{number}", "sku": sku, "qty": qty})

    def send(self, command):
        {"http": self.post, "pubsub": self.publish}.get(command.way, self.add)(command)

    def post(self, command):
        """Sends the command until it is done: after 503, or no answer, it is sent again with the same id."""
        while self.post_once(command) is None:
            time.sleep(0.02)

    def post_once(self, command):
        with contextlib.suppress(requests.ConnectionError):
            answer = self.http.post(
                self.allocd.url("/" + command.name), json=command.fields, timeout=HTTP_TIMEOUT_S
            )
            if answer.status_code != 503:
                assert answer.status_code == 202, answer.text
                return answer
            assert int(answer.headers["Retry-After"]) > 0
        return None

    def publish(self, command):
        """The workers that are subscribed, if any."""
        with contextlib.suppress(redis.RedisError):
            self.redis.publish(self.allocd.prefix + command.name, json.dumps(command.fields))

    def add(self, command):
        """Sends until Redis has the command; after an uncertain result again with the same id."""
        while True:
            try:
                command.entry_id = self.add_once(command)
                return
            except redis.RedisError:
                assert command.id, "Redis went away under a command that has no id"
                time.sleep(0.02)

    def add_once(self, command, stream=None):
        entry = {"type": command.name, "data": json.dumps(command.fields)}
        return self.redis.xadd(self.allocd.prefix + (stream or command.way), entry).decode()
