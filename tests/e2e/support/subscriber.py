"""
A separate process that writes every event that it receives to a file, one a line, in order of arrival:

    subscriber.py REDIS_URL PREFIX FILE

A line with a single word marks the moment from which it is subscribed.
"""

import contextlib
import pathlib
import subprocess
import sys
import time

import redis

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))

from message_names import EVENTS  # noqa: E402


@contextlib.contextmanager
def listening(redis_url, prefix, path):
    """Runs a subscriber for the length of the block; it is subscribed when the block begins."""
    process = subprocess.Popen([sys.executable, __file__, redis_url, prefix, path])
    try:
        deadline = time.monotonic() + 20
        while not (path.exists() and path.read_bytes()):
            assert process.poll() is None and time.monotonic() < deadline, "the subscriber does not listen"
            time.sleep(0.01)
        yield
    finally:
        process.kill()
        process.wait()


def heard(path):
    """The payloads in the file, whole lines only."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [line for line in lines if line != b"listening"]


def hear(client, prefix, file):
    with contextlib.closing(client.pubsub()) as pubsub:
        pubsub.subscribe(*(prefix + name for name in EVENTS))
        confirmed = 0
        for message in pubsub.listen():
            if message["type"] == "message":
                file.write(message["data"] + b"\n")
            elif (confirmed := confirmed + 1) == len(EVENTS):
                file.write(b"listening\n")


def main():
    url, prefix, path = sys.argv[1:]
    client = redis.Redis.from_url(url)
    with open(path, "ab", buffering=0) as file:
        while True:
            with contextlib.suppress(redis.RedisError, OSError):
                hear(client, prefix, file)
            time.sleep(0.01)  # Redis is down: it was killed


if __name__ == "__main__":
    main()
