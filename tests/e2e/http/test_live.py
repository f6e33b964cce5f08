"""GET /admin/live: what those who watch are sent, and that they are never in the way."""

import contextlib
import json
import signal
import socket
import time

import pytest
import redis
import requests
from dead_letters import reject
from installation import wait_until
from scrape import Scrape
from viewer import ask, watching


TOKEN = "t0ken-of-the-operators"


def figure(allocd, name):
    return Scrape(allocd).value(name)


def stock(allocd, sku):
    assert allocd.post("/add_batch", {"ref": f"{sku}-shelf", "sku": sku, "qty": 100000}).status_code == 201


def allocate(allocd, order, sku="lamp"):
    assert allocd.post("/allocate", {"orderid": order, "sku": sku, "qty": 1}).status_code == 202


@pytest.fixture
def stocked(allocd):
    stock(allocd, "lamp")
    stock(allocd, "chair")
    return allocd


def test_events_arrive_as_they_go_out_with_the_status_once_a_second(stocked):
    with watching(stocked, "") as viewer:
        allocate(stocked, "order-1")
        viewer.awaits_orders("order-1")
        event = viewer.all("event")[0]
        assert (event["type"], event["data"]["sku"], event["at"][:2]) == ("line_allocated", "lamp", "20")
        wait_until(lambda: len(viewer.all("status")) >= 3, "three times the status")
        assert viewer.all("status")[-1]["state"] == "healthy"
        headers = viewer.response.headers
        assert headers["Content-Type"] == "text/event-stream" and headers["X-Accel-Buffering"] == "no"
        assert figure(stocked, "allocd_sse_clients") == 1
    wait_until(lambda: figure(stocked, "allocd_sse_clients") == 0, "the client to be gone")


@pytest.mark.parametrize("query", ["sku=chair", "order=order-2", "type=line_allocated&sku=chair&order=order-2"])
def test_the_worker_filters_events(stocked, query):
    with watching(stocked, f"topics=events&{query}") as viewer, watching(stocked) as unfiltered:
        allocate(stocked, "order-1")
        allocate(stocked, "order-2", "chair")
        allocate(stocked, "order-3")
        unfiltered.awaits_orders_of_any_sku("order-1", "order-2", "order-3")
        viewer.awaits_orders("order-2")
        assert viewer.all("status") == []


def test_a_viewer_learns_of_dead_letters_when_their_number_changes(allocd):
    with watching(allocd, "topics=dead-letters") as viewer:
        none = {"kept": 0, "dropped": 0, "last_hour": 0}
        wait_until(lambda: viewer.all("dead-letters") and viewer.all("dead-letters")[-1] == none, "the count of none")
        reject(allocd)
        wait_until(lambda: viewer.all("dead-letters")[-1]["kept"] == 1, "the dead letter")
        assert viewer.all("status") == viewer.all("event") == [] and len(viewer.all("dead-letters")) <= 3


def test_a_viewer_sees_how_a_replay_proceeds_and_not_why_letters_failed(parked):
    parked.start(ALLOCD_ADMIN_TOKEN=TOKEN)
    reject(parked, 5)
    with watching(parked, "topics=jobs") as viewer:
        body = {"filter": {}, "expected_count": 5, "rate": 4}
        asked = requests.post(
            parked.url("/admin/dead-letters/replays"), json=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
        )  # fmt: skip
        assert asked.status_code == 202, asked.text
        wait_until(lambda: viewer.all("job") and viewer.all("job")[-1]["state"] == "done", "the end of the job")
        seen = viewer.all("job")
        assert {job["id"] for job in seen} == {asked.json()["id"]} and seen[-1]["failed"] == 5
        assert {"running", "done"} == {job["state"] for job in seen} and len({job["failed"] for job in seen}) >= 3
        assert not any("failures" in job or "error" in job for job in seen)
    with watching(parked, "topics=jobs,status") as later:
        assert later.awaits("job") == seen[-1]


@pytest.mark.parametrize("query", ["topics=weather", "topics=", "type=allocate", "type=x", "sku=%00", "order=%ff"])
def test_a_wrong_query_is_refused(allocd, query):
    reply = ask(allocd, query)
    assert (reply.status_code, reply.json()["type"]) == (400, "urn:allocd:problem:invalid")


def test_a_viewer_who_returns_gets_what_came_in_between(stocked):
    with watching(stocked) as viewer:
        allocate(stocked, "order-1")
        viewer.awaits_orders("order-1")
    allocate(stocked, "order-2")
    with watching(stocked, **{"Last-Event-ID": viewer.last_id}) as again:
        allocate(stocked, "order-3")
        again.awaits_orders("order-2", "order-3")
        assert again.all("gap") == []


@pytest.mark.parametrize("last", ["1-1", "nonsense"])
def test_a_viewer_whose_last_event_is_unknown_here_gets_a_gap(stocked, last):
    allocate(stocked, "order-1")
    with watching(stocked, **{"Last-Event-ID": last}) as viewer:
        assert "may be missing" in viewer.awaits("gap")["reason"]
        viewer.awaits_orders("order-1")


def test_the_events_of_all_workers_are_seen(fleet):
    one, other = fleet(), fleet()
    stock(one, "lamp")
    with watching(one) as at_one, watching(other) as at_other:
        allocate(one, "order-1")
        allocate(other, "order-2")
        for viewer in (at_one, at_other):
            viewer.awaits_orders_of_any_sku("order-1", "order-2")


def test_of_many_events_the_newest_are_sent_and_the_others_are_counted(stocked):
    with watching(stocked) as viewer:
        fields = [{"type": "line_allocated", "data": json.dumps({"orderid": str(n), "sku": "s"})} for n in range(3000)]
        pipeline = stocked.redis.pipeline()
        for entry in fields:
            pipeline.xadd(stocked.prefix + "allocd:events", entry)
        pipeline.execute()
        wait_until(lambda: "2999" in viewer.orders(), "the last event")
        missed = sum(note["skipped"] + (note["unread"] or 0) for note in viewer.all("skipped"))
        assert len(viewer.orders()) < 500 and missed + len(viewer.orders()) == 3000


def test_past_events_are_found_by_what_they_bear_the_newest_first(stocked):
    def orders(query):
        page = stocked.get(f"/admin/events?{query}").json()
        return [event["data"].get("orderid") for event in page["events"]], page["before"]

    for number in range(5):
        allocate(stocked, f"order-{number}", "chair" if number == 2 else "lamp")
        wait_until(lambda: orders("limit=1")[0] == [f"order-{number}"], "the event")  # noqa: B023: it waits here
    assert orders("sku=chair&type=line_allocated") == (["order-2"], None)
    assert orders("batch=lamp-shelf&order=order-1") == (["order-1"], None)
    first, before = orders("limit=2&type=line_allocated")
    assert (first, orders(f"limit=2&type=line_allocated&before={before}")[0]) == (["order-4", "order-3"], ["order-2", "order-1"])
    for wrong in ("limit=0", "limit=201", "before=x", "type=x", "batch=%00"):
        reply = requests.get(stocked.url(f"/admin/events?{wrong}"), timeout=10)
        assert (reply.status_code, reply.json()["type"]) == (400, "urn:allocd:problem:invalid"), wrong


def test_past_events_that_redis_does_not_give_are_an_error_with_its_words(on_own_redis, own_redis):
    redis.Redis.from_url(own_redis.url()).execute_command("ACL", "SETUSER", "default", "-xrevrange")
    reply = requests.get(on_own_redis.url("/admin/events"), timeout=10)
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:allocd:problem:events-away")
    assert "XREVRANGE: NOPERM" in reply.json()["message"]


def test_figures_of_the_last_minutes_are_kept_by_the_worker(stocked):
    allocate(stocked, "order-1")
    series = wait_until(
        lambda: (found := stocked.get("/admin/series").json()) and any(row[1] for row in found["points"]) and found, "a second with messages"
    )  # fmt: skip
    assert series["step_s"] == 1 and series["columns"][:3] == ["at_ms", "handled", "events"]
    assert all(later[0] > one[0] for one, later in zip(series["points"], series["points"][1:], strict=False))
    assert stocked.get("/admin/series?step=60").json()["step_s"] == 60
    assert requests.get(stocked.url("/admin/series?step=5"), timeout=10).status_code == 400


def test_the_33rd_client_is_refused(allocd):
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(watching(allocd, "topics=status"))
        reply = ask(allocd)
        assert (reply.status_code, reply.json()["type"]) == (503, "urn:allocd:problem:too-busy")
        assert allocd.ready()
    wait_until(lambda: ask(allocd).status_code == 200, "room for another one")


def test_a_client_that_does_not_read_is_dropped_and_the_others_go_on(stocked):
    host, port = stocked.http.split(":")
    with watching(stocked) as viewer, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(b"GET /admin/live?topics=events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for number in range(40):
            large = json.dumps({"orderid": str(number), "sku": "s", "note": "x" * 7000})
            for _ in range(25):
                stocked.redis.xadd(stocked.prefix + "allocd:events", {"type": "line_allocated", "data": large})
            wait_until(lambda order=str(number): order in viewer.orders(), "the next events")
            if figure(stocked, "allocd_sse_dropped_total") == 1:
                break
        allocate(stocked, "order-1")
        wait_until(lambda: "order-1" in viewer.orders(), "an event after that")
        assert (figure(stocked, "allocd_sse_dropped_total"), figure(stocked, "allocd_sse_clients")) == (1, 1)


def test_a_stopping_worker_ends_the_streams_at_once(stocked):
    host, port = stocked.http.split(":")
    with watching(stocked, "") as viewer, socket.socket() as deaf:
        deaf.connect((host, int(port)))
        deaf.sendall(b"GET /admin/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        viewer.awaits("status")
        begin = time.monotonic()
        assert stocked.stop(signal.SIGTERM) == 0
        assert time.monotonic() - begin < 5  # an idle worker needs a fraction of a second, and may take 10 s
        viewer.awaits_end()


def test_without_a_stream_of_events_the_viewer_gets_the_reason(parked):
    parked.start(ALLOCD_EVENT_STREAM="")
    with watching(parked, "") as viewer:
        assert "ALLOCD_EVENT_STREAM is empty" in viewer.awaits("unavailable")["reason"]
        viewer.awaits("status")


def test_a_missing_right_is_reported_to_the_viewer_and_is_no_trouble_of_the_worker(on_own_redis, own_redis):
    administrator = redis.Redis.from_url(own_redis.url())
    administrator.execute_command("ACL", "SETUSER", "default", "-xrevrange")
    with watching(on_own_redis, "") as viewer:
        assert "XREVRANGE: NOPERM" in viewer.awaits("unavailable")["reason"]
        wait_until(lambda: len(viewer.all("status")) >= 3, "three times the status")
        assert viewer.all("status")[-1]["state"] == "healthy" and len(viewer.all("unavailable")) == 1
        assert [refused["count"] for refused in administrator.acl_log()] == [1]
    assert not [line for line in on_own_redis.log_lines() if "NOPERM" in line]


def test_a_lost_redis_is_reported_to_the_viewer(on_own_redis, own_redis):
    with watching(on_own_redis, "") as viewer:
        viewer.awaits("status")
        own_redis.kill()
        viewer.awaits("unavailable")


def test_where_anyone_can_connect_events_are_withheld_without_the_admin_token(parked):
    port = parked.http.split(":")[1]
    parked.start(ALLOCD_HTTP=f"0.0.0.0:{port}", ALLOCD_ADMIN_TOKEN=TOKEN)
    with watching(parked, "") as viewer:
        assert "ALLOCD_HTTP_TOKEN" in viewer.awaits("unavailable")["reason"]
        viewer.awaits("status")
    assert requests.get(parked.url("/admin/events"), timeout=10).json()["type"] == "urn:allocd:problem:not-open"
    with watching(parked, Authorization=f"Bearer {TOKEN}") as viewer:
        parked.redis.xadd(parked.prefix + "allocd:events", {"type": "line_allocated", "data": '{"orderid": "order-1"}'})
        viewer.awaits_orders("order-1")


def test_watching_needs_the_token(parked):
    parked.settings["ALLOCD_HTTP_TOKEN"] = "a-token-of-32-characters-0123456"
    parked.start()
    assert ask(parked).status_code == 401
    with watching(parked, "", Authorization=f"Bearer {parked.settings['ALLOCD_HTTP_TOKEN']}") as viewer:
        viewer.awaits("status")


def test_head_gets_the_headers_and_http_1_0_a_stream_that_ends_with_its_connection(stocked):
    reply = requests.head(stocked.url("/admin/live"), timeout=10)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/event-stream")
    host, port = stocked.http.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"GET /admin/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        received = b""
        while b"event: status\n" not in received:
            received += client.recv(65536)
        head = received.partition(b"\r\n\r\n")[0].lower()
        assert b"content-length" not in head and b"transfer-encoding" not in head and b"connection: close" in head
