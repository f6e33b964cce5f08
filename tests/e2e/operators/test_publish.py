"""`allocd publish`: the id that it prints, its wait for the outcome, streams, and lines of JSON."""

import json
import subprocess

import pytest
from installation import binary, unique

STREAM = "allocd:commands"


@pytest.fixture
def sku(module_allocd):
    """A SKU with 10 in stock."""
    name = unique("sku")
    module_allocd.stock(name, **{unique("batch"): 10})
    return name


def published(allocd, *arguments, lines=None, status=0):
    text = None if lines is None else "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        [binary(), "publish", *arguments], env=allocd.environment(), input=text, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done


def line(sku, order, qty=1, **fields):
    return {"type": "allocate", "data": {"orderid": order, "sku": sku, "qty": qty, **fields}}


def test_it_prints_the_id_by_which_await_finds_the_outcome(module_allocd, sku):
    minted = published(module_allocd, "allocate", "orderid=o", f"sku={sku}", "qty=1").stdout.strip()
    given = published(module_allocd, "allocate", "orderid=p", f"sku={sku}", "qty=1", f"id={sku}").stdout.strip()

    assert given == sku
    assert minted and minted != given
    for command in (minted, given):
        outcome = module_allocd.run("await", command)
        assert outcome.returncode == 0
        assert outcome.stdout.startswith(f"handled allocate {command}\nline_allocated ")


def test_await_accepts_one_id_as_an_argument_or_an_option(module_allocd):
    for arguments in ([], ["one", "--id", "two"], ["one", "two"]):
        done = module_allocd.run("await", *arguments)
        assert done.returncode == 2, done.stderr


@pytest.mark.parametrize("way", [[], ["--stream"]])
def test_with_wait_it_prints_and_exits_as_await_does(module_allocd, sku, way):
    handled = published(module_allocd, *way, "--wait", "20", "allocate", "orderid=o", f"sku={sku}", "qty=1", f"id={sku}-1")
    refused = published(module_allocd, *way, "--wait", "allocate", "orderid=o", "sku=no", "qty=1", f"id={sku}-2", status=1)

    for done, command in ((handled, f"{sku}-1"), (refused, f"{sku}-2")):
        awaited = module_allocd.run("await", command)
        assert (done.stdout, done.returncode) == (awaited.stdout, awaited.returncode)
        again = module_allocd.run("await", command, "--json").stdout
        assert json.loads(again)["id"] == command


def test_without_an_outcome_the_wait_ends_with_75(parked):
    assert parked.run("migrate").returncode == 0
    done = published(parked, "--stream", "--wait=0", "allocate", "orderid=o", "sku=s", "qty=1", "id=one", status=75)

    assert done.stderr == "allocd: publish: no outcome yet of one\n"


def test_on_a_stream_it_prints_the_id_of_the_entry(module_allocd, sku):
    command, entry = published(module_allocd, "--stream", "allocate", "orderid=o", f"sku={sku}", "qty=1").stdout.split()
    printed = json.loads(published(module_allocd, "--stream", "--json", "allocate", "orderid=p", f"sku={sku}", "qty=1").stdout)

    ((_, fields),) = module_allocd.redis.xrange(module_allocd.prefix + STREAM, entry, entry)
    assert json.loads(fields[b"data"])["id"] == command
    assert set(printed) == {"id", "entry"} and printed["entry"] > entry


@pytest.mark.parametrize("way", [[], ["--stream"]])
def test_lines_of_json_are_published_in_order(module_allocd, sku, way, tmp_path):
    path = tmp_path / "lines"
    event = {"specversion": "1.0", "type": "allocate", "source": "s", "id": sku, "data": line(sku, "ce", 2)["data"]}
    path.write_text("".join(json.dumps(each) + "\n" for each in [line(sku, "f", 4, id=f"{sku}-4"), {"type": "allocate", "data": event}]))

    done = published(module_allocd, *way, "--wait", "-", lines=[line(sku, "o", 1), "\n", line(sku, "p", 2)])
    ids = published(module_allocd, *way, "--file", str(path)).stdout.splitlines()

    events = [json.loads(text.split(" ", 1)[1]) for text in done.stdout.splitlines() if text.startswith("line_allocated ")]
    assert [event["orderid"] for event in events] == ["o", "p"]
    assert [text.split()[0] for text in ids] == [f"{sku}-4", sku]
    assert module_allocd.run("await", sku).returncode == 0


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("{", "expected JSON"),
        ("[]", "type and data"),
        ({"type": "allocate"}, "type and data"),
        ({"type": "refund", "data": {}}, "is not a command; there are: allocate change_batch_quantity"),
        ({"type": "alocate", "data": {}}, "is not a command; did you mean allocate?"),
        ({"type": "allocate", "data": {"orderid": "o", "sku": "s"}}, "qty"),
        ({"type": "allocate", "data": 5}, "object"),
    ],
)
def test_it_ends_at_the_first_line_that_is_not_a_command(module_allocd, sku, bad, words):
    bad = bad + "\n" if isinstance(bad, str) else bad
    done = published(module_allocd, "--wait", "-", lines=[line(sku, "o"), bad, line(sku, "p")], status=2)

    assert done.stderr.startswith("allocd: publish: line 2: ") and words in done.stderr
    assert done.stdout.startswith("handled allocate ")
    assert '"p"' not in done.stdout


def test_a_file_that_cannot_be_read_is_named(parked):
    assert "no-such-file" in published(parked, "--file", "no-such-file", status=1).stderr
    published(parked, "--file", "no-such-file", "allocate", "sku=s", status=2)
