"""The rights that docs/operating.md gives the user of the worker and its tools are all that they need."""

import json
import re
import shlex
import signal
import subprocess

import pytest
import redis
from installation import ROOT, Installation, unique, wait_until
from viewer import watching


def documented_line():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    line = re.search(r"^redis-cli (ACL SETUSER allocd .*?)^read ", text, re.MULTILINE | re.DOTALL).group(1)
    return shlex.split(line.replace("\\\n", " "))


def set_password(port):
    """By the documented command, to which the password is typed."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    line = re.search(r"^read -rs PASSWORD && .*ACL SETUSER allocd$", text, re.MULTILINE).group()
    done = subprocess.run(
        ["bash", "-c", line.replace("redis-cli ", f"redis-cli -p {port} ")], input="PASSWORD\n", capture_output=True, text=True, check=True
    )
    assert done.stdout == "OK\n", done


def behind(prefix, words):
    """The same line for an installation with a prefix, which is put before each key and channel."""
    return [word[0] + prefix + word[1:] if word[0] in "~&" else word for word in words]


@pytest.fixture
def administrator(own_redis):
    return redis.Redis.from_url(own_redis.url())


@pytest.fixture
def restricted(tmp_path, database_url, own_redis, administrator):
    """Makes an installation whose Redis user has exactly these rights."""
    made = []

    def make(prefix, words, number=0):
        administrator.execute_command(*behind(prefix, words))
        set_password(own_redis.port)
        there = Installation(tmp_path, database_url, own_redis.url())
        there.redis_url = f"redis://allocd:PASSWORD@127.0.0.1:{own_redis.port}/{number}"
        there.redis = redis.Redis(port=own_redis.port, db=number)
        there.prefix = prefix
        made.append(there)
        return there

    yield make
    for there in made:
        there.close()


def done(allocd, *arguments):
    ended = allocd.run(*arguments)
    assert ended.returncode == 0, (arguments, ended.stderr)
    return ended.stdout


def hear(events, name, orderid):
    """Skips events that are published twice, after `outbox renew` or a cut connection."""
    while (heard := events.next()) and (heard[0], heard[1]["orderid"]) != (name, orderid):
        pass


def work_by_every_way(allocd):
    """A command by channel, by stream and by HTTP each leads to an event that is received."""
    sku = unique("sku")
    events = allocd.listen()
    done(allocd, "publish", "create_batch", f"batchref={sku}", f"sku={sku}", "qty=100")
    line = {"orderid": "by-stream", "sku": sku, "qty": 1}
    allocd.redis.xadd(f"{allocd.prefix}allocd:commands", {"type": "allocate", "data": json.dumps(line)})
    hear(events, "line_allocated", "by-stream")
    assert allocd.post("/allocate", {**line, "orderid": "by-http"}).status_code == 202
    hear(events, "line_allocated", "by-http")
    done(allocd, "publish", "change_batch_quantity", f"batchref={sku}", "qty=1")
    hear(events, "line_deallocated", "by-http")
    return sku


def use_every_tool(allocd, sku):
    done(allocd, "quiesce")
    assert "4" in done(allocd, "republish", "--sku", sku, "--from-version", "1")
    done(allocd, "outbox", "renew", "--yes")
    allocd.allocate("no-such-sku", "order", 1)
    allocd.await_dead_letters()
    done(allocd, "publish", "create_batch", f"batchref={unique('b')}", "sku=no-such-sku", "qty=100")
    done(allocd, "quiesce")
    done(allocd, "dead-letters", "replay", "--yes")


def watch_events(allocd):
    with watching(allocd) as viewer:
        viewer.awaits("event")


@pytest.mark.parametrize(("prefix", "number"), [("", 0), ("shop:", 1), ("{shop}:", 0)])
def test_the_documented_rights_suffice_for_the_worker_and_its_tools(restricted, administrator, prefix, number):
    allocd = restricted(prefix, documented_line(), number)
    allocd.start()
    sku = work_by_every_way(allocd)
    use_every_tool(allocd, sku)
    watch_events(allocd)
    # The next connection ends what a cut connection left behind in Redis.
    administrator.execute_command("CLIENT", "KILL", "USER", "allocd")
    channel = f"{prefix}create_batch"
    wait_until(lambda: administrator.pubsub_numsub(channel)[0][1], "the worker to subscribe again")
    wait_until(allocd.ready, "readiness to return")
    work_by_every_way(allocd)
    assert allocd.stop(signal.SIGTERM) == 0

    refused = administrator.execute_command("ACL", "LOG")
    assert refused == [], "Redis refused something that the documented rights lack"
    assert not [line for line in allocd.log_lines() if "NOPERM" in line]


@pytest.mark.parametrize("right", ["+evalsha", "+xreadgroup", "+publish", "+info"])
def test_a_missing_right_is_found_in_the_acl_log_of_redis(restricted, administrator, right):
    """A missing right is in the log that the test above reads."""
    allocd = restricted("", [word for word in documented_line() if word != right])
    allocd.launch()
    wait_until(lambda: administrator.execute_command("ACL", "LOG"), "a refusal")


def test_without_the_right_to_info_the_worker_works(restricted):
    allocd = restricted("", [word for word in documented_line() if word != "+info"])
    allocd.start()
    work_by_every_way(allocd)


def test_the_documented_acl_line_can_be_repeated_and_restricts_an_open_user(restricted, administrator):
    """Redis 6.2 gives every user all channels, and refuses further ones until they are revoked."""
    words = documented_line()
    administrator.execute_command("ACL", "SETUSER", "allocd", "allchannels")
    allocd = restricted("", words)
    administrator.execute_command(*words)
    allocd.start()

    assert "*" not in allocd.redis.acl_getuser("allocd")["channels"]
