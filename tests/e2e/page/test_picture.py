"""The picture of the page in README.md: a shop with orders, and a few that need a person.

The test keeps it anew as build-pictures/readme.png; where the page has changed, copy it to docs/page.png.
"""

import struct

from browser import DESK, PICTURES
from installation import ROOT, wait_until

LARGEST = 200_000


def size_of(png):
    """Width and height, from the header chunk."""
    content = png.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR", png
    return struct.unpack(">II", content[16:24]), len(content)


def test_the_picture_shows_a_shop_and_is_small(browser, admin_worker):
    shop = admin_worker
    shop.stock("lamp", shelf=100, shipment=(100, "2030-01-31"))
    shop.stock("chair", store=40)
    for number in range(1, 13):
        shop.allocate("lamp" if number % 3 else "chair", f"order-{number}", 10)
    for number in range(13, 16):
        shop.allocate("table", f"order-{number}", 1)
    shop.await_dead_letters(3)
    wait_until(lambda: len(shop.get("/events/lamp").json()) == 8, "the events")

    browser.fresh(shop.url("/"), colorScheme="light", **DESK)
    browser.shows("Healthy", "invalid sku table", "order-12")
    PICTURES.mkdir(exist_ok=True)
    browser.run("await page.screenshot({path: given.path})", path=str(PICTURES / "readme.png"))

    assert size_of(PICTURES / "readme.png")[0] == size_of(ROOT / "docs" / "page.png")[0]
    for picture in (PICTURES / "readme.png", ROOT / "docs" / "page.png"):
        assert size_of(picture)[1] < LARGEST, picture
