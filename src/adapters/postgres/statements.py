#!/usr/bin/python3
"""Turns the worker's SQL into C: statements.py INPUT.sql NAMES.h TABLE.c

The input is SQL with comments. A line `-- statement NAME` begins a statement that stores use,
`-- statement NAME for views` one that views use, `-- statement NAME for logbook` one of the logbook;
`-- define name` begins a piece of SQL that statements hold
as {name}.
"""

import pathlib
import re
import sys

HEAD = re.compile(r"-- (?:statement (?P<name>[A-Z_]+)(?: for (?P<use>views|logbook))?|define (?P<piece>[a-z_]+))")
PIECE = re.compile(r"\{(\w+)\}")


def read(path):
    """Yields each part's heading and its SQL, in one line and without comments."""
    heading, lines = None, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := HEAD.fullmatch(line):
            if heading:
                yield heading, lines
            heading, lines = match, []
        elif heading and line.strip() and not line.lstrip().startswith("--"):
            lines.append(line.strip())
    yield heading, lines


def parse(path):
    pieces, statements = {}, {}
    for heading, lines in read(path):
        name = heading["name"] or heading["piece"]
        known = statements if heading["name"] else pieces
        sql = PIECE.sub(lambda match: pieces[match[1]], " ".join(lines))
        if not sql or ";" in sql or name in known:
            sys.exit(f"{path}: {name} is empty, is there twice or holds a semicolon")
        known[name] = (sql, f"FOR_{(heading['use'] or 'store').upper()}") if heading["name"] else sql
    return statements


def main():
    source, names, table = map(pathlib.Path, sys.argv[1:])
    statements = parse(source)
    listing = "".join(f"\t{name},\n" for name in statements)
    end = "\tSTATEMENTS /* how many there are */\n};\n"
    names.write_text(f"enum statement_name {{\n{listing}{end}", encoding="utf-8")

    rows = [
        f'\t[{name}] = {{"{name}", "{sql}", {use}}},\n'.replace("\\", "\\\\")
        for name, (sql, use) in statements.items()
    ]
    table.write_text(
        '#include "adapters/postgres/statements.h"\n\n'
        f"const struct statement statements[STATEMENTS] = {{\n{''.join(rows)}}};\n",
        encoding="utf-8",
    )


main()
