"""The unit of systemd."""

import re
from tempfile import TemporaryDirectory

from installation import ROOT, binary
from shipped import accepts, check, fault, read

UNIT = "deploy/allocd.service"


@check(UNIT)
def systemd_accepts_the_unit(tree):
    """`verify` complains of a program that is not installed, so the unit names the one of the tests."""
    with TemporaryDirectory() as folder:
        unit = f"{folder}/allocd.service"
        with open(unit, "w", encoding="utf-8") as file:
            file.write(read(tree, UNIT).replace("/usr/local/bin/allocd", binary()))
        assert (said := accepts("systemd-analyze", "verify", "--man=no", unit)) == "", said


fault(UNIT, "RestartSec=2", "RestartSeconds=2", systemd_accepts_the_unit, "'RestartSeconds'")


@check(UNIT)
def the_unit_exposes_little(tree):
    """At most 1.2 of 10, as systemd rates what a program that was taken over could reach."""
    accepts("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=12", tree / UNIT)


fault(UNIT, "CapabilityBoundingSet=\n", "", the_unit_exposes_little, "Overall exposure level")


def settings(tree):
    """{name: the values of its lines}"""
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", read(tree, UNIT), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def expect(tree, name, value, reason):
    assert settings(tree).get(name) == [value], f"{name}: expected {value}: {reason}"


@check(UNIT)
def the_unit_is_what_the_program_expects_of_a_service_manager(tree):
    expect(tree, "Type", "notify", "the worker says READY=1 when it works")
    expect(tree, "NotifyAccess", "main", "the worker's children are not asked")
    expect(tree, "StartLimitIntervalSec", "0", "after a long outage the worker must come back")
    expect(tree, "RestartPreventExitStatus", "78", "a wrong setting must not be retried")
    expect(tree, "KillMode", "mixed", "a second SIGTERM would end a replay at once")
    assert int(settings(tree)["TimeoutStopSec"][0]) > 10, "TimeoutStopSec: the drain takes 10 s"
    assert 5 <= int(settings(tree)["WatchdogSec"][0]) <= 60, "WatchdogSec: between a slow moment and a long outage"


for name, value, error in (
    ("Type", "exec", "READY=1"),
    ("NotifyAccess", "all", "children"),
    ("StartLimitIntervalSec", "10", "come back"),
    ("RestartPreventExitStatus", "70", "retried"),
    ("KillMode", "control-group", "a second SIGTERM"),
    ("TimeoutStopSec", "10", "the drain takes 10 s"),
    ("WatchdogSec", "600", "a long outage"),
):
    now = re.search(rf"^{name}=.*$", (ROOT / UNIT).read_text(encoding="utf-8"), re.MULTILINE)[0]
    fault(UNIT, f"\n{now}\n", f"\n{name}={value}\n", the_unit_is_what_the_program_expects_of_a_service_manager, error)
