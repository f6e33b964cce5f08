#!/usr/bin/python3
"""Turns the migrations into a C file: migrations.py OUTPUT RELEASED MIGRATION.sql…

RELEASED has the checksums, as sha256sum prints them, of the migrations that databases may have.  Such a migration can
never change, not even a comment in it: a program refuses a database whose migration differs from its own.

A migration's name begins with its number (0001_tables.sql), and its first line names the oldest program that
works with a database that has it, by the number of the newest migration which that program knows:

    -- oldest-program: 1

It is one transaction, unless its second line says `-- in steps`: then each step follows a line `-- step`, is one
statement, and is run outside of any transaction, except for the last one.  All but the last may run again
after an interruption, so they must be idempotent.

Each migration has a dump of a database as it left it, which tests/e2e/upgrades/make_dump.py makes.
"""

import hashlib
import pathlib
import re
import sys

NAME = re.compile(r"(\d{4})_[a-z0-9_]+")
FIRST_LINE = re.compile(rb"-- oldest-program: (\d+)\n")
IN_STEPS = b"-- in steps\n"
STEP = b"\n-- step\n"


def read(path):
    name = NAME.fullmatch(path.stem)
    sql = path.read_bytes()
    first_line = FIRST_LINE.match(sql)
    if not name:
        sys.exit(f"{path}: the name is not like 0001_what_it_does.sql")
    if not first_line:
        sys.exit(f"{path}: the first line does not say `-- oldest-program: NUMBER`")
    number, oldest_program = int(name[1]), int(first_line[1])
    if not 1 <= oldest_program <= number:
        sys.exit(f"{path}: the oldest program is not one of 1 to {number}")
    if b"\0" in sql:
        sys.exit(f"{path}: holds a NUL")
    steps = [sql]
    if sql[first_line.end() :].startswith(IN_STEPS):
        _, *steps = sql.split(STEP)
        if len(steps) < 2:
            sys.exit(f"{path}: has no steps")
    elif STEP in sql:
        sys.exit(f"{path}: its second line does not say `-- in steps`")
    return number, path.stem, oldest_program, sql, steps


def c_bytes(sql):
    """As numbers: compilers need not accept string literals of more than 4095 characters."""
    numbers = [str(byte) for byte in sql] + ["0"]
    lines = [", ".join(numbers[at : at + 24]) for at in range(0, len(numbers), 24)]
    return ",\n\t".join(lines)


def check_released(released, migrations):
    checksums = {name + ".sql": hashlib.sha256(sql).hexdigest() for _, name, _, sql, _ in migrations}
    for line in released.read_text(encoding="ascii").splitlines():
        checksum, name = line.split()
        if checksums.get(name) != checksum:
            sys.exit(f"{name}: it is released and must stay as it was; {released} has its checksum")


def main():
    output, released, *paths = map(pathlib.Path, sys.argv[1:])
    migrations = sorted(map(read, paths))
    check_released(released, migrations)
    if [number for number, *_ in migrations] != list(range(1, len(migrations) + 1)):
        sys.exit("the migrations are not numbered 1, 2, 3, …")
    out = ['#include "adapters/postgres/schema/migrations.h"', ""]
    for number, _, _, _, steps in migrations:
        for at, step in enumerate(steps):
            out += [f"static const char sql_{number}_{at}[] = {{", f"\t{c_bytes(step)}", "};", ""]
        names = ", ".join(f"sql_{number}_{at}" for at in range(len(steps)))
        out += [f"static const char *const steps_{number}[] = {{{names}}};", ""]
    out += ["const struct migration migrations[] = {"]
    for number, name, oldest_program, sql, steps in migrations:
        checksum = hashlib.sha256(sql).hexdigest()
        out += [f'\t{{{number}, "{name}", {oldest_program}, "{checksum}", steps_{number}, {len(steps)}}},']
    out += ["};", "", "const int migration_count = sizeof migrations / sizeof migrations[0];", ""]
    output.write_text("\n".join(out), encoding="utf-8")


if __name__ == "__main__":
    main()
