"""What the shells complete, by the scripts where `meson install` puts them."""

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time

import pytest
from installation import binary

SHELL_S = 20
SCRIPTS = {  # below PREFIX/share, as in installed.txt
    "bash": "bash-completion/completions/allocd",
    "zsh": "zsh/site-functions/_allocd",
    "fish": "fish/vendor_completions.d/allocd.fish",
}
SHELLS = sorted(SCRIPTS)
WORDS = [
    ("pub", ["publish"]),
    ("dead-letters ", ["discard", "export", "list", "replay", "restore", "show"]),
    ("dead-letters l", ["list"]),
    ("out", ["outbox"]),
    ("publish allo", ["allocate"]),
    ("publish line_", []),
    ("publish --wa", ["--wait"]),
    ("schema line_a", ["line_allocated"]),
    ("healthcheck ", ["live", "ready"]),
    ("completion ", ["bash", "fish", "zsh"]),
    ("help outb", ["outbox"]),
    ("run --log-f", ["--log-format"]),
    ("run --log-level d", ["debug"]),
    ("run --log-level=w", ["warn"]),
    ("dead-letters replay --dry", ["--dry-run"]),
    ("version --database", []),
]


def printed(shell):
    return subprocess.run([binary(), "completion", shell], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """PREFIX/share of an installation, whose program is in PREFIX/bin."""
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "bin").mkdir()
    (prefix / "bin" / "allocd").symlink_to(binary())
    for shell, path in SCRIPTS.items():
        script = prefix / "share" / path
        script.parent.mkdir(parents=True)
        script.write_text(printed(shell), encoding="utf-8")
    return prefix / "share"


def environment_of(share, settings=None):
    paths = f"{share.parent}/bin:/usr/bin:/bin"
    plain = {"HOME": str(share.parent), "PATH": paths, "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_DATA_DIRS": f"{share}:/usr/share"}
    return {**plain, **(settings or {})}


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=SHELL_S)
    assert done.stderr == "", done.stderr
    return done.stdout


# ---- what each shell offers in place of the last word ----


def by_bash(environment, line):
    """Through the loader of bash-completion, which splits words at an equals sign."""
    words = [part for word in line.split(" ") for part in re.split("(=)", word)]
    program = f"""
        source /usr/share/bash-completion/bash_completion
        _completion_loader allocd
        COMP_LINE={shlex.quote(line)} COMP_POINT=${{#COMP_LINE}}
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        complete -p allocd >/dev/null && _allocd
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return sorted(filter(None, run(["bash", "--norc", "-c", program], environment).splitlines()))


def by_fish(environment, line):
    offered = run(["fish", "--no-config", "-c", f"{VENDOR}; complete -C {shlex.quote(line)}"], environment).splitlines()
    # fish offers an option with the value that is completed, as one word.
    return sorted(word.split("\t")[0].split("=")[-1] for word in offered)


# Without its configuration fish does not look for scripts by itself.
VENDOR = "for each in (string split : $XDG_DATA_DIRS); set -a fish_complete_path $each/fish/vendor_completions.d; end"


def by_zsh(environment, line):
    """In a terminal, because zsh completes nothing elsewhere: lists what is ambiguous, or completes the line."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 300, 300, 0, 0))
        functions = f"{environment['XDG_DATA_DIRS'].split(':')[0]}/zsh/site-functions"
        os.write(terminal, ZSH_SETUP.replace("FUNCTIONS", functions).encode())
        shown(terminal, r"<>")
        os.write(terminal, f"{line}\t\x18s".encode())
        return offered_by_zsh(line, shown(terminal, r"<allocd[^>]*>"))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


ZSH_SETUP = """\
PROMPT= RPS1= LISTMAX=1000
unsetopt beep zle_bracketed_paste prompt_sp
fpath=(FUNCTIONS $fpath)
autoload -Uz compinit && compinit -D -u
show() { zle -I; print -r "<$BUFFER>"; BUFFER= }
zle -N show && bindkey '^Xs' show && print -r '<''>'
"""


def shown(terminal, pattern):
    """What is shown until the pattern, which is its last group, without what moves the cursor."""
    text, end = "", time.monotonic() + SHELL_S
    while not (found := re.search(rf"(.*)({pattern})\r*\n", text, re.S)):
        left = end - time.monotonic()
        assert left > 0 and select.select([terminal], [], [], left)[0], f"no {pattern} in {text!r}"
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text + os.read(terminal, 65536).decode())
    return found


def offered_by_zsh(line, found):
    whole = found[2][1:-1]
    if whole != line:
        return [re.split("[ =]", whole.rstrip(" ="))[-1]]
    listed = found[1].replace("\r", "").split(line, 1)[1].replace(line.rstrip(), "\n").splitlines()
    return sorted(word for each in listed for word in each.split(" -- ")[0].split())


OFFERS = {"bash": by_bash, "fish": by_fish, "zsh": by_zsh}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_well_formed(share, shell):
    run([shell, "-n", share / SCRIPTS[shell]], environment_of(share))


@pytest.mark.parametrize(("words", "expected"), WORDS, ids=[words for words, _expected in WORDS])
@pytest.mark.parametrize("shell", SHELLS)
def test_it_completes_commands_options_values_and_messages(share, shell, words, expected):
    assert OFFERS[shell](environment_of(share), f"allocd {words}") == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_it_is_sourced_as_well_as_found(share, shell):
    by_hand = {
        "bash": 'source <("$0" completion bash); COMP_WORDS=(allocd pub) COMP_CWORD=1; _allocd; echo "${COMPREPLY[@]}"',
        "zsh": 'autoload -Uz compinit; compinit -D -u; source <($0 completion zsh); print ${_comps[allocd]/_allocd/publish}',
        "fish": "$argv[1] completion fish | source; complete -C 'allocd pub' | string split -f 1 \\t",
    }
    assert run([shell, "-c", by_hand[shell], binary()], environment_of(share)) == "publish\n"


def test_zsh_looks_for_functions_where_they_are_installed(share):
    """Of a prefix /usr/local; Debian's package has a folder of its own."""
    folders = run(["zsh", "-fc", "print -l $fpath"], environment_of(share)).splitlines()

    assert f"/usr/local/share/{SCRIPTS['zsh'].rpartition('/')[0]}" in folders


# ---- dead letters ----


@pytest.fixture(scope="module")
def letters(module_allocd):
    """Two, and one that was discarded."""
    for sku in ("lamp", "la'mp: [x]", "discarded"):
        module_allocd.allocate(sku, "order", 1)
    module_allocd.await_dead_letters(3)
    assert module_allocd.run("dead-letters", "discard", "--sku", "discarded", "--yes").returncode == 0
    return {"DATABASE_URL": module_allocd.database_url}


@pytest.mark.parametrize("shell", SHELLS)
def test_ids_of_dead_letters_come_from_the_database(share, letters, shell):
    there, discarded, values = (
        OFFERS[shell](environment_of(share, letters), f"allocd dead-letters {words} ") for words in ("show", "restore", "show --sku")
    )

    ids = [word for word in there if word.isdigit()]
    assert len(ids) == 2 and len([word for word in discarded if word.isdigit()]) == 1
    assert not set(ids) & {*discarded, *values}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_that_hangs_is_ended_after_2_s_and_its_errors_are_not_shown(share, tmp_path, shell):
    program = tmp_path / "allocd"
    program.write_text("#!/bin/sh\necho complaint >&2\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    environment = environment_of(share)
    begin = time.monotonic()

    offered = OFFERS[shell]({**environment, "PATH": f"{tmp_path}:{environment['PATH']}"}, "allocd dead-letters show ")

    assert offered == []
    assert time.monotonic() - begin < 15
