"""Programs that the documents hold, run as they stand there."""

import contextlib
import os
import re
import subprocess
import sys

from installation import EVENTS, ROOT, wait_until

RUNNERS = {"py": sys.executable, "js": "node"}

# Debian keeps node-redis here, where a node from elsewhere does not look by itself.
NODE_PATH = "/usr/share/nodejs"


def document(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def program(name, without=()):
    """The program; `without` events that one of before did not know."""
    text = document("messages.md") + document("consuming.md")
    for event in without:
        text = text.replace(f'"{event}", ', "")
    return re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)


@contextlib.contextmanager
def running(name, folder, allocd, without=(), **variables):
    """Runs one of the programs of the documents. They use no prefix, so the Redis is the test's own."""
    file = folder / name
    file.write_text(program(name, without), encoding="utf-8")
    runner = RUNNERS[name.rsplit(".", 1)[1]]
    environment = {
        **os.environ, "REDIS_URL": allocd.redis_url, "ALLOCD_URL": allocd.url(""), "NODE_PATH": NODE_PATH,
        **variables,
    }  # fmt: skip
    child = subprocess.Popen([runner, file], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def listening(language, folder, allocd, without=()):
    """Runs the documented listener; it is subscribed when the block begins, but not to the events `without`."""
    with running(f"listen.{language}", folder, allocd, without) as listener:
        # A listener keeps the lines, and command_rejected is about none.
        events = [event for event in EVENTS if event not in (*without, "command_rejected")]
        wait_until(lambda: all(n for _, n in allocd.redis.pubsub_numsub(*events)), "the listener to subscribe")
        assert not any(n for _, n in allocd.redis.pubsub_numsub(*without) if without)
        yield listener
