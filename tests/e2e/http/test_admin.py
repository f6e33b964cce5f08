"""The admin API of dead letters: reads by children of the worker, and changes by the admin token."""

import contextlib
import json
import pathlib
import subprocess
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
import requests
from dead_letters import HISTORY, ids, insert_mail, reject, repair
from installation import TIMEOUT_S, unique, wait_until

TOKEN = "t0ken-of-the-operators"
LETTERS = "/admin/dead-letters"


@pytest.fixture
def worker(parked):
    parked.start(ALLOCD_ADMIN_TOKEN=TOKEN)
    return parked


def ask(allocd, method, path, body=None, token=TOKEN, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return requests.request(method, allocd.url(path), json=body, headers=headers, timeout=TIMEOUT_S)


def changes_in_the_log(allocd):
    return [line[line.index("msg=") :] for line in allocd.log_lines() if "operator" in line]


def read(allocd, path):
    answer = ask(allocd, "GET", path, token=None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(allocd, what, body, status=200):
    answer = ask(allocd, "POST", f"{LETTERS}/{what}", body, X_Operator="ann%20lee")
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer):
    return answer.status_code, answer.json()["type"].removeprefix("urn:allocd:problem:")


# ---- reads ----


def test_groups_say_what_went_wrong_and_what_to_do(worker):
    sku, other = reject(worker, 3), reject(worker)
    insert_mail(worker)

    first, second, mail = read(worker, f"{LETTERS}/groups")["groups"]

    assert (first["count"], first["outcome"], first["message"], first["reason"]) == (
        3, "rejected", "allocate", f"invalid sku {sku}")  # fmt: skip
    assert "create a batch" in first["advice"] and "mail" in mail["advice"]
    assert second["reason"] == f"invalid sku {other}"
    assert [group["count"] for group in ask(worker, "GET", f"{LETTERS}/groups", **{}).json()["groups"]] == [3, 1, 1]
    found = requests.get(worker.url(LETTERS), params=first["filter"], timeout=TIMEOUT_S).json()
    assert len(found["dead_letters"]) == 3


def test_a_letter_whose_message_was_handled_since_says_so(worker):
    batch, other, sku = unique("batch"), unique("batch"), unique("sku")
    for id_of, reference in (("again", batch), ("never", batch), ("reused", other)):
        worker.send("change_batch_quantity", {"batchref": reference, "qty": 8, "id": f"{batch} {id_of}"})
    worker.await_dead_letters(3)
    worker.post("/add_batch", {"ref": batch, "sku": sku, "qty": 10, "id": f"{batch} reused"})
    worker.send("change_batch_quantity", {"batchref": batch, "qty": 8, "id": f"{batch} again"})
    wait_until(lambda: worker.get(f"/batches/{batch}").json()["qty"] == 8, "the message to be handled")

    some, none = read(worker, f"{LETTERS}/groups")["groups"]
    again, never, reused = read(worker, LETTERS)["dead_letters"]

    assert (some["count"], some["handled_since"], none["handled_since"]) == (2, 1, 0)
    assert "create that batch" in some["advice"] and "create that batch" in none["advice"]
    assert [letter["handled_since"] for letter in (again, never, reused)] == [True, False, False]
    assert again["advice"] == "discard: the message was handled since, under the same id"
    assert ask(worker, "POST", f"{LETTERS}/discards", {"ids": [never["id"]], "expected_count": 1}).status_code == 200
    wait_until(lambda: read(worker, f"{LETTERS}/groups")["groups"][0]["advice"].startswith("discard"), "all of the group to be handled")


def test_a_list_has_pages(worker):
    reject(worker, 5)

    first = ask(worker, "GET", f"{LETTERS}?limit=2&message=allocate", token=None)
    second = ask(worker, "GET", first.links["next"]["url"], token=None)
    third = ask(worker, "GET", second.json()["next"], token=None)

    pages = [first.json()["dead_letters"], second.json()["dead_letters"], third.json()["dead_letters"]]
    assert [[letter["id"] for letter in page] for page in pages] == [ids(worker)[:2], ids(worker)[2:4], ids(worker)[4:]]
    assert third.json()["next"] is None and "next" not in third.links
    assert not any("payload" in letter or "payload_base64" in letter for page in pages for letter in page)


def test_one_letter_is_shown_in_full(worker):
    sku = reject(worker)
    [letter] = ids(worker)

    shown = read(worker, f"{LETTERS}/{letter}")

    assert shown["fields"] == json.loads(shown["payload"]) == {"orderid": "order-0", "sku": sku, "qty": 1}
    assert shown["history"] == [] and "create a batch" in shown["advice"]
    assert refused(ask(worker, "GET", f"{LETTERS}/{letter + 1}", token=None)) == (404, "not-found")


def test_other_machines_see_payloads_only_with_the_token(parked):
    port = parked.http.split(":")[1]
    parked.start(ALLOCD_HTTP=f"0.0.0.0:{port}", ALLOCD_ADMIN_TOKEN=TOKEN)
    ask(parked, "POST", "/admin/commands/create_batch", {"ref": "shelf", "sku": "lamp", "qty": 5, "id": "m-batch"})
    parked.send("allocate", {"orderid": "order-1", "sku": unique("sku"), "qty": 1})
    parked.await_dead_letters(1)
    [letter] = ids(parked)
    change(parked, "discards", {"ids": [letter], "note": "a secret"})
    change(parked, "restores", {"ids": [letter]})
    await_job(parked, start_replay(parked, ids=[letter], edits={"qty": 2}), "done")

    withheld = read(parked, f"{LETTERS}/{letter}")
    shown = ask(parked, "GET", f"{LETTERS}/{letter}").json()

    assert "payload" not in withheld and "fields" not in withheld
    assert "ALLOCD_HTTP_TOKEN" in withheld["payload_withheld"]
    assert shown["fields"]["orderid"] == "order-1"
    assert [one.get("note") or one.get("edits") for one in shown["history"]] == ["a secret", "", "qty=2"]
    assert not any("note" in one or "edits" in one for one in withheld["history"])
    for path in (f"{LETTERS}/groups", LETTERS, f"{LETTERS}/{letter}"):
        assert refused(ask(parked, "GET", f"{path}?sku=lamp", token=None)) == (403, "not-open")
    assert ask(parked, "GET", f"{LETTERS}?sku=lamp").json()["dead_letters"] == []
    [job] = read(parked, "/admin/jobs")["jobs"]
    for of_list in (job, read(parked, f"/admin/jobs/{job['id']}")):
        assert "failures" not in of_list and "error" not in of_list
    shown = ask(parked, "GET", f"/admin/jobs/{job['id']}").json()
    assert shown["failures"] and "error" in shown
    [of_batch] = read(parked, "/admin/messages/m-batch")["outcomes"]
    assert of_batch["outcome"] == "handled" and "events" not in of_batch
    assert "events" in ask(parked, "GET", "/admin/messages/m-batch").json()["outcomes"][0]


def test_viewers_share_one_child(worker):
    reject(worker)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(worker, "GET", f"{LETTERS}/groups", token=None).status_code, range(20)))

    assert answers == [200] * 20  # two children of reads run at most, so twenty of their own would be refused


def test_reads_leave_a_child_to_changes_and_a_read_that_was_late_is_not_repeated_at_once(worker):
    reject(worker)
    reads = [f"{LETTERS}/groups", f"{LETTERS}?limit=1"]
    with contextlib.closing(psycopg2.connect(worker.database_url)) as holder, ThreadPoolExecutor(3) as pool:
        holder.cursor().execute("lock table dead_letters in access exclusive mode")
        late = [pool.submit(ask, worker, "GET", path, token=None) for path in reads]
        wait_until(lambda: len(children_of(worker)) == 2, "two children of reads")
        assert refused(ask(worker, "GET", f"{LETTERS}?limit=2", token=None)) == (503, "too-busy")
        discard = pool.submit(change, worker, "discards", {"filter": {}, "expected_count": 1})
        wait_until(lambda: len(children_of(worker)) == 3, "the child of a change")
        assert [refused(one.result()) for one in late] == [(503, "late")] * 2
        again = [ask(worker, "GET", path, token=None) for path in reads]
        assert [refused(one) for one in again] == [(503, "late")] * 2 and len(children_of(worker)) == 1
        holder.rollback()
        assert discard.result() == {"discarded": 1, "matched": 1}
    assert read(worker, reads[0])["groups"] == []


def test_an_odd_query_is_refused(worker):
    for query in ("colour=red", "limit=201", "outcome=lost", "--yes=", "sku=%ff"):
        assert refused(ask(worker, "GET", f"{LETTERS}?{query}", token=None)) == (400, "invalid")


# ---- changes ----


def test_discarded_letters_can_be_restored_and_the_operator_is_recorded(worker):
    reject(worker, 3)
    kept = ids(worker)

    conflict = change(worker, "discards", {"filter": {}, "expected_count": 2}, 409)
    assert (conflict["type"], conflict["matched"], conflict["expected"]) == ("urn:allocd:problem:count-changed", 3, 2)
    assert ids(worker) == kept
    discarded = change(worker, "discards", {"filter": {}, "expected_count": 3, "note": "a test; no loss"})
    assert discarded == {"discarded": 3, "matched": 3}
    assert read(worker, f"{LETTERS}/groups")["groups"] == []
    assert change(worker, "restores", {"ids": kept[:2]}) == {"restored": 2, "matched": 2}

    assert ids(worker) == kept[:2]
    who = "page:ann lee@127.0.0.1"
    done = [(letter, action, by, note) for letter, _, action, by, note, *_ in worker.query(HISTORY)]
    assert done == [
        (kept[0], "discarded", who, "a test; no loss"), (kept[0], "restored", who, ""),
        (kept[1], "discarded", who, "a test; no loss"), (kept[1], "restored", who, ""),
        (kept[2], "discarded", who, "a test; no loss")]  # fmt: skip
    assert read(worker, f"{LETTERS}/{kept[0]}")["history"][0]["note"] == "a test; no loss"
    assert changes_in_the_log(worker) == [
        'msg="an operator discarded dead letters" who="page:ann lee@127.0.0.1" count=3',
        'msg="an operator restored dead letters" who="page:ann lee@127.0.0.1" count=2']  # fmt: skip


def test_a_change_that_the_database_refuses_is_no_success(worker):
    reject(worker, 3)
    worker.query("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$")
    worker.query("create trigger refuse before insert on discarded_letters for each row execute function refuse()")

    failed = change(worker, "discards", {"filter": {}, "expected_count": 3}, 500)

    assert (failed["matched"], failed["discarded"]) == (3, 0)
    assert "the database refused: " in failed["message"] and "no room" in failed["message"]
    assert len(ids(worker)) == 3
    [line] = changes_in_the_log(worker)
    assert "count=0 error=" in line and "no room" in line
    [line] = [line for line in worker.log_lines() if "a command of the admin API failed" in line]
    assert 'command="dead-letters discard" status=76' in line and "no room" in line


# ---- rehearsals and replays ----


def await_job(allocd, path, *states):
    def there():
        job = read(allocd, path)
        return job if job["state"] in states else None

    return wait_until(there, f"the job to be {states}")


def start_replay(allocd, **body):
    answer = ask(allocd, "POST", f"{LETTERS}/replays", body, X_Operator="ann%20lee")
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/admin/jobs/{answer.json()['id']}"
    return answer.headers["Location"]


def test_a_rehearsal_shows_the_effect_of_an_edit_and_changes_nothing(worker):
    reject(worker, 2)
    repair(worker, "good", qty=1)
    before = worker.query(HISTORY)

    rehearsed = change(worker, "rehearsals", {"filter": {}, "edits": {"sku": "good"}})["letters"]
    [refused_edit] = [ask(worker, "POST", f"{LETTERS}/rehearsals", {"filter": {}, "edits": {"colour": "red"}})]

    assert [letter["outcome"] for letter in rehearsed] == ["handled", "handled"]
    assert [letter["events"][0]["message"] for letter in rehearsed] == ["line_allocated", "out_of_stock"]
    assert refused(refused_edit) == (400, "invalid") and "colour" in refused_edit.json()["message"]
    assert change(worker, "rehearsals", {"filter": {"sku": "none"}})["letters"] == []
    assert len(ids(worker)) == 2 and worker.query(HISTORY) == before


def test_a_replay_is_a_job_that_says_how_far_it_is(worker):
    sku = reject(worker, 12)
    bad = reject(worker)
    repair(worker, sku)

    conflict = change(worker, "replays", {"filter": {}, "expected_count": 12}, 409)
    job = start_replay(worker, filter={}, expected_count=13, edits={"qty": 2})
    done = await_job(worker, job, "done")

    assert (conflict["matched"], conflict["expected"]) == (13, 12)
    assert [done[name] for name in ("total", "handled", "skipped", "failed")] == [13, 12, 0, 1]
    assert [letter["reason"] for letter in done["failures"]] == [f"invalid sku {bad}"]
    assert (done["who"], done["error"]) == ("page:ann lee@127.0.0.1", None) and done["ended_at"]
    assert [known["id"] for known in read(worker, "/admin/jobs")["jobs"]] == [done["id"]]
    [[who, edits]] = worker.query("select distinct who, edits from dead_letter_history")
    assert (who, edits) == ("page:ann lee@127.0.0.1", "qty=2")
    assert len(ids(worker)) == 1


def test_a_replay_can_be_stopped(worker):
    sku = reject(worker, 20)
    repair(worker, sku)
    job = start_replay(worker, filter={}, rate=4, expected_count=20)
    wait_until(lambda: read(worker, job)["handled"] >= 2, "two letters to be replayed")

    assert refused(ask(worker, "DELETE", job, X_Operator="ann%40home")) == (400, "invalid")
    assert refused(ask(worker, "DELETE", job, token=None)) == (401, "unauthorized")
    assert refused(ask(worker, "DELETE", job, Sec_Fetch_Site="cross-site")) == (403, "other-origin")
    assert ask(worker, "DELETE", job, X_Operator="bob").status_code == 202
    stopped = await_job(worker, job, "stopped")

    assert stopped["total"] == 20 and 2 <= stopped["handled"] < 20
    assert len(ids(worker)) == 20 - stopped["handled"]
    assert refused(ask(worker, "GET", "/admin/jobs/1", token=None)) == (404, "not-found")
    began, stop, ended = changes_in_the_log(worker)
    assert began.endswith('who="page:ann lee@127.0.0.1" count=20') and "a job of an operator began" in began
    assert stop.endswith(f'"an operator stopped a job" job={stopped["id"]} who=page:bob@127.0.0.1')
    assert f"job={stopped['id']}" in ended and ended.endswith(f"count={stopped['handled']}")


def test_a_worker_that_is_stopped_waits_for_the_letter_in_flight_of_a_replay(worker):
    sku = reject(worker, 2)
    repair(worker, sku)
    with contextlib.closing(psycopg2.connect(worker.database_url)) as holder, ThreadPoolExecutor(1) as pool:
        holder.cursor().execute("update products set revision = revision where sku = %s", [sku])
        start_replay(worker, filter={}, expected_count=2)
        wait_until(lambda: waits_for_a_lock(worker), "the letter to wait for the product")
        stopped = pool.submit(worker.stop)
        wait_until(lambda: any("stopping" in line for line in worker.log_lines()), "the worker to stop")
        with contextlib.suppress(TimeoutError):
            stopped.result(timeout=1.5)  # the last answers over HTTP are awaited for 0.5 s only
        holder.rollback()
        assert stopped.result() == 0

    assert len(ids(worker)) == 1


def waits_for_a_lock(allocd):
    return allocd.query("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")


def children_of(allocd):
    return subprocess.run(["pgrep", "-P", str(allocd.worker.pid)], capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_replay_ends_with_its_worker_and_leaves_whole_letters(worker, end):
    sku = reject(worker, 20)
    repair(worker, sku)
    job = start_replay(worker, filter={}, rate=4, expected_count=20)
    wait_until(lambda: read(worker, job)["handled"] >= 2, "two letters to be replayed")
    [child] = children_of(worker)

    if end == "stop":
        assert worker.stop() == 0
    else:
        worker.kill()
    wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the child to end")

    replayed = worker.query("select count(*) from dead_letter_history where outcome = 'handled'")[0][0]
    allocated = worker.query("select count(*) from allocations_view where sku = %s", sku)[0][0]
    assert 2 <= replayed < 20 and allocated == replayed and len(ids(worker)) == 20 - replayed


# ---- messages and commands ----


def test_a_command_can_be_tried_and_its_outcome_be_looked_up(worker):
    sku, taken, unknown = unique("sku"), unique("--id"), unique("id")
    batch = ask(worker, "POST", "/admin/commands/create_batch", {"ref": sku, "sku": sku, "qty": 5, "id": taken})
    line = {"sku": sku, "orderid": "order-1", "qty": 2, "id": unique("id")}
    tried = ask(worker, "POST", "/admin/commands/allocate", line, Accept="application/json")
    worker.send("allocate", {**line, "sku": "none", "id": unknown})
    worker.await_dead_letters(1)

    assert (batch.status_code, tried.status_code) == (201, 202)
    assert [event["type"] for event in tried.json()["events"]] == ["line_allocated"]
    assert read(worker, f"/admin/messages/{taken}")["outcomes"][0]["outcome"] == "handled"
    caused = read(worker, f"/admin/messages/{line['id']}")["outcomes"][0]["events"]
    assert [event["name"] for event in caused] == ["line_allocated"]
    rejected = read(worker, f"/admin/messages/{unknown}")
    assert rejected["outcomes"][0]["outcome"] == "rejected"
    assert [letter["message_id"] for letter in read(worker, rejected["dead_letters"])["dead_letters"]] == [unknown]
    assert refused(ask(worker, "GET", "/admin/messages/nobody", token=None)) == (404, "not-found")
    assert refused(ask(worker, "POST", "/admin/commands/allocate", line, token=None)) == (401, "unauthorized")
    assert refused(ask(worker, "POST", "/admin/commands/explode", line)) == (404, "not-found")
    assert refused(ask(worker, "POST", "/admin/commands/allocate", line, X_Operator="a@b")) == (400, "invalid")
    assert changes_in_the_log(worker) == [
        f'msg="an operator sent a command" message={name} who=page:unknown@127.0.0.1' for name in ("create_batch", "allocate")]


# ---- the right to change ----


def test_without_a_token_set_nothing_can_be_changed(allocd):
    assert refused(ask(allocd, "POST", f"{LETTERS}/discards", {"filter": {}})) == (403, "admin-off")
    assert read(allocd, "/admin/status")["admin_writes"] is False


def test_only_the_page_of_this_worker_with_the_token_changes_something(worker):
    reject(worker)
    discards = f"{LETTERS}/discards"

    for body in ({}, {"filter": {}}, {"ids": ["--yes"]}, {"filter": {"outcome": "--yes"}}, {"filter": {}, "rate": 1}):
        assert refused(ask(worker, "POST", discards, body)) == (400, "invalid")

    assert refused(ask(worker, "POST", discards, {"filter": {}}, token=None)) == (401, "unauthorized")
    assert refused(ask(worker, "POST", discards, {"filter": {}}, token=TOKEN[:-1])) == (401, "unauthorized")
    assert refused(ask(worker, "POST", discards, {"filter": {}}, Sec_Fetch_Site="cross-site")) == (403, "other-origin")
    assert refused(ask(worker, "POST", discards, {"filter": {}}, Origin="http://evil.example")) == (403, "other-origin")
    assert refused(ask(worker, "POST", discards, {"filter": {}}, Host="evil.example")) == (421, "other-host")
    assert refused(ask(worker, "POST", discards, {"filter": {}}, X_Operator="%0a")) == (400, "invalid")
    form = requests.post(worker.url(discards), data="{}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=TIMEOUT_S)
    assert refused(form) == (415, "not-json")
    assert refused(ask(worker, "GET", discards)) == (405, "method-not-allowed")
    assert len(ids(worker)) == 1
    assert read(worker, "/admin/status")["admin_writes"] is True


def test_five_wrong_tokens_are_the_last_for_a_minute(worker):
    for number in range(5):
        of_a_stranger = ask(worker, "GET", f"{LETTERS}/groups", token=f"guess-{number}", Host="evil.example")
        assert refused(of_a_stranger) == (421, "other-host")
    for number in (0, 1, 2, 3, 3, 3, 4):
        assert ask(worker, "GET", f"{LETTERS}/groups", token=f"wrong-{number}").status_code == 401

    limited = ask(worker, "POST", f"{LETTERS}/discards", {"filter": {}})

    assert refused(limited) == (429, "too-many-tries")
    assert 0 < int(limited.headers["Retry-After"]) <= 60
    assert ask(worker, "GET", f"{LETTERS}/groups", token=None).status_code == 200


def test_a_page_of_another_origin_starts_no_child(worker):
    for path in (LETTERS, f"{LETTERS}/groups", f"{LETTERS}/1", "/admin/messages/1", "/admin/live", "/admin/status"):
        assert refused(ask(worker, "GET", path, token=None, Sec_Fetch_Site="cross-site")) == (403, "other-origin")


def test_the_token_is_read_again_from_its_file_and_stands_for_the_other_one(parked, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    parked.start(ALLOCD_ADMIN_TOKEN_FILE=str(file), ALLOCD_HTTP_TOKEN="other")
    file.write_text("second\n")

    reads = [ask(parked, "GET", f"{LETTERS}/groups", token=token).status_code for token in (None, "other", "second", "first")]
    writes = [ask(parked, "POST", f"{LETTERS}/restores", {"filter": {}}, token=token).status_code for token in ("second", "other")]

    assert (reads, writes) == ([401, 200, 200, 401], [200, 401])
