"""Small worlds for many failures: each serves some of them, and none after one that did harm."""

import collections
import contextlib
import time

import installation
import servers
from small_world import small_world

FAILURES_MAX = 25  # in one world, because the ledger compares all that was ever done in it
DESCRIPTORS_MAX = 40  # a worker that has opened all its connections has about 30
SHOWN = 3  # lines of the log of a worker that did harm


class Worlds:
    """`enter_proxy` begins what is between the worker and its servers, and returns the settings that lead through it."""

    def __init__(self, make_folder, server_urls, enter_proxy=None):
        self.make_folder = make_folder
        self.urls = server_urls
        self.enter_proxy = enter_proxy
        self.stack = contextlib.ExitStack()
        self.world = None

    def current(self):
        if not self.world or self.used >= FAILURES_MAX:
            self.close()
            url = self.stack.enter_context(installation.fresh_database(self.urls["DATABASE_URL"]))
            settings = self.enter_proxy(self.stack, url) if self.enter_proxy else {}
            self.world = self.stack.enter_context(small_world(self.make_folder(), url, self.urls["REDIS_URL"], **settings))
            self.used = 0
        self.used += 1
        return self.world

    def close(self):
        self.world = None
        self.stack.close()

    def check_descriptors(self):
        """Failures leave no descriptors open."""
        count = self.world.worker.descriptors()
        assert count <= DESCRIPTORS_MAX, f"the worker has {count} descriptors"

    def log(self):
        return servers.tail_of(self.world.allocd.log, SHOWN) if self.world else ""


class Trials:
    """What became of each failure."""

    def __init__(self, worlds):
        self.worlds = worlds
        self.results = collections.Counter()
        self.defects = []
        self.seconds = []

    def run(self, failures, begin):
        """begin(world, failure) arms it, and returns what has disarm(), which returns whether it happened, and a text."""
        for failure in failures:
            begun = time.monotonic()
            self.results[self.result_of(failure, begin)] += 1
            self.seconds.append((time.monotonic() - begun, str(failure)))

    def result_of(self, failure, begin):
        world, armed = self.worlds.current(), None
        world.worker.ends = []
        try:
            armed = begin(world, failure)
            world.play()
            has_happened = armed.disarm()
            world.check()  # in which nothing fails
            self.worlds.check_descriptors()
        except Exception as defect:
            what = armed or world.worker.plan
            self.defects.append(f"{failure}: {what}\n{type(defect).__name__}: {defect}\n{self.worlds.log()}")
            print(self.defects[-1], flush=True)
            self.worlds.close()
            return "did harm"
        if not has_happened:
            return "not reached"
        return "ended the worker" if any(world.worker.ends) else "survived"

    def finish(self, what):
        """Prints the figures, and fails with all defects."""
        slowest = ", ".join(f"{seconds:.1f} s {name}" for seconds, name in sorted(self.seconds)[-3:])
        figures = ", ".join(f"{count} {result}" for result, count in sorted(self.results.items()))
        print(f"{what}: {figures}; {sum(seconds for seconds, _ in self.seconds):.0f} s, the slowest {slowest}")
        assert not self.defects, "\n\n".join(self.defects)
