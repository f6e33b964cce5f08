"""Fixtures: servers once a session; a fresh database and prefix for every test; proxies; the ledger."""

import contextlib
import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "support"), str(HERE.parent / "support"), str(HERE.parents[1] / "scripts")]

import installation  # noqa: E402
import redis_nodes  # noqa: E402
import servers  # noqa: E402
from browser import running_browser  # noqa: E402
from fleet import fleet_of  # noqa: E402
from ledger import Ledger  # noqa: E402
from proxy import postgres_behind, redis_behind  # noqa: E402
from wires import PostgresWire, RedisWire, Watch  # noqa: E402

# What a failed test shows of the log of each of its workers.
LOG_LINES, LOG_WIDTH = 40, 400

# A background job of a shell ignores these signals, and every program that it starts would ignore them, too.
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


# Files that are done soon come last, and those that wait for a build first, so that all of several pytest workers end at
# about the same time.
SHORT_FOLDERS = ("deployments", "messages", "start")
LONG_FILES = ("test_image.py", "test_package.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (item.path.name not in LONG_FILES, item.path.parent.name in SHORT_FOLDERS))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """Adds to the report of a failure how the logs of the workers end that the test uses."""
    report = (yield).get_result()
    if not report.failed:
        return
    for log in sorted({there.log for there in installation.Installation.in_use if there.log.exists()}):
        lines = servers.tail_of(log, LOG_LINES).splitlines()
        report.sections.append((f"end of {log}", "\n".join(line[:LOG_WIDTH] for line in lines)))


@pytest.fixture(scope="session")
def server_urls():
    """The servers of the environment (`./dev test` sets them), or private ones."""
    with servers.environment() as urls:
        yield urls


@pytest.fixture
def database_url(server_urls):
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        yield url


@pytest.fixture
def parked(tmp_path, database_url, server_urls):
    """An installation whose worker does not run yet."""
    there = installation.Installation(tmp_path, database_url, server_urls["REDIS_URL"])
    yield there
    there.close()


@pytest.fixture
def allocd(parked):
    """An installation whose worker runs."""
    parked.start()
    return parked


@pytest.fixture(scope="module")
def module_allocd(tmp_path_factory, server_urls):
    """One running installation for a module's many small tests, each of which uses names of its own."""
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = installation.Installation(tmp_path_factory.mktemp("module"), url, server_urls["REDIS_URL"])
        there.start()
        yield there
        there.close()


@pytest.fixture(scope="module")
def browser():
    """A browser for the tests of a module."""
    with running_browser() as there:
        yield there


@pytest.fixture
def own_directory():
    with servers.scratch_directory() as directory:
        yield directory


@pytest.fixture
def own_redis(own_directory):
    """A Redis that the test may stop, freeze and start again."""
    with servers.running(servers.Redis(own_directory)) as redis:
        yield redis


@pytest.fixture
def redis_certificate():
    with servers.scratch_directory() as directory:
        yield redis_nodes.Certificate(directory)


@pytest.fixture(scope="session")
def spare_postgres():
    """One Postgres for all tests that stop theirs, since making a cluster takes a while."""
    with servers.scratch_directory() as directory, servers.running(servers.Postgres(directory)) as postgres:
        yield postgres


@pytest.fixture
def own_postgres(spare_postgres):
    """A Postgres that the test may stop, kill and start again."""
    if not spare_postgres.process:
        spare_postgres.start()
    return spare_postgres


@pytest.fixture
def make_pooled(server_urls, parked):
    """Puts a PgBouncer between the worker, which does not run yet, and its database."""
    with contextlib.ExitStack() as stack:

        def make(*settings):
            pooler = stack.enter_context(servers.pooler(server_urls["DATABASE_URL"], settings))
            parked.settings["DATABASE_URL"] = installation.by_way_of(pooler, parked.database_url)
            return pooler

        yield make
        parked.close()
        parked.worker = None


@pytest.fixture
def on_own_redis(tmp_path, database_url, own_redis):
    there = installation.Installation(tmp_path, database_url, own_redis.url())
    there.start()
    yield there
    there.close()


@pytest.fixture
def on_own_postgres(tmp_path, server_urls, own_postgres):
    name = installation.unique("allocd_e2e")  # it is left where it is: the server may be down by the end
    own_postgres.ensure_database(name)
    there = installation.Installation(tmp_path, own_postgres.url(name), server_urls["REDIS_URL"])
    there.start()
    yield there
    there.close()


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
    """The settings with which the worker reaches its servers through the proxies."""
    return {"DATABASE_URL": postgres_proxy.url, "REDIS_URL": redis_proxy.url}


@pytest.fixture
def ledger(parked, tmp_path):
    return Ledger(parked, tmp_path)


@pytest.fixture
def fleet(tmp_path, database_url, server_urls):
    """Makes workers of one installation; each is ended with the test."""
    with fleet_of(tmp_path, database_url, server_urls["REDIS_URL"]) as make:
        yield make
