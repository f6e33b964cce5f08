"""`allocd await` prints the outcome of a message and its events."""

import json
import subprocess

from installation import binary, unique, wait_until
from many_lines import LINES, fill
from tools import handled, lines_of

UNKNOWN = "there is no such id"
ASKS = """select 1 from pg_stat_activity
    where query like '%%from inbox where id%%' and pid <> pg_backend_pid() and datname = current_database()"""


def events_of(done):
    pairs = (line.split(" ", 1) for line in lines_of(done)[1:])
    return [(name, json.loads(payload)) for name, payload in pairs]


def test_await_prints_the_outcome_and_the_events(module_allocd):
    sku, create, allocate = unique("sku"), unique("id"), unique("id")
    module_allocd.send("create_batch", {"batchref": unique("batch"), "sku": sku, "qty": 10, "id": create})
    module_allocd.allocate(sku, "order", 3, id=allocate)
    module_allocd.allocate(sku, "another", 4, id=unique("id"))

    created, allocated = (module_allocd.run("await", "--id", each) for each in (create, allocate))

    assert (created.returncode, created.stdout) == (0, f"handled create_batch {create}\n")
    assert allocated.returncode == 0, allocated.stderr
    assert lines_of(allocated)[0] == f"handled allocate {allocate}"
    ((name, fields),) = events_of(allocated)
    assert name == "line_allocated"
    assert (fields["orderid"], fields["cause"], fields["version"]) == ("order", allocate, 1)


def test_await_escapes_control_characters_on_a_terminal(module_allocd):
    sku, message, orderid = unique("sku"), unique("id"), "clear\x9b2J"
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, orderid, 3, id=message)

    done = module_allocd.run("await", "--id", message)

    assert "\x9b" not in done.stdout
    ((_, fields),) = events_of(done)
    assert fields["orderid"] == orderid


def test_await_can_start_before_the_message_is_sent(module_allocd):
    sku, message = unique("sku"), unique("id")
    waiting = subprocess.Popen(
        [binary(), "await", "--id", message, "--timeout", "60"],
        env=module_allocd.environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: module_allocd.query(ASKS), "await to ask")
    assert waiting.poll() is None
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)

    out, _ = waiting.communicate(timeout=30)

    assert waiting.returncode == 0
    assert out.startswith(f"handled allocate {message}\nline_allocated ")


def test_await_ends_with_75_when_there_is_no_outcome(module_allocd):
    done = module_allocd.run("await", "--id", UNKNOWN, "--timeout", "0.2")

    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == f"allocd: await: no outcome yet of {UNKNOWN}\n"


def test_await_prints_why_a_message_was_refused(module_allocd):
    rejected, invalid = unique("id"), unique("id")
    module_allocd.allocate("no-such-sku", "order", 3, id=rejected)
    module_allocd.allocate("sku", "order", -3, id=invalid)

    done = module_allocd.run("await", "--id", rejected)
    assert (done.returncode, done.stdout) == (1, f"rejected allocate {rejected}: invalid sku no-such-sku\n")
    done = module_allocd.run("await", "--id", invalid)
    assert done.returncode == 1
    assert done.stdout.startswith(f"invalid allocate {invalid}: qty")


def test_a_message_that_was_rejected_and_then_handled_was_handled(module_allocd):
    sku, message = unique("sku"), unique("id")
    module_allocd.allocate(sku, "order", 3, id=message)
    assert module_allocd.run("await", "--id", message).returncode == 1
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)
    handled(module_allocd, message)

    done = module_allocd.run("await", "--id", message)

    assert done.returncode == 0
    assert [line.split()[0] for line in lines_of(done)] == ["handled", "line_allocated"]


def test_await_prints_a_skipped_duplicate(module_allocd):
    sku, batch, message = unique("sku"), unique("batch"), unique("id")
    module_allocd.stock(sku, **{batch: 10})
    module_allocd.send("create_batch", {"batchref": batch, "sku": sku, "qty": 10, "id": message})

    done = module_allocd.run("await", "--id", message)

    assert (done.returncode, done.stdout) == (0, f"skipped create_batch {message}\n")


def test_await_prints_one_json_object_for_all_messages_with_the_id(module_allocd):
    sku, message = unique("sku"), unique("id")
    module_allocd.stock(sku, **{unique("batch"): 10})
    module_allocd.allocate(sku, "order", 3, id=message)
    event = {"specversion": "1.0", "type": "allocate", "source": "/shop", "id": message}
    module_allocd.send("allocate", {**event, "data": {"orderid": "other", "sku": "no-such-sku", "qty": 1}})
    dead = "select 1 from dead_letters where message_id = %s"
    wait_until(lambda: module_allocd.query(dead, message), "the other to be rejected")

    done = module_allocd.run("await", "--id", message, "--json")

    assert done.returncode == 1, "one of them was rejected"
    told = json.loads(done.stdout)
    outcomes = {outcome["source"]: outcome for outcome in told["outcomes"]}
    assert told["id"] == message
    assert outcomes[""]["outcome"] == "handled"
    assert [event["payload"]["orderid"] for event in outcomes[""]["events"]] == ["order"]
    assert (outcomes["/shop"]["outcome"], outcomes["/shop"]["events"]) == ("rejected", [])


def test_await_waits_for_every_step_of_a_large_shrink(allocd):
    sku = unique("sku")
    fill(allocd, sku)
    allocd.stock(sku, other=(LINES, "2011-01-01"))
    allocd.send("change_batch_quantity", {"batchref": "big", "qty": 0, "id": "shrink"})
    allocd.allocate(sku, "afterwards", 1, id="afterwards")

    done = allocd.run("await", "--id", "shrink", "--timeout", "60")

    assert done.returncode == 0, done.stderr
    versions = [fields["version"] for _, fields in events_of(done)]
    assert versions == list(range(LINES + 1, 3 * LINES + 1))
    assert lines_of(done)[0] == "handled change_batch_quantity shrink"


def test_without_a_database_it_ends_with_69(parked):
    nowhere = "postgresql://user:secret@127.0.0.1:1/allocd"
    for command in (["await", "--id", "x"], ["verify"], ["rebuild-view"], ["outbox", "renew", "--yes"]):
        done = parked.run(*command, DATABASE_URL=nowhere)
        assert done.returncode == 69, command
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stderr


def test_a_database_that_was_never_migrated_is_refused(parked):
    done = parked.run("verify")

    assert done.returncode == 78
    assert "run `allocd migrate`" in done.stderr
