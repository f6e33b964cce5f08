"""Closed standard descriptors, and a log without a reader."""

import fcntl
import os
import subprocess

import pytest
from installation import bench_program, binary, unique, wait_until

CLOSED = {"2>&-": [2], "1>&-": [1], "0<&- 1>&- 2>&-": [0, 1, 2], "0<&- 2>&-": [0, 2], "1>&- 2>&-": [1, 2]}
F_SETPIPE_SZ = 1031


def with_redirections(redirections, *arguments):
    return ["sh", "-c", f'exec "$@" {redirections}', "sh", binary(), *arguments]


def opened_as(allocd, descriptor):
    return os.readlink(f"/proc/{allocd.worker.pid}/fd/{descriptor}")


@pytest.fixture
def launched(parked):
    """Launches the worker by a command line and other arguments of Popen."""

    def launch(command, **more):
        parked.worker = subprocess.Popen(command, env=parked.environment({"ALLOCD_LOG_LEVEL": "debug"}), **more)
        return parked

    return launch


@pytest.mark.parametrize(("redirections", "closed"), CLOSED.items(), ids=CLOSED.keys())
def test_a_closed_standard_descriptor_is_not_reused_for_a_connection(launched, redirections, closed):
    allocd, sku = launched(with_redirections(redirections, "run")), unique("sku")
    wait_until(allocd.ready_or_dead_without_a_log, "allocd to be ready")

    assert [opened_as(allocd, descriptor) for descriptor in closed] == ["/dev/null"] * len(closed)

    allocd.redis.publish(allocd.prefix + "allocate", b"this is logged: it is not JSON")
    allocd.await_dead_letters()
    assert allocd.post("/add_batch", {"ref": unique("batch"), "sku": sku, "qty": 1}).status_code == 201
    assert allocd.stop() == 0


@pytest.mark.parametrize("command", [["config"], ["version"], ["help"], ["dead-letters", "list", "--json"]])
def test_a_command_without_an_output_says_that_it_cannot_write(allocd, command):
    allocd.redis.publish(allocd.prefix + "allocate", b"not JSON")
    allocd.await_dead_letters()

    done = subprocess.run(
        with_redirections("1>&-", *command), env=allocd.environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "standard output" in done.stderr


@pytest.mark.parametrize("command", [["migrate"], ["verify"], ["dead-letters", "list"], ["publish", "allocate"]])
def test_a_command_without_standard_descriptors_has_the_same_exit_code(allocd, command):
    usual = subprocess.run([binary(), *command], env=allocd.environment(), capture_output=True, check=False)

    done = subprocess.run(with_redirections("0<&- 2>&-", *command), env=allocd.environment(), check=False)

    assert done.returncode == usual.returncode


@pytest.mark.parametrize("words", [["no-such-command"], ["dead-letters"], ["verify", "--no-such-option"]])
def test_a_usage_error_without_a_reader_has_the_same_exit_code(words):
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run([binary(), *words], stderr=writer, check=False)

    os.close(writer)
    assert done.returncode == 2


def test_a_version_that_cannot_be_written_is_an_error():
    for program in ([binary(), "version"], [binary(), "--version"], [bench_program(), "--version"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

        assert done.returncode == 1
        assert done.stderr.endswith("cannot write to standard output\n")


def test_a_worker_whose_log_reader_exited_keeps_working(launched):
    reader, writer = os.pipe()
    allocd = launched([binary(), "run"], stderr=writer)
    os.close(writer)
    os.close(reader)
    wait_until(allocd.ready_or_dead_without_a_log, "allocd to be ready")

    allocd.redis.publish(allocd.prefix + "allocate", b"not JSON")
    allocd.await_dead_letters()

    assert allocd.stop() == 0


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK], ids=["blocking", "non-blocking"])
def test_a_worker_whose_log_reader_stopped_keeps_working_and_counts_dropped_lines(launched, flags):
    reader, writer = os.pipe2(flags)
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    allocd = launched([binary(), "run"], stderr=writer)
    os.close(writer)
    wait_until(allocd.ready_or_dead_without_a_log, "allocd to be ready")
    for number in range(300):
        allocd.redis.publish(allocd.prefix + "allocate", b"not JSON %d" % number)
    allocd.await_dead_letters(300)

    assert allocd.get("/livez").status_code == 200  # which a worker that waits for the reader never answers

    os.set_blocking(reader, False)
    log = os.read(reader, 1 << 16)
    allocd.worker.terminate()
    wait_until(lambda: allocd.worker.poll() is not None, "allocd to end")
    assert allocd.wait() == 0
    log += os.read(reader, 1 << 16)
    os.close(reader)
    assert b"log lines were dropped" in log
