"""A database that is restored from a backup, while the fence in Redis is ahead of it."""

import json

import psycopg2.extensions
from installation import administrator, unique, wait_until


def test_a_restored_database_publishes_again_after_outbox_renew(parked, server_urls, ledger):
    """
    The fence of the lost incarnation refuses the events of the restored database: the worker takes no commands, is
    not ready and reports why, until `allocd outbox renew`; then the commands that waited are handled.
    """
    parked.start()
    ledger.open("sku")
    allocate(parked, "before")
    assert parked.stop() == 0
    name = psycopg2.extensions.parse_dsn(parked.database_url)["dbname"]
    copy = unique("backup")
    with administrator(server_urls["DATABASE_URL"]) as execute:
        execute(f'create database "{copy}" template "{name}"')
        parked.start()
        allocate(parked, "lost")
        assert parked.stop() == 0
        execute(f'drop database "{name}" with (force)')
        execute(f'alter database "{copy}" rename to "{name}"')

    with ledger.listening():
        parked.launch()
        wait_until(lambda: "outbox renew" in parked.readiness(), "readiness to say what is wrong")
        refused = parked.post("/allocate", {"orderid": "refused", "sku": "sku", "qty": 1})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:allocd:problem:database-restored")
        entry = {"type": "allocate", "data": json.dumps({"orderid": "by-stream", "sku": "sku", "qty": 1})}
        parked.redis.xadd(f"{parked.prefix}allocd:commands", entry)
        parked.send("allocate", {"orderid": "by-pubsub", "sku": "sku", "qty": 1})
        assert ledger.heard_on_channels() == []
        renewed = parked.run("outbox", "renew", "--yes")
        assert renewed.returncode == 0, renewed.stdout + renewed.stderr
        wait_until(parked.ready, "readiness to return")
        allocate(parked, "after")
        ledger.await_heard(len(orders("after")) + 2)
        ledger.await_published()
        heard = [event["orderid"] for event in ledger.heard_on_channels()]

    assert sorted(heard) == sorted([*orders("after"), "by-pubsub", "by-stream"])
    assert [event["orderid"] for event in ledger.events("sku")] == orders("before") + heard
    ledger.check_verify()


def orders(word):
    return [f"{word}-{number}" for number in range(10)]


def allocate(allocd, word):
    for order in orders(word):
        fields = {"orderid": order, "sku": "sku", "qty": 1}
        assert allocd.post("/allocate", fields).status_code == 202


def test_a_server_on_an_earlier_timeline_than_another_one_publishes_nothing_until_outbox_renew(parked, ledger):
    """Another worker has used a promoted standby, and this one is on the server that the standby replaced."""
    parked.start()
    ledger.open("sku")
    allocate(parked, "before")
    ledger.await_published()
    fence, = parked.redis.keys(f"{parked.prefix}allocd:fence:*")
    newest, = (field for field in parked.redis.hkeys(fence) if not field.isdigit())
    parked.redis.hset(fence, newest, "0000FFFF")
    with ledger.listening():
        allocate(parked, "after")
        wait_until(lambda: "FENCED another worker has published on timeline 0000FFFF" in str(parked.log_lines()),
                   "the log to say so")
        wait_until(lambda: "database-restored" in parked.run("status", "--check").stdout, "the status to say so")
        assert ledger.heard_on_channels() == []
        assert parked.run("outbox", "renew", "--yes").returncode == 0
        ledger.await_heard(len(orders("after")))
        ledger.await_published()
        heard = [event["orderid"] for event in ledger.heard_on_channels()]

    assert heard == orders("after")
    ledger.check_verify()
