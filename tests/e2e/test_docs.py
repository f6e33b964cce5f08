"""The programs in docs/messages.md run as they stand there."""

import contextlib
import os
import re
import subprocess
import sys

import pytest
from installation import EVENTS, ROOT, TIMEOUT_S, wait_until

# Debian keeps node-redis here, where a node from elsewhere does not look by itself.
NODE_PATH = "/usr/share/nodejs"
RUNNERS = {"py": sys.executable, "js": "node"}


def program(name):
    text = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    return re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)


@contextlib.contextmanager
def running(name, folder, environment):
    file = folder / name
    file.write_text(program(name), encoding="utf-8")
    runner = RUNNERS[name.rsplit(".", 1)[1]]
    child = subprocess.Popen([runner, file], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("language", RUNNERS)
def test_the_examples_publish_and_listen(tmp_path, on_own_redis, language):
    allocd = on_own_redis
    allocd.stop()
    allocd.prefix = ""  # as in the examples: the Redis is this test's own
    allocd.start()
    environment = {**os.environ, "REDIS_URL": allocd.redis_url, "NODE_PATH": NODE_PATH}

    with running(f"listen.{language}", tmp_path, environment) as listener:
        wait_until(lambda: all(n for _, n in allocd.redis.pubsub_numsub(*EVENTS)), "the listener to subscribe")
        with running(f"publish.{language}", tmp_path, environment) as publisher:
            assert publisher.wait(TIMEOUT_S) == 0
        heard = [listener.stdout.readline().split() for _ in range(3)]

    assert heard == [
        ["line_allocated", f"order-{language}", f"shelf-{language}", "1"],
        ["line_deallocated", f"order-{language}", f"shelf-{language}", "2"],
        ["line_allocated", f"order-{language}", f"shipment-{language}", "3"],
    ]
