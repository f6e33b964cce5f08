"""The manuals: well formed, and nothing that the program has is missing in them."""

import functools
import json
import os
import pathlib
import re
import subprocess

import pytest
from built import ASCII
from installation import ROOT, binary

PAGES = sorted(path.stem for path in (ROOT / "man").glob("*.scd"))
# scdoc writes a paragraph macro where a heading or a list makes it superfluous.
ALLOWED = "skipping paragraph macro"


@functools.cache
def page(name):
    """As the build makes it."""
    program = {"allocd-bench.1": "allocd-bench", "allocd-dev.1": "allocd-dev"}.get(name, "allocd")
    template, path = ROOT / "man" / f"{name}.scd", pathlib.Path(binary()).with_name(program)
    done = subprocess.run(
        ["/usr/bin/python3", "-B", ROOT / "man" / "fill.py", template, path, "scdoc"], env={**os.environ, **ASCII},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def written(tmp_path, name):
    path = tmp_path / name
    path.write_text(page(name), encoding="utf-8")
    return path


def terms(name):
    """All that stands in bold in the page, word by word."""
    text = page(name).replace("\\-", "-").replace("\\&", "")
    return set(re.findall(r"[\w-]+", " ".join(re.findall(r"\\fB(.*?)\\fR", text))))


def source(path):
    return (ROOT / "src" / "entrypoints" / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_no_fault(tmp_path, name):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", written(tmp_path, name)], capture_output=True, text=True, check=False)

    assert [line for line in done.stdout.splitlines() if ALLOWED not in line] == []


@pytest.mark.parametrize("columns", ["80", "132"])
@pytest.mark.parametrize("name", PAGES)
def test_man_shows_it_without_a_warning(tmp_path, name, columns):
    environment = {"LC_ALL": "C.UTF-8", "MANWIDTH": columns, "PATH": "/usr/bin:/bin"}
    path = written(tmp_path, name)

    done = subprocess.run(["man", "-l", "--warnings", path], env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    headings = re.findall(r"^[A-Z][A-Z ,]+$", done.stdout, re.M)
    assert headings[0] == "NAME" and headings[-1] == "SEE ALSO", headings
    assert "EXAMPLES" in headings, headings


def test_every_command_and_every_option_is_in_its_manual():
    text = source("cli/commands.c")
    commands = re.findall(r'\.name = "([a-z -]+)"', text)
    options = re.findall(r'^\t\{"([a-z-]+)",', text + source("cli/dead_letter_options.h"), re.M)

    found = terms("allocd.1")

    assert len(commands) > 20 and len(options) > 50
    assert [name for name in commands if not set(name.split()) <= found] == []
    assert [name for name in options if f"--{name}" not in found] == []


@pytest.mark.parametrize(("program", "path"), [("allocd-bench", "bench_workload/bench_options.c"), ("allocd-dev", "dev/main.c")])
def test_every_option_of_another_program_is_in_its_manual(program, path):
    options = re.findall(r'^\t\{"([a-z-]+)",', source(path), re.M)

    assert options
    assert {f"--{name}" for name in options} - terms(f"{program}.1") == set()


def test_every_setting_is_in_its_manual():
    rows = re.findall(r'\.variable = "(\w+)"(.*?)\n\t\},', source("config/settings.c"), re.S)
    variables = {variable for variable, _row in rows} | {f"{variable}_FILE" for variable, row in rows if ".secret = true" in row}

    found = terms("allocd-config.5")

    assert len(rows) > 40 and len(variables) > len(rows)
    assert variables - found == set()


def test_every_message_and_every_field_is_in_its_manual():
    text = page("allocd-messages.7").replace("\\&", "")
    sections = {part.split(" ")[0]: part for part in text.split("\n.SS ")[1:]}
    schemas = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "schemas").glob("*.json")}

    assert len(schemas) > 10
    missing = [
        (name, field)
        for name, schema in schemas.items()
        for field in schema["properties"]
        if f"\\fB{field}\\fR" not in sections.get(name, "")
    ]
    assert missing == []
