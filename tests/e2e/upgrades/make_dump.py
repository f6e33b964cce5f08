#!/usr/bin/python3
"""
Makes the dump of a new migration, and notes its digest:

    scripts/servers.py -- tests/e2e/upgrades/make_dump.py NUMBER

Write what the migration adds into rows.sql first. A dump is made once, by the commit that adds its migration, and never changes: made
anew it would be what today's migrations and rows.sql say, and not what the databases of that time have.
"""

import hashlib
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parents[2] / "scripts")]

import installation  # noqa: E402
import old_databases  # noqa: E402

MADE = old_databases.DUMPS / "made.sha256"
SECTION = re.compile(r"^-- ==== (?:migration )?(\w+)$", re.MULTILINE)


def sections():
    """The parts of rows.sql by their names."""
    _, *parts = SECTION.split((HERE / "rows.sql").read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2]))


def fill(url, number):
    """Migrates from one migration to the next, and writes the rows of each."""
    rows = sections()
    with old_databases.session(url) as cursor:
        cursor.execute(rows["functions"])
        old_databases.create_migrations(cursor)
        for migration in old_databases.MIGRATIONS[:number]:
            old_databases.apply_migration(cursor, migration)
            cursor.execute(rows[str(migration[0])] + "select")
        old_databases.shift_times(cursor, "now()", f"'{old_databases.DUMPED_AT}'")


def make(number):
    path = old_databases.path_of(number)
    if number not in range(1, old_databases.NEWEST + 1) or str(number) not in sections():
        sys.exit(f"make_dump: {number} is no migration from 1 to {old_databases.NEWEST} that has a section in rows.sql")
    if path.exists():
        sys.exit(f"{path}: is made already, and never changes")
    with installation.fresh_database(os.environ["DATABASE_URL"]) as url:
        fill(url, number)
        rows = old_databases.pg_dump(url, "--data-only", "--column-inserts", "--rows-per-insert=1000")
    path.write_text(f"-- The rows of a database that was used up to migration {number}: see make_dump.py.\n{rows}", encoding="utf-8")
    with MADE.open("a", encoding="ascii") as made:
        made.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        sys.exit(__doc__)
    make(int(sys.argv[1]))
