"""A browser for the tests of a module."""

import pytest
from browser import running_browser


@pytest.fixture(scope="module")
def browser():
    with running_browser() as there:
        yield there
