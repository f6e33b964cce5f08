"""Programs and statements in the documents run as they stand there, and what the documents name exists."""

import contextlib
import json
import pathlib
import re
import shlex
import subprocess
import tomllib

import psycopg2
import pytest
from documents import LANGUAGES, broken_links, document, listening, running, without_programs
from installation import ROOT, TIMEOUT_S, wait_until


@pytest.mark.parametrize("way", ["channel", "stream", "http"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documented_programs_publish_and_receive(tmp_path, on_own_redis, language, way):
    allocd = on_own_redis
    allocd.stop()
    allocd.give_to("")  # as in the examples: the Redis is this test's own
    allocd.start()

    with listening(language, tmp_path, allocd) as listener:
        with running(f"publish.{language}", tmp_path, allocd, way) as publisher:
            assert publisher.wait(TIMEOUT_S) == 0
        heard = [listener.stdout.readline().split() for _ in range(3)]

    assert heard == [
        ["line_allocated", f"order-{language}", f"shelf-{language}", "1"],
        ["line_deallocated", f"order-{language}", f"shelf-{language}", "2"],
        ["line_allocated", f"order-{language}", f"shipment-{language}", "3"],
    ]


def test_the_documented_day_in_a_warehouse_ends_as_it_says(allocd):
    [day] = re.findall(r"^```sh day\n(.*?)^```$", document("messages.md"), re.MULTILINE | re.DOTALL)
    expected = []
    for line in day.splitlines():
        command, comment = line.split("#")
        assert allocd.run(*shlex.split(command)[1:]).returncode == 0
        expected += re.findall("line_[a-z]+|out_of_stock", comment)

    wait_until(lambda: len(allocd.get("/events/lamp").json()) >= len(expected), "the events of the day")
    assert [event["type"] for event in allocd.get("/events/lamp").json()] == expected
    assert allocd.query("select purchased, allocated from batches") == [(68, 68)]


@pytest.mark.parametrize("way", ["channels", "stream", "http"])
def test_the_documented_commands_by_hand_cause_the_documented_events(on_own_redis, way):
    allocd = on_own_redis
    allocd.stop()
    allocd.give_to("")  # as in the examples: the Redis is this test's own
    allocd.start()
    text = document("messages.md")
    [expected] = re.findall(r"^The events are the same each time: (.*?)\. ", text, re.MULTILINE)

    for line in lines_of(text, way):
        assert by_hand(allocd, line).strip() not in ("", "0"), line

    def names():
        return [event["type"] for event in allocd.get("/events/lamp").json()]

    wait_until(lambda: len(names()) >= 6, "the events")
    assert names() == re.findall(r"`(\w+)`", expected)
    assert '"available":80' in by_hand(allocd, lines_of(text, "reads")[1])
    assert len(json.loads(by_hand(allocd, lines_of(text, "reads")[3]))) == 6


def test_the_documented_steps_of_a_consumer_by_hand_acknowledge_what_another_one_left(on_own_redis):
    allocd = on_own_redis
    allocd.stop()
    allocd.give_to("")
    allocd.start()
    for line in lines_of(document("messages.md"), "channels")[:4]:  # an event, and another one
        by_hand(allocd, line)
    wait_until(lambda: allocd.redis.exists("allocd:events") and allocd.redis.xlen("allocd:events") == 2, "the events")
    create, read, pending, claim, acknowledge, fill = lines_of(document("consuming.md"), "group")

    assert by_hand(allocd, create).strip() == "OK"
    entry = by_hand(allocd, read).split()[1]
    assert by_hand(allocd, pending).split() == ["1", entry, entry, "one", "1"]
    assert by_hand(allocd, claim).split()[:2] == ["0-0", entry]
    assert by_hand(allocd, acknowledge.replace("ID", entry)).strip() == "1"
    assert by_hand(allocd, pending).split()[0] == "0"
    assert [each["data"]["version"] for each in json.loads(by_hand(allocd, fill))] == [2]


def by_hand(allocd, line):
    """Runs a line of a document as a shell would, on the test's servers; returns what it prints."""
    port = allocd.redis_url.split(":")[2].split("/")[0]
    line = line.replace("redis-cli", f"redis-cli -p {port}").replace("127.0.0.1:5005", allocd.http)
    command = shlex.split(line, comments=True)
    if command[0] == "curl":
        command[1:1] = ["--silent", "--show-error", "--fail"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S).stdout


def lines_of(text, block):
    return re.search(rf"^```sh {block}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).group(1).splitlines()


def psql(url, statements):
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    done = subprocess.run(command, input=statements, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def statements_with(words):
    [found] = [it for it in re.findall(r"^```sql\n(.*?)^```$", document("operating.md"), re.M | re.S) if words in it]
    return found


def test_the_documented_downgrade_can_be_upgraded_again(parked):
    """An older program knows the migrations 1 to 3, and checks only their rows."""
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


def test_the_documented_query_finds_the_session_that_holds_a_row(allocd):
    allocd.stock("lamp", shelf=10)
    wait_until(lambda: allocd.query("select 1 from products where sku = 'lamp'"), "the batch")
    with contextlib.closing(psycopg2.connect(allocd.database_url, application_name="forgotten")) as holder:
        holder.cursor().execute("select from products where sku = 'lamp' for update")
        allocd.allocate("lamp", "order-1", 1)
        query = statements_with("pg_blocking_pids")

        wait_until(lambda: "forgotten" in psql(allocd.database_url, query), "the session to be found")


def test_every_key_of_a_log_line_is_listed_in_the_documents():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.[ch]"))
    used = set(re.findall(r'LOG_(?:TEXT|NUMBER)\(\s*"(\w+)"', source)) - {"kept"}  # the value is empty
    section = document("operating.md").split("\n## The log\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = re.findall(r"`(\w+)`", "".join(rows))

    assert sorted(listed) == sorted(used | {"time", "level", "truncated"})


def test_every_trouble_has_a_heading_in_the_documents():
    source = (ROOT / "src" / "entrypoints" / "troubles" / "trouble.c").read_text(encoding="utf-8")
    table = re.findall(r'\[TROUBLE_\w+\] =\s+\{"([a-z-]+)", TROUBLE_(\w+),', source)
    section = document("operating.md").split("\n## Troubles\n")[1].split("\n## ")[0]

    assert len(table) > 30
    assert re.findall(r"^### `(\S+)`\n\nSeverity `(\w+)`\. ", section, re.M) == [(code, word.lower()) for code, word in table]


def test_every_log_line_and_command_that_the_documents_quote_is_in_the_source():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.[ch]"))
    source = re.sub(r'"\s*\n\s*"', "", source)
    text = " ".join(without_programs(document("operating.md")).split())
    of_others = {"gcore PID", "initially deferred", "systemctl restart", "systemctl start", "systemctl status allocd"}

    quoted = set(re.findall(r"`([a-z][a-z/]+(?: [A-Za-z/]+)+)`", text))

    assert len(quoted) > 10
    assert [words for words in sorted(quoted - of_others) if words not in source] == []


# ---- names in the documents ----

FOLDERS = ("src", "tests", "docs", "schemas", "scripts", "bench", "deploy")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "bench" / "README.md"])
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
NAME_OF_A_FILE = re.compile(r"[\w.-]+\.(?:c|h|py|sql|lua|toml|md|sh|build)")


def files_of_the_repository():
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return [path for path in [*found, *ROOT.iterdir()] if "__pycache__" not in path.parts]


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_file_that_a_document_names_exists(path):
    text = path.read_text(encoding="utf-8")
    given = re.findall(r"^```\w+ (\S+)$", text, re.M)  # files that the document itself holds
    names = {file.name for file in files_of_the_repository()} | set(given)

    missing = []
    for code in re.findall(r"`([^`\n]+)`", without_programs(text)):
        first = code.split()[0].split("#")[0]
        if first.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
            known = (ROOT / first).exists() or pathlib.Path(first).name in given or "/webhook/" in f"{first}/"
            missing += [] if known else [first]
        elif NAME_OF_A_FILE.fullmatch(code) and code not in names:
            missing.append(code)

    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_link_of_a_document_leads_somewhere(path):
    assert broken_links(path) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_function_and_table_that_a_document_names_exists(path):
    libraries = ("curl_", "pg_")
    migrations = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.sql"))
    source = migrations + "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.[ch]"))
    text = path.read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```c$.*?^```$", text, re.M | re.S))
    source += "\n".join(re.findall(r"^[a-z]\w* [\w *]*\w\(.*", blocks, re.M))  # what a walk-through declares

    functions = {name for name in re.findall(r"`(\w+)\(\)`", text) if not name.startswith(libraries)}
    tables = set(re.findall(r"\btable `(\w+)`", text))

    assert [name for name in sorted(functions) if not re.search(rf"\b{name}\(", source)] == []
    created = set(re.findall(r"create table (?:if not exists )?(\w+)", migrations))
    assert sorted(tables - created) == []


def test_the_way_of_a_message_names_functions_of_the_files_it_names():
    steps = re.findall(r"^\| \d+ \| `(\w+)\(\)`.*\| `([\w/.]+)` \|$", document("architecture.md"), re.M)

    assert len(steps) >= 20
    wrong = [
        (function, file)
        for function, file in steps
        if not re.search(rf"^(?:\w[\w *]*)?\b{function}\(", (ROOT / file).read_text(encoding="utf-8"), re.M)
    ]
    assert wrong == []


def test_the_tests_mutants_and_invariants_that_a_promise_rests_on_exist():
    text = document("proof.md")
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "e2e").rglob("*.py"))
    models = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "models").glob("*.pml"))
    mutants = {
        mutant["breaks"]
        for listing in (ROOT / "tests" / "mutants").glob("*.toml")
        for mutant in tomllib.loads(listing.read_text(encoding="utf-8"))["mutant"]
    }

    table = re.findall(r"^\| [A-Z].*\|$", text, re.M)
    assert len(table) >= 15
    for row in table:
        assert re.search(r"`test_\w+`|mutants? \"|model `", row), row
    named = re.findall(r"`(test_\w+)`", text)
    assert [name for name in named if f"def {name}(" not in tests] == []
    assert [name for name in re.findall(r'"([^"]+)"', text) if name not in mutants] == []
    invariants = re.findall(r"`(\w+)`", " ".join(re.findall(r"model `\w+`:([^;]*)", text)))
    assert [name for name in invariants if not re.search(rf"\b{name}\b", models)] == []


def test_the_numbers_of_seeds_are_those_that_the_tests_play():
    def number(file, name):
        return int(re.search(rf"#define {name}\s+(?:SEEDED_RUNS\()?(\d+)", (ROOT / "tests" / file).read_text(encoding="utf-8")).group(1))

    [properties, simulations] = re.findall(r"\| (\d+ seeds in `./dev test`.*?);", document("proof.md"))
    assert properties == f"{number('unit/core/properties.c', 'SEEDS')} seeds in `./dev test`"
    sanitized, held_up = number("simulation/replicas.c", "RUNS") // 3, number("simulation/held_up.c", "RUNS")
    assert simulations.startswith(f"{sanitized} seeds in") and simulations.endswith(f" and {held_up} of the second one")


def test_the_adapter_of_the_documents_compiles(tmp_path):
    folder = tmp_path / "adapters" / "webhook"
    folder.mkdir(parents=True)
    for name in ("webhook_notifier.h", "webhook_notifier.c"):
        parts = re.findall(rf"^```c {name}\n(.*?)^```$", document("adding-an-adapter.md"), re.M | re.S)
        (folder / name).write_text("\n".join(parts), encoding="utf-8")

    options = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{tmp_path}", f"-I{ROOT / 'src'}"]
    done = subprocess.run(["cc", *options, folder / "webhook_notifier.c"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
