"""Any bytes over HTTP: the worker stays alive, answers probes meanwhile, keeps no connection, and no sanitizer complains.

The bytes are those of the fuzz target `requests` and requests to every path, whole, in two pieces, cut off, and changed
at random, for ALLOCD_TEST_HTTP_BYTES_S seconds; ALLOCD_TEST_HTTP_BYTES_SEED repeats a run.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import socket
import struct
import time

from background import Background
from installation import ROOT, wait_until

SECONDS = float(os.environ.get("ALLOCD_TEST_HTTP_BYTES_S", "4"))
SIDE_BY_SIDE = 8
SOON_S = 1  # the usual limit of a liveness probe
IDLE_S = 0.02  # after which a client that got no answer leaves
SIZE_MAX = 200_000  # above the largest body that is taken

PATHS = ("/livez", "/readyz?verbose", "/metrics", "/", "/products/lamp", "/batches/shelf", "/allocations/order?full", "/events/lamp?after=0&epoch=1",
         "/asyncapi.json", "/schemas/allocate.json", "/admin/status", "/admin/dead-letters?limit=5", "/admin/live", "/%zz/%00?%")  # fmt: skip
COMMANDS = ("add_batch", "allocate", "change_batch_quantity", "deallocate", "ship", "order_cancelled")
SIGNS = (b"\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\0", b"%", b"/", b"?", b",", b";", b"0", b"-", b"\xff", b"Content-Length: 5\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Host: a\r\n", b"99999999999999999999")  # fmt: skip


def post(path, body):
    head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def examples():
    """Requests to begin with. The first byte of an input of a fuzz target is no part of its bytes."""
    corpus = ROOT / "tests" / "fuzz" / "corpus"
    found = [path.read_bytes()[1:] for path in sorted((corpus / "requests").iterdir())]
    found += [f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in PATHS]
    bodies = [path.read_bytes()[1:] for path in sorted((corpus / "messages").iterdir())]
    bodies += [json.dumps({"ref": "shelf", "batchref": "shelf", "orderid": "order", "sku": "lamp", "qty": 1}).encode()] * 20
    return found + [post(COMMANDS[number % len(COMMANDS)], body) for number, body in enumerate(bodies)]


EXAMPLES = examples()


def changed(data, chance):
    """One of: bytes lost, one changed, signs added, a part repeated, another request behind or within it."""
    at, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    other = chance.choice(EXAMPLES)
    return chance.choice([
        lambda: data[:at] + data[end:],
        lambda: data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
        lambda: data[:at] + chance.choice(SIGNS) + data[at:],
        lambda: data[:end] + data[at:],
        lambda: data + other,
        lambda: data[:at] + other[chance.randrange(len(other) + 1) :],
        lambda: data[:at] + data[at:end] * min(chance.choice([2, 100, 2000]), SIZE_MAX // (end - at or 1)) + data[end:],
    ])()[:SIZE_MAX]  # fmt: skip


class Input:
    """What one client sends: the same of the same seed and number."""

    def __init__(self, seed, number):
        chance = random.Random(f"{seed}/{number}")
        # Each example once as it is, then changed ones.
        self.data = EXAMPLES[number % len(EXAMPLES)]
        for _ in range(chance.choice([1, 1, 2, 4]) if number >= len(EXAMPLES) else 0):
            self.data = changed(self.data, chance)
        self.cut = chance.randrange(len(self.data) + 1)
        self.pieces = chance.choice([[self.data], [self.data[: self.cut], self.data[self.cut :]], [self.data[: self.cut]]])
        self.resets = chance.random() < 0.3

    def send(self, address):
        """Returns what came back until the worker closed the connection or was silent for a moment."""
        answers = b""
        with contextlib.suppress(ConnectionError, TimeoutError), socket.create_connection(address, SOON_S) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in self.pieces:
                client.sendall(piece)
            client.settimeout(IDLE_S)
            with contextlib.suppress(TimeoutError):
                while (part := client.recv(65536)) and len(answers) < SIZE_MAX:
                    answers += part
            if self.resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return answers


class Probes(Background):
    """Asks for /livez all the time, each time by another connection, and notes the longest wait."""

    def __init__(self, allocd):
        super().__init__()
        self.allocd, self.longest, self.count, self.failure = allocd, 0, 0, None

    def run(self):
        try:
            while not self.over.wait(0.05):
                begin = time.monotonic()
                assert self.allocd.get("/livez").status_code == 200
                self.longest = max(self.longest, time.monotonic() - begin)
                self.count += 1
        except Exception as error:  # it is raised in the main thread
            self.failure = error

def connections(port):
    """The worker's, from its side: established ones, and those that the client has closed."""
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] in ("01", "08")]


def test_any_bytes_leave_the_worker_alive_and_its_probes_answered(allocd):
    host, port = allocd.http.split(":")
    address = (host, int(port))
    seed = os.environ.get("ALLOCD_TEST_HTTP_BYTES_SEED") or str(random.randrange(1 << 32))
    allocd.stock("lamp", shelf=1000)
    wait_until(lambda: allocd.get("/products/lamp").status_code == 200, "the stock")
    number, end = 0, time.monotonic() + SECONDS

    with Probes(allocd) as probes, concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        while number < len(EXAMPLES) or time.monotonic() < end:
            inputs = [Input(seed, number + i) for i in range(SIDE_BY_SIDE)]
            answers = list(pool.map(lambda one: one.send(address), inputs))
            sent = f"seed {seed}, inputs {number} to {number + SIDE_BY_SIDE - 1}: {[one.pieces for one in inputs]}"
            assert allocd.worker.poll() is None, f"the worker ended with {allocd.worker.returncode}: {sent}"
            assert not probes.failure, f"{probes.failure!r}: {sent}"
            assert all(answer.startswith(b"HTTP/1.") for answer in answers if answer), f"{answers}: {sent}"
            number += SIDE_BY_SIDE
    print(f"seed {seed}: {number} clients; {probes.count} probes, the slowest took {probes.longest * 1000:.0f} ms")

    assert probes.count > 0 and probes.longest < SOON_S, f"seed {seed}: a probe took {probes.longest:.1f} s"
    wait_until(lambda: not connections(int(port)), f"all connections to be closed (seed {seed})")
    assert allocd.get("/readyz").status_code == 200
