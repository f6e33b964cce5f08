"""What the page must never do in a real browser: obey another site, lose an event, grow without a bound, cost the worker much."""

import contextlib
import functools
import http.server
import json
import socket
import threading
import time

import pytest
import redis
import requests
from browser import ADMIN_TOKEN
from dead_letters import ids, reject
from installation import wait_until
from scrape import Scrape

FEED_PER_S = 30000
ROUNDS, ROUND_S = 2, 2
HEAP_MAX = 100 * 1024 * 1024
COST_MAX = 0.10  # of a CPU; a quiet machine shows less than 0.02


@pytest.fixture(scope="module")
def shop(browser, admin_worker):
    reject(admin_worker, 2)
    return admin_worker


# ---- another site ----


@contextlib.contextmanager
def other_site():
    """Serves an empty page at another origin: the same machine, another port."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>another site</title>")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


FETCH = """
    return page.evaluate(async ({target, body, options}) => {
      try { return (await fetch(target, {method: "POST", body, ...options})).type; } catch (error) { return error.name; }
    }, given)
"""

FORM = """
    await page.evaluate(({target, body}) => {
      const form = document.createElement("form"), field = document.createElement("input");
      const [name, value] = body.split("=", 2);
      Object.assign(form, {method: "post", enctype: "text/plain", action: target});
      Object.assign(field, {name, value: value ?? ""});
      form.append(field);
      document.body.append(form);
    }, given);
    const [answer] = await Promise.all([page.waitForResponse(given.target), page.evaluate(() => document.forms[0].submit())]);
    return answer.status();
"""


def test_a_page_of_another_site_can_change_nothing_even_with_the_token(browser, shop):
    target = shop.url("/admin/dead-letters/discards")
    body = json.dumps({"ids": ids(shop), "note": "x=y"})
    with other_site() as url:
        browser.fresh(url)
        fetched = functools.partial(browser.run, FETCH, target=target, body=body)
        authorized = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        assert fetched(options={"headers": {**authorized, "Content-Type": "application/json"}}) == "TypeError"
        assert fetched(options={"headers": {"Content-Type": "application/json"}}) == "TypeError"
        assert fetched(options={"mode": "no-cors", "headers": {"Content-Type": "text/plain"}}) == "opaque"
        assert fetched(options={"mode": "no-cors", "credentials": "include"}) == "opaque"
        assert browser.run(FORM, target=target, body=body) == 403
    assert len(ids(shop)) == 2 and shop.query("select count(*) from dead_letter_history") == [(0,)]
    refused = requests.post(target, data=body, headers={**authorized, "Content-Type": "application/json", "Origin": url.rstrip("/")}, timeout=10)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:allocd:problem:other-origin")


# ---- one connection ----

HIDE = """
    await page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }, given.hidden)
"""

ASKED = "const asked = []; page.on('request', (request) => asked.push(request.url())); await page.waitForTimeout(given.ms); return asked"


def viewers(shop):
    return Scrape(shop).value("allocd_sse_clients")


def test_the_page_watches_by_one_connection_and_not_while_it_is_hidden(browser, shop):
    browser.fresh(shop.url("/"))
    browser.shows("Healthy", "Events as they go out")
    wait_until(lambda: viewers(shop) == 1, "one connection")
    asked = browser.run(ASKED, ms=2600)
    assert not [url for url in asked if "admin/status" in url or "admin/live" in url], asked
    browser.run(HIDE, hidden=True)
    wait_until(lambda: viewers(shop) == 0, "no connection")
    assert browser.run(ASKED, ms=1500) == []
    browser.run(HIDE, hidden=False)
    wait_until(lambda: viewers(shop) == 1, "the connection again")


def test_a_page_without_that_connection_asks_once_a_second(browser, shop):
    browser.fresh("about:blank")
    browser.run("await page.route('**/admin/live*', (route) => route.abort())")
    browser.run("await page.goto(given.url)", url=shop.url("/"))
    browser.shows("Healthy", "The worker cannot be reached.")
    assert len([url for url in browser.run(ASKED, ms=2600) if "admin/status" in url]) >= 2
    assert browser.run("return page.locator('#stale').isHidden()")


# ---- events ----


def add_events(shop, orders):
    pipeline = shop.redis.pipeline(transaction=False)
    for order in orders:
        fields = {"orderid": order, "sku": "s", "qty": 1, "batchref": "b", "version": 1}
        pipeline.xadd(shop.prefix + "allocd:events", {"type": "line_allocated", "data": json.dumps(fields)})
    pipeline.execute()


SHOWN = "return page.locator('main tbody tr td:nth-of-type(2)').allInnerTexts()"


def orders_shown(browser):
    return [text for text in browser.run(SHOWN) if text.startswith("order-")]


def test_what_goes_out_while_it_is_paused_is_there_when_it_is_resumed(browser, shop):
    browser.fresh(shop.url("/#/events"))
    browser.shows("Events as they go out")
    add_events(shop, ["order-0"])
    browser.shows("order-0")
    browser.press("Pause (p)")
    for start in (1, 21, 41):
        add_events(shop, [f"order-{n}" for n in range(start, start + 20)])
        time.sleep(0.5)  # 50 a second are sent to a viewer
    browser.shows("Paused: 60 new rows wait.")
    assert orders_shown(browser) == ["order-0"]
    browser.keys("p")
    browser.shows("Events as they go out")
    assert orders_shown(browser) == [f"order-{n}" for n in range(60, -1, -1)]
    browser.press("Older events")
    browser.shows("Paused.", "no older ones are in the stream of events")
    assert browser.complaints() == []


# Holds back the answers to what matches, until they are let through.
HOLD = """
    globalThis.held = new Promise((resolve) => { globalThis.release = resolve; });
    await page.route(given.pattern, async (route) => { await held; await route.continue(); });
"""

RELEASE = """
    const answered = page.waitForResponse(given.pattern);
    release();
    await (await answered).finished();
    await page.evaluate(() => fetch("livez").then((answer) => answer.text()));
"""

EVENTS, JOB = "**/admin/events**", "**/admin/jobs/*"


def test_older_events_of_a_filter_that_was_changed_meanwhile_are_not_shown(browser, shop):
    browser.fresh(shop.url("/#/events"))
    browser.shows("Events as they go out")
    add_events(shop, ["order-0"])
    browser.shows("order-0")
    browser.run(HOLD, pattern=EVENTS)
    browser.press("Older events")
    browser.run("await page.locator('input[name=sku]').fill('NOTHING')")
    browser.keys("Tab")
    browser.shows("Events as they go out")
    browser.run(RELEASE, pattern=EVENTS)
    assert browser.run("return page.locator('main tbody tr').count()") == 0
    assert browser.complaints() == []


# ---- jobs ----

RUNNING = {
    "id": "0-1", "kind": "replay", "state": "running", "who": "ann", "began_at": "2026-01-01T00:00:00Z", "ended_at": None, "total": 5,
    "handled": 1, "skipped": 0, "failed": 0, "rate": 1, "stopped_at": None, "failures": [], "error": None,
}  # fmt: skip


def test_a_job_of_a_worker_that_has_started_since_is_not_shown_as_running(browser, shop):
    browser.fresh("about:blank")
    browser.run("await page.route('**/admin/jobs', (route) => route.fulfill({json: given}))", jobs=[RUNNING])
    browser.run("await page.goto(given.url)", url=shop.url("/#/dead"))
    browser.shows("The replay runs: 1 of 5 tried")
    browser.run("await page.unroute('**/admin/jobs')")
    browser.run(HIDE, hidden=True)
    browser.run(HIDE, hidden=False)
    browser.shows("No job since this worker's start.")


def test_the_answer_to_a_view_that_was_left_is_not_shown_in_the_next_one(browser, shop):
    browser.fresh("about:blank")
    browser.run(HOLD, pattern=JOB)
    asks = "const asked = page.waitForRequest(given.pattern); await page.goto(given.url); await asked"
    browser.run(asks, pattern=JOB, url=shop.url("/#/job/0-1"))
    browser.run("await page.evaluate(() => { location.hash = '#/help' })")
    browser.shows("What it does")
    browser.run(RELEASE, pattern=JOB)
    assert browser.run("return page.getByText('There is no such job').count()") == 0


# ---- many events ----


def feeder(shop, until):
    """Adds FEED_PER_S entries a second until the event is set; returns how many it added."""
    url = redis.Redis.from_url(shop.redis_url).connection_pool.connection_kwargs
    key = (shop.prefix + "allocd:events").encode()
    data = json.dumps({"orderid": "order", "sku": "s", "qty": 1, "batchref": "b", "version": 1}).encode()
    words = [b"XADD", key, b"MAXLEN", b"~", b"20000", b"*", b"type", b"line_allocated", b"data", data]
    command = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    batch, added, began = FEED_PER_S // 20, 0, time.monotonic()
    with socket.create_connection((url["host"], url["port"])) as connection:
        replies = connection.makefile("rb")
        while not until.is_set():
            connection.sendall(command * batch)
            for _ in range(2 * batch):
                replies.readline()
            added += batch
            time.sleep(max(0, began + added / FEED_PER_S - time.monotonic()))
    return added / (time.monotonic() - began)


def cpu_of(shop, seconds):
    def spent():
        return Scrape(shop).value("process_cpu_seconds_total")

    before, began = spent(), time.monotonic()
    time.sleep(seconds)
    return (spent() - before) / (time.monotonic() - began)


HEAP = """
    const session = await page.context().newCDPSession(page);
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
"""


def test_30000_events_a_second_cost_the_page_and_the_worker_little(browser, shop):
    until, rates, watched, alone = threading.Event(), [], [], []
    feed = threading.Thread(target=lambda: rates.append(feeder(shop, until)))
    feed.start()
    try:
        for _ in range(ROUNDS):
            browser.fresh("about:blank")
            wait_until(lambda: Scrape(shop).value("allocd_sse_clients") == 0, "the viewer to be gone")
            alone.append(cpu_of(shop, ROUND_S))
            browser.fresh(shop.url("/#/events"))
            browser.shows("skipped")
            watched.append(cpu_of(shop, ROUND_S))
        heap = browser.run(HEAP)
        assert browser.run("return page.locator('main tbody tr').count()") <= 200
    finally:
        until.set()
        feed.join()
    cost = min(watched) - min(alone)
    print(f"{rates[0]:.0f} events/s: heap {heap / 2**20:.1f} MB; CPU {watched} with a viewer, {alone} without: {cost:.3f}")
    assert rates[0] > FEED_PER_S / 3, "the machine is too slow to feed the stream"
    assert heap < HEAP_MAX
    assert cost < COST_MAX
    assert browser.complaints() == []


# ---- the keyboard ----


def test_dead_letters_are_rehearsed_and_discarded_by_the_keyboard_alone(browser, shop):
    browser.fresh(shop.url("/#/dead/1"))
    browser.shows("Fields, as they would be replayed")
    browser.keys("r")
    browser.shows("Who changes this?")
    browser.keys(*"ann", "Tab", *ADMIN_TOKEN, "Enter")
    browser.shows("Of 1 dead letter: 0 would be handled")
    for _ in range(4):  # rehearse, replay, discard
        if browser.run("return page.evaluate(() => document.activeElement.textContent)") == "Discard 1 …":
            break
        browser.keys("Tab")
    browser.keys("Enter")
    browser.shows("Discard 1 dead letter?")
    browser.keys(*"gone", "Enter")
    browser.shows("1 dead letter discarded.")
    assert ids(shop) == [2]
