"""Each file that ships passes its checks, and each check notices the faults that are recorded beside it."""

import re

import pytest
from shipped import CHECKS, FAULTS, copy_of, copy_with, import_checks, shipped_files

import_checks()


def concerns(paths, file):
    return any(file == path or file.startswith(f"{path}/") for path in paths)


@pytest.mark.parametrize("check", CHECKS, ids=[check.function.__name__ for check in CHECKS])
def test_the_project_passes(check):
    """As a copy: a check that fails on every copy would not show that it notices a fault."""
    with copy_of(*check.paths) as tree:
        check.function(tree)


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.path}: {fault.old.strip()}" for fault in FAULTS])
def test_the_check_notices(fault):
    with copy_with(fault) as tree, pytest.raises(AssertionError, match=re.escape(fault.error)):
        fault.check(tree)


def test_a_fault_of_every_file_is_recorded():
    of = {check.function: check.paths for check in CHECKS}

    assert [(fault.path, fault.check.__name__) for fault in FAULTS if not concerns(of[fault.check], fault.path)] == []
    assert sorted(set(shipped_files()) - {fault.path for fault in FAULTS}) == []


def test_every_check_has_a_fault():
    proven = {fault.check for fault in FAULTS}

    assert [check.function.__name__ for check in CHECKS if check.function not in proven] == []
