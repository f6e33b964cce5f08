"""
Each allocation and each system call of the worker fails once: while it starts, while it works, and while it ends.

ALLOCD_TEST_NTH=all tries each place at which there is a call, with each of its errors; a number, as many as that in each test.
A failed test names its failures as the same variable takes them, with commas between several: ALLOCD_TEST_NTH=1/5fbc/1/0.
"""

import pytest
from failed_calls import KINDS, chosen, possible
from worlds import Trials, Worlds


@pytest.fixture(scope="module")
def worlds(tmp_path_factory, server_urls):
    made = Worlds(lambda: tmp_path_factory.mktemp("world"), server_urls)
    yield made
    made.close()


class Start:
    rounds = 1

    def count(self, world, kind):
        world.worker.restart(count=kind)
        world.worker.await_ready()
        return world.worker.plan.counted()

    def begin(self, world, failure):
        world.worker.restart(failure)
        world.worker.await_ready()
        return world.worker.armed


class Work:
    rounds = 2

    def count(self, world, kind):
        world.worker.plan.begin_to_count(kind)
        for _ in range(self.rounds):
            world.play()
        return world.worker.plan.counted()

    def begin(self, world, failure):
        plan = world.worker.plan
        plan.arm(failure)
        return plan


class End:
    """With commands on the stream that the worker has read, or has not yet."""

    rounds = 1

    def count(self, world, kind):
        world.worker.plan.begin_to_count(kind)
        world.add_and_publish()
        return world.worker.restart().counted()

    def begin(self, world, failure):
        plan = world.worker.plan
        plan.arm(failure)
        world.add_and_publish()
        world.worker.restart()
        return plan


PARTS = {"start": Start(), "work": Work(), "end": End()}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_once_loses_and_repeats_nothing(worlds, part, kind):
    """The worker continues, or ends and says why; after it was started again, the ledger balances."""
    calls = PARTS[part].count(worlds.current(), KINDS[kind])
    worlds.world.settle()
    failures = possible(KINDS[kind], calls, PARTS[part].rounds)

    trials = Trials(worlds)
    trials.run(chosen(failures), PARTS[part].begin)
    places = len({failure.place for failure in failures})
    trials.finish(f"{part}: {len(calls)} {kind} in {PARTS[part].rounds} rounds at {places} places, {len(failures)} possible failures")

