"""./dev chaos: the judge finds what is lost, doubled or out of order; faults are chosen by the seed, and never too many at once."""

import datetime
import random
import signal
import subprocess
import sys
import time
import types
import uuid

import pytest
from built import plain_program
from dev_program import of_folder
from installation import ROOT
from ledger import TOO_MANY, Command, Ledger
from sender import STREAM
from servers import wait_until

sys.path.append(str(ROOT / "tests" / "chaos"))
import incidents  # noqa: E402
import judge  # noqa: E402
import schedule  # noqa: E402
import story  # noqa: E402
from traffic import Heard, content_of  # noqa: E402

COMMAND = [sys.executable, ROOT / "tests" / "chaos" / "chaos.py"]
BEGIN = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)


def at(seconds):
    return BEGIN + datetime.timedelta(seconds=seconds)


# ---- the judge ----


class Records:
    """Commands on a stream, over HTTP and on channels, a second apart, each with its event, which the consumer read."""

    def __init__(self, folder, count=6):
        self.ledger = Ledger(None, folder)
        self.ledger.skus = ["sku"]
        self.unheard, self.incidents = [], []
        self.events = []
        for number in range(count):
            way = (STREAM, "http", "pubsub")[number % 3]
            fields = {"orderid": f"order-{number}", "sku": "sku", "qty": 1 if number % 2 else TOO_MANY, "id": str(uuid.uuid4())}
            command = Command(way, "allocate", fields)
            command.sent_at = at(number).timestamp()
            self.ledger.sent.append(command)
            self.events.append(self.event_of(command, number + 1))
        self.spent = {command.id for command in self.ledger.sent}
        self.listen()

    def listen(self):
        """The consumer reads the events in the order of their versions."""
        self.heard = [self.as_heard(event) for event in sorted(self.events, key=lambda event: event["version"])]

    @staticmethod
    def event_of(command, version):
        is_out = command.fields["qty"] == TOO_MANY
        event = {name: command.fields[name] for name in ("orderid", "sku", "qty")} | {"cause": command.id, "version": version}
        event |= {"occurred_at": at(version - 1).isoformat(), "type": "out_of_stock" if is_out else "line_allocated"}
        return event if is_out else event | {"batchref": "batch"}

    @staticmethod
    def as_heard(event):
        return Heard("sku", event["version"], datetime.datetime.fromisoformat(event["occurred_at"]).timestamp(), content_of(event))

    def command(self, way):
        return next(command for command in self.ledger.sent if command.way == way)

    def fail(self, place, begin, end):
        self.incidents.append(incidents.Incident("a fault", place, at(begin), at(end), ["It happens."]))

    def judge(self):
        verdict = judge.judge(self.ledger, {"sku": self.events}, self.spent, self.heard, self.unheard, self.incidents)
        return verdict, {row.name: row for row in verdict.rows}


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path)


def test_what_is_complete_is_kept_and_has_its_longest_pause(records):
    for event in records.events[4:]:
        event["occurred_at"] = (datetime.datetime.fromisoformat(event["occurred_at"]) + datetime.timedelta(seconds=5)).isoformat()
    records.listen()
    verdict, rows = records.judge()
    assert verdict.is_kept()
    assert [row.sent for row in verdict.rows] == [2, 2, 2, 6]
    assert rows["HTTP"].pause() == (8, at(1), at(9))
    assert rows["HTTP"].pause(at(10), at(20)) is None
    assert rows["events"].pause(at(1), at(2)) == (1, at(1), at(2))


@pytest.mark.parametrize("way, name", [(STREAM, f"stream {STREAM}"), ("http", "HTTP"), ("pubsub", "pub/sub")])
def test_a_command_that_is_not_handled_at_the_end_is_lost(records, way, name):
    records.spent.remove(records.command(way).id)
    verdict, rows = records.judge()
    assert not verdict.is_kept()
    assert {row.name: row.lost for row in verdict.rows if row.lost} == {name: 1}


def test_a_command_whose_effect_is_missing_is_lost(records):
    gone = records.events.pop()
    verdict, rows = records.judge()
    assert rows["pub/sub"].lost == 1 and gone["cause"] == records.ledger.sent[-1].id
    assert not verdict.is_kept()


def test_a_command_that_had_its_effect_twice_is_doubled(records):
    records.events.append({**records.events[0], "version": 7})
    records.heard.append(records.as_heard(records.events[-1]))
    verdict, _ = records.judge()
    assert not verdict.is_kept()
    assert {row.name: row.doubled for row in verdict.rows if row.doubled} == {f"stream {STREAM}": 1}


def test_an_effect_of_a_command_that_was_never_sent_is_not_kept(records):
    records.events.append({**records.events[0], "version": 7, "cause": "unknown", "orderid": "another"})
    assert not records.judge()[0].is_kept()


def test_a_command_that_overtakes_another_one_of_its_stream_is_out_of_order(records):
    first, second = (event for event in records.events if event["cause"] in {c.id for c in records.ledger.sent if c.way == STREAM})
    first["version"], second["version"] = second["version"], first["version"]
    records.listen()
    verdict, rows = records.judge()
    assert rows[f"stream {STREAM}"].out_of_order == 1 and not verdict.is_kept()


def test_commands_over_http_may_overtake_each_other(records):
    http = [event for event in records.events if event["cause"] in {c.id for c in records.ledger.sent if c.way == "http"}]
    http[0]["version"], http[1]["version"] = http[1]["version"], http[0]["version"]
    records.listen()
    assert records.judge()[0].is_kept()


def test_a_command_on_a_channel_may_be_lost_only_around_a_fault(records):
    records.unheard = [records.ledger.sent[2]]
    assert records.judge()[1]["pub/sub"].lost == 1

    records.fail(incidents.WORKER, -20, -9)
    verdict, rows = records.judge()
    assert (rows["pub/sub"].lost, rows["pub/sub"].allowed) == (1, []), "the fault was over for more than ten seconds"

    records.fail(incidents.WORKER, 1, 3)
    verdict, rows = records.judge()
    assert (rows["pub/sub"].lost, rows["pub/sub"].allowed) == (0, [at(2)])
    assert verdict.is_kept()


@pytest.mark.parametrize("place, is_kept", [(incidents.REDIS, True), (incidents.POSTGRES, False), (incidents.WORKER, False)])
def test_an_event_may_be_missing_or_come_twice_only_around_a_failover_of_redis(records, place, is_kept):
    del records.heard[2]
    records.heard.append(records.heard[-1])
    verdict, rows = records.judge()
    assert (rows["events"].lost, rows["events"].doubled) == (1, 1) and not verdict.is_kept()

    records.fail(place, 2, 5)
    verdict, rows = records.judge()
    assert len(rows["events"].allowed) == (2 if is_kept else 0)
    assert verdict.is_kept() == is_kept


def test_an_event_that_comes_behind_a_later_one_is_out_of_order_also_when_redis_fails_over(records):
    records.heard[3], records.heard[4] = records.heard[4], records.heard[3]
    records.fail(incidents.REDIS, 0, 10)
    verdict, rows = records.judge()
    assert rows["events"].out_of_order == 1 and not verdict.is_kept()


def test_an_event_with_another_content_than_the_database_has_is_not_kept(records):
    records.heard[3] = records.heard[3]._replace(content=1)
    records.fail(incidents.REDIS, 0, 10)
    assert not records.judge()[0].is_kept()


# ---- the story ----


def test_the_story_names_each_fault_and_the_table_the_fault_of_the_longest_pause(records):
    records.fail(incidents.WORKER, 65, 70)
    records.events[-1]["occurred_at"] = at(68).isoformat()
    records.listen()
    verdict, _ = records.judge()

    [line] = story.story(records.incidents, BEGIN, verdict.rows)
    assert line == "  1:05  It happens. The longest pause meanwhile: 66.0 s, pub/sub."
    assert list(story.story(records.incidents, BEGIN)) == ["  1:05  It happens."]
    lines = list(story.summary(verdict, records.incidents, BEGIN))
    assert lines[0].split() == ["sent", "lost", "doubled", "out", "of", "order", "longest", "pause"]
    row = next(line for line in lines if line.startswith("pub/sub"))
    assert row.split()[1:5] == ["2", "0", "0", "0"] and row.endswith("66.0 s at 0:02, during a fault")
    assert lines[-1] == "6 commands, 1 fault: nothing was lost, doubled or out of order."


def test_the_story_says_what_is_wrong_and_what_is_allowed(records):
    records.unheard = [records.ledger.sent[2]]
    records.fail(incidents.WORKER, 1, 3)
    verdict, _ = records.judge()
    verdict.troubles.append("Worker 2 ended by itself, with 1")
    lines = list(story.summary(verdict, records.incidents, BEGIN))
    assert lines[-3].startswith("Commands of pub/sub that were lost within a fault: 1, 1 at 0:02.")
    assert lines[-2:] == ["WRONG: Worker 2 ended by itself, with 1", "6 commands, 1 fault: NOT as promised."]


def test_what_is_allowed_is_counted_by_the_times_at_which_it_was():
    times = [at(seconds) for seconds in (61, 2, 2.5, 3.4, 61.9)]
    assert list(story.windows(times, BEGIN)) == ["3 at 0:02", "2 at 1:01"]


# ---- which faults happen ----


def test_a_worker_may_fail_beside_one_that_was_started_some_seconds_ago():
    site = FakeSite()
    first, second, third = site.members
    made, kill = schedule.Schedule(site, [], 1), incidents.Kind("kill", incidents.WORKER, None, False, None)
    second.fault = "kill"
    third.sound_since = time.monotonic() - 2
    assert not made.may_begin(kill, first)
    third.sound_since -= 2
    assert made.may_begin(kill, first)
    assert not made.may_begin(kill, second)


class FakeSite:
    """Three workers that are always ready, and servers whose replicas have everything."""

    def __init__(self):
        self.members = [self.member(number) for number in (1, 2, 3)]
        self.postgres = self.redis = types.SimpleNamespace(is_safe=lambda: True)

    @staticmethod
    def member(number):
        member = types.SimpleNamespace(number=number, ready=lambda: True, fault=None, sound_since=time.monotonic())

        def recover():
            member.fault, member.sound_since = None, time.monotonic()

        member.recover = recover
        return member

    def others_ready(self):
        return True

    def check_alive(self):
        pass


def kind(name, place, seen, site, is_calm=False, seconds=0.05):
    def play(_, member, incident, chance):
        incident.add(f"{name} {chance.random():.6f}.")
        running.append((place, member))
        seen.append((list(running), [each.fault for each in site.members]))
        yield seconds
        running.remove((place, member))

    running = kind.running
    return incidents.Kind(name, place, None, is_calm, play)


@pytest.fixture
def played(monkeypatch):
    """Plays faults of each place for a second; returns the schedule, and what ran at the beginning of each fault."""
    monkeypatch.setattr(schedule, "PAUSE_S", 0.01)
    monkeypatch.setattr(schedule, "POLL_S", 0.001)
    monkeypatch.setattr(schedule, "SOUND_S", 0)

    def play(seed, seconds=1):
        kind.running = []
        site, seen = FakeSite(), []
        kinds = [
            kind("kill", incidents.WORKER, seen, site), kind("stop", incidents.WORKER, seen, site),
            kind("end", incidents.WORKER, seen, site, is_calm=True), kind("crash", incidents.POSTGRES, seen, site),
            kind("failover", incidents.REDIS, seen, site), kind("upgrade", incidents.FLEET, seen, site, is_calm=True),
        ]  # fmt: skip
        made = schedule.Schedule(site, kinds, seed)
        made.play(seconds)
        assert not kind.running and not any(member.fault for member in site.members)
        return made, seen

    return play


def test_one_worker_stays_sound_and_servers_fail_one_at_a_time(played):
    made, seen = played(7)
    assert len(made.incidents) > 12 and all(incident.end for incident in made.incidents)
    for running, faults in seen:
        places = [place for place, _ in running]
        assert None in faults
        assert len(places) == len(faults) - faults.count(None) + sum(place != incidents.WORKER for place in places)
        assert sum(place in (incidents.POSTGRES, incidents.REDIS) for place in places) <= 1
        assert incidents.FLEET not in places or len(places) == 1
    assert any(len(running) > 1 for running, _ in seen), "several faults at once, too"


def test_a_seed_chooses_the_faults_and_all_kinds_come(played):
    texts = [[incident.text() for incident in played(seed)[0].incidents] for seed in (7, 7, 8)]
    shared = min(map(len, texts))
    assert texts[0][:shared] == texts[1][:shared] != texts[2][:shared]
    assert {text.split()[0] for text in texts[0][:6]} == {"kill", "stop", "end", "crash", "failover", "upgrade"}


def test_a_fault_that_is_not_over_in_time_ends_the_run(played, monkeypatch):
    monkeypatch.setattr(schedule, "WAIT_S", 0.2)

    def play(_site, _member, incident, _chance):
        incident.add("The workers are killed.")
        yield lambda: False

    made = schedule.Schedule(FakeSite(), [incidents.Kind("kill", incidents.FLEET, None, False, play)], 1)
    begin = time.monotonic()
    with pytest.raises(schedule.NoProgress, match="The workers are killed."):
        made.play(60)
    assert time.monotonic() - begin < 10


def test_each_fault_that_the_machine_does_not_allow_is_named_with_the_reason():
    lines = list(incidents.left_out(incidents.KINDS, {"namespaces": "The kernel makes none.", "shim": "There is no library."}))
    assert len(lines) == 2
    assert "pulled cable" in lines[0] and "full disk of Redis" in lines[0] and lines[0].endswith("The kernel makes none.")
    assert lines[1] == "Left out: clock step, slow disk of Postgres. There is no library."
    left = incidents.possible(incidents.KINDS, {"namespaces": "", "shim": "", "earlier program": ""})
    assert {"kill -9", "SIGSTOP", "Postgres failover", "Redis failover"} <= {each.name for each in left}
    assert not any(each.needs for each in left)


def test_random_numbers_of_a_fault_do_not_depend_on_those_that_others_used():
    one, other = random.Random(1), random.Random(1)
    incidents.own_chance(one).random()
    incidents.own_chance(other)
    assert one.random() == other.random()


@pytest.mark.parametrize(
    "arguments, error",
    [(["--minutes", "0"], "0 is not more than 0"), (["--rate", "nan"], "nan is not more than 0"), (["--seed", "x"], "invalid int value")],
)
def test_a_bad_option_is_named(arguments, error):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and error in done.stderr


def test_a_fault_that_is_not_there_is_named_with_those_that_are():
    done = subprocess.run([*COMMAND, "--only", "flood"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no fault has 'flood' in its name; there are: kill -9, SIGTERM," in done.stderr


# ---- real servers ----


def chaos(tmp_path, *arguments):
    """Begins a run; all processes that it starts have the folder in their environment."""
    with open(tmp_path / "output", "w", encoding="utf-8") as output:
        return subprocess.Popen(
            ["env", "--default-signal=INT", f"OF_TEST={tmp_path}", f"ALLOCD_BIN={plain_program()}", *COMMAND,
             "--folder", tmp_path / "run", *arguments],
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip


def output_of(tmp_path):
    return (tmp_path / "output").read_text(encoding="utf-8")


def test_three_workers_that_are_stopped_lose_nothing_and_do_nothing_twice(tmp_path):
    run = chaos(tmp_path, "--minutes", "0.1", "--only", "SIGSTOP", "--seed", "7")
    assert run.wait(120) == 0, output_of(tmp_path)
    lines = output_of(tmp_path).splitlines()
    assert any("is stopped for" in line and " The longest pause meanwhile: " in line for line in lines)
    assert lines[-1].endswith("nothing was lost, doubled or out of order.")
    assert {line.split("  ")[0] for line in lines} >= {"HTTP", "pub/sub", "events", f"stream {STREAM}"}


def test_after_a_signal_the_story_is_printed_and_nothing_is_left(tmp_path):
    run = chaos(tmp_path, "--minutes", "60", "--only", "SIGSTOP")
    wait_until(lambda: "is stopped for" in output_of(tmp_path), "the first fault", 60)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130, output_of(tmp_path)
    assert "0:0" in output_of(tmp_path).rpartition("60 minutes:")[2]
    assert of_folder(tmp_path) == {}
