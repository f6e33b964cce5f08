"""
A program in which line_allocated has replaced an event line_assigned, whose batch had another name. No event of the schemas
is replaced, so it is built from a changed copy of the tree, and this is run by hand, or by `./dev nightly`:

    scripts/servers.py -- /usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/e2e/failures/replaced_event_by_hand.py
"""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time

import msgpack
import pytest
from installation import ROOT, Installation, unique, wait_until
from proxy import REQUEST, redis_behind
from wires import RedisWire, command_of

NEW, OLD = "line_allocated", "line_assigned"
KILLS = int(os.environ.get("ALLOCD_TEST_KILLS", "40"))
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

MADE = """
static void as_line_assigned(const struct message *event, struct message *predecessor)
{
	predecessor->as.line_assigned.batch = event->as.line_allocated.batchref;
}

#define PREDECESSOR("""


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def old_name(fields):
    """The same event as it was before it got its new name."""
    return {"batch" if name == "batchref" else name: value for name, value in fields.items()}


def replace_the_event(tree):
    schema = json.loads((tree / f"schemas/{NEW}.json").read_text(encoding="utf-8"))
    schema |= {"$id": f"urn:allocd:event:{OLD}", "title": OLD, "properties": old_name(schema["properties"])}
    schema["required"] = list(old_name(dict.fromkeys(schema["required"])))
    schema["x-allocd"] = {"replaced_by": {"name": NEW, "since": "0.2"}}
    (tree / f"schemas/{OLD}.json").write_text(json.dumps(schema), encoding="utf-8")
    edit(tree / "schemas/meson.build", f"  '{NEW}',\n", f"  '{NEW}',\n  '{OLD}',\n")
    edit(tree / "src/bus/publishing/predecessors.c", "\n#define PREDECESSOR(", MADE)
    example = '{"orderid":"order-1","sku":"lamp","qty":10,"batch":"shelf","version":1,"occurred_at":"2026-01-31T12:00:00.000000Z"}'
    edit(tree / "docs/messages.md", "```text events\n", f"```text events\n{OLD} {example}\n")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    tree = tmp_path_factory.mktemp("replaced")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    replace_the_event(tree)
    options = ["-Dtests=disabled", "-Dman=disabled", "-Drevision=replaced"]
    subprocess.run(["meson", "setup", *options, tree / "build", tree], check=True, env={**os.environ, "CC": "gcc"})
    subprocess.run(["ninja", "-C", tree / "build", "--quiet", "allocd", "allocd-bench"], check=True)
    return tree / "build" / "allocd"


@pytest.fixture
def there(parked, program):
    parked.program = str(program)
    return parked


def allocate(allocd, sku, count=1):
    """Sends lines of the SKU, of which each raises one event."""
    assert allocd.post("/add_batch", {"ref": sku, "sku": sku, "qty": 1000}).ok
    for number in range(count):
        assert allocd.post("/allocate", {"orderid": f"order-{number}", "sku": sku, "qty": 1, "traceparent": TRACE}).ok


def on_stream(allocd):
    entries = allocd.redis.xrange(allocd.prefix + "allocd:events")
    return [(fields[b"type"].decode(), fields[b"data"]) for _, fields in entries]


FORMS = {
    "bare JSON": ({}, json.loads),
    "CloudEvents in MessagePack": ({"ALLOCD_ENCODING": "msgpack", "ALLOCD_ENVELOPE": "cloudevents"}, msgpack.unpackb),
}


@pytest.mark.parametrize("form", FORMS)
def test_both_names_have_one_identity_on_channels_and_stream(there, form):
    settings, decode = FORMS[form]
    there.start(**settings)
    heard, sku = there.listen(NEW, OLD), unique("sku")

    allocate(there, sku)
    published = [heard.next_raw(), heard.next_raw()]

    assert [name for name, _ in published] == [NEW, OLD]
    assert on_stream(there) == published
    new, old = (decode(payload) for _, payload in published)
    if "data" in new:
        assert old == {**new, "type": OLD, "data": old_name(new["data"])}
        assert (new["type"], new["traceparent"][:35], new["data"]["version"]) == (NEW, TRACE[:35], 1)
    else:
        assert old == old_name(new)
        assert (new["batchref"], new["traceparent"][:35], new["version"]) == (sku, TRACE[:35], 1)

    # The outbox has it once, and republish publishes what the worker does.
    assert [event["type"] for event in there.get(f"/events/{sku}").json()] == [NEW]
    assert there.run("verify").returncode == 0
    done = there.run("republish", "--sku", sku, "--from-version", "1")
    assert (done.returncode, done.stdout) == (0, "1 events published\n"), done.stderr
    assert [heard.next_raw(), heard.next_raw()] == published


@pytest.mark.parametrize("form", FORMS)
def test_republish_on_one_channel_publishes_each_event_once_under_its_new_name(there, form):
    """A bare event does not say its name, so a consumer would take either for the duplicate of the other one."""
    settings, decode = FORMS[form]
    there.start(**settings)
    sku, channel = unique("sku"), there.prefix + "repair"
    allocate(there, sku, count=2)
    wait_until(lambda: len(on_stream(there)) == 4, "the events to go out")
    pubsub = there.redis.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    wait_until(lambda: there.redis.pubsub_numsub(channel)[0][1], "the subscription")

    done = there.run("republish", "--sku", sku, "--from-version", "1", "--channel", "repair")

    assert (done.returncode, done.stdout) == (0, "2 events published\n"), done.stderr
    there.redis.publish(channel, b"end")
    heard = []
    while (message := wait_until(lambda: pubsub.get_message(timeout=1), "a message")["data"]) != b"end":
        heard.append(decode(message))
    events = [event.get("data", event) for event in heard]
    assert [(event["version"], event["batchref"]) for event in events] == [(1, sku), (2, sku)]


def test_a_listener_to_one_name_gets_each_event_once(there):
    there.start()
    allocate(there, "lamp")
    listeners = {name: there.listen(name) for name in (NEW, OLD)}
    for number in range(20):
        assert there.post("/allocate", {"orderid": f"more-{number}", "sku": "lamp", "qty": 1}).ok
    for name, listener in listeners.items():
        assert [listener.next()[1]["version"] for _ in range(20)] == list(range(2, 22)), name


def test_a_replay_publishes_both_names(there):
    there.start()
    heard = there.listen(NEW, OLD)
    there.allocate("desk", "order", 1)
    there.await_dead_letters()
    there.stock("desk", shelf=10)
    wait_until(lambda: there.get("/products/desk").ok, "the batch")

    done = there.run("dead-letters", "replay", "--outcome", "rejected", "--yes")

    assert done.returncode == 0, done.stderr
    assert [heard.next()[0], heard.next()[0]] == [NEW, OLD]


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("names", [(NEW,), (OLD,), ()])
def test_an_event_is_unheard_without_a_subscriber_to_either_name(
    tmp_path, database_url, own_redis, program, names, memory
):
    with contextlib.closing(Installation(tmp_path, database_url, own_redis.url())) as there:
        there.program = str(program)
        there.start()
        listeners = [there.listen(name) for name in names]
        there.redis.config_set("maxmemory", 0 if memory else 1)

        allocate(there, "lamp", count=2)
        for listener in listeners:
            assert [listener.next()[1]["version"] for _ in range(2)] == [1, 2]
        wait_until(lambda: status(there)["outputs"]["published"] == 4, "the status to know both events")

        found = status(there)
        assert found["outputs"]["unheard"] == (0 if names else 2)
        assert ("nobody-listens" in [trouble["code"] for trouble in found["troubles"]]) == (not names)
        metrics = there.get("/metrics").text
        for name in (NEW, OLD):
            result = "unfenced" if not memory else "published" if name in names else "unheard"
            assert f'allocd_events_total{{event="{name}",result="{result}"}} 2' in metrics


def test_operators_see_that_the_old_name_is_deprecated(there):
    there.start()
    asyncapi, openapi = (there.get(f"/{name}.json").json() for name in ("asyncapi", "openapi"))
    for payload in (asyncapi["components"]["messages"][OLD]["payload"]["schema"], openapi["components"]["schemas"][OLD]):
        assert (payload["deprecated"], payload["x-allocd-replaced-by"]["name"]) == (True, NEW)
    assert OLD in asyncapi["channels"] and OLD in asyncapi["channels"]["eventStream"]["messages"]


def status(allocd):
    return allocd.get("/readyz?verbose").json()


def test_the_bench_expects_each_event_once(there, program):
    there.start()
    done = there.run_program(str(program.with_name("allocd-bench")), "mixed", "--messages", "2000", "--skus", "20")
    assert done.returncode == 0, done.stdout + done.stderr


def test_kills_publish_each_event_once_under_both_names(there, behind_proxies, watch):
    """Killed when a unit is committed, when its events are published and the worker does not know, and at random."""
    skus = [unique("sku") for _ in range(5)]
    there.start(**behind_proxies)
    numbers = itertools.count()

    def send(count):
        for number in itertools.islice(numbers, count):
            line = {"orderid": f"order-{number}", "sku": skus[number % len(skus)], "qty": 1}
            there.redis.xadd(f"{there.prefix}allocd:commands", {"type": "allocate", "data": json.dumps(line)})

    def kill(relay):
        os.kill(there.worker.pid, signal.SIGKILL)
        relay.hold()

    for sku in skus:
        assert there.post("/add_batch", {"ref": sku, "sku": sku, "qty": 100000}).ok
    for number in range(KILLS):
        phase = ("committed", "published", None)[number % 3]
        seen = watch.at(phase, kill) if phase else None
        send(50)
        if seen:
            assert seen.wait(20), phase
            there.wait()
        else:
            time.sleep(random.uniform(0, 0.2))
            there.kill()
        there.launch(**behind_proxies)
    total = next(numbers)
    wait_until(lambda: len(on_stream(there)) >= 2 * total, "all events")

    published = on_stream(there)
    pairs = list(zip(published[::2], published[1::2]))
    assert len(pairs) == total
    for (first, new), (second, old) in pairs:
        assert (first, second) == (NEW, OLD)
        assert json.loads(old) == old_name(json.loads(new))
    for sku in skus:
        versions = [event["version"] for event in (json.loads(new) for (_, new), _ in pairs) if event["sku"] == sku]
        assert versions == list(range(1, total // len(skus) + 1))


class WireOfPublishes(RedisWire):
    """Reports when the old name of an event is about to be published, after the new one."""

    def before(self, relay, way, message):
        if way == REQUEST and command_of(message) == b"PUBLISH" and OLD.encode() in message.split(b"\r\n")[4]:
            self.watch.reached("between", relay)
        super().before(relay, way, message)


def test_a_kill_between_the_two_publications_repeats_both(tmp_path, database_url, own_redis, program, watch):
    """With the fence the two are one call of Redis; without memory in Redis, there is no fence, and they are two."""
    with (
        redis_behind(own_redis.url(), lambda: WireOfPublishes(watch)) as proxy,
        contextlib.closing(Installation(tmp_path, database_url, own_redis.url())) as there,
    ):
        there.program = str(program)
        there.start(REDIS_URL=proxy.url)
        heard = there.listen(NEW, OLD)
        assert there.post("/add_batch", {"ref": "shelf", "sku": "lamp", "qty": 10}).ok
        there.redis.config_set("maxmemory", 1)

        def kill(relay):
            os.kill(there.worker.pid, signal.SIGKILL)
            relay.hold()

        seen = watch.at("between", kill)
        assert there.post("/allocate", {"orderid": "order", "sku": "lamp", "qty": 1}).ok
        assert seen.wait(20)
        there.wait()
        assert heard.next()[0] == NEW
        there.redis.config_set("maxmemory", 0)
        there.start(REDIS_URL=proxy.url)

        assert [heard.next()[0], heard.next()[0]] == [NEW, OLD]
        assert [name for name, _ in on_stream(there)] == [NEW, OLD]
