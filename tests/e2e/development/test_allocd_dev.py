"""allocd-dev: COMMAND finds every server, and nothing is left after any end."""

import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import psycopg2
import pytest
import redis
from dev_program import Running, assert_nothing_left, dev_program, environment, of_folder, run, running
from installation import ROOT, TIMEOUT_S, binary, wait_until


# ---- COMMAND ----

COMMAND = """
import json, os, subprocess, urllib.request
import psycopg2, redis
r = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
assert r.publish("create_batch", json.dumps({"batchref": "b", "sku": "lamp", "qty": 7})) == 1
subprocess.run(["allocd", "quiesce"], check=True)
with urllib.request.urlopen(os.environ["ALLOCD_URL"] + "/products/lamp") as answer:
    print(json.load(answer)["batches"][0]["qty"])
with psycopg2.connect(os.environ["DATABASE_URL"]) as connection:
    cursor = connection.cursor()
    cursor.execute("select purchased from batches")
    print(cursor.fetchall())
assert os.environ["ALLOCD_HTTP"] in os.environ["ALLOCD_URL"]
"""


def test_a_command_finds_the_servers_and_allocd(dev_folder):
    done = run(dev_folder, "--", sys.executable, "-c", COMMAND, DATABASE_URL="postgresql:///mine", REDIS_URL_FILE="/none")

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "7\n[(7,)]\n")
    assert_nothing_left(dev_folder)


def test_postgres_is_found_where_debian_keeps_it_out_of_path(dev_folder):
    done = run(dev_folder, "--", "true", PATH="/usr/bin:/bin")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "command, status, error",
    [
        (["sh", "-c", "exit 3"], 3, ""),
        (["sh", "-c", "kill -9 $$"], 137, ""),
        (["no-such-program"], 127, "allocd-dev: cannot run no-such-program: No such file or directory\n"),
        (["/"], 126, "allocd-dev: cannot run /: Permission denied\n"),
    ],
)
def test_the_exit_status_is_that_of_the_command(dev_folder, command, status, error):
    done = run(dev_folder, "--", *command)

    assert (done.returncode, done.stdout, done.stderr) == (status, "", error)
    assert_nothing_left(dev_folder)


def test_a_command_that_takes_too_long_is_ended(dev_folder):
    done = run(dev_folder, "--timeout", "1", "--", "sleep", "600")

    assert (done.returncode, done.stderr) == (
        124, "allocd-dev: sleep is ended because it took too long (--timeout)\n"
    )  # fmt: skip
    assert_nothing_left(dev_folder)


def test_signals_are_passed_on_to_the_command(dev_folder):
    script = "trap 'echo heard; exit 5' USR1; echo begun; while :; do sleep 0.1; done"
    dev = subprocess.Popen(
        [dev_program(), "--", "sh", "-c", script], env=environment(dev_folder), stdout=subprocess.PIPE, text=True
    )
    assert dev.stdout.readline() == "begun\n"
    dev.send_signal(signal.SIGUSR1)

    assert dev.communicate(timeout=TIMEOUT_S)[0] == "heard\n"
    assert dev.returncode == 5
    assert_nothing_left(dev_folder)


def test_the_terminal_interrupts_the_command_once(dev_folder):
    script = "trap 'echo heard; exit 7' INT; echo begun; while :; do sleep 0.1; done"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(dev_program(), ["allocd-dev", "--", "sh", "-c", script], environment(dev_folder))
    seen = b""
    with contextlib.suppress(OSError):  # EIO: its other end was closed
        while part := os.read(terminal, 1000):
            seen += part
            if part.endswith(b"begun\r\n"):
                os.write(terminal, b"\x03")

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert seen.count(b"heard") == 1
    assert_nothing_left(dev_folder)


# ---- its end ----


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_nothing_is_left_after_a_signal(dev_folder, number, status):
    dev = Running(dev_folder)
    assert dev.get("/readyz").status_code == 200

    assert dev.end(number) == status
    assert_nothing_left(dev_folder)


@pytest.mark.parametrize("after_s", [0.05, 0.5, 1.0])
def test_nothing_is_left_when_it_is_killed_while_it_starts(dev_folder, after_s):
    dev = subprocess.Popen([dev_program(), "--", "sleep", "600"], env=environment(dev_folder))
    time.sleep(after_s)  # no condition: any moment will do
    dev.kill()
    dev.wait()

    assert_nothing_left(dev_folder)


def test_a_command_ends_with_a_killed_allocd_dev(dev_folder):
    dev = subprocess.Popen(
        [dev_program(), "--", sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)"],
        env=environment(dev_folder), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert dev.stdout.readline() == "begun\n"
    dev.kill()
    dev.wait()

    assert_nothing_left(dev_folder)


def test_everything_ends_with_the_process_that_started_it(dev_folder):
    parent = subprocess.Popen(
        ["sh", "-c", f"{dev_program()} -- sh -c 'echo begun; exec sleep 600' & wait"],
        env=environment(dev_folder), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout.readline() == "begun\n"
    parent.kill()
    parent.wait()

    assert_nothing_left(dev_folder)


def keeper_of(dev):
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(dev.process.pid)], capture_output=True, text=True)
    return int(children.stdout.split()[0])


def worker_of(folder):
    [worker] = [pid for pid, line in of_folder(folder).items() if line == "allocd run --no-migrate "]
    return worker


def test_nothing_is_left_when_the_process_that_cleans_up_is_killed(dev_folder):
    dev = Running(dev_folder)
    os.kill(keeper_of(dev), signal.SIGKILL)
    _out, err = dev.process.communicate(timeout=TIMEOUT_S)

    assert dev.process.returncode == 137, err
    assert_nothing_left(dev_folder)


def test_a_second_signal_ends_a_worker_that_does_not_stop(dev_folder):
    dev = Running(dev_folder)
    os.kill(worker_of(dev_folder), signal.SIGSTOP)
    dev.process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        dev.process.wait(timeout=1)
    asked = time.monotonic()
    assert dev.end(signal.SIGINT) == 0

    assert time.monotonic() - asked < 5  # by itself the worker is killed after 12 s
    assert_nothing_left(dev_folder)


def test_redis_asks_for_a_password_that_no_command_line_shows(dev_folder):
    with running(dev_folder) as dev:
        url = dev.at["REDIS_URL"]
        password = urllib.parse.urlsplit(url).password
        assert len(password) == 32
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(url.replace(f"default:{password}@", "")).ping()
        assert all(password not in line for line in of_folder(dev_folder).values())


def test_it_ends_when_a_server_ends(dev_folder):
    dev = Running(dev_folder)
    os.kill(worker_of(dev_folder), signal.SIGKILL)
    _out, err = dev.process.communicate(timeout=TIMEOUT_S)

    assert dev.process.returncode == 1
    assert "allocd-dev: allocd run was ended by a signal (Killed)\n" in err
    assert_nothing_left(dev_folder)


# ---- what goes wrong ----


def test_a_worker_that_cannot_start_is_reported(dev_folder):
    done = run(dev_folder, "--", "true", ALLOCD_LANES="none")

    assert done.returncode == 78
    assert "allocd-dev: allocd migrate ended with status 78\n" in done.stderr
    assert "| allocd: ALLOCD_LANES" in done.stderr
    assert_nothing_left(dev_folder)


@pytest.mark.parametrize(
    "missing, error",
    [
        ("postgres", "found no Postgres server (initdb and postgres)"),
        ("redis", "found no redis-server in PATH: apt-get install redis-server"),
    ],
)
def test_a_missing_server_is_named_with_its_package(dev_folder, tmp_path, missing, error):
    """Debian's dev_folder of Postgres cannot be hidden, so that case needs a machine without it."""
    if missing == "postgres" and os.path.exists("/usr/lib/postgresql"):
        pytest.skip("Postgres is where Debian has it")
    done = run(dev_folder, "--", "true", PATH=str(tmp_path))

    assert done.returncode == 69
    assert error in done.stderr
    assert_nothing_left(dev_folder)


def test_a_port_that_is_in_use_is_refused_only_if_it_was_asked_for(dev_folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(dev_folder, "--http", str(port), "--", "true")
    assert (done.returncode, done.stderr) == (
        69, f"allocd-dev: cannot use the port {port}: Address already in use\n"
    )  # fmt: skip
    assert_nothing_left(dev_folder)


def test_the_port_is_the_one_that_was_asked_for(dev_folder):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with running(dev_folder, "--http", str(port)) as dev:
        assert dev.at["ALLOCD_HTTP"] == f"127.0.0.1:{port}"


def test_two_at_once_do_not_meet(dev_folder):
    with running(dev_folder) as one:
        two = Running(dev_folder)
        one.redis().set("key", "one")
        assert two.redis().get("key") is None
        assert len({*one.at.values(), *two.at.values()}) == 10
        two.end()


# ---- what is kept ----


@pytest.fixture
def kept():
    """A directory that the servers' user can pass through."""
    path = tempfile.mkdtemp(prefix="kept-", dir="/var/tmp")
    os.chmod(path, 0o711)
    yield path
    shutil.rmtree(path)


def test_data_is_kept_in_a_directory(dev_folder, kept):
    for qty in (None, 7):
        with running(dev_folder, "--keep", kept) as dev:
            with psycopg2.connect(dev.at["DATABASE_URL"]) as connection:
                cursor = connection.cursor()
                cursor.execute("select purchased from batches")
                assert cursor.fetchall() == ([(qty,)] if qty else [])
            dev.redis().publish("create_batch", '{"batchref": "b", "sku": "lamp", "qty": 7}')
            wait_until(lambda at=dev: at.get("/products/lamp").status_code == 200, "the batch")
            other = run(dev_folder, "--keep", kept, "--", "true")
            assert (other.returncode, other.stderr) == (
                1, f"allocd-dev: another allocd-dev uses the directory {kept}\n"
            )  # fmt: skip


def test_a_kept_directory_is_used_after_a_kill_in_initdb(dev_folder, kept):
    dev = subprocess.Popen([dev_program(), "--keep", kept, "--", "true"], env=environment(dev_folder))
    wait_until(lambda: os.path.exists(f"{kept}/allocd-dev-initdb/PG_VERSION"), "initdb to write")
    dev.kill()
    dev.wait()
    assert_nothing_left(dev_folder)
    assert not os.path.exists(f"{kept}/cluster"), "initdb was not ended"

    done = run(dev_folder, "--keep", kept, "--", "true")

    assert (done.returncode, done.stderr) == (0, "")
    assert_nothing_left(dev_folder)


def test_a_kept_directory_without_the_database_gets_it(dev_folder, kept):
    """As after a kill between two statements that make the role and the database."""
    with running(dev_folder, "--keep", kept) as dev:
        connection = psycopg2.connect(dev.at["DATABASE_URL"].replace("/allocd?", "/postgres?"))
        connection.autocommit = True
        connection.cursor().execute("drop database allocd with (force)")
        connection.close()

    done = run(dev_folder, "--keep", kept, "--", "true")

    assert (done.returncode, done.stderr) == (0, "")


# ---- what surrounds it ----


def test_what_links_in_its_directory_lead_to_is_not_removed(dev_folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with running(dev_folder):
        [scratch] = os.listdir(dev_folder)
        for folder in ("", "socket/"):
            os.symlink(tmp_path, f"{dev_folder}/{scratch}/{folder}link")

    assert (tmp_path / "file").read_text() == "mine"


def test_the_address_of_postgres_does_not_depend_on_pgport(dev_folder):
    with running(dev_folder, PGPORT="6543") as dev:
        psycopg2.connect(dev.at["DATABASE_URL"]).close()


def test_a_folder_for_temporary_files_that_a_url_cannot_name_is_not_used(dev_folder):
    strange = f"{dev_folder}/50%, at most"
    os.mkdir(strange, 0o711)
    done = run(dev_folder, "--", "sh", "-c", "echo $DATABASE_URL", TMPDIR=strange)
    os.rmdir(strange)

    assert (done.returncode, done.stderr) == (0, "")
    assert "host=/tmp/allocd-dev-" in done.stdout


def open_files(pid):
    """Without those that are closed while they are listed."""
    files = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            files.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return files


def test_the_servers_inherit_no_open_file(dev_folder):
    with running(dev_folder):
        for pid, line in of_folder(dev_folder).items():
            if not line.startswith(("redis-server", "allocd run")):
                continue
            files = open_files(pid)
            assert files.count("/dev/null") == 1, (line, files)
            assert not any(file.startswith("/dev/") and file != "/dev/null" for file in files), (line, files)


# ---- the command line ----


def test_json_is_refused_with_a_command():
    done = subprocess.run([dev_program(), "--json", "--", "true"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (
        2, "", "allocd-dev: --json cannot be used with COMMAND, which has the addresses in its environment\n"
    )  # fmt: skip


def test_the_help_begins_with_examples():
    done = subprocess.run([dev_program(), "--help"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("usage: allocd-dev [OPTION]... [-- COMMAND...]\n")
    assert done.stdout.index("Examples:") < done.stdout.index("Options:")
    version = subprocess.run([dev_program(), "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("allocd-dev 0.")


def test_a_wrong_option_is_refused_with_the_nearest_one():
    done = subprocess.run([dev_program(), "--htpp", "1"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2, "allocd-dev: unknown option --htpp; did you mean --http? (see allocd-dev --help)\n"
    )  # fmt: skip


def test_the_daemon_has_no_reset():
    words = subprocess.run(["strings", "-a", binary()], capture_output=True, text=True, check=True).stdout

    assert "/admin/" in words
    assert "/admin/reset" not in words
    assert "allocd_dev" not in words


def test_the_demo_of_dev_run(dev_folder):
    done = run(dev_folder, "--", sys.executable, str(ROOT / "scripts" / "run.py"), "--once", binary())

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Every event was published as expected.\n")
