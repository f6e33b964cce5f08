"""bench/floor.c keeps the order that makes it a bound: commit, publish, acknowledge; and its effects are counted."""

import contextlib
import json
import os
import sys

import installation
import psycopg2
import pytest
import redis
from installation import TIMEOUT_S, unique, wait_until

sys.path.append(str(installation.ROOT / "bench"))

import floor as bench_floor  # noqa: E402
import place  # noqa: E402


class Floor:
    """A running floor, with what a test sees of it."""

    def __init__(self, database_url, redis_url):
        self.database_url, self.redis_url = database_url, redis_url
        self.redis = redis.Redis.from_url(redis_url)
        prefix = f"{unique('floor')}:"
        self.stream = bench_floor.stream_of(prefix)
        self.events = self.redis.pubsub(ignore_subscribe_messages=True)
        self.events.subscribe(f"{prefix}line_allocated")
        self.events.get_message(timeout=TIMEOUT_S)  # that it is subscribed
        self.process = bench_floor.start({**os.environ, "DATABASE_URL": database_url}, redis_url, prefix)

    def send(self, *ids):
        with self.redis.pipeline() as pipeline:
            for name in ids:
                pipeline.xadd(self.stream, {"type": "allocate", "data": json.dumps({"id": name})})
            pipeline.execute()

    def next_event(self, timeout=TIMEOUT_S):
        message = self.events.get_message(timeout=timeout)
        return message and json.loads(message["data"])

    def pending(self):
        return self.redis.xpending(self.stream, "floor")["pending"]

    def rows(self):
        with place.connected(self.database_url) as database:
            return database.value("select count(*) from floor")


@pytest.fixture
def floor(database_url, server_urls):
    there = Floor(database_url, server_urls["REDIS_URL"])
    yield there
    there.process.kill()
    there.process.communicate()
    there.events.close()
    there.redis.close()


def test_each_message_is_a_row_an_event_and_is_acknowledged(floor):
    floor.send("first", "second")

    assert floor.next_event() == {"version": 1, "id": "first"}
    assert floor.next_event() == {"version": 2, "id": "second"}
    wait_until(lambda: floor.pending() == 0, "the acknowledgements")
    assert floor.rows() == 2
    own = bench_floor.stop(floor.process)
    assert own["messages"] == 2 and 1 <= own["reads"] <= 2 and own["cpu_us"] > 0


def test_what_is_not_committed_is_neither_published_nor_acknowledged(floor):
    with contextlib.closing(psycopg2.connect(floor.database_url)) as other:
        other.cursor().execute("lock table floor in share mode")
        floor.send("waits")
        wait_until(lambda: floor.pending() == 1, "the floor to read")
        assert floor.next_event(timeout=0.2) is None
        other.rollback()

    assert floor.next_event() == {"version": 1, "id": "waits"}
    wait_until(lambda: floor.pending() == 0, "the acknowledgement")


def test_a_commit_that_fails_ends_the_floor_with_its_messages_pending(floor):
    with place.connected(floor.database_url) as database:
        database.run("alter table floor add check (message not like '%%bad%%')")
    floor.send("good", "bad")

    assert floor.process.wait(TIMEOUT_S) == 1
    assert floor.next_event(timeout=0.2) is None
    assert (floor.pending(), floor.rows()) == (2, 0)


@pytest.mark.parametrize(
    "damage", ["delete from floor where message like '%%first%%'", "update floor set message = 'the same'"]
)
def test_a_row_that_is_missing_or_wrong_is_a_lost_message(floor, damage):
    floor.send("first", "second")
    wait_until(lambda: floor.rows() == 2 and floor.pending() == 0, "the effects")
    bench_floor.check(floor.database_url, floor.redis_url, floor.stream, 2, 2)

    with place.connected(floor.database_url) as database:
        database.run(damage)

    with pytest.raises(place.LostMessage):
        bench_floor.check(floor.database_url, floor.redis_url, floor.stream, 2, 2)
