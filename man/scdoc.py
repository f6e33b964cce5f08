"""Texts of the manuals in scdoc's notation; scdoc(5) describes it."""

import re


def escaped(text):
    return re.sub(r"([\\*_`])", r"\\\1", text)


def paragraph(text):
    """A paragraph of one line, whose first character begins no other block."""
    return f"\\{text}" if text[0] in "#-;[]|" else text


def bold(text):
    return f"*{escaped(text)}*"


def placeholders(text):
    """A call as usage shows it: its words in capitals are replaced by the user."""
    parts = re.split(r"(\b[A-Z]{2,}\b)", text)
    return "".join(f"_{part}_" if i % 2 else escaped(part) for i, part in enumerate(parts))


def indented(blocks, tabs=1):
    indent = "\t" * tabs
    return ["\n".join(indent + line if line else line for line in block.split("\n")) for block in blocks]


def definition(term, blocks):
    """A term, and below it its blocks."""
    first, *others = indented(blocks)
    return "\n\n".join([f"{term}\n{first}", *others])


def program(text):
    return f"```\n{text}\n```"


def sentence(text):
    """A summary of the help as a sentence."""
    return text[0].upper() + text[1:].rstrip(".") + "."
