"""Every kind of bad message is kept unchanged, and its neighbours are handled."""

import json

import msgpack
import pytest
from installation import administrator, at_least, unique, wait_until

GOOD = {"orderid": "order", "sku": "sku", "qty": 1}


def good(**changes):
    return json.dumps({**GOOD, **changes}).encode()


def without(field):
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def cloudevent(**changes):
    return json.dumps(
        {"specversion": "1.0", "id": "1", "source": "test", "type": "allocate", "data": GOOD, **changes}
    ).encode()


INVALID = {
    "empty": b"",
    "not JSON": b"hello",
    "cut off": good()[:-1],
    "two documents": good() + good(),
    "no object": b"[1, 2]",
    "null": b"null",
    "a field is missing": without("sku"),
    "a required field is null": good(sku=None),
    "a number as text": good(qty="1"),
    "a fraction": good(qty=1.5),
    "a truth value": good(qty=True),
    "too small": good(qty=0),
    "negative": good(qty=-1),
    "too large": good(qty=2147483648),
    "far too large": good(qty=10**30),
    "infinite": b'{"orderid":"o","sku":"s","qty":1e999}',
    "an empty reference": good(sku=""),
    "a reference of 256 characters": good(sku="x" * 256),
    "NUL in a reference": good(sku="a\0b"),
    "a lone surrogate": b'{"orderid":"\\ud800","sku":"s","qty":1}',
    "not UTF-8": b'{"orderid":"\xff","sku":"s","qty":1}',
    "duplicate keys": b'{"orderid":"o","sku":"s","sku":"t","qty":1}',
    "nested too deeply": good(more=json.loads("[" * 40 + "]" * 40)),
    "over 64 KiB": good(more="x" * 65536),
    "an empty id": good(id=""),
    "an id that is a number": good(id=7),
    "no such time": good(occurred_at="yesterday"),
    "a time to come": good(occurred_at="2999-01-01T00:00:00Z"),
    "MessagePack, cut off": msgpack.packb(GOOD)[:-1],
    "MessagePack with something behind it": msgpack.packb(GOOD) + b"\0",
    "MessagePack that promises too much": b"\xdf\xff\xff\xff\xff",
    "MessagePack, not UTF-8": b"\x83\xa7orderid\xa1\xff\xa3sku\xa1s\xa3qty\x01",
    "CloudEvents of another type": cloudevent(type="create_batch"),
    "CloudEvents without data": cloudevent(data=None),
    "CloudEvents from the future": cloudevent(specversion="9.9"),
}


@pytest.mark.parametrize("payload", INVALID.values(), ids=INVALID.keys())
def test_an_invalid_message_is_kept_and_the_next_is_handled(module_allocd, payload):
    allocd, sku = module_allocd, unique("sku")
    before, events = len(allocd.dead_letters()), allocd.listen()
    allocd.stock(sku, **{unique("batch"): 10})

    allocd.send("allocate", payload)
    allocd.allocate(sku, "next", 1)

    events.expect("line_allocated", orderid="next", sku=sku)
    place, outcome, reason, raw, true_length = allocd.await_dead_letters(before + 1)[-1]
    assert outcome == "invalid"
    assert place == allocd.prefix + "allocate"
    assert reason
    assert bytes(raw) == payload[:65536]
    assert true_length == len(payload)


REJECTED = {
    "unknown SKU": ("allocate", {"orderid": "o", "sku": "NONE", "qty": 1}, "NONE"),
    "unknown batch": ("change_batch_quantity", {"batchref": "NONE", "qty": 1}, "NONE"),
    "reference taken": ("create_batch", {"batchref": "taken", "sku": "other", "qty": 1}, "taken"),
}


@pytest.mark.parametrize(("command", "fields", "words"), REJECTED.values(), ids=REJECTED.keys())
def test_a_rejected_message_is_kept_with_its_reason(allocd, command, fields, words):
    sku, events = unique("sku"), allocd.listen()
    # Answered after the commit: commands of different SKUs may overtake each other.
    assert allocd.post("/add_batch", {"ref": "taken", "sku": sku, "qty": 10}).status_code == 201

    allocd.send(command, fields)
    allocd.allocate(sku, "next", 1)

    events.expect("line_allocated", orderid="next", batchref="taken")
    [(place, outcome, reason, raw, _)] = allocd.await_dead_letters()
    assert (place, outcome) == (allocd.prefix + command, "rejected")
    assert words in reason
    assert json.loads(bytes(raw)) == fields


def test_the_log_has_one_line_a_message_without_its_payload(allocd):
    allocd.send("allocate", good(sku="NO-SUCH-SKU", id="the-id", more="secret"))
    allocd.await_dead_letters()
    allocd.send("allocate", b'{"more":"secret"')
    allocd.await_dead_letters(2)

    def refused():
        return [line for line in allocd.log_lines() if 'msg="message refused"' in line]

    lines = wait_until(lambda: at_least(2, refused()), "two lines in the log")  # written after the commit
    assert len(lines) == 2
    assert all(f"{allocd.prefix}allocate" in line for line in lines)
    assert all('=""' not in line for line in lines)
    assert "the-id" in lines[0] and "NO-SUCH-SKU" in lines[0]
    assert "secret" not in "".join(lines)


def test_good_messages_among_a_thousand_bad_ones_are_handled(allocd):
    sku, events = unique("sku"), allocd.listen()
    allocd.stock(sku, batch=1000)
    pipeline = allocd.redis.pipeline(transaction=False)
    for number in range(1000):
        pipeline.publish(allocd.prefix + "allocate", b"bad")
        pipeline.publish(allocd.prefix + "allocate", good(sku="NONE"))
        pipeline.publish(allocd.prefix + "allocate", good(sku=sku, orderid=f"order-{number}"))

    pipeline.execute()

    for number in range(1000):
        events.expect("line_allocated", orderid=f"order-{number}", version=number + 1)
    outcomes = [outcome for _, outcome, *_ in allocd.await_dead_letters(2000)]
    assert (outcomes.count("invalid"), outcomes.count("rejected")) == (1000, 1000)


@pytest.mark.parametrize("character", ["ä", "€", "🪑"])
def test_a_long_error_of_the_database_is_cut_between_characters(allocd, character):
    """The database's error is longer than the kept part, which ends between two characters."""
    sku = unique("sku")
    allocd.stock(sku, **{unique("batch"): 100})
    with administrator(allocd.database_url) as execute:
        execute(f"""
            create function refuse() returns trigger language plpgsql as $$ begin
                raise exception '%', repeat('x', length(new.orderid)) || repeat('{character}', 300)
                    using errcode = '23514';
            end $$;
            create trigger refuse before insert on order_lines for each row execute function refuse();
        """)

    for offset in range(1, 5):
        answer = allocd.post("/allocate", {"orderid": "x" * offset, "sku": sku, "qty": 1})
        assert answer.status_code == 422
        assert character * 100 in answer.json()["message"]
        assert "?" not in answer.json()["message"]
        allocd.allocate(sku, "x" * offset, 1)

    allocd.await_dead_letters(4)
    for options in ([], ["--json"]):
        assert character * 100 in allocd.run("dead-letters", "list", *options).stdout
    assert allocd.get("/livez").status_code == 200
