"""The operators' page in a real browser, against a real worker: faults, dead letters, keyboard, accessibility.

Each view is kept as a picture, in the folder ALLOCD_TEST_PICTURES, else build-pictures.
"""

import json
import re

import pytest
from browser import ADMIN_TOKEN, LOOKS
from installation import wait_until

HOSTILE = "<img src=x onerror=alert(1)>\u202e"


@pytest.fixture(scope="module")
def shop(browser, admin_worker):
    """A worker with stock, orders and dead letters, where changes are allowed."""
    there = admin_worker
    there.stock("LAMP", shelf=1000, ship=(50, "2027-01-31"))
    there.stock(HOSTILE, odd=5)
    there.allocate("LAMP", "order-1", 3, id="m-1")
    for number in range(11):
        there.allocate("LAMP-9", f"order-{number}", 3)
    there.send("allocate", {"orderid": "order", "sku": "LAMP", "qty": "5"})
    there.send("change_batch_quantity", {"batchref": "zzz", "qty": 5})
    there.await_dead_letters(13)
    return there


def open_page(browser, shop, view="", **options):
    browser.fresh(shop.url(f"/#/{view}"), **options)
    browser.shows("Healthy")


def sign_in(browser, token=ADMIN_TOKEN):
    browser.fill("Your name, for the history", "ann")
    browser.fill("Token (ALLOCD_ADMIN_TOKEN)", token)
    browser.press("Continue")


# Faults.


def test_a_redis_that_is_stopped_is_named_and_so_is_its_end(browser, on_own_redis, own_redis):
    open_page(browser, on_own_redis)
    own_redis.stop()
    browser.shows("Not ready", "redis-unreachable", "No events: ", timeout_s=60)
    own_redis.start()
    browser.shows("✓ Healthy", "Events as they go out", timeout_s=60)
    assert browser.complaints() == []


# A page that becomes visible connects again; the first id comes a second after the connection.
ID_OF_RECONNECTION = """
    for (let i = 0; i < 8; i++) {
      await page.waitForTimeout(2000);
      const live = page.waitForRequest((request) => request.url().includes("admin/live"));
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
      const last = (await live).headers()["last-event-id"];
      if (last) return last;
    }
"""


def test_a_page_whose_filter_no_event_passes_resumes_all_the_same(browser, shop):
    open_page(browser, shop, "events?sku=NOTHING")
    assert re.fullmatch(r"\d+-\d+", browser.run(ID_OF_RECONNECTION))


# All views.

VIEWS = {
    "": "Needs you",
    "dead": "Discarded letters",
    "dead?reason=invalid+sku": "11 letters",
    "dead/12": "Fields, as they would be replayed",
    "sku/LAMP": "line_allocated",
    "order/order-1": "Lines that hold stock",
    "batch/shelf": "in the warehouse",
    "events": "Older events",
    "message/m-1": "is committed",
    "streams": "not connected yet",
    "workers": "units of work",
    "try/allocate": "Send allocate",
    "help": "g o",
}
ON_A_PHONE = ["", "dead", "dead/12", "sku/LAMP", "events", "message/m-1", "streams"]


def go(browser, view):
    browser.run("await page.evaluate((view) => { location.hash = `#/${view}` }, given.view)", view=view)
    browser.shows(VIEWS[view])
    browser.run("await page.getByText('Asking the worker').waitFor({state: 'detached'})")
    if view in ("", "dead"):
        browser.shows("invalid sku LAMP-9")


def assert_fits(browser, view):
    assert browser.run("return page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)"), f"{view} is too wide"


def test_each_view_is_accessible_and_obeys_the_policy_of_the_page(browser, shop):
    open_page(browser, shop, **LOOKS["light"])
    for view in VIEWS:
        browser.has_look("light")
        go(browser, view)
        browser.keep_picture("light", view)
        assert_fits(browser, view)
        assert browser.run("return tools.violations()") == [], view
        browser.has_look("dark")
        browser.keep_picture("dark", view)
        assert browser.run("return tools.violations(['color-contrast'])") == [], f"{view} in the dark"
    assert browser.complaints() == []


def test_the_views_that_are_needed_on_the_way_fit_a_phone(browser, shop):
    open_page(browser, shop, **LOOKS["phone"])
    for view in ON_A_PHONE:
        go(browser, view)
        browser.keep_picture("phone", view)
        assert_fits(browser, view)
    assert browser.run("return tools.violations()") == []
    assert browser.complaints() == []


def test_the_charts_have_their_figures_as_a_table(browser, shop):
    open_page(browser, shop)
    browser.run("await page.getByText('The same as a table').first().click()")
    browser.run("await page.locator('details table tbody tr').first().waitFor()")


def test_what_publishers_wrote_is_shown_as_text(browser, shop):
    open_page(browser, shop, "batch/odd")
    browser.shows("<img src=x onerror=alert(1)>\\u202e")
    browser.run("await page.getByRole('link', {name: /onerror/}).click()")
    browser.shows("Batches, in the order in which they are used")
    assert browser.complaints() == []


# Keys.


def test_the_keyboard_alone_leads_through_the_views(browser, shop):
    open_page(browser, shop)
    browser.keys("g", "d")
    browser.shows("Discarded letters", "invalid sku LAMP-9")
    browser.keys("j", "Enter")
    browser.shows("11 letters")
    browser.keys("j", "j", "k", "Enter")
    browser.shows("Fields, as they would be replayed")
    browser.keys("Escape")
    browser.shows("11 letters")
    browser.keys("/", *"order-1", "Enter")
    browser.shows("Lines that hold stock", "What happened", "line_allocated")
    assert browser.address() == "#/order/order-1"
    browser.keys("?")
    browser.shows("this list")
    browser.keys("/", "g", "s")
    assert browser.address() == "#/help", "in a field no key acts"


# Changes.


def test_a_page_without_the_right_to_change_has_no_buttons(browser, allocd):
    allocd.allocate("LAMP-9", "order", 3)
    allocd.await_dead_letters()
    open_page(browser, allocd, "dead/1")
    browser.shows("Read only", "order")
    assert browser.run("return page.getByRole('button', {name: /Discard|Replay|Rehearse/}).count()") == 0


def test_a_wrong_token_changes_nothing_and_the_right_one_discards_what_can_be_restored(browser, shop):
    open_page(browser, shop, "dead?reason=invalid+sku")
    browser.press("Discard 11 …")
    sign_in(browser, "a-wrong-token-of-32-characters-0")
    browser.shows("This token is wrong.")
    sign_in(browser)
    browser.fill("Why (kept in the history)", "a test")
    browser.fill("Type 11 to confirm", "10")
    browser.press("Discard 11")
    browser.shows("This is not 11.")
    assert len(shop.dead_letters()) == 13
    browser.fill("Type 11 to confirm", "11")
    browser.press("Discard 11")
    browser.shows("11 dead letters discarded.")
    browser.press("Undo")
    browser.shows("11 dead letters restored.")
    history = shop.get("/admin/dead-letters/1").json()["history"]
    assert [(one["action"], one["who"]) for one in history] == [(what, "page:ann@127.0.0.1") for what in ("discarded", "restored")]


# A connection that was made with the token sees payloads that are withheld from others.
AUTHORIZATION_OF_RECONNECTION = """
    const live = page.waitForRequest((request) => request.url().includes("admin/live"));
    await page.getByRole("button", { name: "Continue" }).click();
    return (await live).headers().authorization;
"""


def test_a_token_that_is_given_in_a_dialog_renews_the_live_connection(browser, shop):
    open_page(browser, shop, "dead?reason=invalid+sku")
    browser.press("Discard 11 …")
    browser.fill("Your name, for the history", "ann")
    browser.fill("Token (ALLOCD_ADMIN_TOKEN)", ADMIN_TOKEN)
    assert browser.run(AUTHORIZATION_OF_RECONNECTION) == f"Bearer {ADMIN_TOKEN}"


# The page is opened again, and hears of the worker's status late; what reads it meanwhile is not held up.
HEARS_LATE = """
    let release;
    const late = new Promise((resolve) => { release = resolve; });
    await page.route(/admin.(status|live)/, (route) => late.then(() => route.continue()));
    const letters = page.waitForResponse(/admin.dead-letters/, { timeout: 1000 }).catch(() => {});
    await page.reload();
    await letters;
    release();
"""


def test_a_view_that_is_opened_before_the_status_has_come_shows_what_may_be_changed(browser, shop):
    open_page(browser, shop, "dead?reason=invalid+sku")
    browser.run(HEARS_LATE)
    browser.run("await page.getByRole('button', {name: /Discard/}).waitFor()")


def test_a_dead_letter_is_edited_rehearsed_and_replayed(browser, shop):
    shop.send("allocate", {"orderid": "edited", "sku": "LAMP", "qty": "5", "id": "m-edited"})
    letter = wait_until(lambda: shop.query("select id from dead_letters where message_id = 'm-edited'"), "the letter")[0][0]
    open_page(browser, shop, f"dead/{letter}")
    browser.run("await page.getByLabel('Kind of qty').selectOption('integer')")
    browser.press("Rehearse 1")
    sign_in(browser)
    browser.shows("1 would be handled", '"orderid":"edited"')
    assert shop.get("/allocations/edited").status_code == 404
    browser.press("Replay 1 …", "Replay 1")
    browser.shows("The replay is done: 1 of 1 tried, 1 handled")
    assert shop.get("/allocations/edited?full").json() == [{"sku": "LAMP", "batchref": "shelf", "qty": 5}]


def test_without_rehearsals_a_replay_takes_a_tick(browser, shop):
    open_page(browser, shop, "dead/13")
    problem = json.dumps({"type": "urn:allocd:problem:no-rehearsals", "message": "a dry run needs a session"})
    browser.run("await page.route('**/rehearsals', (route) => route.fulfill({status: 501, body: given.body}))", body=problem)
    browser.press("Rehearse 1")
    sign_in(browser)
    browser.shows("No rehearsal is possible here: a dry run needs a session.")
    browser.press("Replay 1 …", "Replay 1")
    assert browser.run("return page.locator('dialog input:invalid').count()") == 1
    browser.run("await page.getByLabel('Replay without a rehearsal').check()")
    browser.press("Replay 1")
    browser.shows("The replay is done: 1 of 1 tried")


MANY = """
    insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes)
    select outcome, 'many', way, place, message, source, payload, payload_bytes from dead_letters, generate_series(1, 202) where id = 12
"""


def test_an_undo_restores_what_was_discarded_and_nothing_that_was_discarded_before(browser, shop):
    shop.query(MANY)
    [[before]] = shop.query("select min(id) from dead_letters where reason = 'many'")
    assert shop.run("dead-letters", "discard", "--yes", str(before)).returncode == 0
    shop.query("update discarded_letters set last_at = last_at - interval '1 hour' where id = %s", before)

    open_page(browser, shop, "dead?reason-is=many")
    browser.press("Discard 201 …")
    sign_in(browser)
    browser.fill("Type 201 to confirm", "201")
    browser.press("Discard 201")
    browser.shows("201 dead letters discarded.")
    browser.press("Undo")
    browser.shows("201 dead letters restored.")
    assert shop.query("select id from discarded_letters where reason = 'many'") == [(before,)]
    shop.query("delete from dead_letters where reason = 'many'")


def test_a_command_that_is_tried_has_an_outcome_events_and_a_view_of_its_own(browser, shop):
    open_page(browser, shop, "try/allocate")
    for label, text in {"orderid": "tried", "sku": "LAMP", "qty": "2", "id": "m-tried"}.items():
        browser.run("await page.getByLabel(given.label, {exact: true}).fill(given.text)", label=label, text=text)
    browser.press("Send allocate")
    sign_in(browser)
    browser.shows("line_allocated")
    browser.run("await page.getByRole('link', {name: 'm-tried'}).first().click()")
    browser.shows("Message m-tried", "handled", "tried")
