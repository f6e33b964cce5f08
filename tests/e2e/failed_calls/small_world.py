"""
An installation with a worker that is kept, and rounds of a few commands over each transport, after which the ledger must
balance: among them a dead letter, a shrink, a cancelled order and a line for which there is no stock.
"""

import contextlib

import installation
import requests
import sender
from installation import wait_until
from kept_worker import KeptWorker
from ledger import TOO_MANY, Command, Ledger

SKUS = "lamp", "chair"
STREAM = sender.STREAM
ANSWER_TIMEOUT_S = 20


class SmallWorld:
    def __init__(self, allocd, folder, settings):
        self.allocd = allocd
        self.ledger = Ledger(allocd, folder)
        self.worker = KeptWorker(allocd, folder, settings)
        self.senders = sender.Senders(self.ledger, [])
        self.round = 0
        self.nameless = []  # commands without an id that were not answered

    # What is sent.

    def send(self, way, name, identity, **fields):
        command = Command(way, name, {"id": f"{identity}-{self.round}"} | fields if identity else fields)
        self.ledger.write(command)
        if way == "http":
            wait_until(lambda: self.senders.post_once(command), f"{command} to be answered")
        else:
            self.senders.send(command)

    def post_without_id(self):
        """It must have one effect if it is answered, and may have one if not."""
        command = Command("http", "allocate", {"orderid": f"nameless-{self.round}", "sku": "lamp", "qty": TOO_MANY})
        if self.senders.post_once(command):
            self.ledger.write(command)
        else:
            self.nameless.append(command)

    def add_to_stream(self):
        order, line = f"stream-{self.round}", {"orderid": f"line-{self.round}", "sku": "lamp", "qty": 1}
        self.send(STREAM, "allocate", "a", orderid=order, sku="lamp", qty=1)
        self.send(STREAM, "allocate", None, orderid=order, sku="chair", qty=1)
        self.send(STREAM, "allocate", "b", **line)
        self.send(STREAM, "change_batch_quantity", "q", batchref="lamp/shelf", qty=1 + self.round % 2 * 8)
        self.allocd.redis.xadd(self.allocd.prefix + STREAM, {"type": "allocate", "data": "{"})
        self.send(STREAM, "deallocate", "d", **line)
        self.send(STREAM, "order_cancelled", "c", orderid=order)

    def post(self):
        line = {"orderid": f"http-{self.round}", "sku": "chair", "qty": 1}
        self.send("http", "allocate", "h", **line)
        self.send("http", "ship", "s", **line)

    def publish(self):
        self.send("pubsub", "allocate", "p", orderid=f"published-{self.round}", sku="lamp", qty=1)

    def read(self):
        for path in ("metrics", "readyz?verbose", "products/lamp", "batches/lamp%2Fshelf", f"allocations/http-{self.round}", "events/lamp"):
            check_answer(self.allocd.url("/" + path))

    def play(self):
        """Sends one round, and waits until all of it is done."""
        self.round += 1
        self.post_without_id()
        self.add_to_stream()
        self.publish()
        self.post()
        self.read()
        self.settle()

    def add_and_publish(self):
        """The beginning of a round, which is not waited for."""
        self.round += 1
        self.add_to_stream()
        self.publish()

    def settle(self):
        self.ledger.settle(self.senders.send)
        self.ledger.await_stream(STREAM)

    # The balance.

    def check(self):
        """Nothing may fail meanwhile."""
        self.worker.await_ready()
        for command in self.nameless:
            if self.ledger.has_events_of(command):
                self.ledger.write(command)
        self.nameless.clear()
        assert not self.worker.defects, self.worker.defects
        self.ledger.check(heard_once=True, dead_letters=self.round)


def check_answer(url):
    """A read may fail, but what is answered is whole."""
    try:
        answer = requests.get(url, timeout=ANSWER_TIMEOUT_S)
    except requests.Timeout:
        raise
    except requests.RequestException:
        return
    if answer.status_code == 200 and url.endswith("/metrics"):
        assert answer.text.splitlines()[-1].startswith("process_max_fds "), f"the metrics end with {answer.text[-100:]!r}"
    else:
        assert answer.status_code in (200, 404, 500, 503), answer
        answer.json()


@contextlib.contextmanager
def small_world(folder, database_url, redis_url, **settings):
    """Its worker has had a first round, so that what is done only once is done."""
    allocd = installation.Installation(folder, database_url, redis_url)
    world = SmallWorld(allocd, folder, settings)
    try:
        world.worker.await_ready()
        world.ledger.open(*SKUS)
        with world.ledger.listening():
            world.play()
            yield world
    finally:
        world.worker.stop()
        installation.Installation.in_use.remove(allocd)
