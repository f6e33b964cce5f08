"""Queries that tests of several tools share."""

from installation import wait_until


def lines_of(done):
    return done.stdout.splitlines()


def handled(there, message):
    wait_until(lambda: there.query("select 1 from inbox where id = %s", message), f"{message} to be handled")
