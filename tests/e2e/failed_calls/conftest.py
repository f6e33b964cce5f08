"""These tests put a library before those of the program."""

import pytest
from built import plain_program


@pytest.fixture(scope="package", autouse=True)
def without_sanitizers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLOCD_BIN", plain_program())
        yield
