"""Texts of a sender cannot control the operator's terminal; in the output for programs they are unchanged."""

import json
import re
import subprocess

import pytest
from installation import binary, unique, wait_until

# Every control but the newline, bidirectional marks, line ends of Unicode, invisible characters.
OBEYED = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
NASTY = "\x1b[2J\x7f\u0080\u0085\u009b31m\u009f\u061c\u200f\u2028\u202e\u2066\ufeffé🪑"


def assert_harmless(run):
    for text in (run.stdout, run.stderr):
        assert not OBEYED.search(text), ascii(text)
    return run


@pytest.fixture
def tail(module_allocd):
    """A `tail` that is subscribed."""
    process = subprocess.Popen(
        [binary(), "tail"], env=module_allocd.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    channel = module_allocd.prefix + "out_of_stock"
    wait_until(lambda: module_allocd.redis.pubsub_numsub(channel)[0][1] > 0, "tail to listen")
    yield process
    process.kill()
    process.communicate()


def test_tail_prints_events_and_nothing_else(module_allocd, tail):
    sku = unique("sku") + NASTY
    module_allocd.stock(sku, **{unique("batch") + NASTY: 10})
    module_allocd.allocate(sku, "order" + NASTY, 3)

    line = tail.stdout.readline().decode()
    tail.terminate()
    rest, complaints = tail.communicate(timeout=20)

    assert not OBEYED.search(line)
    name, event = line.split(" ", 1)
    assert name == "line_allocated"
    assert json.loads(event)["sku"] == sku
    assert json.loads(event)["orderid"] == "order" + NASTY
    assert (rest, complaints) == (b"", b"")


def test_texts_of_dead_letters_are_escaped_for_a_terminal_and_unchanged_in_json(module_allocd):
    before, sku = len(module_allocd.dead_letters()), unique("sku") + NASTY
    module_allocd.allocate(sku, "order", 1, id=unique("id") + NASTY, more=NASTY)
    module_allocd.await_dead_letters(before + 1)

    listed = assert_harmless(module_allocd.run("dead-letters", "list", "--json")).stdout.splitlines()
    letter = json.loads(listed[0])
    shown = assert_harmless(module_allocd.run("dead-letters", "show", str(letter["id"]), "--json")).stdout
    assert_harmless(module_allocd.run("dead-letters", "list"))
    assert_harmless(module_allocd.run("dead-letters", "show", str(letter["id"])))
    replayed = assert_harmless(module_allocd.run("dead-letters", "replay", str(letter["id"]), "--dry-run", "--json"))

    assert json.loads(letter["payload"])["sku"] == sku
    assert json.loads(json.loads(shown)["payload"])["more"] == NASTY
    assert NASTY in letter["reason"] and NASTY in letter["message_id"]
    assert sku in json.loads(replayed.stdout.splitlines()[0])["reason"]


def test_texts_of_await_are_escaped_for_a_terminal_and_unchanged_in_json(module_allocd):
    command, sku = unique("id") + NASTY, unique("sku") + NASTY
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 1, id=command)

    assert_harmless(module_allocd.run("await", "--id", command))
    printed = json.loads(assert_harmless(module_allocd.run("await", "--id", command, "--json")).stdout)

    assert printed["id"] == command
    assert printed["outcomes"][0]["events"][0]["payload"]["sku"] == sku


@pytest.mark.parametrize(
    "arguments",
    [
        ["publish", "allocate" + NASTY],
        ["publish", "allocate", f"qty{NASTY}=1"],
        ["publish", "allocate", f"sku={NASTY}"],
        ["await", "--id", NASTY, "--timeout", "0"],
        ["republish", "--sku", NASTY],
        ["republish", NASTY],
        ["help", NASTY],
        [NASTY],
        ["tail", "--" + NASTY],
        ["tail", "--prefix", NASTY],
        ["run", "--log-level", NASTY],
        ["dead-letters", "show", NASTY],
        ["dead-letters", "replay", "--reason", NASTY, "--set", NASTY],
        ["verify", "--database-url", f"host={NASTY} connect_timeout=1"],
        ["await", "--timeout", NASTY],
    ],
    ids=lambda arguments: " ".join(ascii(word)[1:20] for word in arguments),
)
def test_an_error_repeats_no_control_characters(module_allocd, arguments):
    run = assert_harmless(module_allocd.run(*arguments, ALLOCD_START_WAIT="1"))

    assert run.returncode != 0
    assert run.stderr
