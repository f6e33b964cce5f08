"""The operators' page: what it says about a real worker, and the headers of its files."""

import contextlib
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
import requests
from documents import LIBRARIES
from installation import ROOT, wait_until

LOGIC = pathlib.Path(__file__).with_name("page_logic.mjs")
BROWSER = pathlib.Path(__file__).with_name("page_dom.mjs")


class Page:
    """The page in a browser without a screen: what it showed last."""

    def __init__(self, child):
        self.child, self.title, self.text = child, "", ""
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        for line in self.child.stdout:
            shown = json.loads(line)
            self.title, self.text = shown["title"], shown["text"]

    def shows(self, *words):
        wait_until(lambda: all(word in self.text for word in words), lambda: f"{words} on the page; it shows {self.text}")


@contextlib.contextmanager
def opened(url, *token):
    environment = {**os.environ, **LIBRARIES}
    child = subprocess.Popen(["node", BROWSER, url, *token], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield Page(child)
    finally:
        child.kill()
        child.wait()


def assets(page):
    return sorted(set(re.findall(r'"(assets/[^"]+)"', page)))


# What it shows.


def test_the_page_shows_health_figures_and_troubles(allocd):
    with opened(allocd.url("/")) as page:
        page.shows("✓ Healthy", "✓ read by this worker", "(this one)", "dead letters0")
        allocd.allocate("unknown-sku", "order", 1)
        page.shows("1 dead letter in the last hour", "These messages were not handled", "Next: ")
        assert page.title == "✓ Healthy · allocd"
        assert "✓ Healthy. 1 dead letter in the last hour" in page.text  # what a screen reader is given


def test_the_page_says_when_the_worker_is_not_ready_and_when_it_is_again(allocd):
    allocd.stock("lamp", shelf=100)
    with opened(allocd.url("/")) as page:
        page.shows("✓ Healthy")
        allocd.query("alter table units rename to units_elsewhere")
        fields = json.dumps({"orderid": "order", "sku": "lamp", "qty": 1})
        allocd.redis.xadd(allocd.prefix + "allocd:commands", {"type": "allocate", "data": fields})
        page.shows("✕ Not ready", "SQLSTATE 42P01", "allocd verify")
        allocd.query("alter table units_elsewhere rename to units")
        page.shows("✓ Healthy")


def test_the_page_says_that_the_worker_is_away_and_how_old_its_figures_are(allocd):
    with opened(allocd.url("/")) as page:
        page.shows("✓ Healthy")
        allocd.stop()
        page.shows("✕ No answer from the worker", "It cannot be reached", "The figures are")
        allocd.start()
        page.shows("✓ Healthy")


def test_the_page_is_open_and_its_figures_need_the_token(fleet):
    worker = fleet(ALLOCD_HTTP_TOKEN="a-token-of-32-characters-0123456")
    with opened(worker.url("/")) as page:
        page.shows("The worker refuses to answer without the right token")
    with opened(worker.url("/"), "a-token-of-32-characters-0123456") as page:
        page.shows("✓ Healthy")


def test_a_token_that_was_refused_is_sent_no_more(fleet):
    worker = fleet(ALLOCD_ADMIN_TOKEN="the-new-one")
    with opened(worker.url("/"), "the-old-one") as page:
        page.shows("✓ Healthy")  # without a token
    for number in range(5):
        requests.get(worker.url("/admin/status"), headers={"Authorization": f"Bearer wrong-{number}"}, timeout=10)
    with opened(worker.url("/"), "the-new-one") as page:
        page.shows("The worker looks at no token for a minute")


def test_the_page_shows_events_that_pass_the_filter_in_its_address(allocd):
    allocd.stock("lamp", shelf=100)
    allocd.stock("chair", seat=100)
    with opened(allocd.url("/#/events?sku=lamp")) as page:
        page.shows("As it happens", "the newest first")
        allocd.allocate("chair", "order-1", 1)
        allocd.allocate("lamp", "order-2", 7)
        page.shows("line_allocatedorder-2lamp7shelf1")
        assert "order-1" not in page.text


def test_the_page_says_why_there_are_no_events(parked):
    parked.start(ALLOCD_EVENT_STREAM="")
    with opened(parked.url("/")) as page:
        page.shows("No events: there is no stream of events: ALLOCD_EVENT_STREAM is empty")


# Its code.


def test_the_pages_modules_compute_what_they_should(tmp_path):
    shutil.copytree(ROOT / "src/entrypoints/page", tmp_path, dirs_exist_ok=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    ran = subprocess.run(
        ["node", "--test", LOGIC], env={**os.environ, "PAGE_MODULES": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


# Its files.


def test_each_file_is_the_same_plain_and_compressed_and_may_be_kept(allocd):
    page = allocd.get("/").text
    assert {re.sub("-[0-9a-f]{16}", "", path) for path in assets(page)} >= {"assets/app.js", "assets/page.css"}
    for path in ["", *assets(page)]:
        plain = requests.get(allocd.url(f"/{path}"), headers={"Accept-Encoding": "identity"}, timeout=10)
        packed = requests.get(allocd.url(f"/{path}"), headers={"Accept-Encoding": "br, gzip"}, timeout=10, stream=True)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.raw.read()) == plain.content
        assert plain.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if path else "no-cache")
        assert plain.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        for copy in (plain, packed):
            coding = copy.request.headers["Accept-Encoding"]
            head = requests.head(allocd.url(f"/{path}"), headers={"Accept-Encoding": coding}, timeout=10)
            assert head.headers["ETag"] == copy.headers["ETag"]


def with_copy(allocd, tags, coding):
    """The answer to a client that has copies with these tags."""
    return requests.get(allocd.url("/"), headers={"If-None-Match": tags, "Accept-Encoding": coding}, timeout=10)


def test_a_copy_is_good_in_the_form_in_which_it_was_sent(allocd):
    tags = {coding: with_copy(allocd, '"another"', coding).headers["ETag"] for coding in ("identity", "gzip")}

    assert tags["identity"] != tags["gzip"]
    for coding, other in (("identity", "gzip"), ("gzip", "identity")):
        for listed in (tags[coding], f'W/"x", W/{tags[coding]}', "*"):
            known = with_copy(allocd, listed, coding)
            assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", tags[coding])
        assert with_copy(allocd, tags[other], coding).status_code == 200
    assert 'status="304"' in allocd.get("/metrics").text


@pytest.mark.parametrize("coding", ["gzip;q=0", "br", "gzip; q=0.0, br"])
def test_a_client_that_takes_no_gzip_gets_plain_files(allocd, coding):
    reply = requests.get(allocd.url("/"), headers={"Accept-Encoding": coding}, timeout=10)
    assert "Content-Encoding" not in reply.headers and reply.text.startswith("<!doctype html>")


@pytest.mark.parametrize("path", ["/assets/", "/assets/app.js", "/index.html"])
def test_other_files_are_not_there(allocd, path):
    reply = requests.get(allocd.url(path), timeout=10)
    assert reply.status_code == 404 and reply.json()["type"] == "urn:allocd:problem:not-found"


def test_the_page_loads_nothing_from_elsewhere_and_has_no_code_in_its_markup(allocd):
    page = allocd.get("/").text
    for path in assets(page):
        page += allocd.get(f"/{path}").text
    page = page.replace("http://www.w3.org/2000/svg", "")  # a name, no address
    assert not re.search(r"https?://|innerHTML|insertAdjacent|document\.write|\bon\w+=|<style|style=", page)
    assert requests.post(allocd.url("/"), json={}, timeout=10).status_code == 405
