#!/usr/bin/python3
"""Turns SQL into C: statements.py INPUT.sql OUTPUT.h OUTPUT.c

The input is SQL with comments. Each of these lines begins a part of it:

    -- define name              a piece of SQL that the parts below contain as {name}; so are numbers that
                                statements.h defines
    -- statement NAME           an entry of the table `statements`, for units
    -- statement NAME for USE   the same for other uses: units, intake, publisher, chores, views, checkpoints,
                                leases, dry_runs, or pools (which is never prepared); several with "and"
    -- query name               the string `sql_name`, one statement
    -- script name              the string `sql_name`, several statements that are sent as one text
    -- rule name: meaning       an entry of the table `sql_rules`; its SQL replaces {rule} in the piece each_rule

A file has either statements, or queries, scripts and rules.

A statement about arrays that unnest() turns into rows gets a twin, NAME_OF_ONE, for arrays that hold at most
one element each. Its parameters are the elements themselves: in a row of VALUES that replaces a table,
`unnest($1::text[], …) as w`, because the planner merges that with the rest; or one by one in a select list,
for `unnest($1::text[])`.
"""

import pathlib
import re
import sys

KIND = re.compile(r"-- (define|statement|query|script|rule) ")
USE = "(?:units|intake|publisher|chores|views|checkpoints|leases|dry_runs|pools)"
HEAD = re.compile(
    r"-- (?:(?P<kind>define|query|script) (?P<name>[a-z_]+)"
    rf"|(?P<statement>statement) (?P<upper>[A-Z_]+)(?: for (?P<use>{USE}(?: and {USE})*))?"
    r"|(?P<rule>rule) (?P<dashed>[a-z-]+): (?P<meaning>[^\"\\]+))"
)
BLOCK = re.compile(r"\$\$.*?\$\$")
NUMBER = re.compile(r"#define (\w+) +(\d+)")
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
        elif KIND.match(line):
            sys.exit(f"{path}: {line!r} is not a heading")
        elif heading and line.strip() and not line.lstrip().startswith("--"):
            lines.append(line.strip())
    yield heading, lines


def parse(path):
    """All parts except pieces: {name: (kind, SQL, use or meaning)}."""
    numbers = NUMBER.findall(pathlib.Path(__file__).with_name("statements.h").read_text(encoding="utf-8"))
    pieces, parts = {"rule": "{rule}", **dict(numbers)}, {}
    for heading, lines in read(path):
        kind = heading["kind"] or heading["statement"] or heading["rule"]
        name = heading["name"] or heading["upper"] or heading["dashed"]
        known = pieces if kind == "define" else parts
        sql = PIECE.sub(lambda match: pieces[match[1]], " ".join(lines))
        if not sql or name in known or (kind != "script" and ";" in BLOCK.sub("", sql)):
            sys.exit(f"{path}: {name} is empty, is there twice, or holds a semicolon and is not a script")
        if kind == "rule":
            sql = pieces["each_rule"].replace("{rule}", sql)
        known[name] = sql if kind == "define" else (kind, sql, heading["use"] or heading["meaning"])
    return parts


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# ---- the table of statements ----


def one_row(match):
    elements = match[1].replace("[]", "").strip() + (", 1::bigint" if match[2] else "")
    return f"(values ({elements}))"


def twins(statements):
    """The twin of each statement that has one, by name."""
    for name, (sql, use) in statements.items():
        of_one = COLUMN.sub(r"\1", ROWS.sub(one_row, sql))
        if "unnest(" in of_one:
            sys.exit(f"{name}: unnest() is not of parameters that are cast to arrays")
        if of_one != sql:
            yield f"{name}_OF_ONE", (of_one, use)


def used_by(uses):
    return " | ".join(f"FOR_{use.upper()}" for use in uses.split(" and "))


def statement_table(parts):
    """The header with the enumeration, and the source with the table."""
    written = {name: (sql, used_by(use or "units")) for name, (_, sql, use) in parts.items()}
    statements = written | dict(twins(written))

    def twin(name):
        return f"{name}_OF_ONE" if f"{name}_OF_ONE" in statements else name

    names = "".join(f"\t{name},\n" for name in statements)
    rows = "".join(
        f'\t[{name}] = {{"{name}", {c_string(sql)}, {use}, {twin(name)}}},\n' for name, (sql, use) in statements.items()
    )
    return (
        f"enum statement_name {{\n{names}\tSTATEMENTS /* the number of statements */\n}};\n",
        '#include "adapters/postgres/sql/statements.h"\n\n'
        f"const struct statement statements[STATEMENTS] = {{\n{rows}}};\n",
    )


# ---- strings and rules ----


def constants(parts):
    """The header with the declarations, and the source with the strings."""
    strings = {name: sql for name, (kind, sql, _) in parts.items() if kind != "rule"}
    rules = [(name, meaning, sql) for name, (kind, sql, meaning) in parts.items() if kind == "rule"]
    declarations = "".join(f"extern const char sql_{name}[];\n" for name in strings)
    definitions = "".join(f"const char sql_{name}[] = {c_string(sql)};\n" for name, sql in strings.items())
    rows = "".join(f'\t{{"{name}", "{meaning}", {c_string(sql)}}},\n' for name, meaning, sql in rules)
    return (
        f"#ifndef ALLOCD_TOOLS_SQL_H\n#define ALLOCD_TOOLS_SQL_H\n\n{declarations}\n"
        "struct sql_rule {\n\tconst char *name, *meaning, *sql;\n};\n\n"
        f"enum {{ SQL_RULES = {len(rules)} }};\n\nextern const struct sql_rule sql_rules[SQL_RULES];\n\n#endif\n",
        f"const struct sql_rule sql_rules[SQL_RULES] = {{\n{rows}}};\n\n{definitions}",
    )


def main():
    source, header, table = map(pathlib.Path, sys.argv[1:])
    parts = parse(source)
    kinds = {kind for kind, _, _ in parts.values()}
    if "statement" in kinds and len(kinds) > 1:
        sys.exit(f"{source}: has statements and others")
    declarations, definitions = statement_table(parts) if "statement" in kinds else constants(parts)
    if "statement" not in kinds:
        definitions = f'#include "{header.name}"\n\n{definitions}'
    header.write_text(declarations, encoding="utf-8")
    table.write_text(definitions, encoding="utf-8")


main()
