"""A worker that cannot start logs one clear line, and ends with the contract's exit code."""

import socket

import pytest
import servers

WRONG = {
    "ALLOCD_HTTP": "nowhere",
    "ALLOCD_ENCODING": "xml",
    "ALLOCD_ENVELOPE": "paper",
    "ALLOCD_UNIT_MAX": "0",
    "ALLOCD_LANES": "many",
    "ALLOCD_INBOX_DAYS": "-1",
    "ALLOCD_DEAD_LETTERS_MAX": "1e5",
    "ALLOCD_START_WAIT": "soon",
    "ALLOCD_LOG_LEVEL": "loud",
    "ALLOCD_LOG_FORMAT": "prose",
    "REDIS_URL": "http://127.0.0.1",
}


@pytest.mark.parametrize(("variable", "value"), WRONG.items(), ids=WRONG.keys())
def test_a_wrong_setting_ends_the_program_with_its_name(parked, variable, value):
    done = parked.run("run", **{variable: value})

    assert done.returncode == 78
    [line] = done.stderr.splitlines()
    assert variable in line


def test_an_option_takes_precedence_over_the_environment(parked):
    done = parked.run("run", "--log-level", "loud", ALLOCD_LOG_LEVEL="info")

    assert done.returncode == 78
    [line] = done.stderr.splitlines()
    assert "--log-level" in line or "ALLOCD_LOG_LEVEL" in line


def test_an_unknown_setting_warns_with_the_nearest_name(parked):
    parked.start(ALLOCD_LOG_LEVLE="debug")

    [line] = [line for line in parked.log_lines() if "ALLOCD_LOG_LEVLE" in line]
    assert "ALLOCD_LOG_LEVEL" in line


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
def test_a_service_that_cannot_be_reached_ends_the_start_with_69(parked, variable):
    port = servers.free_port()
    nowhere = {
        "DATABASE_URL": f"postgresql://user:the-password@127.0.0.1:{port}/allocd",
        "REDIS_URL": f"redis://user:the-password@127.0.0.1:{port}/0",
    }

    done = parked.run("run", **{variable: nowhere[variable]}, ALLOCD_START_WAIT="1", ALLOCD_LOG_LEVEL="error")

    assert done.returncode == 69
    [line] = done.stderr.splitlines()
    assert str(port) in line
    assert "the-password" not in line


@pytest.mark.parametrize("password", ["opensesame@word", "opensesame/word", "word@opensesame"])
def test_a_password_that_is_not_percent_encoded_is_never_printed(parked, password):
    done = parked.run("run", DATABASE_URL=f"postgresql://user:{password}@127.0.0.1/allocd", ALLOCD_START_WAIT="1")

    assert done.returncode == 78
    [line] = done.stderr.splitlines()
    assert "DATABASE_URL" in line
    assert "opensesame" not in line


def test_a_port_in_use_ends_the_start_with_its_error(parked):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        address = f"127.0.0.1:{squatter.getsockname()[1]}"

        done = parked.run("run", ALLOCD_HTTP=address, ALLOCD_LOG_LEVEL="error")

    assert done.returncode == 69
    [line] = done.stderr.splitlines()
    assert address in line


def test_a_database_that_is_too_new_is_refused(parked):
    assert parked.run("migrate").returncode == 0
    parked.query(NEWER_MIGRATION, 9999)

    done = parked.run("run", ALLOCD_LOG_LEVEL="error")

    assert done.returncode == 78
    [line] = done.stderr.splitlines()
    assert "9999" in line


def test_a_database_of_a_newer_program_that_this_one_works_with_is_one_line_of_the_log(parked):
    assert parked.run("migrate").returncode == 0
    parked.query(NEWER_MIGRATION, 1)

    parked.start()

    [line] = [line for line in parked.log_lines() if "newer program" in line]
    assert "migration=9999" in line


def test_a_migration_that_was_changed_is_refused(parked):
    assert parked.run("migrate").returncode == 0
    parked.query(CHANGED_MIGRATION)

    done = parked.run("migrate")

    assert done.returncode == 78
    assert "1" in done.stderr


@pytest.mark.parametrize("command", ["run", "migrate"])
def test_a_migration_that_fails_is_rolled_back_and_ends_with_1(parked, command):
    parked.query("create view batches as select 1 as one")

    done = parked.run(command, ALLOCD_LOG_LEVEL="error")

    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "batches" in line
    assert parked.query("select to_regclass('migrations')") == [(None,)]


def test_migrating_twice_changes_nothing(parked):
    assert parked.run("migrate").returncode == 0
    applied = parked.query("select * from migrations")

    assert parked.run("migrate").returncode == 0

    assert parked.query("select * from migrations") == applied


def test_without_migrating_an_empty_database_is_refused(parked):
    done = parked.run("run", "--no-migrate", ALLOCD_START_WAIT="1")

    assert done.returncode == 78
    assert "migrate" in done.stderr


NEWER_MIGRATION = """
    insert into migrations (number, name, oldest_program, checksum)
    select number, 'from the future', %s, 'unknown'
    from generate_series((select max(number) + 1 from migrations), 9999) as number
"""
CHANGED_MIGRATION = "update migrations set checksum = repeat('0', length(checksum)) where number = 1"
