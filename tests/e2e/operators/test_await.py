"""`allocd await` prints the outcome of every message with the id, independent of the database's date and interval styles."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from installation import unique, wait_until

RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
STREAM = "allocd:commands"


def add(allocd, kind, data, **fields):
    """Adds an entry to the stream; returns its id."""
    payload = data if isinstance(data, (bytes, str)) else json.dumps(data)
    entry = {**({"type": kind} if kind else {}), **({"data": payload} if data is not None else {}), **fields}
    return allocd.redis.xadd(allocd.prefix + STREAM, entry).decode()


def outcomes_of(allocd, message, timeout=10):
    done = allocd.run("await", "--id", message, "--json", "--timeout", str(timeout))
    assert done.returncode in (0, 1), done.stderr
    outcomes = json.loads(done.stdout)["outcomes"]
    return done.returncode, [(each["outcome"], each["message"], each["source"], each["reason"]) for each in outcomes]


@pytest.fixture(scope="module")
def stock(module_allocd):
    """A SKU with stock."""
    sku = unique("sku")
    module_allocd.stock(sku, **{unique("batch"): 1000})
    return sku


# ---- entries of a stream ----


@pytest.mark.parametrize(
    ("kind", "data", "outcome"),
    [
        ("allocate", {"orderid": "o", "sku": "no-such-sku", "qty": 1}, "rejected"),
        ("change_batch_quantity", {"batchref": "no such batch", "qty": 1}, "rejected"),
        ("allocate", {"orderid": "o", "sku": "lamp", "qty": "1"}, "invalid"),
        ("allocate", b"\xff\x00", "invalid"),
        ("no_such_command", {"orderid": "o"}, "invalid"),
        (None, {"orderid": "o"}, "invalid"),
        ("allocate", None, "invalid"),
    ],
)
def test_an_entry_that_was_refused_is_known_by_its_own_id(module_allocd, kind, data, outcome):
    entry = add(module_allocd, kind, data)

    status, ((found, _, source, reason),) = outcomes_of(module_allocd, entry)

    assert (status, found, source) == (1, outcome, f"{module_allocd.prefix}{STREAM} 1")
    assert reason


def test_an_entry_that_was_handled_is_known_by_its_own_id(module_allocd, stock):
    entry = add(module_allocd, "allocate", {"orderid": unique("order"), "sku": stock, "qty": 1})

    assert outcomes_of(module_allocd, entry)[0] == 0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("no_such_command", {"orderid": "o"}),
        (None, {"qty": 1}),
        ("allocate", {"orderid": "o", "sku": "lamp", "qty": -1}),
        ("allocate", {"specversion": "1.0", "type": "allocate", "source": "/shop", "data": {"orderid": "o"}}),
        ("create_batch", {"specversion": "1.0", "type": "allocate", "source": "/shop"}),
    ],
)
@pytest.mark.parametrize("place", ["payload", "field"])
def test_an_invalid_entry_is_known_by_its_id_in_the_payload_or_the_entry(module_allocd, kind, data, place):
    message = unique("id")
    if place == "payload":
        add(module_allocd, kind, {**data, "id": message})
    else:
        add(module_allocd, kind, data, id=message)

    status, ((found, _, source, _),) = outcomes_of(module_allocd, message)

    assert (status, found, source) == (1, "invalid", data.get("source", ""))


# ---- an id that is used again ----


@pytest.mark.parametrize("way", ["stream", "pubsub"])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("allocate", {"orderid": "another", "qty": 2}),
        ("create_batch", {"batchref": "another-batch", "qty": 3}),
    ],
)
def test_an_id_that_is_used_again_is_printed_as_rejected_and_ends_with_1(module_allocd, stock, way, kind, fields):
    message = unique("id")
    module_allocd.allocate(stock, unique("order"), 1, id=message)
    assert module_allocd.run("await", "--id", message).returncode == 0
    fields = {**fields, "sku": stock, "id": message}
    if way == "stream":
        add(module_allocd, kind, fields)
    else:
        module_allocd.send(kind, fields)
    wait_until(lambda: len(outcomes_of(module_allocd, message)[1]) == 2, "the second to be rejected")

    done = module_allocd.run("await", "--id", message)

    assert done.returncode == 1
    first, event, second = done.stdout.splitlines()
    assert first == f"handled allocate {message}"
    assert event.startswith("line_allocated ")
    assert second == f"rejected {kind} {message}: id reused {message}"


def test_a_message_that_was_refused_and_later_handled_counts_as_handled(module_allocd, stock):
    message = unique("id")
    module_allocd.allocate("no-such-sku", "order", 1, id=message)
    assert outcomes_of(module_allocd, message)[0] == 1
    module_allocd.send("create_batch", {"batchref": unique("batch"), "sku": stock, "qty": 1, "id": message})
    wait_until(lambda: outcomes_of(module_allocd, message)[0] == 0, "the second to be handled")

    assert outcomes_of(module_allocd, message) == (0, [("handled", "create_batch", "", "")])


def test_each_source_has_an_outcome_and_events_of_its_own(module_allocd, stock):
    message = unique("id")
    for number, source in enumerate(("/shop", "/depot", "a source")):
        event = {"specversion": "1.0", "type": "allocate", "source": source, "id": message}
        module_allocd.send("allocate", {**event, "data": {"orderid": f"of {source}", "sku": stock, "qty": 1}})
        wait_until(lambda: len(outcomes_of(module_allocd, message)[1]) == number + 1, "it to be handled")

    done = module_allocd.run("await", "--id", message, "--json")

    assert done.returncode == 0
    outcomes = json.loads(done.stdout)["outcomes"]
    assert [(each["source"], [event["payload"]["orderid"] for event in each["events"]]) for each in outcomes] == [
        ("/shop", ["of /shop"]),
        ("/depot", ["of /depot"]),
        ("a%20source", ["of a source"]),
    ]


# ---- however the database writes times ----

STYLES = [
    {"datestyle": "SQL, DMY", "timezone": "Asia/Kolkata"},
    {"datestyle": "German", "timezone": "America/St_Johns", "intervalstyle": "sql_standard", "bytea_output": "escape"},
]


@pytest.mark.parametrize("styles", STYLES)
def test_times_are_rfc_3339_in_utc_for_every_datestyle_and_timezone_of_the_database(parked, styles):
    for name, value in styles.items():
        parked.query(f"""do $$ begin
            execute format('alter database %%I set {name} = %%L', current_database(), '{value}');
        end $$""")
    parked.start()
    sku, good, bad = unique("sku"), unique("id"), unique("id")
    parked.stock(sku, **{unique("batch"): 10})
    parked.allocate(sku, "order", 1, id=good)
    parked.allocate("no-such-sku", "order", 1, id=bad)
    parked.await_dead_letters()

    awaited = [parked.run("await", "--id", each, "--json").stdout for each in (good, bad)]
    listed = json.loads(parked.run("dead-letters", "list", "--json").stdout)
    assert parked.run("dead-letters", "replay", "--yes").returncode == 1
    shown = json.loads(parked.run("dead-letters", "show", "1", "--json").stdout)
    parked.query("alter table blind_windows drop constraint blind_windows_order")
    parked.query("insert into blind_windows (since, until, cause) values (now(), now() - interval '1 hour', 'none')")
    verified = parked.run("verify", "--json").stdout

    (handled,), (rejected,) = (json.loads(each)["outcomes"] for each in awaited)
    assert len(handled["events"]) == 1, "its events are found by its time"
    times = [handled["at"], rejected["at"], listed["first_at"], listed["last_at"], shown["first_at"]]
    times += [deed["at"] for deed in shown["history"]]
    times += re.findall(r'"(?:expected|found)":"(?:until )?([^" ]+)', verified)
    assert len(times) == 8
    for time in times:
        assert RFC3339.fullmatch(time), time
        age = datetime.now(timezone.utc) - datetime.fromisoformat(time.replace("Z", "+00:00"))
        assert timedelta(0) < age < timedelta(hours=2)
