"""
Sends `allocate` commands and counts the events: for what `allocd-bench` does not drive, a program without a
database and stock that is there already. Redis' protocol is written and read by hand, so that little of the
machine goes into it.
"""

import socket
import threading
import time
import urllib.parse

from place import BenchError, LostMessage

CHUNK = 500
# The worker reads as many at a time, once it knows that entries are small (STREAM_READ_MAX is more).
READ = 100
# The most messages in flight: pub/sub has no flow control, and Redis disconnects a subscriber that lags too far.
WINDOW = 20000
STALL_S = 60
EVENT = b"line_allocated"


def connect(url):
    place = urllib.parse.urlparse(url)
    if place.scheme != "redis" or place.password:
        raise BenchError("this needs a REDIS_URL like redis://host:port, without a password")
    return socket.create_connection((place.hostname, place.port or 6379))


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Ear(threading.Thread):
    """Counts the events of one channel."""

    def __init__(self, url, channel):
        super().__init__(daemon=True)
        self.socket = connect(url)
        self.socket.sendall(encode(b"SUBSCRIBE", channel))
        self.mark = b"\r\n$%d\r\n%s\r\n$" % (len(channel), channel)
        self.count = 0
        self.news = threading.Condition()
        if not self.socket.recv(1 << 10).startswith(b"*3\r\n$9\r\nsubscribe"):
            raise BenchError("Redis refused SUBSCRIBE")
        self.start()

    def run(self):
        rest = b""
        while data := self.socket.recv(1 << 18):
            seen = rest + data
            found = seen.count(self.mark)
            rest = seen[-(len(self.mark) - 1) :]
            with self.news:
                self.count += found
                self.news.notify()

    def await_count(self, count):
        with self.news:
            if not self.news.wait_for(lambda: self.count >= count, STALL_S):
                raise LostMessage(f"only {self.count} of {count} events came")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


class Load:
    """Sends orders to the worker of the prefix, by `pubsub` or by `stream`."""

    def __init__(self, redis_url, prefix, way):
        prefix = prefix.encode()
        self.words = {
            "pubsub": (b"PUBLISH", prefix + b"allocate"),
            "stream": (b"XADD", prefix + b"allocd:commands", b"*", b"type", b"allocate", b"data"),
        }[way]
        self.ear = Ear(redis_url, prefix + EVENT)
        self.mouth = connect(redis_url)
        self.drain = threading.Thread(target=self.drop_answers, daemon=True)
        self.drain.start()
        self.sent = 0

    def drop_answers(self):
        while self.mouth.recv(1 << 16):
            pass

    def close(self):
        self.mouth.shutdown(socket.SHUT_RDWR)
        self.drain.join()
        self.mouth.close()
        self.ear.close()

    def chunks(self, orders, size):
        """The commands as bytes ready to send, `size` at a time."""
        commands = [encode(*self.words, order) for order in orders]
        return [commands[first : first + size] for first in range(0, len(commands), size)]

    def as_fast_as_it_goes(self, orders):
        """Seconds from the first command to the last event."""
        chunks = [(len(chunk), b"".join(chunk)) for chunk in self.chunks(orders, CHUNK)]
        begin = time.monotonic()
        for size, data in chunks:
            self.ear.await_count(self.sent + size - WINDOW)
            self.mouth.sendall(data)
            self.sent += size
        self.ear.await_count(self.sent)
        return time.monotonic() - begin

    def one_read_at_a_time(self, orders):
        """Sends each chunk at once, and the next one after all its events, so that units have one size."""
        for chunk in self.chunks(orders, READ):
            self.mouth.sendall(b"".join([encode(b"MULTI"), *chunk, encode(b"EXEC")]))
            self.sent += len(chunk)
            self.ear.await_count(self.sent)


def orders_over(skus, count, first=0):
    """Commands for one order after the other, over these SKUs in turn; order ids begin at `first`."""
    return [
        b'{"orderid":"order-%d","sku":"%s","qty":1}' % (first + number, skus[number % len(skus)].encode())
        for number in range(count)
    ]
