"""An operator lists, shows, edits and discards messages that were not handled."""

import json

import msgpack
import pytest
from dead_letters import HISTORY, LETTERS, ids, insert_mail, letters, lines_of, listed, reject, repair, replay, versions_of
from installation import administrator, unique, wait_until


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
        (["--since", "1h"], [3, 4, 5]),
        (["--since", "2001-01-01T00:00:00Z"], [1, 2, 3, 4, 5]),
        (["--since", "2999-01-01T00:00:00Z"], []),
        (["--discarded"], []),
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
        (["discard", "--rate", "1"], "--rate"),
        (["export", "--json"], "--json"),
        (["list", "--since", "noon"], "2026-01-31T12:00:00Z"),
        (["forget"], "dead-letters"),
    ],
)
def test_wrong_usage_is_an_error_with_its_reason(module_allocd, arguments, words):
    done = module_allocd.run("dead-letters", *arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_an_empty_list_ends_with_0(allocd):
    for verb in (["list"], ["show"], ["replay"], ["discard"], ["export"], ["list", "--json"], ["list", "--group"]):
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


def test_groups_are_counted_by_outcome_message_and_reason(assorted):
    often = reject(assorted, 3)

    head, *rows = letters(assorted, "list", "--group").stdout.splitlines()
    first = json.loads(letters(assorted, "list", "--group", "--json").stdout.splitlines()[0])

    assert head.split() == ["COUNT", "OUTCOME", "MESSAGE", "FIRST", "LAST", "REASON"]
    assert len(rows) == 6
    assert rows[0].split()[:3] == ["3", "rejected", "allocate"]
    assert rows[0].endswith(f"invalid sku {often}")
    assert (first["count"], first["first_id"], first["last_id"]) == (3, 6, 8)
    assert first["first_at"] <= first["last_at"]
    assert letters(assorted, "list", "--group", "--reason", "no such reason").stdout == ""


def test_a_filter_by_sku_compares_the_value_of_the_field_in_any_encoding(allocd):
    payloads = [
        {"orderid": "o", "sku": "l\u00e4mp", "qty": 1},
        {"orderid": "o", "sku": "l\u00e4mp-2", "qty": 1},
        msgpack.packb({"orderid": "l\u00e4mp", "sku": "other", "qty": 1}),
        msgpack.packb({"orderid": "o", "sku": "l\u00e4mp", "qty": 1}),
        b'{"orderid": "o", "sku": "l\\u00e4mp", "qt',
        cloudevent(orderid="o", sku="l\u00e4mp", qty=1),
        {"batchref": "l\u00e4mp", "qty": 1},
    ]
    for number, payload in enumerate(payloads, 1):
        allocd.send("allocate", payload)
        allocd.await_dead_letters(number)

    assert ids(allocd, "--sku", "l\u00e4mp") == [1, 4, 5, 6]
    assert ids(allocd, "--sku", "l\u00e4mp", "--limit", "2") == [1, 4]
    assert ids(allocd, "--sku", "l\u00e4mp", "--outcome", "invalid") == [5]
    assert letters(allocd, "list", "--group", "--sku", "l\u00e4mp-2").stdout.splitlines()[1].split()[0] == "1"

    done = letters(allocd, "discard", "--sku", "l\u00e4mp", "--yes", "--json")

    assert json.loads(done.stdout) == {"discarded": 4, "matched": 4}
    assert ids(allocd) == [2, 3, 7]


def test_a_sku_is_found_behind_pages_of_others(parked):
    assert parked.run("migrate").returncode == 0
    parked.query(
        """insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes)
        select 'invalid', '', 'pubsub', 'p', 'allocate', '', payload, length(payload) from generate_series(1, 300) n,
        lateral (select convert_to(format('{"sku":"%%s"}', n / 150), 'UTF8') as payload) p"""
    )

    assert ids(parked, "--sku", "1") == list(range(150, 300))
    assert ids(parked, "--sku", "2") == [300]
    assert ids(parked, "--sku", "3") == []


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
