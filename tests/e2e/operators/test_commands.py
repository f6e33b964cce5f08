"""The program's other commands, and its logs."""

import json
import subprocess

import pytest
from installation import EVENTS, binary, unique, wait_until


def test_publish_checks_a_command_and_sends_it(allocd):
    sku, events = unique("sku"), allocd.listen()

    batch = allocd.run("publish", "create_batch", "batchref=batch", f"sku={sku}", "qty=10")
    line = allocd.run("publish", "allocate", "orderid=order", f"sku={sku}", "qty=3")

    assert (batch.returncode, line.returncode) == (0, 0), batch.stderr + line.stderr
    events.expect("line_allocated", orderid="order", qty=3, batchref="batch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no_such_message"], "no_such_message"),
        (["allocate", "orderid=o", "sku=s"], "qty"),
        (["allocate", "orderid=o", "sku=s", "qty=many"], "qty"),
        (["allocate", "orderid=o", "sku=s", "qty=1", "colour=red"], "colour"),
        ([], ""),
    ],
)
def test_publish_refuses_a_command_that_violates_its_schema(allocd, arguments, words):
    done = allocd.run("publish", *arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_publish_warns_when_no_worker_is_subscribed(parked):
    done = parked.run("publish", "create_batch", "batchref=batch", "sku=sku", "qty=10")

    assert done.returncode == 69
    assert len(done.stderr.splitlines()) == 1


def test_tail_prints_events_one_a_line(allocd):
    tail = subprocess.Popen([binary(), "tail"], env=allocd.environment(), stdout=subprocess.PIPE, text=True)
    channels = [allocd.prefix + name for name in EVENTS]
    wait_until(lambda: all(count for _, count in allocd.redis.pubsub_numsub(*channels)), "tail to listen")
    sku = unique("sku")
    allocd.stock(sku, batch=10)
    allocd.allocate(sku, "order", 3)
    allocd.allocate(sku, "huge", 30)

    lines = [tail.stdout.readline(), tail.stdout.readline()]
    tail.terminate()
    assert tail.wait(10) == 0

    names, payloads = zip(*(line.split(maxsplit=1) for line in lines))
    assert names == ("line_allocated", "out_of_stock")
    assert [json.loads(payload)["orderid"] for payload in payloads] == ["order", "huge"]


def test_config_prints_an_environment_file_that_the_shell_reads_back(parked):
    settings = {"ALLOCD_SOURCE": "a b'c\"d$e`f\\g", "REDIS_URL": "redis://user:the-password@127.0.0.1/0"}
    printed = parked.run("config", "--unit-max", "17", **settings)
    assert printed.returncode == 0
    assert "the-password" not in printed.stdout

    script = 'set -a; eval "$1"; printf "%s|%s|%s" "$ALLOCD_SOURCE" "$ALLOCD_UNIT_MAX" "$ALLOCD_LANES"'
    read_back = subprocess.run(["sh", "-c", script, "sh", printed.stdout], capture_output=True, text=True, check=True)

    assert read_back.stdout == f"{settings['ALLOCD_SOURCE']}|17|2"


def test_version_and_help_are_printed_without_settings(parked):
    assert "0.1.0" in parked.run("version").stdout
    text = parked.run("help").stdout
    for command in ("run", "migrate", "publish", "tail", "config", "version", "help"):
        assert command in text


@pytest.mark.parametrize("arguments", [["no-such-command"], ["run", "--no-such-option"], []])
def test_wrong_usage_ends_with_2(parked, arguments):
    done = parked.run(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_every_line_of_a_json_log_is_json(parked):
    parked.start(ALLOCD_LOG_FORMAT="json", ALLOCD_LOG_LEVEL="debug")
    parked.send("allocate", b'bad "quoted" \n')
    parked.await_dead_letters()
    assert parked.stop() == 0

    lines = [json.loads(line) for line in parked.log_lines()]

    assert {"time", "level", "msg"} <= set(lines[0])
    [invalid] = [line for line in lines if line.get("outcome") == "invalid"]
    assert invalid["place"] == parked.prefix + "allocate"


def test_the_log_is_in_logfmt_by_default(allocd):
    assert all("level=" in line and "msg=" in line for line in allocd.log_lines())
