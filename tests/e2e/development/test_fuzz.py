"""./dev fuzz: each target is run, an input that fails is stored with the command that repeats it, and corpora stay small."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
from dev_program import of_folder
from installation import ROOT, TIMEOUT_S, wait_until

FUZZ = ROOT / "tests" / "fuzz"
sys.path.append(str(FUZZ))
import fuzz  # noqa: E402

# Writes what libFuzzer writes; fails, with an input of its own, if it is called "bad", and does not end if "slow".
PROGRAM = """#!/usr/bin/python3
import re, sys, time
options = dict(word[1:].split("=", 1) for word in sys.argv[1:] if word.startswith("-"))
if "merge_control_file" in options:
    with open(options["merge_control_file"], "r+", encoding="utf-8") as control:
        count, _, *inputs = control.read().splitlines()
        assert int(count) == len(inputs)
        for number, path in enumerate(inputs):
            features = [str(8 * edge + 3) for edge in open(path, "rb").read()]
            control.write("STARTED %d 1\\nFT %d %s\\nCOV %d\\n" % (number, number, " ".join(features), number))
    sys.exit()
[first, *_] = [word for word in sys.argv[1:] if not word.startswith("-")]
open(first + "/found", "wb").close()  # new inputs go to the first folder
print("#7\\tDONE   cov: 5 ft: 9 corp: 1/1b lim: 4 exec/s: 3 rss: 1Mb")
print("stat::number_of_executed_units: 70")
if sys.argv[0].endswith("slow"):
    open(options["artifact_prefix"] + "begun", "wb").close()
    time.sleep(1000)
if sys.argv[0].endswith("bad"):
    open(options["artifact_prefix"] + "crash-1", "wb").close()
    print("replies.c:7: another answer")
    sys.exit(77)
"""


@pytest.fixture
def build(tmp_path):
    """A build with these targets."""

    def write(*names):
        for name in names:
            path = tmp_path / "tests" / "fuzz" / f"fuzz-{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PROGRAM, encoding="utf-8")
            path.chmod(0o755)
        return tmp_path

    return write


def run_fuzz(build, *arguments):
    return subprocess.run(
        [sys.executable, FUZZ / "fuzz.py", "--build", build, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_every_target_is_run_and_counted(build):
    done = run_fuzz(build("one", "two"), "all", "7")

    assert done.returncode == 0
    assert re.search(r"^one +70 executions, +10/s; reached 5 edges, 9 features$", done.stdout, re.M)
    assert done.stdout.splitlines()[-1] == "2 targets, 140 executions, 0 failed"


def test_what_is_found_goes_to_the_build_also_by_the_first_run(build):
    folder = build("one")
    run_fuzz(folder, "one", "1")

    assert [path.name for path in (folder / "found" / "one").iterdir()] == ["found"]


def test_an_input_that_fails_is_stored_and_its_command_printed(build):
    folder = build("bad", "one")
    done = run_fuzz(folder, "all", "1")

    assert done.returncode == 1 and "replies.c:7: another answer" in done.stdout
    stored = folder / "found" / "bad-crash-1"
    [repeat] = re.findall(r"^== Repeat it: (.*)$", done.stdout, re.M)
    assert stored.exists()
    assert shlex.split(repeat)[-4:] == [str(folder / "tests" / "fuzz" / "fuzz-bad"), "-timeout=10", "-rss_limit_mb=2048", str(stored)]
    assert "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1" in repeat
    assert done.stdout.splitlines()[-1] == "2 targets, 140 executions, 1 failed"


def test_a_target_that_is_not_done_in_time_fails(build, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fuzz, "CLOSE_S", 0)

    assert fuzz.main(["--build", str(build("slow")), "slow", "1"]) == 1
    assert "== slow was not done in 1 s; all of its output:" in capsys.readouterr().out
    assert not of_folder(tmp_path)


@pytest.mark.parametrize("send, number", [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)])  # a terminal, its parent
def test_a_signal_ends_it_and_its_target_and_says_what_was_done(build, tmp_path, send, number):
    folder = build("one", "slow")
    words = [sys.executable, FUZZ / "fuzz.py", "--build", folder]
    running = subprocess.Popen(words, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until((folder / "found" / "slow-begun").exists, "the target to begin")
        send(running.pid, number)
        output, errors = running.communicate(timeout=TIMEOUT_S)
        assert (running.returncode, errors) == (128 + number, "")
        assert output.splitlines()[-1] == "1 targets, 70 executions, 0 failed"
        wait_until(lambda: not of_folder(tmp_path), "the target to end")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def test_what_was_found_is_judged_by_python(build, tmp_path):
    folder = build("messages")
    verdicts = folder / "tests" / "unit" / "codec" / "verdicts"
    verdicts.parent.mkdir(parents=True)
    verdicts.write_text("#!/bin/sh\nwhile read -r line; do echo '{\"error\": \"payload: expected nothing\"}'; done\n", encoding="utf-8")
    verdicts.chmod(0o755)

    done = run_fuzz(folder, "messages", "1")

    assert done.returncode == 1
    assert re.search(r" as allocate: .*Python's, ours", done.stdout)
    assert "== messages is judged otherwise by Python; all of its output:" in done.stdout


@pytest.mark.parametrize("arguments", [["three"], ["one", "0"], ["one", "x"]])
def test_a_target_or_a_time_that_is_not_there_is_refused(build, arguments):
    done = run_fuzz(build("one"), *arguments)

    assert done.returncode == 2
    assert arguments[-1] in done.stderr


def test_a_corpus_keeps_inputs_with_names_and_the_fewest_that_reach_the_rest(build, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "CORPUS_MAX", 2)
    target = fuzz.Target(build("one") / "tests" / "fuzz" / "fuzz-one", tmp_path)
    target.corpus = tmp_path / "corpus"
    for folder, name, content in (
        (target.corpus, "a_rule", b"\1"), (target.corpus, "0" * 12, b"\2"),
        (target.found, "1" * 40, b"\1\2\3"), (target.found, "2" * 40, b"\3"), (target.found, "3" * 40, b"\4"),
    ):  # fmt: skip
        folder.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content)

    fuzz.keep(target)

    kept = {path.name: path.read_bytes() for path in target.corpus.iterdir()}
    assert kept.pop("a_rule") == b"\1"
    assert sorted(kept.values()) == [b"\1\2\3", b"\4"] and all(fuzz.HASH.fullmatch(name) for name in kept)


def test_a_corpus_stays_as_it_is_where_nothing_was_found(build, tmp_path):
    target = fuzz.Target(build("one") / "tests" / "fuzz" / "fuzz-one", tmp_path)
    target.corpus = tmp_path / "corpus"
    target.corpus.mkdir()
    (target.corpus / "a_rule").write_bytes(b"\1")

    fuzz.keep(target)

    assert [path.name for path in target.corpus.iterdir()] == ["a_rule"]


# ---- the targets of the project ----

TARGETS = {path.stem for path in FUZZ.glob("*.c") if "\nint LLVMFuzzerTestOneInput(" in path.read_text(encoding="utf-8")}


def test_each_target_is_built_has_a_small_corpus_and_is_documented():
    listed = set(re.findall(r"^  '(\w+)': ", (FUZZ / "meson.build").read_text(encoding="utf-8"), re.M))
    proof = (ROOT / "docs" / "proof.md").read_text(encoding="utf-8")

    assert TARGETS == listed == {folder.name for folder in (FUZZ / "corpus").iterdir()}
    for name in TARGETS:
        sizes = [path.stat().st_size for path in (FUZZ / "corpus" / name).iterdir()]
        assert 0 < len(sizes) <= 3 * fuzz.CORPUS_MAX and sum(sizes) <= 1 << 17, name
        assert re.search(rf"^\| `{name}` \|", proof, re.M), name


def test_each_target_has_faults_that_its_corpus_must_notice():
    mutants = (ROOT / "tests" / "mutants" / "fuzz.toml").read_text(encoding="utf-8")

    assert {f'"tests/fuzz/fuzz-{name}"' for name in TARGETS} == set(re.findall(r"^program = (.*)$", mutants, re.M))
