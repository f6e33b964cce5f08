"""A password that is rotated while the worker runs: the files of the URLs are read again at every connect."""

import os
import pathlib

import installation
import pytest
import redis
from installation import unique, wait_until


class Rotation:
    """A role of Postgres and a user of Redis with one password, and the worker's two files that hold it."""

    def __init__(self, folder, postgres, redis_server):
        self.postgres = postgres
        self.redis_port = redis_server.port
        self.redis = redis.Redis(port=redis_server.port)
        self.user = unique("app").replace("-", "_")
        self.database = unique("allocd_e2e").replace("-", "_")
        self.files = {name: pathlib.Path(folder) / name for name in ("DATABASE_URL", "REDIS_URL")}
        postgres.ensure_database(self.database)
        postgres.psql(f"create role {self.user} login superuser")
        self.demand_passwords()
        self.set_passwords("old")
        self.write_files("old")

    def demand_passwords(self):
        rules = pathlib.Path(self.postgres.psql("show hba_file"))
        rules.write_text(f"local all {self.user} scram-sha-256\n" + rules.read_text())
        self.postgres.psql("select pg_reload_conf()")

    def set_passwords(self, password):
        self.postgres.psql(f"alter role {self.user} password '{password}'")
        self.redis.execute_command("ACL", "SETUSER", self.user, "reset", "on", f">{password}", "~*", "&*", "+@all")

    def write_files(self, password):
        self.write("DATABASE_URL", f"host={self.postgres.sockets} dbname={self.database} user={self.user} password='{password}'")
        self.write("REDIS_URL", f"redis://{self.user}:{password}@127.0.0.1:{self.redis_port}/0")

    def write(self, name, text):
        """Replaces the file by a rename, as rotation tools do."""
        new = self.files[name].with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(text + "\n")
        os.replace(new, self.files[name])

    def end_connections(self):
        self.postgres.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{self.user}'")
        for client in self.redis.client_list():
            if client["user"] == self.user:
                self.redis.client_kill_filter(_id=client["id"])

    def settings(self):
        return {"DATABASE_URL": "", "REDIS_URL": "", **{f"{name}_FILE": str(path) for name, path in self.files.items()}}


@pytest.fixture
def rotation(tmp_path, own_postgres, own_redis):
    return Rotation(tmp_path, own_postgres, own_redis)


@pytest.fixture
def allocd(tmp_path, rotation, own_postgres, own_redis):
    there = installation.Installation(tmp_path, own_postgres.url(rotation.database), own_redis.url())
    there.start(**rotation.settings())
    yield there
    there.close()


def allocates(allocd, orderid):
    """Whether a command over HTTP is committed, and its event published."""
    listener = allocd.listen()
    sku, batch = unique("sku"), unique("batch")
    assert allocd.post("/add_batch", {"ref": batch, "sku": sku, "qty": 5}).status_code == 201
    assert allocd.post("/allocate", {"orderid": orderid, "sku": sku, "qty": 1}).status_code == 202
    listener.expect("line_allocated", orderid=orderid)


def test_a_rotated_password_needs_no_restart(allocd, rotation):
    rotation.write_files("new")
    rotation.set_passwords("new")
    allocates(allocd, "on the old connections")

    rotation.end_connections()

    wait_until(allocd.ready, "the worker to be ready with the new passwords")
    allocates(allocd, "on new connections")


def test_a_password_that_is_rotated_before_its_file_is_retried(allocd, rotation):
    rotation.set_passwords("newer")
    rotation.end_connections()
    wait_until(lambda: not allocd.ready(), "the worker to be refused")

    rotation.write_files("newer")

    wait_until(allocd.ready, "the worker to be ready with the new passwords")
    allocates(allocd, "order")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "postgresql+psycopg2://app:S3CR3T@db/allocd"),
        ("DATABASE_URL", "host=db password=S3CR3T half"),
        ("REDIS_URL", "redis://app:S3CR3T@host:port/0"),
        ("REDIS_URL", "https://app:S3CR3T@host/0"),
        ("REDIS_URL", "redis+sentinel://app:S3CR3T@host,host"),
        ("REDIS_URL", ""),
    ],
)
def test_a_malformed_url_file_is_read_again_and_its_content_never_logged(allocd, rotation, name, text):
    rotation.write(name, text)
    rotation.end_connections()
    wait_until(lambda: not allocd.ready(), "the worker to find the malformed URL")

    rotation.write_files("old")

    wait_until(allocd.ready, "the worker to be ready again")
    assert "S3CR3T" not in allocd.log.read_text()


def test_a_missing_url_file_is_named_in_the_log_and_read_again(allocd, rotation):
    rotation.files["REDIS_URL"].unlink()
    rotation.end_connections()
    wait_until(lambda: "REDIS_URL_FILE: cannot read" in allocd.log.read_text(), "the log to name the file's setting")

    rotation.write_files("old")

    wait_until(allocd.ready, "the worker to be ready again")
