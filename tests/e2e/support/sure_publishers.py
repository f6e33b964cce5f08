"""Publishers that know what arrived, also while Redis or Postgres fails over."""

import contextlib
import json
import threading
import uuid

import redis
from installation import unique, wait_until
from ledger import TOO_MANY, Command

RATE = 100  # commands a second on each way


class SurePublishers:
    """Send commands by HTTP and by stream, and again with the same id where they do not know that one arrived."""

    def __init__(self, ledger, connect, replicas=1):
        self.ledger, self.allocd = ledger, ledger.allocd
        self.connect = connect  # returns a client of the present master
        self.replicas = replicas  # how many of Redis must have a command before it counts as arrived
        self.unsure = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[send]) for send in (self.by_http, self.by_stream)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def run(self, send):
        number = 0
        while not self.ended.wait(1 / RATE):
            number += 1
            fields = {
                "orderid": unique("order"), "sku": self.ledger.skus[number % len(self.ledger.skus)],
                "qty": TOO_MANY if number % 2 else 1, "id": str(uuid.uuid4()),
            }  # fmt: skip
            send(fields)

    def by_http(self, fields):
        self.ledger.write(Command("http", "allocate", fields))
        wait_until(lambda: self.allocd.post("/allocate", fields).status_code == 202, "HTTP to take the command")

    def by_stream(self, fields):
        command = Command("allocd:commands", "allocate", fields)
        self.ledger.write(command)
        try:
            client = self.connect()
            add(self.allocd, client, command)
            if client.wait(self.replicas, 100) >= self.replicas:
                return
        except redis.RedisError:
            pass
        self.unsure.append(command)

    def send_again(self):
        client = self.connect()
        for command in self.unsure:
            add(self.allocd, client, command)


def add(allocd, client, command):
    entry = {"type": command.name, "data": json.dumps(command.fields)}
    client.xadd(f"{allocd.prefix}{command.way}", entry)


def await_handled(ledger, count):
    before = len(ledger.spent())
    wait_until(lambda: len(ledger.spent()) >= before + count, f"{count} more commands to be handled")


def connections(allocd):
    with contextlib.suppress(redis.RedisError):
        return [each for each in allocd.redis.client_list() if each["name"].startswith("allocd-")]
    return []
