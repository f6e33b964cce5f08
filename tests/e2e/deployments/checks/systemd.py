"""The unit of systemd."""

import re
from tempfile import TemporaryDirectory

from installation import binary
from shipped import accepts, check, fault, read

UNIT = "deploy/allocd.service"


@check(UNIT)
def systemd_accepts_the_unit(tree):
    """`verify` complains of a program that is not installed, so the unit names the one of the tests."""
    with TemporaryDirectory() as folder:
        unit = f"{folder}/allocd.service"
        with open(unit, "w", encoding="utf-8") as file:
            file.write(read(tree, UNIT).replace("/usr/local/bin/allocd", binary()))
        assert (said := accepts("systemd-analyze", "verify", unit)) == "", said


fault(UNIT, "RestartSec=2", "RestartSeconds=2", systemd_accepts_the_unit, "'RestartSeconds'")


@check(UNIT)
def the_unit_waits_longer_than_the_program_drains(tree):
    unit = read(tree, UNIT)

    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE).group(1)) > 10, "TimeoutStopSec: the drain takes 10 s"
    assert re.search(r"^RestartPreventExitStatus=78$", unit, re.MULTILINE), "a wrong setting must not be retried"
    assert re.search(r"^KillMode=mixed$", unit, re.MULTILINE), "a second SIGTERM would end a replay at once"


fault(UNIT, "TimeoutStopSec=15", "TimeoutStopSec=10", the_unit_waits_longer_than_the_program_drains, "the drain takes 10 s")
