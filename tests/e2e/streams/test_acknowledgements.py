"""Acknowledgements that Redis refuses or answers with nonsense: the worker is not ready, and sends them again later."""

import json

import pytest
from installation import unique, wait_until
from proxy import redis_behind
from sender import STREAM
from wires import REPLY, RedisWire


class Lies:
    """The answer that replaces that of XACK; None: the real one."""

    def __init__(self):
        self.reply = None


class LyingWire(RedisWire):
    def __init__(self, watch, lies):
        super().__init__(watch)
        self.lies = lies

    def messages(self, way, data):
        for message in super().messages(way, data):
            is_answer = way == REPLY and self.commands and self.commands[0] == b"XACK"
            yield self.lies.reply if is_answer and self.lies.reply else message


def add(allocd, stream, orderid, sku):
    data = json.dumps({"orderid": orderid, "sku": sku, "qty": 1})
    allocd.redis.xadd(allocd.prefix + stream, {"type": "allocate", "data": data})


def reason(allocd):
    response = allocd.get("/readyz")
    return response.json()["message"] if response.status_code == 503 else ""


def pending(allocd, stream):
    return allocd.redis.xpending(allocd.prefix + stream, "allocd")["pending"]


ANSWERS = {
    "status": (b"+OK\r\n", "takes no acknowledgements: unexpected type of reply"),
    "text": (b"$1\r\n1\r\n", "takes no acknowledgements: unexpected type of reply"),
    "error": (b"-OOM command not allowed\r\n", "takes no acknowledgements: OOM"),
    "no protocol": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "takes no acknowledgements: "),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_worker_whose_acknowledgements_get_a_malformed_answer_is_not_ready(parked, server_urls, watch, answer):
    lies, sku = Lies(), unique("sku")
    lie, words = ANSWERS[answer]
    with redis_behind(server_urls["REDIS_URL"], lambda: LyingWire(watch, lies)) as proxy:
        parked.start(REDIS_URL=proxy.url)
        parked.stock(sku, **{unique("batch"): 10})
        lies.reply = lie
        add(parked, STREAM, "order", sku)
        wait_until(lambda: words in reason(parked), lambda: f"readiness to say {words!r}; it says {reason(parked)!r}")

        lies.reply = None
        wait_until(parked.ready, "readiness once the answers are true again")
        assert pending(parked, STREAM) == 0
        assert parked.stop() == 0


def test_a_worker_whose_acknowledgements_are_refused_by_one_stream_of_two_is_not_ready(on_own_redis):
    allocd, sku, admin = on_own_redis, unique("sku"), on_own_redis.redis
    if int(admin.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("a right for one key only")
    assert allocd.stop() == 0
    admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all")
    assert allocd.run("streams", "resize", ALLOCD_STREAM="first,second").returncode == 0
    allocd.start(ALLOCD_STREAM="first,second", REDIS_URL=allocd.redis_url.replace("redis://", "redis://app:pw@"))
    allocd.stock(sku, **{unique("batch"): 10})
    admin.execute_command("ACL", "SETUSER", "app", "-xack", f"(+xack ~{allocd.prefix}first)")
    for stream in ("first", "second"):
        add(allocd, stream, f"of {stream}", sku)

    wait_until(lambda: "takes no acknowledgements" in reason(allocd), "readiness to say it")
    assert "second" in reason(allocd) and "NOPERM" in reason(allocd)
    assert pending(allocd, "first") == 0
    assert pending(allocd, "second") == 1

    admin.execute_command("ACL", "SETUSER", "app", "+xack")
    wait_until(allocd.ready, "the worker to be ready again")
    assert pending(allocd, "second") == 0
