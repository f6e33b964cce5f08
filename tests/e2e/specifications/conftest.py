"""A worker that takes changes, and asks for a token."""

import installation
import pytest
from openapi import ADMIN_TOKEN, HTTP_TOKEN


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, server_urls):
    with installation.fresh_database(server_urls["DATABASE_URL"]) as url:
        there = installation.Installation(tmp_path_factory.mktemp("guarded"), url, server_urls["REDIS_URL"])
        there.start(ALLOCD_HTTP_TOKEN=HTTP_TOKEN, ALLOCD_ADMIN_TOKEN=ADMIN_TOKEN)
        yield there
        there.close()
