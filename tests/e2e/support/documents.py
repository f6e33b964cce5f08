"""The documents: programs that they hold, run as they stand there, and their links."""

import contextlib
import os
import re
import subprocess
import sys

from installation import EVENTS, ROOT, wait_until

LANGUAGES = ("py", "js", "go")

# Debian keeps node-redis here, where a node from elsewhere does not look by itself, and redigo, which is found without
# modules. What Go compiles is kept with what else is built.
LIBRARIES = {
    "NODE_PATH": "/usr/share/nodejs", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
    "GOCACHE": str(ROOT / "build" / "go-cache"),
}  # fmt: skip


def document(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def without_programs(text):
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)


def heading_links(text):
    """Headings as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.*)$", without_programs(text), re.M)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def broken_links(path):
    """The links of a document that lead to no file, or to no heading of it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_programs(path.read_text(encoding="utf-8"))):
        name, _, heading = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if link.startswith("http"):
            continue
        if not target.exists() or (heading and heading not in heading_links(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def program(name, without=()):
    """The program; `without` events that one of before did not know."""
    text = document("messages.md") + document("consuming.md")
    for event in without:
        text = text.replace(f'"{event}", ', "")
    return re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)


def command_of(name, folder, without=()):
    """Saves a program of the documents in the folder; returns what runs it there."""
    file = folder / name
    file.write_text(program(name, without), encoding="utf-8")
    if file.suffix != ".go":
        return [{".py": sys.executable, ".js": "node"}[file.suffix], file]
    # Not "go run": its child would outlive it.
    built = ["go", "build", "-o", file.with_suffix(""), file]
    done = subprocess.run(built, env={**os.environ, **LIBRARIES}, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [file.with_suffix("")]


@contextlib.contextmanager
def running(name, folder, allocd, *arguments, without=(), **variables):
    """Runs one of the programs of the documents. They use no prefix, so the Redis is the test's own."""
    addresses = {"REDIS_URL": allocd.redis_url, "ALLOCD_URL": allocd.url("")}
    child = subprocess.Popen(
        [*command_of(name, folder, without), *arguments], env={**os.environ, **addresses, **LIBRARIES, **variables},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@contextlib.contextmanager
def listening(language, folder, allocd, without=()):
    """Runs the documented listener; it is subscribed when the block begins, but not to the events `without`."""
    with running(f"listen.{language}", folder, allocd, without=without) as listener:
        # A listener keeps the lines, and command_rejected is about none.
        events = [event for event in EVENTS if event not in (*without, "command_rejected")]
        wait_until(lambda: all(n for _, n in allocd.redis.pubsub_numsub(*events)), "the listener to subscribe")
        assert not any(n for _, n in allocd.redis.pubsub_numsub(*without) if without)
        yield listener
