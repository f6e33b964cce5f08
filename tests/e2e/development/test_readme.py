"""The commands of README.md run as they stand there, and it shows what they print."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from dev_program import dev_program, environment
from installation import ROOT, binary

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM_S = 60


def block(kind):
    [text] = re.findall(rf"^```{kind}\n(.*?)^```$", README, re.M | re.S)
    return text


def under_allocd_dev(folder, *command):
    done = subprocess.run(
        [dev_program(), "--", *command], env=environment(folder), capture_output=True, text=True, check=False, timeout=PROGRAM_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_commands_allocate_a_line_and_show_the_event(dev_folder):
    printed = under_allocd_dev(dev_folder, "sh", "-ec", block("sh first")).splitlines()

    assert any(line.startswith("handled allocate ") for line in printed), printed
    assert printed[-1].startswith('line_allocated {"orderid":"order-1","sku":"lamp","qty":10,"batchref":"shelf"'), printed


def without_what_differs(demo):
    """Names, days, instants and ids are others in each run."""
    demo = re.sub(r'(shelf|shipment|lamp|order)-[0-9a-f]{4}|eta=\S+|"occurred_at":"[^"]*"|"cause":"[^"]*"', r"\1…", demo)
    return demo.strip()


def test_the_demo_prints_what_the_document_shows(dev_folder):
    played = under_allocd_dev(dev_folder, sys.executable, ROOT / "scripts" / "run.py", "--once", binary())

    assert without_what_differs(block("demo")) in without_what_differs(played)


CALLS = [line.split("#")[0].strip() for text in re.findall(r"^```sh.*?\n(.*?)^```$", README, re.M | re.S) for line in text.splitlines()]


@pytest.mark.parametrize("call", [call for call in CALLS if call.startswith("allocd ")])
def test_a_command_has_the_options_that_the_document_gives_it(call):
    done = subprocess.run([binary(), *shlex.split(call)[1:], "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_dev_has_the_commands_that_the_document_names():
    listed = subprocess.run(["./dev", "help"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"\./dev ([a-z]+)", README)) - {"help"}

    assert pathlib.Path(ROOT / "dev").exists() and named
    assert [name for name in sorted(named) if f"./dev {name}" not in listed] == []
