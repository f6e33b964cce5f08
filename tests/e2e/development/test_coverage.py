"""./dev coverage: a reader of bytes of which too little is reached is named, and counted."""

import sys

import pytest
from installation import ROOT

sys.path.append(str(ROOT / "scripts"))
import coverage  # noqa: E402


def file_of(name, lines, branches):
    """What lcov writes of a file, of which tests reach this many of a hundred lines and branches; "-" is a branch of a line that they do not reach."""
    rows = [f"SF:{ROOT}/{name}", "FN:1,read", "FNDA:1,read"]
    rows += [f"DA:{number},{int(number < lines)}" for number in range(100)]
    rows += [f"BRDA:{number},0,0,{'7' if number < branches else '-' if number % 2 else '0'}" for number in range(100)]
    return "\n".join([*rows, "end_of_record", ""])


@pytest.mark.parametrize("lines, branches, is_below", [(90, 85, False), (89, 100, True), (100, 84, True)])
def test_a_reader_below_the_goal_is_named(tmp_path, monkeypatch, capsys, lines, branches, is_below):
    monkeypatch.setattr(coverage, "READERS", ("src/a/reader.c", "src/b/other.c"))
    info = tmp_path / "info"
    info.write_text(file_of("src/a/reader.c", lines, branches) + file_of("src/b/other.c", 95, 95), encoding="utf-8")

    assert coverage.report_readers(coverage.read(info)) == int(is_below)

    [row] = [row for row in capsys.readouterr().out.splitlines() if row.startswith("a/reader.c ")]
    assert f"{lines:5.1f} %" in row and f"{branches:5.1f} %" in row
    assert row.endswith("below the goal") == is_below


def test_the_readers_are_there():
    assert [name for name in coverage.READERS if not (ROOT / name).exists()] == []
