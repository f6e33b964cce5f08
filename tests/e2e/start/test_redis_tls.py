"""The files for TLS to Redis: checked at the start, and read again at every connect."""

import os

import pytest
import redis_nodes
import servers
from installation import Installation, unique, wait_until
from sure_publishers import connections


@pytest.fixture
def secured_redis(own_directory, redis_certificate):
    """A Redis that demands a client certificate."""
    with servers.running(redis_nodes.Node(own_directory, "redis", certificate=redis_certificate)) as node:
        yield node


@pytest.fixture
def parked(tmp_path, database_url, secured_redis, redis_certificate):
    there = Installation(tmp_path, database_url, secured_redis.url())
    there.settings = redis_certificate.of_worker()
    there.redis = secured_redis.client()
    yield there
    there.close()


def test_a_rotated_certificate_needs_no_restart(parked, secured_redis, redis_certificate):
    parked.start()
    sku = unique("sku")
    parked.stock(sku, **{unique("batch"): 10})
    wait_until(lambda: parked.get(f"/products/{sku}").status_code == 200, "the batch to be there")

    redis_certificate.renew()
    assert parked.run("publish", "allocate", f"sku={sku}", "orderid=o", "qty=1").returncode != 0, "it presents the new one"
    secured_redis.kill()
    secured_redis.start()
    wait_until(lambda: len(connections(parked)) == 4, "every connection to be made again, with the new certificate")

    assert parked.run("publish", "allocate", f"sku={sku}", "orderid=an-order", "qty=1").returncode == 0
    wait_until(lambda: parked.get("/allocations/an-order").status_code == 200, "the order to be allocated")


@pytest.mark.parametrize("name", ["CA", "CERT", "KEY"])
def test_a_missing_file_ends_the_program_and_is_named_with_its_setting(parked, name):
    setting = f"ALLOCD_REDIS_{name}_FILE"

    done = parked.run("run", **{setting: "/nowhere/redis.pem"})

    assert done.returncode == os.EX_CONFIG
    assert f"{setting}: cannot use '/nowhere/redis.pem': No such file or directory" in done.stderr


def test_a_key_of_another_certificate_ends_the_program(parked, tmp_path):
    other = redis_nodes.Certificate(tmp_path)

    done = parked.run("tail", ALLOCD_REDIS_KEY_FILE=str(other.key))

    assert done.returncode == os.EX_CONFIG
    assert f"ALLOCD_REDIS_KEY_FILE: cannot use '{other.key}': this is not the key of the certificate" in done.stderr


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"ALLOCD_REDIS_KEY_FILE": ""}, "ALLOCD_REDIS_KEY_FILE: required when ALLOCD_REDIS_CERT_FILE is set"),
        ({"ALLOCD_REDIS_CERT_FILE": ""}, "ALLOCD_REDIS_CERT_FILE: required when ALLOCD_REDIS_KEY_FILE is set"),
        ({"REDIS_URL": "redis://localhost"}, "ALLOCD_REDIS_CA_FILE: expected nothing, because REDIS_URL does not begin with rediss://"),
    ],
)
def test_settings_that_do_not_go_together_end_the_program(parked, settings, error):
    done = parked.run("run", **settings)

    assert done.returncode == os.EX_CONFIG
    assert error in done.stderr
