"""Redis alone: how fast messages are parsed and events published without a database."""

import os
import secrets
import subprocess

import place
from load import Load, orders_over


def measure(redis_url, messages, skus):
    """Messages a second through redis-alone, which is built beside allocd."""
    prefix = f"bench-{secrets.token_hex(4)}:"
    environment = {**os.environ, "REDIS_URL": redis_url, "ALLOCD_PREFIX": prefix}
    orders = orders_over([f"sku-{number}" for number in range(1, skus + 1)], messages)
    with subprocess.Popen([place.built("bench/redis-alone")], env=environment, stdout=subprocess.PIPE, text=True) as alone:
        try:
            if alone.stdout.readline() != "ready\n":
                raise place.BenchError("redis-alone did not start")
            load = Load(redis_url, prefix, "pubsub")
            seconds = load.as_fast_as_it_goes(orders)
            load.close()
        finally:
            alone.terminate()
    if alone.returncode != 0:
        raise place.BenchError(f"redis-alone ended with {alone.returncode}")
    return messages / seconds
