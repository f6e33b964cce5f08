"""Turns sections of docs/ into scdoc: of Markdown only what those documents use."""

import re

from scdoc import bold, definition, escaped, paragraph, program

LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
MARKED = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|\*(?P<emphasis>[^*]+)\*")


def inline(text):
    """Links become their texts."""
    text = LINK.sub(r"\1", text)
    done, at = [], 0
    for match in MARKED.finditer(text):
        code, strong, emphasis = match.groups()
        marked = f"_{escaped(emphasis)}_" if emphasis else bold(breakable(code or strong.replace("`", "")))
        done += [escaped(text[at : match.start()]), marked]
        at = match.end()
    return "".join([*done, escaped(text[at:])])


def breakable(code):
    """JSON with blanks, at which a line may end."""
    return re.sub(r',(?=["{\[])', ", ", code)


def cells(row):
    return [cell.strip() for cell in row.split("|")[1:-1]]


def table(lines):
    """A definition for each row, because a terminal is too narrow for a table; an empty first cell repeats the one above."""
    head, _rule, *rows = map(cells, lines)
    done, term = [], ""
    for first, *others in rows:
        term = first or term
        named = zip(head[1:], others, strict=True)
        text = "; ".join(inline(cell) if len(head) == 2 else f"_{escaped(name)}_: {inline(cell)}" for name, cell in named)
        done.append(definition(inline(term), [paragraph(text)]))
    return "\n\n".join(done)


def items(lines):
    texts = re.split(r"^- ", "\n".join(lines), flags=re.M)[1:]
    return "\n".join(f"- {inline(' '.join(text.split()))}" for text in texts)


def converted_block(lines):
    first = lines[0]
    if first.startswith("### "):
        return f"## {first[4:]}"
    if first.startswith("```"):
        return program("\n".join(lines[1:-1]))
    if first.startswith("|"):
        return table(lines)
    if first.startswith("- "):
        return items(lines)
    return paragraph(inline(" ".join(lines)))


def begins_a_list(line, lines):
    return line.startswith("- ") and lines and not lines[0].startswith("- ")


def blocks(text):
    """Groups of lines, which end at an empty line, before a list, and at both ends of a program."""
    found, is_program = [[]], False
    for line in text.splitlines():
        is_fence = line.startswith("```")
        if not is_program and (is_fence or not line or begins_a_list(line, found[-1])):
            found.append([])
        if line or is_program:
            found[-1].append(line)
        if is_fence and is_program:
            found.append([])
        is_program ^= is_fence
    return [lines for lines in found if lines]


def section(document, heading):
    """The section of that heading, with what is below it."""
    [text] = [part for part in document.split("\n## ")[1:] if part.startswith(f"{heading}\n")]
    return "\n\n".join(map(converted_block, blocks(text.split("\n", 1)[1])))
