#!/usr/bin/python3
"""What `./dev run` does beside servers and a worker: a short demo, and then it stays up.

    allocd-dev -- run.py [--once] ALLOCD

The demo drives the worker from outside, by the program's own `publish` and `tail`. With --once it ends
after the demo: with 0 when every expected event came, else with 1.
"""

import argparse
import collections
import datetime
import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time

from message_names import EVENTS

EVENT_TIMEOUT_S = 10
# Where allocd-dev says that the servers are.
VARIABLES = ("DATABASE_URL", "REDIS_URL", "ALLOCD_HTTP")

Step = collections.namedtuple("Step", "command fields expected")


class DemoFailed(Exception):
    """The demo failed; the text says where."""


def demo_steps():
    """Names are new in every run: the database keeps those of the last one."""
    run = os.urandom(2).hex()
    tomorrow = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
    sku, shelf, shipment, order = f"lamp-{run}", f"shelf-{run}", f"shipment-{run}", f"order-{run}"
    line = {"orderid": order, "sku": sku, "qty": 10}
    return [
        Step("create_batch", {"batchref": shelf, "sku": sku, "qty": 100}, []),
        Step("create_batch", {"batchref": shipment, "sku": sku, "qty": 100, "eta": tomorrow}, []),
        Step("allocate", line, [("line_allocated", {**line, "batchref": shelf})]),
        Step(
            "change_batch_quantity",
            {"batchref": shelf, "qty": 5},
            [("line_deallocated", {**line, "batchref": shelf}), ("line_allocated", {**line, "batchref": shipment})],
        ),
    ]


class Tail:
    """`allocd tail`, read line by line."""

    def __init__(self, allocd):
        self.lines = queue.Queue()
        self.process = subprocess.Popen([allocd, "tail"], stdout=subprocess.PIPE, text=True, start_new_session=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def next_event(self, skus):
        """The next event of one of these SKUs: others may be using the same Redis."""
        deadline = time.monotonic() + EVENT_TIMEOUT_S
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoFailed(f"no event was received in {EVENT_TIMEOUT_S} s") from None
            name, payload = line.split(maxsplit=1)
            fields = json.loads(payload)
            if fields["sku"] in skus:
                return name, fields, line


def play(allocd, tail, steps):
    skus = {step.fields["sku"] for step in steps if "sku" in step.fields}
    for step in steps:
        words = [step.command, *(f"{name}={value}" for name, value in step.fields.items())]
        print(f"  sent  {shlex.join(words)}", flush=True)
        subprocess.run([allocd, "publish", *words], check=True, stdout=subprocess.DEVNULL)
        for expected_name, expected_fields in step.expected:
            name, fields, line = tail.next_event(skus)
            print(f"  event {line}", flush=True)
            if name != expected_name or not expected_fields.items() <= fields.items():
                raise DemoFailed(f"expected {expected_name} with {expected_fields}")


def await_listeners(redis_url):
    """Waits until the demo's own tail is subscribed, because pub/sub keeps no events."""

    def heard():
        command = ["redis-cli", "--no-auth-warning", "-u", redis_url, "pubsub", "numsub", *prefixed(EVENTS)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return all(int(count) > 0 for count in answer[1::2])

    deadline = time.monotonic() + EVENT_TIMEOUT_S
    while not heard():
        if time.monotonic() > deadline:
            raise DemoFailed(f"`allocd tail` does not listen after {EVENT_TIMEOUT_S} s")
        time.sleep(0.02)


def prefixed(names):
    return [os.environ.get("ALLOCD_PREFIX", "") + name for name in names]


def print_how_to(allocd):
    http = os.environ["ALLOCD_HTTP"]
    events, command = " ".join(prefixed(EVENTS)), prefixed(["allocate"])[0]
    exports = [f"export {name}='{os.environ[name]}'" for name in VARIABLES]
    order = '{"orderid":"order-%d","sku":"lamp-1","qty":1}'
    batch = '{"ref":"batch-2","sku":"lamp-1","qty":100}'
    json_type = "-H 'Content-Type: application/json'"
    lines = [
        ("the page", f"http://{http}/"),
        *(("first", line) for line in exports),
        ("listen", f"{allocd} tail"),
        ("a batch", f"{allocd} publish create_batch batchref=batch-1 sku=lamp-1 qty=100"),
        ("an order", f"{allocd} publish allocate orderid=order-1 sku=lamp-1 qty=1"),
        ("by redis-cli", f'redis-cli -u "$REDIS_URL" subscribe {events}'),
        ("", f"redis-cli -u \"$REDIS_URL\" publish {command} '{order % 2}'"),
        ("by HTTP", f"curl {json_type} -d '{batch}' http://{http}/add_batch"),
        ("", f"curl {json_type} -d '{order % 3}' http://{http}/allocate"),
        ("", f"curl http://{http}/allocations/order-3"),
        ("look inside", 'psql "$DATABASE_URL"'),
    ]
    print("\nallocd is up. By hand, in another terminal:\n")
    for what, line in lines:
        print(f"  {what:13} {line}")
    print("\nCtrl-C ends it; the data stays.", flush=True)


def run_demo(allocd, redis_url):
    print("\nA short demo: an order moves from a batch that shrinks to the next one.\n", flush=True)
    tail = Tail(allocd)
    try:
        await_listeners(redis_url)
        play(allocd, tail, demo_steps())
    finally:
        tail.process.terminate()
        tail.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="end after the demo")
    parser.add_argument("allocd")
    options = parser.parse_args()
    try:
        run_demo(options.allocd, os.environ["REDIS_URL"])
    except DemoFailed as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    if options.once:
        print("\nEvery event was published as expected.")
        return 0
    print_how_to(options.allocd)
    waited = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    signal.sigwait(waited)
    print("\nEnding.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
