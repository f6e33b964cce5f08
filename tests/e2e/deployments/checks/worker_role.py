"""The role of the worker in the database; test_worker_role.py has what it may do, right by right."""

import os

import psycopg2.extensions
import servers
from installation import administrator, binary, fresh_database, unique
from shipped import accepts, check, fault

SCRIPT = "deploy/worker-role.sql"


@check(SCRIPT)
def the_worker_role_may_write_all_tables_but_that_of_migrations(tree):
    role = unique("worker-role")
    with servers.environment() as urls, fresh_database(urls["DATABASE_URL"]) as url, administrator(url) as execute:
        accepts(binary(), "migrate", env={**os.environ, **urls, "DATABASE_URL": url})
        try:
            accepts("psql", "-X", "-q", "-d", url, "-v", f"role={role}", "-f", tree / SCRIPT)
            granted = rights(url, role)
        finally:
            execute(f'drop owned by "{role}"; drop role "{role}"')
    assert granted.pop("migrations") == ["SELECT"], "migrations: the role may write it"
    writing = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    assert (lacking := {table: have for table, have in granted.items() if have != writing}) == {}, lacking


def rights(url, role):
    """{table: the role's rights}"""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select table_name, array_agg(privilege_type::text order by privilege_type)"
            " from information_schema.role_table_grants where grantee = %s group by table_name",
            [role],
        )
        found = dict(cursor.fetchall())
    connection.close()
    return found


fault(
    SCRIPT, 'revoke insert, update, delete on migrations from :"role";\n', "",
    the_worker_role_may_write_all_tables_but_that_of_migrations, "migrations: the role may write it",
)  # fmt: skip
