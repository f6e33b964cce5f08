#!/usr/bin/python3
"""Breaks real servers and workers at random under load, and counts what is lost, doubled or out of order.

Starts a Postgres primary and its synchronous standby, a Redis master, its replica and three sentinels, and three workers, all
private. Commands come by two streams, HTTP and pub/sub, while workers are killed, stopped, cut off, replaced by the last release
and back, and get a wrong clock; and while servers crash, freeze, fail over, and have full or slow disks. It ends with a story
of what happened, one table, and 1 if a promise of README.md was broken.

Nothing of it listens beyond this machine, and nothing remains. It runs in namespaces of its own, for which it needs root
only where the kernel lets no other user make them; without them, some faults are left out.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / folder) for folder in ("scripts", "tests/e2e/support", "tests/support")]
sys.dont_write_bytecode = True

import earlier_program  # noqa: E402
import incidents  # noqa: E402
import installation  # noqa: E402
import judge  # noqa: E402
import namespaces  # noqa: E402
import servers  # noqa: E402
import story  # noqa: E402
from chaos_site import SKUS, STREAMS, Site, WorkerEnded  # noqa: E402
from schedule import NoProgress, Schedule  # noqa: E402
from sender import STREAM  # noqa: E402
from traffic import EVENTS, Consumer, SureSenders  # noqa: E402

RUN = ROOT / "build" / "chaos" / "run"
SETTLE_S = 120
CHANNELS_S = 10  # in which what was heard on a channel is handled, if it is handled at all
INSIDE = "CHAOS_INSIDE"  # set in the namespaces: the means
BROKEN = (NoProgress, WorkerEnded, servers.ServerError, AssertionError, subprocess.SubprocessError)


@dataclasses.dataclass
class Means:
    """What there is to break things with; `lacks` says why something is not there."""

    program: str
    namespaces: bool = False
    shim: str = None
    earlier: str = None
    earlier_name: str = None
    lacks: dict = dataclasses.field(default_factory=dict)


def find_means(options, kinds):
    means = Means(installation.binary())
    why = namespaces.why_not()
    means.namespaces = not why
    if why:
        means.lacks[incidents.NAMESPACES] = f"The kernel makes no namespaces for user {os.geteuid()}: {why}"
    library = next(iter(sorted(pathlib.Path(means.program).parent.glob("tests/chaos/libchaos-shim.so"))), None)
    means.shim = str(library) if library else None
    if not library:
        means.lacks[incidents.SHIM] = "The build has no tests/chaos/libchaos-shim.so."
    if any(kind.needs == incidents.EARLIER for kind in kinds):
        find_earlier(options, means)
    return means


def find_earlier(options, means):
    try:
        commit, means.earlier_name = earlier_program.last_release()
        print(f"== building the earlier program ({means.earlier_name})", file=sys.stderr, flush=True)
        means.earlier = earlier_program.build(commit, options.folder.parent / "earlier" / commit)
    except (earlier_program.NoHistory, OSError, subprocess.SubprocessError) as error:
        means.lacks[incidents.EARLIER] = f"The earlier program cannot be built: {error}"


def choose(options):
    kinds = [kind for kind in incidents.KINDS if options.only.lower() in kind.name.lower()]
    if not kinds:
        names = ", ".join(kind.name for kind in incidents.KINDS)
        sys.exit(f"chaos: no fault has '{options.only}' in its name; there are: {names}")
    return kinds


# ---- one run ----


def run(options, means):
    kinds = incidents.possible(choose(options), means.lacks)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        if means.namespaces:
            namespaces.prepare()
        begins_earlier = any(kind.needs == incidents.EARLIER for kind in kinds)
        site = Site(stack, options.folder, means, means.earlier if begins_earlier else means.program)
        site.start()
        return perform(site, Schedule(site, kinds, options.seed, print_progress), options)


def print_progress(incident):
    print(f"== {incident.begin:%T} {incident.text()}", file=sys.stderr, flush=True)


def perform(site, schedule, options):
    """Returns the status, after the story was printed, however far it went."""
    begin, verdict, troubles = incidents.now(), judge.Verdict([]), []
    try:
        with Consumer(site) as consumer, noted(troubles):
            with contextlib.ExitStack() as senders:
                half = len(SKUS) // 2  # the order of what comes on both streams is not defined
                some = senders.enter_context(SureSenders(site, (STREAM, "http", "pubsub"), SKUS[:half], options.rate))
                senders.enter_context(SureSenders(site, STREAMS[1:], SKUS[half:], options.rate))
                schedule.play(options.minutes * 60)
            unheard = settle(site, some, consumer, troubles)
            verdict = judged(site, unheard, consumer.heard, schedule.incidents, troubles)
        verdict.troubles += troubles
    finally:
        print(f"\nSeed {options.seed}, {options.minutes:g} minutes:")
        print(*story.story(schedule.incidents, begin, verdict.rows), "", sep="\n", flush=True)
    print(*story.summary(verdict, schedule.incidents, begin), sep="\n", flush=True)
    return 0 if verdict.is_kept() else 1


@contextlib.contextmanager
def noted(troubles):
    """What is broken in the block ends it, and is a trouble of the run."""
    try:
        yield
    except BROKEN as trouble:
        troubles.append(str(trouble) or f"this does not hold: {traceback.extract_tb(trouble.__traceback__)[-1].line}")


def settle(site, senders, consumer, troubles):
    """
    Waits until everything is handled and published that surely arrived; what takes too long is counted as it is by then.
    Returns the commands on channels that were not handled; they are sent again.
    """
    ledger, unheard = site.ledger, []
    ledger.allocd.redis = site.redis.now.client()
    servers.wait_until(site.all_ready, "the workers to be ready", SETTLE_S)
    with noted(troubles):
        unheard = await_handled(ledger)
        ledger.settle(senders.send)
        for stream in STREAMS:
            ledger.await_stream(stream)
    with noted(troubles):
        events = ledger.allocd.redis.xinfo_stream(ledger.allocd.prefix + EVENTS)
        servers.wait_until(lambda: consumer.last == events["last-generated-id"], "the consumer to read all events", SETTLE_S)
    return unheard


def await_handled(ledger):
    """Returns the commands on channels that were lost."""

    def missing():
        return [command for command in ledger.missing() if command.way != "pubsub"]

    servers.wait_until(lambda: not missing(), lambda: f"{len(missing())} commands to be handled: {missing()[:1]}", SETTLE_S)
    with contextlib.suppress(servers.ServerError):
        servers.wait_until(lambda: not ledger.missing(), "commands on channels", CHANNELS_S)
    return ledger.missing()


def judged(site, unheard, heard, happened, troubles):
    ledger = site.ledger
    events = {sku: ledger.events(sku) for sku in ledger.skus}
    verdict = judge.judge(ledger, events, ledger.spent(), heard, unheard, happened)
    with noted(troubles):
        ledger.check_handled(events)
    with noted(troubles):
        ledger.check_verify()
    return verdict


# ---- the command ----


def positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=positive, default=2, help="how long faults begin (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="chooses the faults (random)")
    parser.add_argument("--rate", type=positive, default=30, help="commands a second, of each of four ways (%(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="faults with this word in their names")
    parser.add_argument("--folder", type=pathlib.Path, default=RUN, help="for logs; it is emptied (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    servers.end_in_order_on_signals()
    if given := os.environ.get(INSIDE):
        return run(options, Means(**json.loads(given)))
    kinds = choose(options)
    means = find_means(options, kinds)
    for line in incidents.left_out(kinds, means.lacks):
        print(line, flush=True)
    if not incidents.possible(kinds, means.lacks):
        sys.exit("chaos: no other fault was chosen")
    print(f"== seed {options.seed}", file=sys.stderr, flush=True)
    if not means.namespaces:
        return run(options, means)
    again = [__file__, *arguments, "--seed", str(options.seed)]
    return namespaces.run_inside(again, {INSIDE: json.dumps(dataclasses.asdict(means))})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
