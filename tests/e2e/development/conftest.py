"""A folder in which allocd-dev puts what is to be gone afterwards."""

import os
import shutil
import signal
import tempfile

import pytest
from dev_program import of_folder


@pytest.fixture
def dev_folder():
    """A short path, which the servers' user can pass through."""
    path = tempfile.mkdtemp(prefix="dev-", dir="/tmp")
    os.chmod(path, 0o711)
    yield path
    for pid in of_folder(path):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(path)
