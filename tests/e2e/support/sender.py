"""Load: threads that send commands, each written into the ledger first, until they are stopped."""

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
HTTP_TIMEOUT_S = 20


class Senders:
    """One thread for each transport; as a context manager they run for the length of the block."""

    def __init__(self, ledger, ways, skus=None, rate=200, anonymous=False):
        self.allocd = ledger.allocd
        self.ledger = ledger
        self.skus = skus or ledger.skus
        self.rate = rate  # the most commands a second over each transport
        self.anonymous = anonymous  # every third entry of a stream has no id
        self.redis = redis.Redis.from_url(self.allocd.redis_url)
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
                command = self.next_command(way, number)
                self.ledger.write(command)
                self.send(command)
                due = max(due + 1 / self.rate, time.monotonic() - 0.1)
        except Exception as defect:  # reported by stop(), in the test's thread
            self.defect = defect

    def next_command(self, way, number):
        sku = random.choice(self.skus)
        fields = {"id": str(uuid.uuid4())}
        is_stream = way not in ("http", "pubsub")
        if is_stream and self.anonymous and number % 3 == 0:
            fields = {}
        if is_stream and number % 10 == 9:
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
