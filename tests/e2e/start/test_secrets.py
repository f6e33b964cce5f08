"""A process never reveals its passwords."""

import os
import resource
import signal
import subprocess

import pytest
from installation import binary


def dump_core_without_bound():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def dumps_core(process):
    """Whether the process left a core dump when a signal ended it that no shell lets its jobs ignore."""
    process.send_signal(signal.SIGABRT)
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED)
    process.returncode = -ended.si_status
    return ended.si_code == os.CLD_DUMPED


def test_no_core_dump_holds_the_passwords(parked, tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=tmp_path, preexec_fn=dump_core_without_bound)
    if hard != resource.RLIM_INFINITY or not dumps_core(other):
        pytest.skip("this system writes no core dumps")
    parked.start()
    worker, parked.worker = parked.worker, None
    resource.prlimit(worker.pid, resource.RLIMIT_CORE, (hard, hard))

    assert not dumps_core(worker), "the program's own protection, not a limit, is what stops it"


@pytest.mark.parametrize("command", ["run", "config", "verify"])
def test_a_url_of_an_unknown_scheme_is_refused_without_repeating_it(parked, command):
    done = parked.run(command, DATABASE_URL="postgresql+asyncpg://app:s3cret@db/allocd")

    assert done.returncode == 78
    assert "DATABASE_URL" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_a_parameter_with_a_number_sign_is_hidden_as_a_whole(parked):
    done = parked.run("config", DATABASE_URL="password='p://x&S3CR3T' host=h")

    assert done.returncode == 0
    assert "S3CR3T" not in done.stdout + done.stderr


def test_a_url_file_that_arrives_in_pieces_is_read_completely(parked, tmp_path):
    """The file is a pipe, as in `allocd config --database-url-file <(vault …)`, which is written in pieces."""
    script = f'exec "{binary()}" config --redis-url-file <(printf "redis://h"; sleep 0.1; printf "ost:1/x\\n")'
    done = subprocess.run(["bash", "-c", script], env=parked.environment({"REDIS_URL": ""}), capture_output=True, text=True, check=False)

    assert done.returncode == 78
    assert "the database is a number" in done.stderr, "the last piece was read, for the error is in it"
