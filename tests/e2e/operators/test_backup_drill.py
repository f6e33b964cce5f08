"""The drill of docs/operating.md, "Backups", in small."""

import re
import subprocess
import sys

import installation


def test_a_recovery_to_a_moment_loses_only_what_the_drill_says():
    done = subprocess.run(
        [sys.executable, installation.ROOT / "scripts" / "backup_drill.py", "--rate", "100", "--seconds", "1", installation.binary()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    figures = dict(re.split(r" {2,}", line, maxsplit=1) for line in done.stdout.splitlines())
    sent, lost = map(int, re.fullmatch(r"(\d+) accepted, (\d+) lost", figures["commands by HTTP"]).groups())
    assert 0 < lost < sent, "the commands after the moment are lost, and no others"
    assert re.fullmatch(r"\d+ accepted, 0 lost", figures["commands by stream"])
    assert (figures["lost, but must not be"], figures["done twice"]) == ("0", "0")
    assert int(figures["versions given a second time"].split()[0]) > 0
    assert figures["allocd verify"] == "finds nothing"
