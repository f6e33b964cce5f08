"""Publishers that know what arrived while everything around them fails, and a consumer that reads the stream of events."""

import collections
import contextlib
import json
import threading
import time

import redis
import requests
from background import Background
from sender import RELEASES, Senders

ANSWER_S = 3  # in which a worker answers a command, before another one is asked
REPLICATED_MS = 500
EVENTS = "allocd:events"


class SureSenders(Senders):
    """
    Send each command until it surely arrived, under one id, before the next one of the same way: to a worker that answers,
    or to the stream of the present master and its replica. What is published on channels is sent once.
    """

    def __init__(self, site, ways, skus, rate):
        super().__init__(site.ledger, ways, skus, rate, releases=RELEASES)
        self.site = site
        self.turn = 0  # which worker is asked
        self.abandoned = threading.Event()

    def __exit__(self, defect, *_):
        """After a run that failed a command may never arrive."""
        if defect:
            self.abandoned.set()
        self.stop()

    def post(self, command):
        while self.post_once(command) is None and not self.abandoned.is_set():
            time.sleep(0.02)

    def post_once(self, command):
        member = self.site.members[self.turn % len(self.site.members)]
        with contextlib.suppress(requests.RequestException):
            answer = self.http.post(member.url("/" + command.name), json=command.fields, timeout=ANSWER_S)
            if answer.status_code == 202:
                return answer
            assert answer.status_code == 503, f"{command}: {answer.status_code} {answer.text}"
        self.turn += 1
        return None

    def add(self, command):
        while not self.add_once(command) and not self.abandoned.is_set():
            time.sleep(0.02)

    def add_once(self, command, stream=None):
        """Whether the entry survives a failover."""
        present = self.site.redis.present
        entry = {"type": command.name, "data": json.dumps(command.fields)}
        with contextlib.suppress(redis.RedisError):
            calls = present.client.pipeline(transaction=False)
            calls.xadd(self.allocd.prefix + (stream or command.way), entry)
            if present.replicas:
                calls.wait(present.replicas, REPLICATED_MS)
            answers = calls.execute()
            return not present.replicas or answers[-1] >= present.replicas
        return False

    def publish(self, command):
        with contextlib.suppress(redis.RedisError):
            self.site.redis.present.client.publish(self.allocd.prefix + command.name, json.dumps(command.fields))


# An event as the consumer read it, when (seconds since 1970), and what tells its content from another one.
Heard = collections.namedtuple("Heard", "sku version at content")


def content_of(event):
    return hash(tuple(sorted((name, str(value)) for name, value in event.items() if name != "type")))


class Consumer(Background):
    """Reads every entry of the stream of events, at the server that is the master then."""

    def __init__(self, site):
        super().__init__()
        self.site = site
        self.heard = []
        self.last = "0-0"

    def run(self):
        stream = self.site.members[0].prefix + EVENTS
        while not self.over.is_set():
            try:
                answer = self.site.redis.present.client.xread({stream: self.last}, count=1000, block=200)
            except redis.RedisError:
                time.sleep(0.05)
                continue
            for identity, fields in answer[0][1] if answer else []:
                event = json.loads(fields[b"data"])
                self.heard.append(Heard(event["sku"], event["version"], time.time(), content_of(event)))
                self.last = identity
