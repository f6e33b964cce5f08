"""What the program says about itself: its version and the messages' schemas."""

import json
import subprocess

import jsonschema
import pytest
from installation import EVENTS, ROOT, binary


def test_version_names_the_revision_the_newest_migration_and_the_libraries(parked):
    migrations = sorted((ROOT / "src/adapters/postgres/schema/migrations").glob("*.sql"))

    text = parked.run("version").stdout
    printed = json.loads(parked.run("version", "--json").stdout)

    assert text.splitlines()[0] == f"allocd {printed['version']}"
    assert set(printed) == {"version", "revision", "migration", "libraries", "in_use"}
    assert printed["migration"] == int(migrations[-1].name[:4])
    assert {"hiredis", "jansson", "libcurl", "libevent", "libpq", "msgpack", "openssl"} == set(printed["libraries"])
    for name, version in printed["libraries"].items():
        [row] = [line.split(maxsplit=2) for line in text.splitlines() if line.startswith(f"{name} ")]
        assert row == [name, version, printed["in_use"][name] or "unknown"]
    assert [name for name, version in printed["in_use"].items() if not version] == ["hiredis"]


def test_version_names_the_library_that_is_loaded(parked, tmp_path):
    """Another libjansson may be installed than the one whose headers were compiled."""
    source, library = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text('const char *jansson_version_str(void) { return "2.99"; }\n')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)

    asan = {"ASAN_OPTIONS": "verify_asan_link_order=0"}  # the sanitizer's library is not the first one then
    printed = json.loads(parked.run("version", "--json", LD_PRELOAD=str(library), **asan).stdout)

    assert printed["in_use"]["jansson"] == "2.99"
    assert printed["libraries"]["jansson"] != "2.99"


def test_schema_lists_every_message_and_prints_the_file_of_each(parked):
    listed = [json.loads(line) for line in parked.run("schema", "--json").stdout.splitlines()]

    assert sorted(message["message"] for message in listed) == sorted(path.stem for path in (ROOT / "schemas").glob("*.json"))
    assert [line.split()[0] for line in parked.run("schema").stdout.splitlines()] == [each["message"] for each in listed]
    for message in listed:
        printed = parked.run("schema", message["message"]).stdout
        assert printed == (ROOT / "schemas" / f"{message['message']}.json").read_text(encoding="utf-8")
        jsonschema.Draft202012Validator.check_schema(json.loads(printed))
        assert message["role"] == ("event" if message["message"] in EVENTS else "command")


def test_an_unknown_message_is_refused_with_the_one_that_was_meant(parked):
    done = parked.run("schema", "alocate")

    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no message 'alocate'; did you mean allocate?" in done.stderr


# ---- settings ----


def test_config_prints_every_setting_as_json_without_its_password(parked, tmp_path):
    secret = tmp_path / "redis-url"
    secret.write_text("redis://user:the-secret@127.0.0.1/0", encoding="utf-8")
    secret.chmod(0o600)
    given = {"REDIS_URL": "", "REDIS_URL_FILE": str(secret), "ALLOCD_HTTP_TOKEN": "the-secret"}

    done = parked.run("config", "--json", "--lanes", "4", **given)
    settings = {setting["variable"]: setting for setting in map(json.loads, done.stdout.splitlines())}

    assert done.returncode == 0, done.stderr
    assert "the-secret" not in done.stdout + done.stderr
    assert settings["ALLOCD_LANES"] == {**settings["ALLOCD_LANES"], "value": "4", "from": "option", "default": "2", "file": None}
    assert settings["REDIS_URL"]["file"] == str(secret)
    assert settings["REDIS_URL"]["value"] == "redis://user:***@127.0.0.1/0"
    assert settings["ALLOCD_HTTP_TOKEN"]["value"] == "***"
    assert settings["ALLOCD_UNIT_MAX"]["from"] == "default"


def test_a_check_prints_every_fault_also_those_that_only_an_adapter_finds(parked):
    wrong = {
        "ALLOCD_LANES": "many", "ALLOCD_ENCODING": "xml", "REDIS_URL": "http://x", "DATABASE_URL": "postgresql://h/d?no=1",
        "ALLOCD_SMTP_URL": "smtp://x:y",
    }  # fmt: skip
    done = parked.run("config", "--check", "--connect", **wrong)
    printed = json.loads(parked.run("config", "--check", "--json", **wrong).stdout)

    assert (done.returncode, done.stdout) == (78, "")
    named = [line.split(": ")[1] for line in done.stderr.splitlines()]
    assert sorted(named) == sorted([*wrong, "ALLOCD_MAIL_FROM", "ALLOCD_MAIL_TO"])
    assert [f"allocd: {fault}" for fault in printed["faults"]] == done.stderr.splitlines()
    assert printed["valid"] is False


def test_a_check_connects_to_both_servers(parked):
    well = parked.run("config", "--check", "--connect")
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/allocd", "REDIS_URL": "redis://127.0.0.1:1/0"}
    without = parked.run("config", "--check", "--connect", **nowhere)
    unknown = parked.run("config", "--check", "--connect", DATABASE_URL=parked.database_url + "-no-such-database")

    assert (well.returncode, well.stdout) == (0, ""), well.stderr
    assert "Postgres and Redis can be reached" in well.stderr
    assert without.returncode == 69
    database, redis = without.stderr.splitlines()
    assert database.startswith("allocd: the database: ") and "refused" in database
    assert redis.startswith("allocd: Redis, 127.0.0.1:1: ") and "refused" in redis
    assert unknown.returncode == 69 and "no-such-database" in unknown.stderr


# ---- completion ----


def test_another_shell_is_refused(parked):
    done = parked.run("completion", "tcsh")

    assert (done.returncode, done.stdout) == (2, "")
    assert "expected bash, zsh or fish, not 'tcsh'" in done.stderr
