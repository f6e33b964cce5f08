"""Fixtures for the tests of failures: proxies before both servers, and the books."""

import urllib.parse

import installation
import psycopg2.extensions
import pytest
from ledger import Ledger
from proxy import Proxy
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


def postgres_behind(url, wire):
    """A proxy before that server; its `url` leads through it. Without TLS, so that it can be read."""
    options = psycopg2.extensions.parse_dsn(url)
    host, port = options.get("host", "localhost"), options.get("port", "5432")
    proxy = Proxy(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port)), wire)
    proxy.url = psycopg2.extensions.make_dsn(
        url, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable"
    )
    return proxy


def redis_behind(url, wire):
    parts = urllib.parse.urlsplit(url)
    proxy = Proxy((parts.hostname, parts.port or 6379), wire)
    userinfo = parts.netloc.rpartition("@")[0]
    netloc = f"{userinfo}@127.0.0.1:{proxy.port}".lstrip("@")
    proxy.url = urllib.parse.urlunsplit(parts._replace(netloc=netloc))
    return proxy


@pytest.fixture
def behind_proxies(postgres_proxy, redis_proxy):
    """What the worker is started with, so that it reaches its servers through the proxies; they end after it."""
    return {"DATABASE_URL": postgres_proxy.url, "REDIS_URL": redis_proxy.url}


@pytest.fixture
def ledger(parked, tmp_path):
    return Ledger(parked, tmp_path)
