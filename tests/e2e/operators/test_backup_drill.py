"""The drill of docs/operating.md, "Backups", in small."""

import re
import subprocess
import sys

import installation


def test_each_kind_of_backup_loses_only_what_the_drill_says():
    done = subprocess.run(
        [sys.executable, installation.ROOT / "scripts" / "backup_drill.py", "--rate", "100", "--seconds", "1", installation.binary()],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    made, *kinds = done.stdout.strip().split("\n\n")
    assert "pg_dump under load" in made
    lost = [check_kind(*kind.splitlines()) for kind in kinds]
    assert len(lost) == 3
    assert lost[0] > lost[1] == lost[2], "a dump loses what came after it began, too"


def check_kind(name, *lines):
    """Returns how many commands were lost."""
    figures = dict(re.split(r" {2,}", line, maxsplit=1) for line in lines)
    sent, lost = map(int, re.fullmatch(r"(\d+) accepted, (\d+) lost", figures["commands by HTTP"]).groups())
    assert 0 < lost < sent, f"{name}: the commands after it are lost, and no others"
    assert re.fullmatch(r"\d+ accepted, 0 lost", figures["commands by stream"]), name
    assert (figures["lost, but must not be"], figures["done twice"]) == ("0", "0"), name
    assert int(figures["versions given a second time"].split()[0]) > 0, name
    assert figures["allocd verify"] == "finds nothing", name
    return lost
