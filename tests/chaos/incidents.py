"""
What happens to the workers and their servers: one generator a fault. Between two of its steps it yields the seconds
until the next one, or a condition to wait for; it ends when everything that it touched works again, and says what it does
and what followed in the sentences of its incident.
"""

import collections
import dataclasses
import datetime
import random
import signal
import time

import clusters
import namespaces
from redis_nodes import MASTER

WORKER, POSTGRES, REDIS, FLEET = "a worker", "Postgres", "Redis", "all workers"
NAMESPACES, SHIM, EARLIER = "namespaces", "shim", "earlier program"  # what a fault may need


def now():
    return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass
class Incident:
    name: str
    place: str  # WORKER, POSTGRES, REDIS, or FLEET
    begin: datetime.datetime = dataclasses.field(default_factory=now)
    end: datetime.datetime = None  # when all that it touched worked again
    sentences: list = dataclasses.field(default_factory=list)

    def add(self, sentence):
        self.sentences.append(sentence)

    def text(self):
        return " ".join(self.sentences)

    def overlaps(self, begin, end, before_s=0, after_s=0):
        mine = self.begin - datetime.timedelta(seconds=before_s), (self.end or now()) + datetime.timedelta(seconds=after_s)
        return mine[0] < end and begin < mine[1]


BETWEEN_S = 2  # docs/operating.md, "Upgrades": how long a worker is ready before the next one is ended


# A fault that may happen: `needs` names what the machine must allow. `is_calm`: none at the same time as one of servers.
Kind = collections.namedtuple("Kind", "name place needs is_calm play")
KINDS = []


def fault(name, place, needs=None, is_calm=False):
    def register(play):
        KINDS.append(Kind(name, place, needs, is_calm, play))
        return play

    return register


def ready_again(incident, condition, what, since=None):
    """Waits for the condition, and says how long it took."""
    since = since or time.monotonic()
    yield condition
    incident.add(f"{what} ready again after {time.monotonic() - since:.1f} s.")


# ---- of a worker ----


def start_later(member, incident, chance, how_it_ended):
    seconds = chance.uniform(0.2, 8)
    incident.add(f"{member} is {how_it_ended}, and started {seconds:.1f} s later.")
    yield seconds
    member.launch()
    yield from ready_again(incident, member.ready, "It is")


@fault("kill -9", WORKER)
def kill(site, member, incident, chance):
    member.kill()
    yield from start_later(member, incident, chance, "killed")


@fault("SIGTERM", WORKER, is_calm=True)
def end(site, member, incident, chance):
    member.end()
    yield from start_later(member, incident, chance, "ended by SIGTERM")


@fault("SIGSTOP", WORKER)
def stop(site, member, incident, chance):
    seconds = chance.uniform(0.2, 8)
    member.worker.send_signal(signal.SIGSTOP)
    incident.add(f"{member} is stopped for {seconds:.1f} s (SIGSTOP).")
    yield seconds
    member.worker.send_signal(signal.SIGCONT)
    yield from ready_again(incident, member.ready, "It is")


@fault("pulled cable", WORKER, NAMESPACES)
def unplug(site, member, incident, chance):
    seconds = chance.uniform(0.2, 12)
    member.machine.unplug()
    incident.add(f"The cable of worker {member.number} is pulled for {seconds:.1f} s.")
    yield seconds
    member.machine.plug()
    yield from ready_again(incident, member.ready, "It is")


def cut_off(member, incident, chance, network, what):
    seconds = chance.uniform(0.2, 12)
    member.machine.cut_off(network)
    incident.add(f"What worker {member.number} sends to {what} is lost for {seconds:.1f} s.")
    yield seconds
    member.machine.connect(network)
    yield from ready_again(incident, member.ready, "It is")


@fault("no way to Postgres", WORKER, NAMESPACES)
def cut_off_from_postgres(site, member, incident, chance):
    yield from cut_off(member, incident, chance, namespaces.DATABASES, "Postgres")


@fault("no way to Redis", WORKER, NAMESPACES)
def cut_off_from_redis(site, member, incident, chance):
    yield from cut_off(member, incident, chance, namespaces.REDIS_NETWORK, "Redis and its sentinels")


@fault("clock step", WORKER, SHIM)
def set_clock(site, member, incident, chance):
    seconds, offset = chance.uniform(1, 10), chance.choice([-3600, -60, -2, 2, 60, 3600]) * chance.uniform(0.5, 1)
    member.shim.set_clock(offset)
    way = "forward" if offset > 0 else "back"
    incident.add(f"The clock of worker {member.number} is put {way} by {abs(offset):.0f} s, and set right {seconds:.1f} s later.")
    yield seconds
    member.shim.set_clock(0)
    yield from ready_again(incident, member.ready, "It is")


# ---- of Postgres ----


@fault("Postgres failover", POSTGRES)
def kill_primary(site, _, incident, chance):
    pair, seconds = site.postgres, chance.uniform(0.2, 3)
    incident.add(f"The Postgres primary {pair.primary.title} is killed, and {pair.standby.title} promoted {seconds:.1f} s later.")
    pair.primary.end_at_once()
    yield seconds
    yield from take_over(site, incident, chance)


@fault("frozen Postgres", POSTGRES)
def freeze_primary(site, _, incident, chance):
    pair, seconds = site.postgres, chance.uniform(0.2, 3)
    incident.add(f"The Postgres primary {pair.primary.title} freezes; {pair.standby.title} is promoted {seconds:.1f} s later.")
    clusters.freeze(pair.primary)
    yield seconds
    yield from take_over(site, incident, chance)


def take_over(site, incident, chance):
    """The former primary stays as it is, dead or frozen, until it is made a standby."""
    site.postgres.promote()
    yield from ready_again(incident, site.others_ready, "The workers are")
    yield chance.uniform(0, 5)
    site.postgres.rejoin()


@fault("Postgres crash", POSTGRES)
def crash_primary(site, _, incident, chance):
    primary, seconds = site.postgres.primary, chance.uniform(0.2, 5)
    incident.add(f"The Postgres primary {primary.title} crashes, and is started {seconds:.1f} s later.")
    primary.crash()
    yield seconds
    primary.start()
    yield from ready_again(incident, site.others_ready, "The workers are")
    yield site.postgres.is_safe


@fault("full disk of Postgres", POSTGRES, NAMESPACES)
def fill_disk_of_primary(site, _, incident, chance):
    primary, seconds = site.postgres.primary, chance.uniform(2, 8)
    incident.add(f"The disk of the Postgres primary {primary.title} is full for {seconds:.1f} s.")
    primary.disk.fill()
    yield seconds
    primary.disk.free()
    if primary.has_died():
        incident.add("It ended meanwhile, and is started.")
        primary.end_at_once()
        primary.start()
    yield from ready_again(incident, site.others_ready, "The workers are")
    yield site.postgres.is_safe


@fault("slow disk of Postgres", POSTGRES, SHIM)
def slow_disk(site, _, incident, chance):
    node, seconds, each = chance.choice(site.postgres.nodes), chance.uniform(2, 8), chance.uniform(0.05, 0.5)
    incident.add(f"Each fsync() of {node.title} takes {each:.2f} s longer for {seconds:.1f} s.")
    node.shim.slow_down(each)
    yield seconds
    node.shim.slow_down(0)
    yield from ready_again(incident, site.others_ready, "The workers are")


# ---- of Redis ----


def moved(site, incident, since):
    """Waits until the sentinels have promoted the replica, and the workers have followed."""
    yield site.redis.has_moved
    site.redis.follow()
    incident.add(f"The sentinels have promoted {site.redis.now.title} after {time.monotonic() - since:.1f} s.")
    yield from ready_again(incident, site.others_ready, "The workers are")


def replicated(site):
    yield site.redis.is_replicated
    site.redis.use(site.redis.now, 1)
    yield site.redis.is_safe


@fault("Redis failover", REDIS)
def kill_master(site, _, incident, chance):
    former, since = site.redis.now, time.monotonic()
    incident.add(f"The Redis master {former.title} is killed.")
    former.kill()
    yield from moved(site, incident, since)
    yield chance.uniform(0, 5)
    former.start_as_replica_of(site.redis.now)
    yield from replicated(site)


@fault("frozen Redis", REDIS)
def freeze_master(site, _, incident, chance):
    former, since = site.redis.now, time.monotonic()
    incident.add(f"The Redis master {former.title} freezes.")
    former.process.send_signal(signal.SIGSTOP)
    yield from moved(site, incident, since)
    yield chance.uniform(0, 5)
    former.process.send_signal(signal.SIGCONT)
    yield from replicated(site)


@fault("SENTINEL FAILOVER", REDIS)
def order_failover(site, _, incident, chance):
    since = time.monotonic()
    incident.add(f"The sentinels are asked to replace the Redis master {site.redis.now.title}.")
    site.redis.sentinels[0].client().sentinel_failover(MASTER)
    yield from moved(site, incident, since)
    yield from replicated(site)


@fault("full disk of Redis", REDIS, NAMESPACES)
def fill_disk_of_master(site, _, incident, chance):
    """The master answers even a PING with MISCONF then, so the sentinels replace it."""
    former, since = site.redis.now, time.monotonic()
    incident.add(f"The disk of the Redis master {former.title} is full.")
    former.disk.fill()
    yield from moved(site, incident, since)
    yield chance.uniform(0, 5)
    former.disk.free()
    yield from replicated(site)


# ---- of all workers ----


@fault("restarts in turns", FLEET, is_calm=True)
def restart_in_turns(site, _, incident, chance):
    incident.add("The workers are ended and started again, one after the other.")
    for member in site.members:
        yield from replace(member, member.program)
    incident.add("All are ready.")


@fault("upgrade and rollback", FLEET, EARLIER, is_calm=True)
def roll(site, _, incident, chance):
    """To this version at first, because the earlier one begins; later back to that one, and to this one again."""
    if site.members[0].program != site.means.earlier:
        incident.add("The workers are rolled back to the earlier version, one after the other.")
        for member in site.members:
            yield from replace(member, site.means.earlier)
        yield chance.uniform(1, 10)
    incident.add("The workers are upgraded to this version, one after the other.")
    for member in site.members:
        yield from replace(member, site.means.program)
    incident.add("All are ready.")


def replace(member, program):
    member.fault = "restart"
    member.end()
    member.program = program
    member.launch()
    yield member.ready
    yield BETWEEN_S
    member.recover()


# ---- which of them are possible ----


def possible(kinds, lacks):
    return [kind for kind in kinds if kind.needs not in lacks]


def left_out(kinds, lacks):
    """One line for each thing that the machine lacks: which faults need it, and why it is not there."""
    for need, why in lacks.items():
        names = [kind.name for kind in kinds if kind.needs == need]
        if names:
            yield f"Left out: {', '.join(names)}. {why}"


def own_chance(chance):
    """Random numbers of one fault alone, so that those of the next one do not depend on how this one went."""
    return random.Random(chance.getrandbits(32))
