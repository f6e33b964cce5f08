"""Reads the tables of an installation."""

TABLES = """
    select tablename from pg_tables where schemaname = 'public' order by tablename
"""


def everything(allocd):
    """Every row of every table."""
    names = [name for [name] in allocd.query(TABLES)]
    return {name: allocd.query(f'select t::text from "{name}" t order by 1') for name in names}
