"""Connections that are silent and not closed, as when a cable is cut or a server hangs."""

import os
import subprocess
import sys
import time

import pytest
from installation import ROOT, unique, wait_until

PULLED_CABLE_FOUND_S = 5
# A /readyz that asks a silent database answers after its own deadline.
POSTGRES_FOUND_S = 7
REDIS_FOUND_S = 10
SLACK_S = 2  # allowed for a busy machine


def namespace(*command):
    """Runs a command in a separate network namespace."""
    rights = ["--map-root-user"] if os.geteuid() else []
    return subprocess.run(
        ["unshare", *rights, "--net", *command], capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.skipif(namespace("ip", "link").returncode != 0, reason="no network of our own on this machine")
def test_a_pulled_cable_to_postgres_is_detected_within_5_s(tmp_path, own_postgres, own_redis):
    """Pulls the cable: no packet is acknowledged and no connection closed; when it is plugged in again, work continues."""
    name = unique("allocd_e2e")
    own_postgres.ensure_database(name)
    script = ROOT / "tests" / "e2e" / "support" / "pulled_cable.py"

    done = namespace(sys.executable, script, tmp_path, own_postgres.url(name), own_redis.socket)

    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout) < PULLED_CABLE_FOUND_S + SLACK_S
    print(f"found after {float(done.stdout):.1f} s")


def test_a_silent_postgres_is_detected(postgres_proxy, parked, ledger):
    """Readiness turns off in time; afterwards work continues, and an allocate sent meanwhile has one effect."""
    parked.start(DATABASE_URL=postgres_proxy.url)
    ledger.open("sku")

    found = silence(postgres_proxy, parked, POSTGRES_FOUND_S)
    parked.allocate("sku", "meanwhile", 1, id="meanwhile")
    postgres_proxy.heal()

    wait_until(parked.ready, "readiness to return with Postgres")
    wait_until(lambda: "meanwhile" in ledger.spent(), "the command of meanwhile to be handled")
    assert parked.dead_letters() == []
    print(f"found after {found:.1f} s")


def test_a_silent_redis_is_detected_and_its_blind_window_recorded(redis_proxy, parked):
    """Readiness turns off within 10 s and returns; the table has the time without a subscription."""
    parked.start(REDIS_URL=redis_proxy.url)
    sku = unique("sku")
    parked.stock(sku, batch=10)
    began = parked.query("select clock_timestamp(), count(*) from blind_windows")[0]

    found = silence(redis_proxy, parked, REDIS_FOUND_S)
    redis_proxy.heal()
    wait_until(parked.ready, "readiness to return with Redis")

    windows = "select since, until, cause from blind_windows order by id"
    [(since, until, cause)] = wait_until(lambda: parked.query(windows)[began[1] :], "the blind window")
    healed = parked.query("select clock_timestamp()")[0][0]
    assert (began[0] - since).total_seconds() < REDIS_FOUND_S, "since the last heartbeat that was heard"
    assert since < until <= healed and cause
    print(f"found after {found:.1f} s, blind for {(until - since).total_seconds():.1f} s: {cause}")

    events = parked.listen()
    parked.allocate(sku, "order", 1)
    events.expect("line_allocated", orderid="order")


def silence(proxy, allocd, found_s):
    """Silences the server and returns the time until readiness turned off."""
    silent = time.monotonic()
    proxy.swallow()
    wait_until(lambda: not allocd.ready(), "readiness to turn off")
    found = time.monotonic() - silent
    assert found < found_s + SLACK_S
    return found
