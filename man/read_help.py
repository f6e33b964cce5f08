"""Reads what a program prints as its help."""

import json
import os
import re
import subprocess
import typing

SETTINGS = "Settings, as options or in the environment"
SETTINGS_OF_THE_LOG = "Settings of the log"


class Help(typing.NamedTuple):
    usage: str
    summary: str
    details: list  # paragraphs
    sections: dict  # the lines of each by its heading, without their indent


def printed(*command):
    """The settings of this machine are none of a manual's business."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ALLOCD_", "OTEL_"))}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def help_of(*call):
    usage, summary, *blocks = printed(*call).strip("\n").split("\n\n")
    sections, details = {}, []
    for block in blocks:
        heading, *lines = block.split("\n")
        if lines and heading.endswith(":") and all(line.startswith("  ") for line in lines):
            sections[heading[:-1]] = [line[2:] for line in lines]
        else:
            details.append(one_line(block))
    return Help(usage.removeprefix("usage: "), one_line(summary), details, sections)


def one_line(text):
    return " ".join(text.split())


def items(lines):
    """The names of a list and their texts, which continue on lines that are indented."""
    found = []
    for line in lines:
        if line.startswith(" "):
            found[-1][1] = one_line(f"{found[-1][1]} {line}")
        else:
            name, _, text = line.partition("  ")
            found.append([name, text.strip()])
    return found


def settings(program):
    return [json.loads(line) for line in printed(program, "config", "--json").splitlines()]


def settings_file(program):
    """Where the unit finds the settings, as the build decided; the help has it in an example."""
    [found] = re.findall(r"/dev/stdin (/\S+)", "\n".join(help_of(program, "help", "config").sections["Examples"]))
    return found


def commands(program):
    """{heading: names of commands}, in their order."""
    of_program = help_of(program, "help").sections
    of_no_commands = ("Examples", "Exit status")
    return {heading: [name for name, _text in items(lines)] for heading, lines in of_program.items() if heading not in of_no_commands}


def version(program):
    return re.search(r"\S+$", printed(program, "--version").splitlines()[0])[0]
