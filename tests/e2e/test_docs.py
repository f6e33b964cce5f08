"""The programs in docs/messages.md run as they stand there, and so do the statements in docs/operating.md."""

import contextlib
import os
import re
import subprocess
import sys

import psycopg2
import pytest
from installation import EVENTS, ROOT, TIMEOUT_S, wait_until

# Debian keeps node-redis here, where a node from elsewhere does not look by itself.
NODE_PATH = "/usr/share/nodejs"
RUNNERS = {"py": sys.executable, "js": "node"}


def document(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def program(name):
    text = document("messages.md")
    return re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1)


@contextlib.contextmanager
def running(name, folder, environment):
    file = folder / name
    file.write_text(program(name), encoding="utf-8")
    runner = RUNNERS[name.rsplit(".", 1)[1]]
    child = subprocess.Popen([runner, file], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("language", RUNNERS)
def test_the_examples_publish_and_listen(tmp_path, on_own_redis, language):
    allocd = on_own_redis
    allocd.stop()
    allocd.prefix = ""  # as in the examples: the Redis is this test's own
    allocd.start()
    environment = {**os.environ, "REDIS_URL": allocd.redis_url, "NODE_PATH": NODE_PATH}

    with running(f"listen.{language}", tmp_path, environment) as listener:
        wait_until(lambda: all(n for _, n in allocd.redis.pubsub_numsub(*EVENTS)), "the listener to subscribe")
        with running(f"publish.{language}", tmp_path, environment) as publisher:
            assert publisher.wait(TIMEOUT_S) == 0
        heard = [listener.stdout.readline().split() for _ in range(3)]

    assert heard == [
        ["line_allocated", f"order-{language}", f"shelf-{language}", "1"],
        ["line_deallocated", f"order-{language}", f"shelf-{language}", "2"],
        ["line_allocated", f"order-{language}", f"shipment-{language}", "3"],
    ]


def psql(url, statements):
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    done = subprocess.run(command, input=statements, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def statements_with(words):
    [found] = [it for it in re.findall(r"^```sql\n(.*?)^```$", document("operating.md"), re.M | re.S) if words in it]
    return found


def test_the_way_back_to_an_older_program_leads_forward_again(parked):
    """An older program knows the migrations 1 to 3, and looks at nothing but their rows."""
    assert parked.run("migrate").returncode == 0

    psql(parked.database_url, statements_with("inbox_before"))
    older = parked.query("select number from migrations where number <= 3 or oldest_program > 3 order by number")
    [key] = parked.query("select pg_get_constraintdef(oid) from pg_constraint where conname = 'inbox_pkey'")
    forward = parked.run("migrate")

    assert [number for (number,) in older] == [1, 2, 3]
    assert key == ("PRIMARY KEY (id, source, message)",)
    assert forward.returncode == 0, forward.stderr
    [key] = parked.query("select pg_get_constraintdef(oid) from pg_constraint where conname = 'inbox_pkey'")
    assert key == ("PRIMARY KEY (id, source)",)


def test_the_session_that_holds_a_row_is_found(allocd):
    allocd.stock("lamp", shelf=10)
    wait_until(lambda: allocd.query("select 1 from products where sku = 'lamp'"), "the batch")
    with contextlib.closing(psycopg2.connect(allocd.database_url, application_name="forgotten")) as holder:
        holder.cursor().execute("select from products where sku = 'lamp' for update")
        allocd.allocate("lamp", "order-1", 1)
        query = statements_with("pg_blocking_pids")

        wait_until(lambda: "forgotten" in psql(allocd.database_url, query), "the session to be found")


def test_every_key_of_a_log_line_is_listed_in_the_documents():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.[ch]"))
    used = set(re.findall(r'LOG_(?:TEXT|NUMBER)\(\s*"(\w+)"', source)) - {"kept"}  # its value is empty
    section = document("operating.md").split("\n## The log\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = re.findall(r"`(\w+)`", "".join(rows))

    assert sorted(listed) == sorted(used | {"time", "level", "truncated"})
