#!/usr/bin/python3
"""How many `allocate` commands a second the worker does, by pub/sub, with every effect verified.

    scripts/servers.py --durable -- tests/bench/allocate.py [--messages N] [--skus N]

The clock runs from the first PUBLISH to the last event heard. No more than a window of commands is on its
way at a time: pub/sub has no flow control of its own, and Redis cuts off a subscriber that lags too far.
Publisher and listener write and read Redis' protocol by hand, so that little of the machine goes into them.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "scripts"), str(ROOT / "tests" / "e2e")]

import installation  # noqa: E402

CHUNK = 500
WINDOW = 20000
STALL_S = 60
# One pushed message as the protocol frames it; JSON holds no bare line break.
PUSHED = re.compile(rb"\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n([^\r]*)\r\n\$\d+\r\n([^\r]*)\r\n")


def connect(url):
    place = urllib.parse.urlparse(url)
    return socket.create_connection((place.hostname, place.port))


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Ear(threading.Thread):
    """Keeps what it hears, counts it on the way, and reads it closely only afterwards."""

    def __init__(self, url, channels):
        super().__init__(daemon=True)
        self.socket = connect(url)
        self.socket.sendall(encode(b"SUBSCRIBE", *channels))
        self.chunks = []
        self.count = 0
        self.last_heard = time.monotonic()
        self.start()

    def run(self):
        mark, rest = b"*3\r\n$7\r\nmessage", b""
        while data := self.socket.recv(1 << 18):
            self.chunks.append(data)
            seen = rest + data
            self.count += seen.count(mark)
            rest = seen[-(len(mark) - 1) :]
            self.last_heard = time.monotonic()

    def messages(self):
        return PUSHED.findall(b"".join(self.chunks))

    def await_count(self, count):
        while self.count < count:
            if time.monotonic() - self.last_heard > STALL_S:
                raise SystemExit(f"only {self.count} of {count} events came")
            time.sleep(0.0005)


def commands(prefix, messages, skus):
    """Order by order over all SKUs in turn, as bytes ready to send."""
    channel = f"{prefix}allocate".encode()
    for number in range(messages):
        payload = b'{"orderid":"order-%d","sku":"sku-%d","qty":1}' % (number, number % skus)
        yield encode(b"PUBLISH", channel, payload)


def stock_up(allocd, messages, skus):
    """One batch a SKU, half again as large as needed."""
    qty = messages // skus * 3 // 2 + 1
    for first in range(0, skus, CHUNK):
        pipeline = allocd.redis.pipeline(transaction=False)
        for number in range(first, min(skus, first + CHUNK)):
            batch = {"batchref": f"batch-{number}", "sku": f"sku-{number}", "qty": qty}
            pipeline.publish(allocd.prefix + "create_batch", json.dumps(batch))
        pipeline.execute()
    installation.wait_until(lambda: allocd.query("select count(*) from batches") == [(skus,)], "the stock")


def measure(allocd, ear, messages, skus):
    chunks, chunk = [], []
    for command in commands(allocd.prefix, messages, skus):
        chunk.append(command)
        if len(chunk) == CHUNK:
            chunks.append(b"".join(chunk))
            chunk = []
    chunks.append(b"".join(chunk))

    publisher = connect(allocd.redis_url)
    threading.Thread(target=drain, args=[publisher], daemon=True).start()
    begin = time.monotonic()
    ear.last_heard = begin
    for number, data in enumerate(chunks):
        ear.await_count(number * CHUNK - WINDOW)
        publisher.sendall(data)
    ear.await_count(messages)
    return time.monotonic() - begin


def drain(connection):
    """Redis answers every PUBLISH; the answers are not needed."""
    while connection.recv(1 << 16):
        pass


def verify(allocd, ear, messages, skus):
    """Every order has its one line, every SKU its gapless versions in order, and the totals agree."""
    heard = [(channel, json.loads(payload)) for channel, payload in ear.messages()]
    expect(len(heard) == messages, "one event a command")
    expect({channel for channel, _ in heard} == {f"{allocd.prefix}line_allocated".encode()}, "no other event")
    lines = {(event["orderid"], event["sku"], event["qty"], event["batchref"]) for _, event in heard}
    expect(
        lines == {(f"order-{n}", f"sku-{n % skus}", 1, f"batch-{n % skus}") for n in range(messages)},
        "every order was heard with its SKU and its batch",
    )
    versions, of_sku = collections.defaultdict(list), collections.Counter(n % skus for n in range(messages))
    for _, event in heard:
        versions[event["sku"]].append(event["version"])
    for number, count in of_sku.items():
        expect(versions[f"sku-{number}"] == list(range(1, count + 1)), f"gapless versions of sku-{number}, in order")

    view = set(allocd.query("select orderid, sku, batchref from allocations_view"))
    expect(view == {(order, sku, batch) for order, sku, _, batch in lines}, "the read model has the same lines")
    stored = dict(allocd.query("select sku, version from products"))
    expect(stored == {f"sku-{n}": of_sku[n] for n in range(skus)}, "the products have the same versions")
    totals = dict(allocd.query("select reference, allocated from batches"))
    expect(totals == {f"batch-{n}": of_sku[n] for n in range(skus)}, "the batches hold as much as was ordered")
    expect(allocd.query("select count(*) from order_lines") == [(messages,)], "one order line an order")
    expect(allocd.dead_letters() == [], "no dead letter")


def expect(truth, what):
    if not truth:
        raise SystemExit(f"not so: {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100000)
    parser.add_argument("--skus", type=int, default=1000)
    options = parser.parse_args()

    with (
        installation.fresh_database(os.environ["DATABASE_URL"]) as database_url,
        tempfile.TemporaryDirectory() as folder,
    ):
        allocd = installation.Installation(folder, database_url, os.environ["REDIS_URL"])
        allocd.start()
        try:
            stock_up(allocd, options.messages, options.skus)
            ear = Ear(allocd.redis_url, [(allocd.prefix + name).encode() for name in installation.EVENTS])
            seconds = measure(allocd, ear, options.messages, options.skus)
            verify(allocd, ear, options.messages, options.skus)
        finally:
            allocd.close()
    rate = options.messages / seconds
    print(f"{options.messages} allocate over {options.skus} SKUs: {seconds:.2f} s, {rate:.0f} a second, all verified")


if __name__ == "__main__":
    main()
