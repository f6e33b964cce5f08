"""The tests in docs/testing.md run as they stand there."""

import os
import re
import subprocess
import sys

import pytest
from dev_program import assert_nothing_left, dev_program, environment
from documents import LIBRARIES, document

RUNNERS = {
    "pytest": (["conftest.py", "test_shop.py"], [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]),
    "node": (["shop.test.js"], ["node", "--test"]),
    "go": (["shop_test.go"], ["go", "test", "shop_test.go"]),
}


def example(name):
    pattern = rf"^```\w+ {re.escape(name)}\n(.*?)^```$"
    return re.search(pattern, document("testing.md"), re.MULTILINE | re.DOTALL).group(1)


def fixture_lines(text):
    """Without what stands above it, for all programs, and the tests after an empty line."""
    return [line for line in text.split("\n\nconst post")[0].splitlines() if line.strip()]


@pytest.mark.parametrize("language", RUNNERS)
def test_the_documented_tests_pass(tmp_path, dev_folder, language):
    files, command = RUNNERS[language]
    for file in files:
        (tmp_path / file).write_text(example(file), encoding="utf-8")
    path = f"{os.path.dirname(dev_program())}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False,
        env=environment(dev_folder, PATH=path, **LIBRARIES),
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert_nothing_left(dev_folder)


def test_the_fixtures_have_ten_lines():
    go = re.search(r"^func TestMain.*?^}$", example("shop_test.go"), re.MULTILINE | re.DOTALL).group(0)
    assert len(fixture_lines(example("conftest.py"))) <= 10
    assert len(fixture_lines(example("shop.test.js"))) <= 10
    assert len(go.splitlines()) <= 10
