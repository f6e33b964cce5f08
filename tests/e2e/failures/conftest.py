"""Fixtures for the tests of failures: proxies before both servers, and the books."""

import pytest
from ledger import Ledger
from proxy import postgres_behind, redis_behind
from wires import PostgresWire, RedisWire, Watch


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def postgres_proxy(database_url, watch):
    with postgres_behind(database_url, lambda: PostgresWire(watch)) as proxy:
        yield proxy


@pytest.fixture
def redis_proxy(server_urls, watch):
    with redis_behind(server_urls["REDIS_URL"], lambda: RedisWire(watch)) as proxy:
        yield proxy


@pytest.fixture
def behind_proxies(postgres_proxy, redis_proxy):
    """What the worker is started with, so that it reaches its servers through the proxies."""
    return {"DATABASE_URL": postgres_proxy.url, "REDIS_URL": redis_proxy.url}


@pytest.fixture
def ledger(parked, tmp_path):
    return Ledger(parked, tmp_path)
