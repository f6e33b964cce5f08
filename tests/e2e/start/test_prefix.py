"""A database belongs to one prefix of channels and keys."""

import contextlib

import pytest
from installation import Installation, wait_until


@pytest.fixture
def other(parked, tmp_path):
    """Another installation with the same database, whose prefix is another one."""
    (tmp_path / "other").mkdir()
    other = Installation(tmp_path / "other", parked.database_url, parked.redis_url)
    with contextlib.closing(other):
        yield other


def test_a_worker_with_another_prefix_is_refused_until_it_is_given_the_database(parked, other):
    parked.start()
    assert parked.stop() == 0
    for arguments in ([], ["--no-migrate"]):
        refused = other.run("run", *arguments)
        assert refused.returncode == 78
        assert f'belongs to ALLOCD_PREFIX \\"{parked.prefix}\\", not to \\"{other.prefix}\\"' in refused.stderr
        assert "allocd outbox renew --prefix" in refused.stderr

    given = other.run("outbox", "renew", "--yes", "--prefix", other.prefix)
    assert given.returncode == 0, given.stderr
    assert given.stdout.splitlines()[-1] == f'prefix "{other.prefix}"'
    other.start()
    assert other.stop() == 0
    assert parked.run("run").returncode == 78


def test_a_renewal_alone_leaves_the_database_to_its_prefix(parked, other):
    parked.start()
    assert parked.stop() == 0
    assert other.run("outbox", "renew", "--yes").returncode == 0
    assert other.run("run").returncode == 78
    parked.start()


def test_of_workers_that_start_at_once_with_two_prefixes_one_is_refused(parked, other):
    parked.launch()
    other.launch()
    both = [parked, other]
    wait_until(lambda: any(each.worker.poll() is not None for each in both), "one of them to end")
    refused = next(each for each in both if each.worker.poll() is not None)
    assert refused.wait() == 78
    both.remove(refused)
    wait_until(both[0].ready, "the other one to be ready")
    assert parked.query("select prefix from installation") == [(both[0].prefix,)]


def test_tools_and_migrations_take_no_database(parked, other):
    assert parked.run("migrate").returncode == 0
    assert parked.run("verify").returncode == 0
    assert parked.query("select prefix from installation") == [(None,)]
    other.start()
    assert parked.query("select prefix from installation") == [(other.prefix,)]
