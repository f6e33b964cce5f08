"""An operator lists, shows, replays and discards messages that were not handled."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import time

import msgpack
import pytest
from installation import administrator, binary, unique, wait_until
from tables import everything

LETTERS = "select id, outcome, reason, attempts from dead_letters order by id"
HISTORY = """
    select dead_letter_id, attempt, action, who, edits, outcome, reason from dead_letter_history
    order by dead_letter_id, attempt
"""


def letters(allocd, verb, *arguments, **settings):
    return allocd.run("dead-letters", verb, *map(str, arguments), **settings)


def replay(allocd, *arguments, **settings):
    return letters(allocd, "replay", "--yes", *arguments, **settings)


def listed(allocd, *filters):
    done = letters(allocd, "list", "--json", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(allocd, *filters):
    return [letter["id"] for letter in listed(allocd, *filters)]


def reject(allocd, count=1, **more):
    """Sends `count` order lines of an unknown SKU, and returns the SKU."""
    sku, before = unique("sku"), len(allocd.dead_letters())
    for number in range(count):
        allocd.allocate(sku, f"order-{number}", 1, **more)
    allocd.await_dead_letters(before + count)
    return sku


def repair(allocd, sku, qty=100):
    allocd.post("/add_batch", {"ref": f"batch-of-{sku}", "sku": sku, "qty": qty}).raise_for_status()


def lines_of(allocd, sku):
    return allocd.query("select orderid from allocations_view where sku = %s order by orderid", sku)


def versions_of(allocd, sku):
    answer = wait_until(lambda: answered(allocd.get(f"/events/{sku}")), "the events over HTTP")
    return [event["data"]["version"] for event in answer.json()]


def answered(answer):
    return answer if answer.status_code == 200 else None


@pytest.fixture
def assorted(allocd):
    """One dead letter of each kind, in this order."""
    refuse = """
        create function refuse() returns trigger language plpgsql as $$ begin
            if new.orderid = 'poison' then raise exception 'refused' using errcode = '23514'; end if;
            return new;
        end $$;
        create trigger refuse before insert on order_lines for each row execute function refuse();
    """
    with administrator(allocd.database_url) as execute:
        execute(refuse)
    repair(allocd, "good")
    allocd.allocate("lamp", "order-1", 3, id="message-1")
    allocd.await_dead_letters(1)
    allocd.send("allocate", b"\xff\x00 no message \x1b[31m")
    allocd.await_dead_letters(2)
    allocd.allocate("good", "poison", 1)
    allocd.await_dead_letters(3)
    allocd.send("change_batch_quantity", {"batchref": "nowhere", "qty": 1})
    allocd.await_dead_letters(4)
    insert_mail(allocd)
    return allocd


def insert_mail(allocd):
    """A mail that could not be sent."""
    payload = json.dumps({"sku": "lamp", "orderid": "order-9", "qty": 7}).encode()
    allocd.query(
        """insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes, attempts)
        values ('failed', 'mailbox full', 'mail', 'out_of_stock', 'out_of_stock', '', %s, %s, 12)""",
        payload, len(payload),
    )  # fmt: skip


# ---- list ----


def test_list_prints_a_table_for_people(assorted):
    done = letters(assorted, "list")

    assert done.returncode == 0
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["ID", "AGE", "OUTCOME", "TRIES", "MESSAGE", "MESSAGE-ID", "REASON"]
    assert rows[0].split()[2:] == ["rejected", "1", "allocate", "message-1", "invalid", "sku", "lamp"]
    assert [row.split()[2] for row in rows] == ["rejected", "invalid", "failed", "rejected", "failed"]
    assert {row.index(row.split()[2]) for row in rows} == {head.index("OUTCOME")}
    assert "mailbox full" in rows[4]


def test_list_prints_every_field_as_json(assorted):
    known, binary_one, *_ = listed(assorted)

    assert known == {
        **known, "outcome": "rejected", "reason": "invalid sku lamp", "message": "allocate",
        "message_id": "message-1", "source": "", "way": "pubsub", "place": assorted.prefix + "allocate",
        "entry_id": None, "attempts": 1,
    }  # fmt: skip
    assert json.loads(known["payload"]) == {"orderid": "order-1", "sku": "lamp", "qty": 3, "id": "message-1"}
    assert known["payload_bytes"] == len(known["payload"])
    assert binary_one["payload_base64"] == "/wAgbm8gbWVzc2FnZSAbWzMxbQ=="
    assert "payload" not in binary_one


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--outcome", "rejected"], [1, 4]),
        (["--outcome", "invalid"], [2]),
        (["--outcome", "failed"], [3, 5]),
        (["--reason", "INVALID sku"], [1]),
        (["--reason", "100%"], []),
        (["--message", "allocate"], [1, 2, 3]),
        (["--message", "out_of_stock"], [5]),
        (["--message", "none"], []),
        (["--older-than", "1h"], [1, 2]),
        (["--older-than", "2d"], [1]),
        (["--newer-than", "1h"], [3, 4, 5]),
        (["--newer-than", "4d", "--older-than", "90m"], [1, 2]),
        (["--limit", "2"], [1, 2]),
        (["4", "1"], [1, 4]),
        (["4", "1", "--limit=1"], [1]),
        (["1", "2", "3", "--outcome", "rejected"], [1]),
    ],
)
def test_list_filters_by_outcome_reason_message_and_age(module_assorted, filters, expected):
    assert ids(module_assorted, *filters) == expected


@pytest.fixture(scope="module")
def module_assorted(module_allocd):
    """Rows as the worker writes them, inserted directly, because filters read only the rows."""
    rows = [
        (1, "rejected", "invalid sku lamp", "allocate", "3 days"),
        (2, "invalid", "payload: expected JSON", "allocate", "2 hours"),
        (3, "failed", "refused", "allocate", "1 minute"),
        (4, "rejected", "unknown batch nowhere", "change_batch_quantity", "0"),
        (5, "failed", "mailbox full", "out_of_stock", "0"),
    ]
    for number, outcome, reason, message, interval in rows:
        module_allocd.query(
            """insert into dead_letters
            (id, outcome, reason, way, place, message, source, payload, payload_bytes, last_at)
            overriding system value
            values (%s, %s, %s, 'pubsub', 'place', %s, '', '', 0, now() - %s::interval)""",
            number, outcome, reason, message, interval,
        )  # fmt: skip
    return module_allocd


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--outcome", "handled"], "rejected, invalid or failed"),
        (["list", "--message", "line_allocated"], "change_batch_quantity"),
        (["list", "--older-than", "1w"], "7d"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "twelve"], "twelve"),
        (["list", "--yes"], "--yes"),
        (["replay", "--yes", "--rate", "0"], "--rate"),
        (["discard", "--dry-run"], "--dry-run"),
        (["forget"], "dead-letters"),
    ],
)
def test_wrong_usage_is_an_error_with_its_reason(module_allocd, arguments, words):
    done = module_allocd.run("dead-letters", *arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_an_empty_list_ends_with_0(allocd):
    for verb in (["list"], ["show"], ["replay"], ["discard"], ["list", "--json"]):
        done = letters(allocd, *verb)

        assert (done.returncode, done.stdout) == (0, "")
        assert "no dead letters" in done.stderr


def test_list_reads_many_letters_page_by_page(parked):
    assert parked.run("migrate").returncode == 0
    parked.query(
        """insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes)
        select 'invalid', 'reason ' || n, 'pubsub', 'p', 'allocate', '', 'x', 1 from generate_series(1, 1203) n"""
    )

    done = letters(parked, "list")

    assert [int(line.split()[0]) for line in done.stdout.splitlines()[1:]] == list(range(1, 1204))
    assert ids(parked, "--limit", "777") == list(range(1, 778))


def test_an_id_without_a_letter_is_named_in_the_error(allocd):
    sku = reject(allocd)

    for verb in ("list", "show"):
        done = letters(allocd, verb, 1, 77)

        assert done.returncode == 1
        assert sku in done.stdout
        assert "77" in done.stderr


# ---- show ----


def test_show_prints_every_field_of_a_letter(assorted):
    done = letters(assorted, "show", 1, 2)

    assert done.returncode == 0
    first, second = done.stdout.split("dead letter 2\n")
    for words in ("rejected", "invalid sku lamp", "message-1", assorted.prefix + "allocate", '"orderid": "order-1"'):
        assert words in first
    assert "ff 00 20 6e 6f 20" in second
    assert "no message" in second
    assert "\x1b" not in done.stdout


def test_show_prints_the_history_of_a_letter(allocd):
    sku = reject(allocd)
    assert replay(allocd).returncode == 1

    history = json.loads(letters(allocd, "show", 1, "--json").stdout)["history"]
    text = letters(allocd, "show", 1).stdout

    assert [(deed["attempt"], deed["action"], deed["outcome"]) for deed in history] == [(2, "replayed", "rejected")]
    assert f"replayed by {history[0]['who']}: rejected: invalid sku {sku}" in text


def test_show_prints_a_messagepack_payload_as_json(allocd):
    allocd.send("allocate", msgpack.packb({"orderid": "o", "sku": "lämp", "qty": 3}))
    allocd.await_dead_letters()

    assert '{"orderid":"o","sku":"lämp","qty":3}' in letters(allocd, "show").stdout


def test_show_of_a_letter_that_is_gone_says_what_became_of_it(allocd):
    sku = reject(allocd)
    repair(allocd, sku)
    assert replay(allocd, 1).returncode == 0

    done = letters(allocd, "show", 1)

    assert done.returncode == 1
    assert "replayed by" in done.stderr
    assert "handled" in done.stderr


# ---- replay ----


def test_a_replay_handles_the_message_once_its_cause_is_repaired(allocd):
    sku, events = reject(allocd), allocd.listen()
    repair(allocd, sku)

    done = replay(allocd)

    assert done.returncode == 0, done.stderr
    line, event = done.stdout.splitlines()
    assert line == f"1 rejected: invalid sku {sku} -> handled: accepted"
    assert event.startswith('    line_allocated {"orderid":"order-0",')
    assert "1 handled" in done.stderr
    events.expect("line_allocated", orderid="order-0", sku=sku, version=1)
    assert allocd.query(LETTERS) == []
    [(letter, attempt, action, who, edits, outcome, _reason)] = allocd.query(HISTORY)
    assert (letter, attempt, action, edits, outcome) == (1, 2, "replayed", "", "handled")
    assert "@" in who
    assert lines_of(allocd, sku) == [("order-0",)]


def test_a_letter_whose_replay_fails_stays_with_one_attempt_more(allocd):
    sku = reject(allocd)

    for attempts in (2, 3):
        done = replay(allocd)

        assert done.returncode == 1
        assert done.stdout == f"1 rejected: invalid sku {sku} -> rejected: invalid sku {sku}\n"
        assert allocd.query(LETTERS) == [(1, "rejected", f"invalid sku {sku}", attempts)]
    assert [row[1] for row in allocd.query(HISTORY)] == [2, 3]


def test_replay_selects_by_filter_and_limit(allocd):
    repaired, other = reject(allocd, 3), reject(allocd, 2)
    repair(allocd, repaired)

    done = replay(allocd, "--reason", repaired, "--limit", 2, "--json")

    assert done.returncode == 0
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["id"], line["old_outcome"], line["outcome"]) for line in told] == [
        (1, "rejected", "handled"),
        (2, "rejected", "handled"),
    ]
    assert told[0]["old_reason"] == f"invalid sku {repaired}"
    assert ids(allocd) == [3, 4, 5]
    assert ids(allocd, "--reason", other) == [4, 5]


def test_a_replay_that_fails_does_not_stop_the_next_ones(allocd):
    bad, good = reject(allocd), reject(allocd, 2)
    repair(allocd, good)

    done = replay(allocd)

    assert done.returncode == 1
    assert "3 replayed: 2 handled, 0 skipped, 1 failed again; 0 left" in done.stderr
    assert ids(allocd) == ids(allocd, "--reason", bad) == [1]


def test_a_replay_of_a_spent_id_is_skipped(allocd):
    sku, message = unique("sku"), unique("id")
    allocd.allocate(sku, "order", 1, id=message)
    allocd.await_dead_letters()
    repair(allocd, sku)
    allocd.allocate(sku, "order", 1, id=message)
    wait_until(lambda: lines_of(allocd, sku), "the line to be allocated")

    done = replay(allocd)

    assert done.returncode == 0
    assert "-> skipped: duplicate" in done.stdout
    assert allocd.query(LETTERS) == []
    assert versions_of(allocd, sku) == [1]


def test_a_replay_keeps_its_rate(allocd):
    sku = reject(allocd, 5)
    repair(allocd, sku)

    begun = time.monotonic()
    done = replay(allocd, "--rate", 4)

    assert done.returncode == 0
    assert time.monotonic() - begun > 1.0  # the fifth comes a second after the first
    assert len(lines_of(allocd, sku)) == 5


def test_without_a_terminal_a_replay_needs_an_option_to_confirm(allocd):
    reject(allocd)

    for verb in ("replay", "discard"):
        done = subprocess.run(
            [binary(), "dead-letters", verb], env=allocd.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip

        assert (done.returncode, done.stdout) == (2, "")
        assert "--yes" in done.stderr
    assert allocd.query(HISTORY) == []
    assert len(allocd.query(LETTERS)) == 1


def at_a_terminal(allocd, answer, *arguments):
    master, slave = pty.openpty()
    with open(master, "wb", buffering=0) as keyboard, open(slave, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [binary(), "dead-letters", *arguments], env=allocd.environment(), stdin=terminal,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        keyboard.write(answer)
        _out, err = process.communicate(timeout=20)
    return process.returncode, err


def test_on_a_terminal_a_replay_asks_first(allocd):
    sku = reject(allocd, 2)
    repair(allocd, sku)

    status, asked = at_a_terminal(allocd, b"\n", "replay")
    assert status == 1
    assert "Replay 2 dead letters (2 allocate)? [y/N]" in asked
    assert len(allocd.query(LETTERS)) == 2

    assert at_a_terminal(allocd, b"y\n", "replay", "1")[0] == 0
    assert at_a_terminal(allocd, b"y\n", "discard")[0] == 0
    assert allocd.query(LETTERS) == []
    assert [row[2] for row in allocd.query(HISTORY)] == ["replayed", "discarded"]


def test_lines_fit_the_width_of_the_terminal(allocd):
    allocd.allocate("s" * 200, "order", 1)
    allocd.await_dead_letters()
    script = f'stty cols 60; exec "{binary()}" dead-letters list'

    master, slave = pty.openpty()
    with open(slave, "wb", buffering=0) as terminal:
        subprocess.run(["sh", "-c", script], env=allocd.environment(), stdin=terminal, stdout=terminal, check=True)
    text = os.read(master, 65536).decode()
    os.close(master)

    head, row = text.splitlines()
    assert len(row) == 60
    assert row.endswith("…")
    assert len(letters(allocd, "list").stdout.splitlines()[1]) > 200


# ---- edits ----


def cloudevent(**data):
    event = {"specversion": "1.0", "id": "id-1", "source": "test", "type": "allocate", "data": data}
    return json.dumps(event).encode()


def outcome_of_edit(allocd, payload, *edits):
    allocd.send("allocate", payload)
    allocd.await_dead_letters()
    return replay(allocd, *(word for edit in edits for word in ("--edit", edit)))


def bare(**data):
    return json.dumps(data).encode()


def packed(**data):
    return msgpack.packb(data)


@pytest.mark.parametrize("encode", [bare, packed, cloudevent])
def test_a_replay_with_an_edit_handles_the_corrected_message(allocd, encode):
    repair(allocd, "lämp")

    done = outcome_of_edit(allocd, encode(orderid="o", sku="lamp", qty=0, more=[1]), "sku=lämp", "qty=4")

    assert done.returncode == 0, done.stdout + done.stderr
    assert allocd.query("select sku, orderid, qty from allocations_view") == [("lämp", "o", 4)]
    assert [row[4] for row in allocd.query(HISTORY)] == ["sku=lämp qty=4"]


def test_an_edit_can_change_or_remove_the_id(allocd):
    repair(allocd, "lamp", 1)
    allocd.allocate("lamp", "first", 1, id="taken")
    wait_until(lambda: lines_of(allocd, "lamp"), "the line to be allocated")
    allocd.allocate("lamp", "second", 1, id="taken")
    allocd.await_dead_letters(1)
    allocd.send("allocate", cloudevent(orderid="third", sku="elsewhere", qty=1))
    allocd.await_dead_letters(2)

    assert replay(allocd, 1, "--edit", "id=").returncode == 0
    assert replay(allocd, 2, "--edit", "id=fresh", "--edit", "sku=lamp").returncode == 0

    assert allocd.query("select source, id from inbox order by id") == [("test", "fresh"), ("", "taken")]


def test_an_edit_of_a_batch_reference_accepts_its_alias(allocd):
    repair(allocd, "lamp")
    allocd.send("change_batch_quantity", {"ref": "nowhere", "qty": 7})
    allocd.await_dead_letters()

    assert replay(allocd, "--edit", "batchref=batch-of-lamp").returncode == 0

    assert allocd.query("select purchased from batches") == [(7,)]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("colour=red", "orderid, sku, qty, id, occurred_at"),
        ("qty=many", "qty: expected an integer"),
        ("sku=", "sku: missing, and required"),
        ("sku", "FIELD=VALUE"),
    ],
)
def test_an_edit_with_an_unknown_field_or_an_invalid_value_is_refused(allocd, edit, words):
    reject(allocd)

    done = replay(allocd, "--edit", edit)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert allocd.query(HISTORY) == []


def test_a_letter_that_is_not_a_message_cannot_be_edited(allocd):
    done = outcome_of_edit(allocd, b"{nonsense", "qty=1")

    assert done.returncode == 1
    assert "-> not replayed: cannot be edited: payload: expected JSON" in done.stdout
    assert allocd.query(HISTORY) == []
    assert allocd.query(LETTERS)[0][3] == 1


def test_the_replay_of_a_truncated_payload_fails_again(allocd):
    done = outcome_of_edit(allocd, b'{"sku": "' + b"x" * 70000 + b'"}')

    assert done.returncode == 1
    assert "-> invalid: payload: larger than 64 KiB" in done.stdout


# ---- streams ----


def add_to_stream(allocd, **entry):
    return allocd.redis.xadd(allocd.prefix + "allocd:commands", entry)


def redeliver(allocd, entry_id):
    """Makes the group forget that the entry was delivered, as after a loss of Redis' data."""
    before = str(int(entry_id.split(b"-")[0]) - 1)
    allocd.redis.xgroup_setid(allocd.prefix + "allocd:commands", "allocd", before)


def pending(allocd):
    return allocd.redis.xpending(allocd.prefix + "allocd:commands", "allocd")["pending"]


def test_an_entry_that_was_replayed_is_skipped_when_it_is_delivered_again(allocd):
    sku = unique("sku")
    line = json.dumps({"orderid": "order", "sku": sku, "qty": 3})
    entry = add_to_stream(allocd, type="allocate", data=line)
    allocd.await_dead_letters()
    assert [letter["entry_id"] for letter in listed(allocd)] == [entry.decode()]
    repair(allocd, sku)
    assert replay(allocd).returncode == 0

    redeliver(allocd, entry)
    allocd.post("/change_batch_quantity", {"batchref": f"batch-of-{sku}", "qty": 2}).raise_for_status()
    add_to_stream(allocd, type="allocate", data=json.dumps({"orderid": "after", "sku": sku, "qty": 1}))

    # The line of `order` was displaced since: handled once more it would be out of stock a second time.
    wait_until(lambda: lines_of(allocd, sku) == [("after",)], "the next entry to be handled")
    wait_until(lambda: not pending(allocd), "all entries to be acknowledged")
    assert versions_of(allocd, sku) == [1, 2, 3, 4]
    assert allocd.query(LETTERS) == []


def test_an_entry_keeps_its_own_id(allocd):
    sku = unique("sku")
    add_to_stream(allocd, type="allocate", id="entry-id", data=json.dumps({"orderid": "o", "sku": sku, "qty": 3}))
    allocd.await_dead_letters()
    repair(allocd, sku)

    assert replay(allocd).returncode == 0

    assert ("allocate", "entry-id") in allocd.query("select message, id from inbox")


def test_the_replay_of_a_malformed_entry_stays_invalid_until_it_is_edited(allocd):
    sku = unique("sku")
    repair(allocd, sku)
    lines = [json.dumps({"orderid": order, "sku": sku, "qty": 3}) for order in ("first", "second")]
    allocd.redis.execute_command(
        "XADD", allocd.prefix + "allocd:commands", "*", "type", "allocate", "data", lines[0], "data", lines[1]
    )
    allocd.await_dead_letters()

    assert replay(allocd).returncode == 1
    [letter] = listed(allocd)
    assert (letter["outcome"], letter["reason"], letter["attempts"]) == ("invalid", "data: given twice", 2)
    assert lines_of(allocd, sku) == []

    assert replay(allocd, "--edit", "orderid=meant").returncode == 0
    assert lines_of(allocd, sku) == [("meant",)]


def test_an_entry_without_a_type_has_its_own_reason_and_stays_invalid(allocd):
    add_to_stream(allocd, data="{}")
    allocd.await_dead_letters()
    [letter] = listed(allocd, "--message", "none")

    done = replay(allocd)

    assert done.returncode == 1
    assert done.stdout == f"1 invalid: {letter['reason']} -> invalid: {letter['reason']}\n"
    assert replay(allocd, "--edit", "qty=1").returncode == 2


# ---- dry runs ----


def test_a_dry_run_prints_the_changes_and_makes_none(parked):
    parked.start()
    sku = reject(parked, 2, id="known")
    parked.send("create_batch", {"batchref": "b", "sku": "other", "qty": 0})
    parked.await_dead_letters(3)
    repair(parked, sku, 1)
    assert parked.stop() == 0
    events, before = parked.listen(), everything(parked)

    done = letters(parked, "replay", "--dry-run", "--edit", "qty=1")
    machine = letters(parked, "replay", "--dry-run", "--json")

    assert done.returncode == 1, done.stderr
    assert everything(parked) == before
    assert events.pubsub.get_message(timeout=0.5) is None
    text = done.stdout.splitlines()
    assert text[0] == f"1 rejected: invalid sku {sku} -> handled: accepted"
    assert f"    batch batch-of-{sku}: 1 of 1 allocated" in text
    assert f"    line of order order-0, 1 pieces: in batch batch-of-{sku}" in text
    assert "    dead letter 1: gone" in text
    [event] = [line for line in text if line.startswith("    line_allocated {") and '"order-0"' in line]
    assert json.loads(event.split(maxsplit=1)[1])["version"] == 1
    # After the first one the id is spent.
    assert f"2 rejected: invalid sku {sku} -> rejected: id reused known" in text
    assert "    new batch b: 0 of 1 allocated" in text
    first, _second, invalid = [json.loads(line) for line in machine.stdout.splitlines()]
    assert [(event["message"], event["payload"]["orderid"]) for event in first["events"]] == [("line_allocated", "order-0")]
    assert (invalid["outcome"], invalid["changes"]) == ("invalid", ["dead letter 3: 2 attempts"])
    assert "nothing changed" in done.stderr


def test_a_dry_run_prints_mail_and_out_of_stock_events(parked):
    parked.start()
    sku = reject(parked)
    repair(parked, sku, 1)
    assert parked.post("/allocate", {"orderid": "other", "sku": sku, "qty": 1}).status_code == 202
    insert_mail(parked)
    assert parked.stop() == 0
    before = everything(parked)

    done = letters(parked, "replay", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert everything(parked) == before
    assert f"    mail: {sku} is out of stock for order order-0, 1 pieces" in done.stdout
    assert "    out_of_stock {" in done.stdout
    assert "-> handled: the mail is to be sent again" in done.stdout


# ---- mail ----


def test_a_replayed_mail_is_sent_again_by_the_worker(parked):
    assert parked.run("migrate").returncode == 0
    insert_mail(parked)

    done = replay(parked)

    assert done.returncode == 0, done.stderr
    assert parked.query(LETTERS) == []
    assert parked.query("select sku, orderid, qty, attempts, due_at <= now() from notifications") == [
        ("lamp", "order-9", 7, 0, True)
    ]
    assert [row[:3] for row in parked.query(HISTORY)] == [(1, 13, "replayed")]
    parked.start()
    wait_until(lambda: not parked.query("select 1 from notifications"), "the mail to be sent")


def test_a_mail_has_no_fields_to_edit(parked):
    assert parked.run("migrate").returncode == 0
    insert_mail(parked)

    done = replay(parked, "--edit", "qty=1")

    assert done.returncode == 2
    assert "mail" in done.stderr


# ---- discard ----


def test_discard_deletes_the_letter_and_records_the_user(allocd):
    kept, gone = reject(allocd), reject(allocd, 2)

    done = letters(allocd, "discard", "--yes", "--reason", gone)

    assert done.returncode == 0
    assert "2 of 2 discarded" in done.stderr
    assert [row[2] for row in allocd.query(LETTERS)] == [f"invalid sku {kept}"]
    assert [(row[:3], row[6]) for row in allocd.query(HISTORY)] == [
        ((2, 2, "discarded"), f"invalid sku {gone}"),
        ((3, 2, "discarded"), f"invalid sku {gone}"),
    ]
    assert allocd.query("select kept from dead_letter_totals") == [(1,)]


# ---- failures during a replay ----


@contextlib.contextmanager
def commits_held(allocd):
    """A session that writes the history of a dead letter waits at its commit until this ends."""
    hold = """
        create function hold() returns trigger language plpgsql as $$ begin
            perform pg_advisory_xact_lock(7); return null;
        end $$;
        create constraint trigger hold after insert on dead_letter_history
            deferrable initially deferred for each row execute function hold();
    """
    with administrator(allocd.database_url) as execute:
        execute(hold)
        execute("select pg_advisory_lock(7)")
        yield
        execute("select pg_advisory_unlock(7)")
    wait_until(lambda: not allocd.query(HELD), "the commits to be done")


HELD = "select 1 from pg_locks where locktype = 'advisory' and objid = 7 and not granted"


def begin_replay(allocd, *arguments):
    return begin(allocd, "replay", *arguments)


def begin(allocd, verb, *arguments):
    return subprocess.Popen(
        [binary(), "dead-letters", verb, "--yes", *arguments], env=allocd.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_replay_that_is_killed_at_its_commit_has_one_effect(allocd):
    sku = reject(allocd, 2)
    repair(allocd, sku)

    with commits_held(allocd):
        victim = begin_replay(allocd)
        wait_until(lambda: allocd.query(HELD), "the flush to wait for its commit")
        victim.kill()
        victim.communicate()
        second = begin_replay(allocd)
        wait_until(lambda: len(allocd.query(HELD_OR_BLOCKED)) == 2, "the second one to wait for the first")
    out, err = second.communicate(timeout=20)

    assert second.returncode == 0, out + err
    assert allocd.query(LETTERS) == []
    assert [row[:2] for row in allocd.query(HISTORY)] == [(1, 2), (2, 2)]
    assert lines_of(allocd, sku) == [("order-0",), ("order-1",)]
    assert versions_of(allocd, sku) == [1, 2]


HELD_OR_BLOCKED = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_replays_that_are_killed_repeatedly_have_one_effect_each(allocd):
    sku = reject(allocd, 40)
    repair(allocd, sku)
    kills = 0

    while allocd.query(LETTERS):
        left = len(allocd.query(LETTERS))
        victim = begin_replay(allocd)
        wait_until(lambda: victim.poll() is not None or len(allocd.query(LETTERS)) < left, "progress")  # noqa: B023
        kills += victim.poll() is None
        victim.kill()
        victim.communicate()

    assert kills > 1
    assert len(lines_of(allocd, sku)) == 40
    assert versions_of(allocd, sku) == list(range(1, 41))
    assert len(allocd.query(HISTORY)) == 40


def test_two_operators_who_replay_the_same_letter_have_one_effect(allocd):
    sku = reject(allocd, 20)
    repair(allocd, sku)

    both = [begin_replay(allocd), begin_replay(allocd)]
    told = [operator.communicate(timeout=40) for operator in both]

    assert [operator.returncode for operator in both] == [0, 0], told
    assert versions_of(allocd, sku) == list(range(1, 21))
    assert len(lines_of(allocd, sku)) == 20
    assert len(allocd.query(HISTORY)) == 20


def test_a_letter_that_is_replayed_meanwhile_is_not_discarded(allocd):
    reject(allocd)

    with commits_held(allocd):
        replaying = begin_replay(allocd)
        wait_until(lambda: allocd.query(HELD), "the flush to wait for its commit")
        discarding = begin(allocd, "discard")
        wait_until(lambda: len(allocd.query(HELD_OR_BLOCKED)) == 2, "the one to wait for the other")
    _out, err = discarding.communicate(timeout=20)

    assert replaying.wait(20) == 1
    replaying.communicate()
    assert (discarding.returncode, "0 of 1 discarded" in err) == (0, True)
    assert [row[3] for row in allocd.query(LETTERS)] == [2]


def test_a_signal_ends_a_replay_after_the_letter_in_flight(allocd):
    sku = reject(allocd, 3)
    repair(allocd, sku)

    process = begin_replay(allocd, "--rate", "1")
    assert process.stdout.readline().startswith("1 rejected")
    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=20)

    assert process.returncode == 75
    assert "left" in err
    assert len(allocd.query(LETTERS)) in (1, 2)
    assert len(allocd.query(HISTORY)) + len(allocd.query(LETTERS)) == 3


def test_a_replay_that_loses_the_database_says_so(on_own_postgres, own_postgres):
    sku = reject(on_own_postgres, 5)
    repair(on_own_postgres, sku)

    on_own_postgres.settings["ALLOCD_START_WAIT"] = "1"
    process = begin_replay(on_own_postgres, "--rate", "2")
    assert process.stdout.readline().startswith("1 rejected")
    own_postgres.kill()
    _out, err = process.communicate(timeout=60)
    away = letters(on_own_postgres, "list")
    own_postgres.start()

    assert process.returncode == 75, err
    assert "the database went away" in err
    assert away.returncode == 69
    assert replay(on_own_postgres).returncode == 0
    assert versions_of(on_own_postgres, sku) == [1, 2, 3, 4, 5]


def test_a_replay_without_redis_leaves_publishing_to_the_workers(parked):
    parked.start()
    sku = reject(parked)
    repair(parked, sku)
    assert parked.stop() == 0

    done = replay(parked, REDIS_URL="redis://127.0.0.1:1/0")

    assert done.returncode == 0, done.stderr
    assert "a worker publishes the rest" in done.stderr
    events = parked.listen()
    parked.start()
    events.expect("line_allocated", sku=sku, orderid="order-0")
