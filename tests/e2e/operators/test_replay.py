"""An operator replays messages that were not handled, also while sessions, servers or the operator fail."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import time

from dead_letters import HISTORY, LETTERS, ids, insert_mail, letters, lines_of, reject, repair, replay, versions_of
from installation import administrator, binary, unique, wait_until
from tables import everything

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


def test_an_attempt_that_the_history_has_already_keeps_no_letter(allocd):
    sku = reject(allocd)
    repair(allocd, sku)
    allocd.query("insert into dead_letter_history values (1, 2, 'discarded', 'a hand', now(), '', null, null, 'allocate', null)")

    done = replay(allocd)

    assert done.returncode == 0, done.stderr
    assert allocd.query(LETTERS) == []
    assert [row[1:4] for row in allocd.query(HISTORY)] == [(2, "discarded", "a hand")]
    assert lines_of(allocd, sku) == [("order-0",)]


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
            [binary(), *arguments], env=allocd.environment(), stdin=terminal,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        keyboard.write(answer)
        _out, err = process.communicate(timeout=20)
    return process.returncode, err


def test_on_a_terminal_a_replay_asks_first(allocd):
    sku = reject(allocd, 2)
    repair(allocd, sku)

    status, asked = at_a_terminal(allocd, b"\n", "dead-letters", "replay")
    assert status == 1
    assert "Replay 2 dead letters (2 allocate)? [y/N]" in asked
    assert len(allocd.query(LETTERS)) == 2

    assert at_a_terminal(allocd, b"y\n", "dead-letters", "replay", "1")[0] == 0
    assert at_a_terminal(allocd, b"y\n", "dead-letters", "discard")[0] == 0
    assert allocd.query(LETTERS) == []
    assert [row[2] for row in allocd.query(HISTORY)] == ["replayed", "discarded"]


def test_every_command_that_asks_does_nothing_without_a_yes(allocd):
    reject(allocd)
    asking = (["dead-letters", "discard"], ["dead-letters", "restore"], ["outbox", "renew"])
    before = allocd.query("select incarnation from installation")
    assert letters(allocd, "discard", "--yes").returncode == 0
    reject(allocd)

    for command in asking:
        status, asked = at_a_terminal(allocd, b"no\n", *command)
        assert status == 1
        assert "? [y/N] " in asked and f"allocd: {' '.join(command)}: nothing was done\n" in asked
    assert allocd.query("select incarnation from installation") == before
    assert [row[0] for row in allocd.query(LETTERS)] == [2]


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
    # The first letter spends the id.
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


# ---- failures during a replay ----


@contextlib.contextmanager
def commits_held(allocd):
    """
    A session that writes the history of a dead letter waits at its commit until this ends, and not only for its own
    lock_timeout: it would let another one go first.
    """
    hold = """
        create function hold() returns trigger language plpgsql as $$ begin
            perform set_config('lock_timeout', '0', true), pg_advisory_xact_lock(7); return null;
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
        second = begin_replay(allocd)
        # It waits for a moment only, and tries again; the database completes the commit of a dead one.
        wait_until(lambda: len(allocd.query(HELD_OR_BLOCKED)) == 2, "the second one to wait for the first")
        victim.kill()
        victim.communicate()
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


def test_a_letter_that_is_discarded_meanwhile_is_not_replayed(allocd):
    reject(allocd)

    with commits_held(allocd):
        discarding = begin(allocd, "discard")
        wait_until(lambda: allocd.query(HELD), "the discard to wait for its commit")
        replaying = begin_replay(allocd)
        wait_until(lambda: len(allocd.query(HELD_OR_BLOCKED)) == 2, "the one to wait for the other")
    out, err = replaying.communicate(timeout=20)

    assert (replaying.returncode, "1 skipped" in err) == (0, True), out + err
    _out, err = discarding.communicate(timeout=20)
    assert (discarding.returncode, "1 of 1 discarded" in err) == (0, True), err
    assert allocd.query(LETTERS) == []
    assert [row[2] for row in allocd.query(HISTORY)] == ["discarded"]


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
