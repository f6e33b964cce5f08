"""`allocd tail`: as JSON, filtered, from the stream of events, and with commands."""

import json
import subprocess
from datetime import datetime

import pytest
from installation import EVENTS, binary, unique, wait_until


@pytest.fixture
def tail(module_allocd):
    """Starts `allocd tail` with some arguments; it is subscribed, or reads the stream."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [binary(), "tail", *arguments], env=module_allocd.environment(), stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        if "--since" not in arguments:
            channels = [module_allocd.prefix + name for name in EVENTS]
            wait_until(lambda: all(count for _, count in module_allocd.redis.pubsub_numsub(*channels)), "tail to listen")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def sku(module_allocd):
    """A SKU with 10 in stock."""
    name = unique("sku")
    module_allocd.stock(name, **{unique("batch"): 10})
    return name


def lines(process):
    """What it prints until it ends, behind what was read before: communicate() would not know what is buffered."""
    found = [json.loads(line) for line in process.stdout]
    assert process.wait(30) == 0
    return found


def test_as_json_each_line_has_type_data_and_at(module_allocd, sku, tail):
    process = tail("--json", "--count", "1", "--filter", f"sku={sku}")
    module_allocd.allocate(sku, "order", 3)

    (line,) = lines(process)

    assert set(line) == {"type", "data", "at"}
    assert line["type"] == "line_allocated"
    assert (line["data"]["orderid"], line["data"]["qty"]) == ("order", 3)
    received, occurred = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (line["at"], line["data"]["occurred_at"]))
    assert abs((received - occurred).total_seconds()) < 30


def test_of_each_key_one_value_must_match(module_allocd, sku, tail):
    filters = [f"sku={sku}", "order=one", "order=three", "type=line_allocated"]
    process = tail("--json", "--count", "2", *(word for each in filters for word in ("--filter", each)))
    module_allocd.stock("other-" + sku, **{unique("batch"): 10})
    module_allocd.allocate("other-" + sku, "one", 1)
    for order, quantity in (("one", 1), ("two", 1), ("three", 30), ("three", 1)):
        module_allocd.allocate(sku, order, quantity)

    found = lines(process)

    assert [(line["type"], line["data"]["orderid"], line["data"]["sku"]) for line in found] == [
        ("line_allocated", "one", sku), ("line_allocated", "three", sku),
    ]  # fmt: skip


def test_since_an_age_or_a_version_reads_what_was_published_before_and_what_comes(module_allocd, sku, tail):
    for order in ("one", "two"):
        module_allocd.allocate(sku, order, 1)
    stream = module_allocd.prefix + "allocd:events"
    wait_until(
        lambda: sum(sku.encode() in fields[b"data"] for _, fields in module_allocd.redis.xrange(stream)) == 2,
        "both events to be in the stream",
    )

    every = tail("--json", "--since", "5m", "--filter", f"sku={sku}", "--count", "3")
    later = tail("--json", "--since", "2", "--filter", f"sku={sku}", "--count", "2")
    first = [json.loads(process.stdout.readline()) for process in (every, later)]
    module_allocd.allocate(sku, "three", 1)

    assert [line["data"]["version"] for line in [first[0], *lines(every)]] == [1, 2, 3]
    assert [line["data"]["version"] for line in [first[1], *lines(later)]] == [2, 3]


def test_commands_are_printed_when_asked_for(module_allocd, sku, tail):
    process = tail("--commands", "--json", "--count", "2", "--filter", "order=" + sku)
    command = json.dumps({"orderid": sku, "sku": sku, "qty": 1})
    assert module_allocd.redis.publish(module_allocd.prefix + "allocate", command) == 2, "the worker and tail listen"

    assert sorted(line["type"] for line in lines(process)) == ["allocate", "line_allocated"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--filter", "colour=red"], "sku=SKU, order=ORDER or type=MESSAGE"),
        (["--filter", "type=line_alocated"], "did you mean line_allocated?"),
        (["--since", "17"], "--filter sku=SKU"),
        (["--since", "yesterday"], "an age such as 90s"),
        (["--since", "5m", "--commands"], "has no commands"),
        (["--count", "0"], "1 or more"),
    ],
)
def test_wrong_usage_is_refused(parked, arguments, words):
    done = parked.run("tail", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and "see allocd help tail" in done.stderr


def test_a_stream_that_cannot_be_read_ends_it(parked):
    parked.redis.set(parked.prefix + "allocd:events", "no stream")
    done = parked.run("tail", "--since", "5m")

    assert done.returncode == 1
    assert "WRONGTYPE" in done.stderr
    assert parked.run("tail", "--since", "5m", ALLOCD_EVENT_STREAM="").returncode == 78
