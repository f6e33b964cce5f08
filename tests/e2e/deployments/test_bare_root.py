"""scripts/bare_root.sh, by a base of a few programs, so that no package is asked for."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
import servers
from buildah import reason_against
from installation import ROOT

SCRIPT = ROOT / "scripts" / "bare_root.sh"
PROGRAMS = ("env", "sh", "sleep", "touch", "umount")
LIMIT_S = 60


@pytest.fixture(scope="module", autouse=True)
def may_mount():
    if reason := reason_against():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A root with these programs, and the libraries that they load."""
    root = tmp_path_factory.mktemp("base") / "root"
    for folder in ("bin", "dev", "proc", "sys", "usr/local/share"):
        (root / folder).mkdir(parents=True)
    for name in PROGRAMS:
        program = shutil.which(name)
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        shutil.copy(program, root / "bin" / name)
        for library in re.findall(r"(/\S+) \(0x", loaded):
            (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, root / library[1:])
    (root / "etc").mkdir()
    (root / "etc" / "os-release").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')
    return root


@pytest.fixture
def scratch():
    """The folder that roots are made in, which is empty again at the end."""
    with servers.scratch_directory() as folder:
        yield folder
        assert os.listdir(folder) == []


def bare_root(scratch, *arguments):
    """The command that runs the script, and its environment."""
    return [SCRIPT, *map(str, arguments)], {"env": {**os.environ, "TMPDIR": str(scratch)}, "stdin": subprocess.DEVNULL}


def run(scratch, *arguments):
    command, more = bare_root(scratch, *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S, **more)


def running(*words):
    """Whether a process with these arguments exists, in any namespace."""
    sought = b"\0".join(word.encode() for word in words)
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().rstrip(b"\0") == sought:
                return True
        except OSError:  # it has ended
            pass
    return False


def test_the_command_runs_in_a_clone_of_the_project_and_its_status_is_that_of_the_script(base, scratch, tmp_path):
    (tmp_path / "share").mkdir()

    done = run(scratch, "--base", base, "--share", tmp_path / "share", "sh", "-c", "[ -x dev ] && touch /share/there && echo $PWD $HOME && exit 7")

    assert (done.returncode, done.stdout, done.stderr) == (7, "/src /root\n", "")
    assert (tmp_path / "share/there").exists()
    assert not (base / "src").exists(), "the base is not changed"


def test_a_command_that_takes_too_long_is_ended_with_124(base, scratch):
    words = ("sleep", f"1{os.getpid()}.124")

    done = run(scratch, "--base", base, "--timeout", 1, *words)

    assert done.returncode == 124
    assert not running(*words)


def test_a_command_that_was_killed_has_not_taken_too_long(base, scratch):
    assert run(scratch, "--base", base, "sh", "-c", "kill -9 $$").returncode == 137


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_script_ends_its_command(base, scratch, tmp_path, number):
    share, words = tmp_path / "share", ("sleep", f"1{os.getpid()}.{number:03}")  # found by its arguments
    share.mkdir()
    command, more = bare_root(scratch, "--base", base, "--share", share, "sh", "-c", f"touch /share/begun; exec {' '.join(words)}")
    script = subprocess.Popen(command, **more)
    try:
        servers.wait_until((share / "begun").exists, "the command to begin", LIMIT_S)
        servers.wait_until(lambda: running(*words), "it to sleep", LIMIT_S)

        script.send_signal(number)

        assert script.wait(LIMIT_S) == 128 + number
        assert not running(*words)
    finally:
        script.terminate()
        script.wait(LIMIT_S)


def test_a_base_of_another_user_is_refused(base, scratch, tmp_path):
    foreign = tmp_path / "foreign"
    shutil.copytree(base, foreign, symlinks=True)
    os.chown(foreign, 65534, 65534)

    done = run(scratch, "--base", foreign, "sh", "-c", "exit 0")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{foreign} belongs to another user" in done.stderr


def test_a_base_of_another_suite_is_refused(base, scratch):
    done = run(scratch, "--suite", "trixie", "--base", base, "sh", "-c", "exit 0")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"the root in {base} is bookworm, not trixie: give trixie another --base" in done.stderr


def test_a_base_is_made_again_when_it_is_a_week_old(base, tmp_path):
    """By a mmdebstrap that makes an empty folder."""
    made, programs = tmp_path / "made", tmp_path / "programs"
    shutil.copytree(base, made, symlinks=True)
    programs.mkdir()
    (programs / "mmdebstrap").write_text('#!/bin/sh\nfor folder; do :; done\nmkdir "$folder"\ntouch --date="9 days ago" "$folder"\n')
    (programs / "mmdebstrap").chmod(0o755)
    for days, entries in ((6.9, os.listdir(base)), (7.1, [])):
        then = time.time() - days * 24 * 3600
        os.utime(made, (then, then))
        subprocess.run([SCRIPT, "--base", made, "--make"], env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}, check=True, timeout=LIMIT_S)
        assert sorted(os.listdir(made)) == sorted(entries), f"{days} days"
    assert time.time() - made.stat().st_mtime < LIMIT_S, "the week begins when it was made"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected a command"), (["--make"], "--make needs --base"), (["--base"], "--base needs a value"),
        (["--basis", "x", "sh"], "unknown option --basis"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_is_made(scratch, arguments, said):
    done = run(scratch, *arguments)

    assert done.returncode == 2 and said in done.stderr
