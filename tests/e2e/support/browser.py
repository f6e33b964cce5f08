"""Debian's Chromium, driven by playwright-core; axe-core judges how accessible a page is."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from installation import ROOT
from npm import node_modules

DRIVER = pathlib.Path(__file__).parents[1] / "page" / "browser.mjs"
# Of npm, for these tests alone; later versions of playwright-core need a newer Node than that of Debian 12.
PACKAGES = ["playwright-core@1.61.1", "axe-core@4.14.1"]
COMMANDS = ["chromium", "node", "npm"]

# Of the workers whose page allows changes.
ADMIN_TOKEN = "a-token-of-32-characters-0123456"

PICTURES = pathlib.Path(os.environ.get("ALLOCD_TEST_PICTURES") or ROOT / "build-pictures")
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}}
LOOKS = {
    "light": {"colorScheme": "light", **DESK},
    "dark": {"colorScheme": "dark", **DESK},
    "phone": {"colorScheme": "light", **PHONE},
}


class Browser:
    def __init__(self, child):
        self.child = child

    def run(self, script, **given):
        """Runs the script, see browser.mjs, and returns its value."""
        self.child.stdin.write(json.dumps({"script": script, "given": given}) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def fresh(self, url, **options):
        """Opens the address in a window of its own."""
        self.run("await tools.fresh(given)", **options)
        self.run("await page.goto(given.url)", url=url)

    def shows(self, *texts, timeout_s=15):
        for text in texts:
            self.run("await page.getByText(given.text).first().waitFor({timeout: given.ms})", text=text, ms=1000 * timeout_s)

    def press(self, *names):
        for name in names:
            self.run("await page.getByRole('button', {name: given.name, exact: true}).click()", name=name)

    def fill(self, label, text):
        self.run("await page.getByLabel(given.label).fill(given.text)", label=label, text=text)

    def keys(self, *keys):
        self.run("for (const key of given.keys) await page.keyboard.press(key)", keys=keys)

    def address(self):
        return self.run("return page.evaluate(() => location.hash)")

    def complaints(self):
        return self.run("return tools.complaints()")

    def has_look(self, look):
        self.run("await page.emulateMedia(given); await page.setViewportSize(given.viewport)", **LOOKS[look])

    def keep_picture(self, look, view):
        """Of the page as it is, which has that look."""
        PICTURES.mkdir(exist_ok=True)
        name = re.sub(r"\W+", "-", view) or "overview"
        self.run("await page.screenshot({path: given.path, fullPage: true})", path=str(PICTURES / f"{look}-{name}.png"))


@contextlib.contextmanager
def running_browser():
    if missing := [command for command in COMMANDS if not shutil.which(command)]:
        refuse = pytest.fail if os.geteuid() == 0 else pytest.skip  # ./dev installs what is missing when it is root
        refuse(f"{', '.join(missing)} not installed: see ./dev packages page")
    environment = {**os.environ, "NODE_MODULES": str(node_modules(*PACKAGES)), "CHROMIUM": shutil.which("chromium")}
    child = subprocess.Popen(
        ["node", DRIVER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Browser(child)
    finally:
        child.stdin.close()
        child.wait(20)
