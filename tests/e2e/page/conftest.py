"""A worker for the tests of the page."""

import installation
import pytest
from browser import ADMIN_TOKEN


@pytest.fixture(scope="module")
def admin_worker(tmp_path_factory, server_urls):
    """A worker where changes are allowed."""
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = installation.Installation(tmp_path_factory.mktemp("shop"), url, server_urls["REDIS_URL"])
        there.settings["ALLOCD_ADMIN_TOKEN"] = ADMIN_TOKEN
        there.start()
        yield there
        there.close()
