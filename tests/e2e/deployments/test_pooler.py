"""PgBouncer between the worker and its database: in transaction mode with ALLOCD_POOLED=on, in session mode, refused."""

import re

import psycopg2
import pytest
import requests
import servers
from installation import ROOT, by_way_of, unique, wait_until

ON = {"ALLOCD_POOLED": "on"}

# Settings of PgBouncer for its address and its users.
PLACES = ("listen_addr", "listen_port", "auth_type", "auth_file")


def allocate_one(allocd):
    sku = unique("sku")
    assert allocd.post("/add_batch", {"ref": sku, "sku": sku, "qty": 10}).status_code == 201
    assert allocd.post("/allocate", {"orderid": sku, "sku": sku, "qty": 1}).status_code == 202
    assert allocd.get(f"/allocations/{sku}").json() == [{"sku": sku, "batchref": sku}]
    assert len(allocd.get(f"/events/{sku}").json()) == 1
    return sku


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_transaction_mode_without_its_setting_is_refused_with_the_setting_to_use(make_pooled, parked, mode):
    make_pooled(f"pool_mode={mode}")

    for command in ("run", "migrate"):
        done = parked.run(command)

        assert done.returncode == 78, done.stderr
        assert "ALLOCD_POOLED=on" in done.stderr
    assert parked.run("verify").returncode == 78


@pytest.mark.parametrize(
    "settings, pooled",
    [
        (["default_pool_size=2"], ON),
        (["server_round_robin=1"], ON),
        (["pool_mode=session", "default_pool_size=40"], ON),
        (["pool_mode=session", "default_pool_size=40"], {}),
    ],
    ids=["two-sessions", "round-robin", "session-mode-pooled", "session-mode"],
)
def test_the_worker_works_behind_a_pooler(make_pooled, parked, settings, pooled):
    make_pooled(*settings)

    parked.start(**pooled)

    allocate_one(parked)
    assert not [line for line in parked.log_lines() if "level=warn" in line or "level=error" in line]


def test_a_worker_detects_a_pooler_that_changes_to_transaction_mode(make_pooled, parked):
    pooler = make_pooled("pool_mode=session", "default_pool_size=40")
    parked.start()
    pooler.stop()
    pooler.settings["pool_mode"] = "transaction"

    pooler.start()

    wait_until(lambda: "ALLOCD_POOLED=on" in parked.get("/readyz?verbose").text, "the worker to say what to set")
    assert parked.get("/readyz").status_code == 503
    parked.kill()  # it cannot end in order without its database


def test_the_documented_configuration_of_pgbouncer_works(own_directory, parked, server_urls):
    """Without the settings that differ between installations."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```ini\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    pooler = servers.PgBouncer(own_directory, server_urls["DATABASE_URL"])
    settings = dict(re.findall(r"^(\w+) = (.*)$", block.partition("[pgbouncer]")[2], re.MULTILINE))
    pooler.settings = {name: value for name, value in settings.items() if name not in PLACES}
    parked.settings["DATABASE_URL"] = by_way_of(pooler, parked.database_url)

    with servers.running(pooler):
        parked.start(**ON)
        allocate_one(parked)
        assert parked.stop() == 0


def test_pooled_mode_works_without_a_pooler(parked):
    parked.start(**ON)

    allocate_one(parked)


def test_every_tool_works_in_transaction_mode_and_leaves_nothing_in_the_sessions(make_pooled, parked):
    make_pooled("default_pool_size=2")
    parked.start(**ON)
    sku = allocate_one(parked)
    parked.send("allocate", {"orderid": "o", "sku": "none", "qty": 1, "id": "lost"})
    parked.await_dead_letters()

    for command, status in (
        (["migrate"], 0),
        (["verify"], 0),
        (["rebuild-view"], 0),
        (["quiesce"], 0),
        (["await", "--id", "lost"], 1),
        (["republish", "--sku", sku, "--from-version", "1"], 0),
        (["forget", "--order", sku, "--dry-run"], 0),
        (["forget", "--order", sku], 0),
        (["verify"], 0),
        (["dead-letters", "list"], 0),
        (["dead-letters", "show", "1"], 0),
        (["dead-letters", "replay", "--yes"], 1),
        (["dead-letters", "discard", "--yes"], 0),
    ):
        done = parked.run(*command, **ON)
        assert done.returncode == status, f"{command}: {done.stdout} {done.stderr}"
    assert parked.query("select count(*) from order_lines where orderid ~ '^forgotten-'") == [(1,)]
    with psycopg2.connect(parked.settings["DATABASE_URL"]) as other, other.cursor() as cursor:
        cursor.execute("select name, setting from pg_settings where source = 'session' and name ~ 'timeout|enable_|plan'")
        assert cursor.fetchall() == []


def test_a_dry_run_in_transaction_mode_says_that_it_needs_a_session(make_pooled, parked):
    make_pooled()
    parked.start(**ON, ALLOCD_ADMIN_TOKEN="the-token")
    parked.send("allocate", {"orderid": "o", "sku": "none", "qty": 1})
    parked.await_dead_letters()
    rehearsal = requests.post(
        parked.url("/admin/dead-letters/rehearsals"), json={"ids": [1]}, headers={"Authorization": "Bearer the-token"}, timeout=30,
    )  # fmt: skip
    assert (rehearsal.status_code, rehearsal.json()["type"]) == (501, "urn:allocd:problem:no-rehearsals")
    assert "pool_mode=session" in rehearsal.json()["message"]

    done = parked.run("dead-letters", "replay", "--dry-run", "--yes", **ON)

    assert done.returncode == 78, done.stderr
    assert "a dry run needs a session of its own" in done.stderr
    direct = parked.run("dead-letters", "replay", "--dry-run", "--yes", **ON, DATABASE_URL=parked.database_url)
    assert direct.returncode in (0, 1) and "dry run" in direct.stderr, direct.stderr


def test_a_startup_option_that_the_pooler_refuses_is_named(make_pooled, parked):
    make_pooled()
    url = parked.settings["DATABASE_URL"] + " options='-c work_mem=8MB'"

    done = parked.run("migrate", **ON, DATABASE_URL=url, ALLOCD_START_WAIT="0")

    assert done.returncode == 69
    assert re.search("unsupported startup parameter(: options| in options: work_mem)", done.stderr)


def test_a_paused_pooler_delays_the_start_only_while_it_is_paused(make_pooled, parked):
    pooler = make_pooled()
    pooler.command("PAUSE")
    parked.launch(**ON)
    wait_until(lambda: "waiting for the database" in parked.log.read_text(), "the worker to wait")

    pooler.command("RESUME")

    wait_until(parked.ready_or_dead, "the worker to be ready")
