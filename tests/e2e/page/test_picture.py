"""The picture of the page in README.md: a shop with orders, and a few that need a person.

The test keeps it anew as build-pictures/readme.png. Where the page has changed, run it with ALLOCD_TEST_PICTURE_S=75, so
that the charts have a past, and copy the picture to docs/page.png.
"""

import itertools
import math
import os
import random
import struct
import time

from browser import DESK, PICTURES
from installation import ROOT

LARGEST = 200_000
SECONDS = float(os.environ.get("ALLOCD_TEST_PICTURE_S", "0"))


def size_of(png):
    """Width and height, from the header chunk."""
    content = png.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR", png
    return struct.unpack(">II", content[16:24]), len(content)


def take_orders(shop, seconds):
    """Publishes more of them in some moments than in others."""
    begin = time.monotonic()
    for number in itertools.count(101):
        passed = time.monotonic() - begin
        if passed > seconds:
            return
        shop.allocate(random.choice(["lamp", "lamp", "chair"]), f"order-{number}", 1)
        time.sleep(1 / (40 + 25 * math.sin(passed / 5)))


def test_the_picture_shows_a_shop_and_is_small(browser, admin_worker):
    shop = admin_worker
    consumer = shop.listen()  # without it the page shows a trouble
    browser.fresh(shop.url("/"), colorScheme="light", **DESK)
    shop.stock("lamp", shelf=10000, shipment=(100, "2030-01-31"))
    shop.stock("chair", store=10000)
    for number in range(13, 16):
        shop.allocate("table", f"order-{number}", 1)
    shop.await_dead_letters(3)
    take_orders(shop, SECONDS)
    for number in range(1, 13):
        shop.allocate("lamp" if number % 3 else "chair", f"order-{number}", 10)
    browser.shows("Healthy", "invalid sku table", "order-12")
    assert consumer.next()[0] == "line_allocated"
    PICTURES.mkdir(exist_ok=True)
    browser.run("await page.screenshot({path: given.path})", path=str(PICTURES / "readme.png"))

    assert size_of(PICTURES / "readme.png")[0] == size_of(ROOT / "docs" / "page.png")[0]
    for picture in (PICTURES / "readme.png", ROOT / "docs" / "page.png"):
        assert size_of(picture)[1] < LARGEST, picture
