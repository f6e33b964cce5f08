"""An operator discards dead letters, restores them, and exports them to correct and publish them again."""

import json
import subprocess

import msgpack
import pytest
from dead_letters import HISTORY, LETTERS, ids, insert_mail, letters, lines_of, reject, repair, replay
from installation import binary, unique, wait_until

# ---- discard and restore ----


def test_discard_takes_the_letter_away_and_records_the_user(allocd):
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


def test_a_dry_run_lists_the_letters_and_moves_none(allocd):
    gone = reject(allocd, 2)

    would_go = letters(allocd, "discard", "-n", 2)
    assert letters(allocd, "discard", "--yes", 1).returncode == 0
    would_return = letters(allocd, "restore", "--dry-run", "--json")

    assert [line.split()[0] for line in would_go.stdout.splitlines()] == ["ID", "2"]
    assert [json.loads(line)["reason"] for line in would_return.stdout.splitlines()] == [f"invalid sku {gone}"]
    assert ids(allocd) == [2]
    assert ids(allocd, "--discarded") == [1]


def test_restored_letters_are_as_they_were_and_can_be_replayed(allocd):
    sku = reject(allocd, 3)
    columns = "id, outcome, reason, way, place, message, source, message_id, payload, payload_bytes, first_at"
    before = allocd.query(f"select {columns} from dead_letters order by id")
    assert letters(allocd, "discard", "--yes").returncode == 0
    assert allocd.query(LETTERS) == []

    listed = ids(allocd, "--discarded")
    shown = letters(allocd, "show", "--discarded", 2).stdout
    done = letters(allocd, "restore", "--yes", "--json", "1", "3")
    other = letters(allocd, "restore", "--yes", "--since", "10m")

    assert listed == [1, 2, 3]
    assert "discarded by" in shown and sku in shown
    assert (done.returncode, json.loads(done.stdout)) == (0, {"restored": 2, "matched": 2})
    assert (other.returncode, "1 of 1 restored" in other.stderr) == (0, True)
    assert allocd.query(f"select {columns} from dead_letters order by id") == before
    assert allocd.query("select count(*) from discarded_letters") == [(0,)]
    assert allocd.query("select kept, dropped from dead_letter_totals") == [(3, 0)]
    assert allocd.run("verify").returncode == 0
    repair(allocd, sku)
    assert replay(allocd).returncode == 0
    assert len(lines_of(allocd, sku)) == 3
    assert [row[1:3] for row in allocd.query(HISTORY)] == [(2, "discarded"), (3, "restored"), (4, "replayed")] * 3


def test_an_id_that_was_not_discarded_is_named(allocd):
    reject(allocd, 2)
    assert letters(allocd, "discard", "--yes", 1).returncode == 0

    done = letters(allocd, "restore", "--yes", 1, 2, 9)

    assert done.returncode == 1
    assert [f"there is no discarded dead letter {number}" in done.stderr for number in (1, 2, 9)] == [False, True, True]
    assert ids(allocd) == [1, 2]
    assert "discarded by" in letters(allocd, "show", 1).stdout


def test_without_a_terminal_a_restore_needs_an_option_to_confirm(allocd):
    reject(allocd)
    assert letters(allocd, "discard", "--yes").returncode == 0

    done = subprocess.run(
        [binary(), "dead-letters", "restore"], env=allocd.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert ids(allocd) == []


def test_an_entry_that_is_a_dead_letter_again_is_not_restored(allocd):
    """It is delivered and discarded twice: the later letter is kept; then it is delivered a third time."""
    stream = allocd.prefix + "allocd:commands"
    line = json.dumps({"orderid": "order", "sku": unique("sku"), "qty": 3})
    entry = allocd.redis.xadd(stream, {"type": "allocate", "data": line})
    before = str(int(entry.split(b"-")[0]) - 1)
    allocd.await_dead_letters()
    for _ in range(2):
        assert letters(allocd, "discard", "--yes").returncode == 0
        allocd.redis.xgroup_setid(stream, "allocd", before)
        allocd.await_dead_letters()

    assert allocd.query("select count(*) from discarded_letters") == [(1,)]
    done = letters(allocd, "restore", "--yes")

    assert (done.returncode, "0 of 1 restored" in done.stderr) == (0, True)
    assert letters(allocd, "discard", "--yes").returncode == 0
    assert "1 of 1 restored" in letters(allocd, "restore", "--yes").stderr
    assert len(ids(allocd)) == 1


# ---- export ----


def exported(allocd, *filters, status=0):
    done = letters(allocd, "export", *filters)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("way", [[], ["--stream"]])
def test_exported_letters_are_published_again_once_they_are_corrected(allocd, tmp_path, way):
    wrong, right = unique("sku"), unique("sku")
    repair(allocd, right)
    event = {
        "specversion": "1.0", "type": "allocate", "source": "s", "id": "ce", "data": {"orderid": "c", "sku": wrong, "qty": 1},
    }  # fmt: skip
    allocd.allocate(wrong, "a", 1, id="message-a")
    allocd.await_dead_letters(1)
    allocd.send("allocate", msgpack.packb({"orderid": "b", "sku": wrong, "qty": 1}))
    allocd.await_dead_letters(2)
    allocd.send("allocate", event)
    allocd.await_dead_letters(3)
    data = json.dumps({"orderid": "d", "sku": wrong, "qty": 1})
    allocd.redis.xadd(allocd.prefix + "allocd:commands", {"type": "allocate", "data": data, "id": "message-d"})
    allocd.await_dead_letters(4)

    lines, _ = exported(allocd)
    path = tmp_path / "commands"
    path.write_text("".join(json.dumps(line).replace(wrong, right) + "\n" for line in lines), encoding="utf-8")
    published = allocd.run("publish", *way, "--file", str(path))

    assert [line["dead_letter"] for line in lines] == [
        {"id": number, "outcome": "rejected", "reason": f"invalid sku {wrong}"} for number in (1, 2, 3, 4)
    ]
    assert published.returncode == 0, published.stderr
    wait_until(lambda: lines_of(allocd, right) == [("a",), ("b",), ("c",), ("d",)], "the lines")
    spent = {identity for (identity,) in allocd.query("select id from inbox")}
    assert {"message-a", "ce", "message-d"} <= spent
    assert letters(allocd, "discard", "--yes", "--sku", wrong).returncode == 0


def test_what_no_publisher_could_send_is_left_out_and_named(allocd):
    insert_mail(allocd)
    for number, payload in enumerate((b"{nonsense", b'{"sku": "' + b"x" * 70000 + b'"}', {"qty": 1}), 2):
        allocd.send("allocate", payload)
        allocd.await_dead_letters(number)

    lines, errors = exported(allocd, status=1)

    assert [line["data"] for line in lines] == [{"qty": 1}]
    assert [f" {number} is left out: " in errors for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert "1 exported, 3 left out" in errors
