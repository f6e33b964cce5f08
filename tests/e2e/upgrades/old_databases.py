"""
Databases as each migration left them. dumps/ has their rows, which make_dump.py has written; the migrations, which never change, make
their schemas. A dump's times are relative to DUMPED_AT, so that no row of it is ever past its retention.
"""

import contextlib
import hashlib
import pathlib
import re
import subprocess
import sys

import installation
import psycopg2
import servers

HERE = pathlib.Path(__file__).resolve().parent
DUMPS = HERE / "dumps"
POSTGRES = installation.ROOT / "src/adapters/postgres"
DUMPED_AT = "2026-01-01 12:00:00+00"

sys.path.append(str(POSTGRES / "schema"))
import migrations  # noqa: E402

MIGRATIONS = [migrations.read(path) for path in sorted((POSTGRES / "schema/migrations").glob("*.sql"))]
NEWEST = len(MIGRATIONS)
TOOLS_SQL = (POSTGRES / "sql/tools.sql").read_text(encoding="utf-8")

# Without triggers and foreign keys, as pg_restore does it.
WITHOUT_TRIGGERS = "set session_replication_role = replica"
EMPTY_ALL_TABLES = """
    do $$ begin
        execute (select 'truncate ' || string_agg(format('%I', tablename), ', ') from pg_tables where schemaname = 'public');
    end $$
"""
SHIFT_TIMES = """
    do $$ declare change text;
    begin
        for change in
            select format('update %I set %s', table_name, string_agg(format('%1$I = %1$I + (%2$L::timestamptz - %3$L::timestamptz)',
                column_name, {to}, {since}), ', '))
            from information_schema.columns
            where table_schema = 'public' and data_type = 'timestamp with time zone' and is_updatable = 'YES'
            group by table_name
        loop execute change; end loop;
    end $$
"""
# Views cannot be updated, and what the server computes is not compared.
COLUMNS = """
    select table_name, string_agg(format('%I', column_name), ', ' order by ordinal_position)
    from information_schema.columns
    join pg_tables on schemaname = table_schema and tablename = table_name
    where table_schema = 'public' and table_name <> 'migrations' and is_generated = 'NEVER'
    group by table_name
"""


def path_of(number):
    return DUMPS / f"{number:04}.sql"


def oldest_program():
    """The newest migration that the oldest program knows which runs on today's schema."""
    return max(oldest for _, _, oldest, *_ in MIGRATIONS)


def create_migrations(cursor):
    cursor.execute(re.search(r"-- query create_migrations\n(.*?)\n\n", TOOLS_SQL, re.DOTALL)[1])


def apply_migration(cursor, migration):
    """Each step is a transaction of its own, as for the program."""
    number, name, oldest, sql, steps = migration
    for step in steps:
        cursor.execute(step)
    cursor.execute(
        "insert into migrations (number, name, oldest_program, checksum) values (%s, %s, %s, %s)",
        (number, name, oldest, hashlib.sha256(sql).hexdigest()),
    )


def shift_times(cursor, since, to):
    cursor.execute(SHIFT_TIMES.format(since=since, to=to))


def insert_rows(cursor, number):
    """Replaces all rows by those of the dump; the schema may be a newer one."""
    cursor.execute(WITHOUT_TRIGGERS)
    cursor.execute(EMPTY_ALL_TABLES)
    cursor.execute(path_of(number).read_text(encoding="utf-8"))
    shift_times(cursor, f"'{DUMPED_AT}'", "now()")


@contextlib.contextmanager
def session(url):
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def restore(url, number):
    """Makes an empty database that of the migration."""
    with session(url) as cursor:
        create_migrations(cursor)
        for migration in MIGRATIONS[:number]:
            apply_migration(cursor, migration)
        insert_rows(cursor, number)


def functions_of(cursor):
    """The functions of the schema, with their arguments."""
    cursor.execute("select oid::regprocedure::text from pg_proc where pronamespace = 'public'::regnamespace")
    return {function for [function] in cursor.fetchall()}


def columns_of(cursor):
    """The columns of each table, as a list in SQL."""
    cursor.execute(COLUMNS)
    return dict(cursor.fetchall())


def rows_of(cursor, columns):
    """The rows of all tables as text, as far as they consist of these columns."""
    rows = {}
    for table, names in columns.items():
        cursor.execute(f"select row({names})::text from {table} order by 1")
        rows[table] = [row for [row] in cursor.fetchall()]
    return rows


def pg_dump(url, *options):
    """What pg_dump prints, without comments, settings and what differs from run to run; bytes are readable."""
    done = subprocess.run(
        [servers.postgres_tool("pg_dump"), "--no-owner", *options, url],
        env={"PGOPTIONS": "-c bytea_output=escape"}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    noise = re.compile(r"--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|")
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if not noise.fullmatch(line))
