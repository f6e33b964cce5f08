#!/usr/bin/python3
"""Turns the worker's SQL into C: statements.py INPUT.sql NAMES.h TABLE.c

The input is SQL with comments. A line `-- statement NAME` begins a statement that stores use,
`-- statement NAME for views` one that views use, `-- statement NAME for logbook` one of the logbook,
`-- statement NAME for rehearsals` one of stores that rehearse, `-- statement NAME for pools` one that no
session keeps;
`-- define name` begins a piece of SQL that statements hold as {name}.

A statement about arrays that unnest() turns into rows gets a twin, NAME_OF_ONE, for arrays that hold at most
one element each. Its parameters are the elements themselves: in a row of VALUES in the place of a table,
`unnest($1::text[], …) as w`, for the planner makes that part of the rest; or one by one in the place of what
is selected, `unnest($1::text[])`.
"""

import pathlib
import re
import sys

HEAD = re.compile(r"-- (?:statement (?P<name>[A-Z_]+)(?: for (?P<use>views|logbook|rehearsals|pools))?|define (?P<piece>[a-z_]+))")
BLOCK = re.compile(r"\$\$.*?\$\$")
PIECE = re.compile(r"\{(\w+)\}")
ROWS = re.compile(r"unnest\(\s*((?:\$\d+::[a-z0-9]+\[\](?:,\s*)?)+)\s*\)( with ordinality)?(?= as \w+)")
COLUMN = re.compile(r"unnest\((\$\d+::[a-z0-9]+)\[\]\)")


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
        if not sql or ";" in BLOCK.sub("", sql) or name in known:
            sys.exit(f"{path}: {name} is empty, is there twice or holds a semicolon")
        known[name] = (sql, f"FOR_{(heading['use'] or 'store').upper()}") if heading["name"] else sql
    return statements


def one_row(match):
    elements = match[1].replace("[]", "").strip() + (", 1::bigint" if match[2] else "")
    return f"(values ({elements}))"


def twins(statements):
    """Those of each statement that has one, by their names."""
    for name, (sql, use) in statements.items():
        of_one = COLUMN.sub(r"\1", ROWS.sub(one_row, sql))
        if "unnest(" in of_one:
            sys.exit(f"{name}: unnest() is not of parameters that are cast to arrays")
        if of_one != sql:
            yield f"{name}_OF_ONE", (of_one, use)


def main():
    source, names, table = map(pathlib.Path, sys.argv[1:])
    written = parse(source)
    statements = written | dict(twins(written))
    listing = "".join(f"\t{name},\n" for name in statements)
    end = "\tSTATEMENTS /* how many there are */\n};\n"
    names.write_text(f"enum statement_name {{\n{listing}{end}", encoding="utf-8")

    def twin(name):
        return f"{name}_OF_ONE" if f"{name}_OF_ONE" in statements else name

    rows = [
        f'\t[{name}] = {{"{name}", "{sql}", {use}, {twin(name)}}},\n'.replace("\\", "\\\\")
        for name, (sql, use) in statements.items()
    ]
    table.write_text(
        '#include "adapters/postgres/sql/statements.h"\n\n'
        f"const struct statement statements[STATEMENTS] = {{\n{''.join(rows)}}};\n",
        encoding="utf-8",
    )


main()
