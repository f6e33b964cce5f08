"""The admin API beside dead letters one by one: exports, replays that stop, republications, streams and blind windows."""

import contextlib
import json
import pathlib
import subprocess
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
import requests
from dead_letters import ids, insert_mail, letters, reject, repair
from installation import TIMEOUT_S, wait_until

TOKEN = "t0ken-of-the-operators"
LETTERS = "/admin/dead-letters"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def worker(parked):
    parked.start(ALLOCD_ADMIN_TOKEN=TOKEN)
    return parked


def get(allocd, path, status=200):
    answer = requests.get(allocd.url(path), timeout=TIMEOUT_S)
    assert answer.status_code == status, answer.text
    return answer


def post(allocd, path, body, status=200):
    answer = requests.post(allocd.url(path), json=body, headers=AUTHORIZED, timeout=TIMEOUT_S)
    assert answer.status_code == status, answer.text
    return answer.json()


def ended(allocd, job):
    def over():
        now = get(allocd, f"/admin/jobs/{job['id']}").json()
        return now["ended_at"] and now

    return wait_until(over, f"the end of job {job['id']}")


# ---- exports ----


def test_an_export_is_what_the_command_line_exports(worker):
    sku = reject(worker, 3)
    reject(worker)

    answer = get(worker, f"{LETTERS}/export?sku={sku}")

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dead-letters.ndjson"'
    assert answer.text == letters(worker, "export", "--sku", sku).stdout and len(answer.text.splitlines()) == 3
    assert get(worker, f"{LETTERS}/export?sku=none").text == ""
    assert get(worker, f"{LETTERS}/export?discarded", 400).json()["type"] == "urn:allocd:problem:invalid"


def test_an_export_says_how_many_it_left_out(worker):
    reject(worker)
    insert_mail(worker)

    answer = get(worker, f"{LETTERS}/export")

    assert len(answer.text.splitlines()) == 1
    assert requests.utils.unquote(answer.headers["Allocd-Left-Out"]).endswith("1 exported, 1 left out")


def test_where_payloads_are_withheld_so_is_the_export(parked):
    port = parked.http.split(":")[1]
    parked.start(ALLOCD_HTTP=f"0.0.0.0:{port}", ALLOCD_ADMIN_TOKEN=TOKEN)
    assert get(parked, f"{LETTERS}/export", 403).json()["type"] == "urn:allocd:problem:not-open"
    answer = requests.get(parked.url(f"{LETTERS}/export"), headers=AUTHORIZED, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.text) == (200, "")


# ---- replays that stop ----


def test_a_replay_can_stop_at_the_first_failure(worker):
    sku, bad = reject(worker, 2), reject(worker)
    reject(worker, 2)
    repair(worker, sku)

    job = ended(worker, post(worker, f"{LETTERS}/replays", {"filter": {}, "expected_count": 5, "stop_at_failure": True}, 202))

    assert (job["state"], job["total"], job["handled"], job["failed"]) == ("stopped", 5, 2, 1)
    assert job["stopped_at"] == ids(worker)[0] and bad in job["failures"][0]["reason"]
    assert len(ids(worker)) == 3
    job = ended(worker, post(worker, f"{LETTERS}/replays", {"filter": {}, "expected_count": 3, "stop_at_failure": False}, 202))
    assert (job["state"], job["failed"], job["stopped_at"]) == ("done", 3, None)
    done = letters(worker, "replay", "--yes", "--stop-at-failure")
    assert done.returncode == 1 and "1 failed again; 2 left" in done.stderr
    assert post(worker, f"{LETTERS}/replays", {"ids": [1], "stop_at_failure": 1}, 400)["message"].startswith("stop_at_failure: ")


# ---- what other users of the machine can read ----


def command_line_of_child(allocd):
    """The arguments of the worker's only child once it runs its own program; the kernel shows none while exec replaces it."""
    own = pathlib.Path(f"/proc/{allocd.worker.pid}")
    children = (own / f"task/{allocd.worker.pid}/children").read_text().split()
    lines = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
    [line] = lines or [b""]
    return line.split(b"\0")[:-1] if line != (own / "cmdline").read_bytes() else []


def test_what_an_operator_wrote_is_on_no_command_line(worker):
    reject(worker)
    body = {"filter": {}, "expected_count": 1, "note": "a secret\nof two lines".replace("\n", " ")}
    with contextlib.closing(psycopg2.connect(worker.database_url)) as holder, ThreadPoolExecutor(1) as pool:
        holder.cursor().execute("lock table dead_letters in access exclusive mode")
        asked = pool.submit(post, worker, f"{LETTERS}/discards", body)
        line = wait_until(lambda: command_line_of_child(worker), "the child")
        assert line == [b"allocd", b"dead-letters", b"discard", b"--words-from-stdin"]
        holder.rollback()
        assert asked.result() == {"discarded": 1, "matched": 1}
    [[note]] = worker.query("select edits from dead_letter_history")
    assert note == "a secret of two lines"


@pytest.mark.parametrize("words", [b"", b"--json"])
def test_words_that_do_not_end_are_refused(allocd, words):
    done = subprocess.run(
        [allocd.program, "dead-letters", "list", "--words-from-stdin"], input=words, env=allocd.environment({}), capture_output=True, check=False
    )  # fmt: skip
    assert done.returncode == 2 and b"expected words on standard input" in done.stderr


# ---- republications ----


def test_events_are_published_again_as_a_job(worker):
    repair(worker, "lamp")
    for number in range(3):
        worker.allocate("lamp", f"order-{number}", 1)
    wait_until(lambda: len(worker.get("/events/lamp").json()) == 3, "the events")
    with contextlib.closing(worker.redis.pubsub(ignore_subscribe_messages=True)) as heard:
        heard.subscribe(worker.prefix + "repair")
        job = ended(worker, post(worker, "/admin/republish", {"sku": "lamp", "from_version": 2, "channel": "repair"}, 202))
        assert (job["kind"], job["state"], job["total"], job["handled"]) == ("republication", "done", 2, 2)
        events = [json.loads(wait_until(heard.get_message, "an event")["data"]) for _ in range(2)]
        assert [event["version"] for event in events] == [2, 3]


def test_events_that_cannot_be_published_again_are_no_job(worker):
    repair(worker, "lamp")
    body = {"sku": "lamp", "from_version": 1}
    assert "there is no event from version 1 on" in post(worker, "/admin/republish", body, 404)["message"]
    assert "there is no such SKU" in post(worker, "/admin/republish", {**body, "sku": "none"}, 404)["message"]
    for wrong in ({"sku": "lamp"}, {"from_version": 1}, {**body, "from_version": 0}, {**body, "colour": "red"}, []):
        assert post(worker, "/admin/republish", wrong, 400)["type"] == "urn:allocd:problem:invalid"
    assert requests.post(worker.url("/admin/republish"), json=body, timeout=TIMEOUT_S).status_code == 401
    assert get(worker, "/admin/jobs").json()["jobs"] == []


# ---- one message ----


def test_the_instants_of_a_message_are_known_to_the_worker_that_handled_it(worker):
    repair(worker, "lamp")
    fields = json.dumps({"orderid": "order", "sku": "lamp", "qty": 1, "id": "m-1"})
    worker.redis.xadd(worker.prefix + "allocd:commands", {"type": "allocate", "data": fields})
    times = wait_until(lambda: (answer := worker.get("/admin/messages/m-1")).status_code == 200 and answer.json(), "the outcome")["times"]

    assert times["way"] == "stream" and times["unit_messages"] >= 1
    instants = [times[name] for name in ("published", "received", "began", "handled", "committed")]
    assert all(instants) and instants[1:] == sorted(instants[1:]), times


# ---- streams and subscriptions ----


@pytest.mark.parametrize("is_cut_off", [False, True], ids=["connected", "cut off from Redis for a moment"])
def test_a_stream_says_what_waits_in_it_and_since_when(on_own_redis, is_cut_off):
    worker = on_own_redis  # no other test's connections are cut
    repair(worker, "lamp")

    def stream():
        return next(one for one in get(worker, "/admin/status").json()["inputs"] if one["kind"] == "stream")

    assert (stream()["lag"], stream()["pending_since"], stream()["unread_since"]) == (0, None, None)
    with contextlib.closing(psycopg2.connect(worker.database_url)) as holder:
        holder.cursor().execute("lock table products in access exclusive mode")
        entry = {"type": "allocate", "data": json.dumps({"orderid": "order", "sku": "lamp", "qty": 1})}
        worker.redis.xadd(worker.prefix + "allocd:commands", entry)
        if is_cut_off:
            wait_until(lambda: worker.redis.xpending(worker.prefix + "allocd:commands", "allocd")["pending"] == 1, "the entry to be read")
            for client in worker.redis.client_list():
                if client["name"].startswith("allocd-"):
                    worker.redis.client_kill_filter(_id=client["id"])
            worker.redis.xadd(worker.prefix + "allocd:commands", entry)  # it is not read before the first one has an outcome
            wait_until(lambda: stream()["lag"] == 1, "the second entry to be counted")
        waiting = wait_until(lambda: (found := stream())["pending_since"] and found, "the entry to be pending")
        assert waiting["pending"] == 1 and waiting["in_flight"] == 1
        holder.rollback()
    wait_until(lambda: stream()["pending_since"] is None, "the entry to be acknowledged")


def test_blind_windows_are_listed_the_newest_first(worker):
    worker.query("delete from blind_windows")
    assert get(worker, "/admin/blind-windows").json() == {"blind_windows": []}
    worker.query("""
        insert into blind_windows (since, until, cause)
        select '2126-01-01T00:00:00Z'::timestamptz + n * interval '1 hour', '2126-01-01T00:10:00Z'::timestamptz + n * interval '1 hour', 'cause ' || n
        from generate_series(1, 120) n
    """)  # fmt: skip
    found = get(worker, "/admin/blind-windows").json()["blind_windows"]
    assert len(found) == 100
    assert found[0] == {"since": "2126-01-06T00:00:00.000000Z", "until": "2126-01-06T00:10:00.000000Z", "cause": "cause 120"}
