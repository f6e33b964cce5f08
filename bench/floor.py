"""The floor: the least that a durable worker can do, under the load that `allocd-bench` makes for the worker."""

import contextlib
import json
import secrets
import subprocess
import urllib.parse

import place


def measure(server, redis_url, *arguments):
    """The result of `allocd-bench`, in a database made for this, after all effects were counted."""
    prefix = f"bench-{secrets.token_hex(4)}:"
    with contextlib.ExitStack() as stack:
        stack.callback(place.remove_keys, redis_url, prefix)
        url = stack.enter_context(place.fresh_database(server))
        environment = place.environment_of(url, REDIS_URL=redis_url, ALLOCD_PREFIX=prefix, ALLOCD_HTTP="")
        floor = start(environment, redis_url, prefix)
        stack.callback(floor.kill)
        server.run("checkpoint")
        # Of one SKU, so that the version of an event is its number.
        result = place.run_bench(*arguments, "--skus", 1, "--events-only", environment=environment)
        own = stop(floor)
        check(url, redis_url, stream_of(prefix), result["effects"]["messages"], own["messages"])
    result["cpu_us_per_message"]["worker"] = own["cpu_us"] / own["messages"]
    result["units"]["messages_mean"] = own["messages"] / own["reads"]
    return result


def stream_of(prefix):
    return f"{prefix}allocd:commands"


def start(environment, redis_url, prefix):
    redis = urllib.parse.urlparse(redis_url)
    command = [
        place.built("bench/floor"), redis.hostname, str(redis.port or 6379),
        stream_of(prefix), f"{prefix}line_allocated",
    ]  # fmt: skip
    floor = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    if floor.stdout.readline() != "ready\n":
        floor.kill()
        raise place.BenchError("the floor did not start")
    return floor


def stop(floor):
    """What it counted."""
    floor.terminate()
    output, _ = floor.communicate(timeout=place.STOP_TIMEOUT_S)
    if floor.returncode != 0:
        raise place.BenchError(f"the floor ended with {floor.returncode}")
    return json.loads(output)


def check(database_url, redis_url, stream, sent, handled):
    """Each message is a row, and is acknowledged; `allocd-bench` has counted the events."""
    with place.connected(database_url) as database:
        rows, different = database.rows("select count(*), count(distinct message) from floor")[0]
    pending = int(place.ask_redis(redis_url, "xpending", stream, "floor").split()[0])
    if (handled, rows, different, pending) != (sent, sent, sent, 0):
        raise place.LostMessage(
            f"the floor, {sent} messages: {handled} handled, {rows} rows, {different} of them different,"
            f" {pending} not acknowledged"
        )
