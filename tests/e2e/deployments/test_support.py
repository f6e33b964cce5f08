"""SUPPORT.md names the oldest versions that the program and its build take."""

import re

import pytest
from installation import ROOT


def found(path, pattern):
    return re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE).groups()


def row_of(name):
    [row] = re.findall(rf"^\| {re.escape(name)} (?:\|.*)$", (ROOT / "SUPPORT.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_support_names_the_oldest_servers_that_the_program_takes():
    (postgres,) = found("src/adapters/postgres/connector/session_setup.c", r"^#define SERVER_VERSION_MIN (\d+)0000$")
    redis = found("src/adapters/redis/connection/handshake.c", r"^#define OLDEST_MAJOR (\d+)\n#define OLDEST_MINOR (\d+)$")

    assert row_of("PostgreSQL")[3].startswith(f"before {postgres},")
    assert row_of("Redis")[3].startswith(f"before {'.'.join(redis)}:")


@pytest.mark.parametrize(
    ("library", "folder"),
    [("libevent", "."), ("libpq", "postgres"), ("jansson", "codec"), ("libcurl", "smtp"), ("OpenSSL", "redis")],
)
def test_support_names_the_oldest_libraries_that_meson_takes(library, folder):
    path = f"src/adapters/{folder}/meson.build"
    (oldest,) = found(path, rf"^{library.lower()} = dependency\('{library.lower()}', version: '>=([0-9.]+)'\)$")

    assert row_of(library)[3] == f"before {oldest}"
