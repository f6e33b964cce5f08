"""
Chooses by a seed which fault happens next, to whom, and after which pause; and plays several side by side, never more than
the promises allow: one worker suffers none of its own, and servers fail one at a time, once their replicas have everything.
"""

import math
import random
import time

from incidents import EARLIER, FLEET, WORKER, Incident, now, own_chance

WAIT_S = 120  # for what a fault waits for, and for a fault to be possible
PAUSE_S = 4  # at most, before the next fault begins
POLL_S = 0.1
# A worker that was started this long ago has heard what the others heard on channels, and can do what they were to do.
SOUND_S = 3


class NoProgress(Exception):
    """Something is not well again in its time; the text says what."""


class Play:
    """A fault that has begun: its next step comes when `due` is over or `awaited` is true."""

    def __init__(self, kind, member, steps, incident):
        self.kind, self.member, self.steps, self.incident = kind, member, steps, incident
        self.due = self.awaited = None
        self.since = time.monotonic()

    def advance(self):
        """Takes the steps that are due. Returns whether the fault is over."""
        while self.is_due():
            try:
                wanted = next(self.steps)
            except StopIteration:
                self.incident.end = now()
                return True
            self.since = time.monotonic()
            self.awaited = wanted if callable(wanted) else None
            self.due = None if self.awaited else self.since + wanted
        return False

    def is_due(self):
        if not self.awaited:
            return self.due is None or time.monotonic() >= self.due
        if self.awaited():
            return True
        if time.monotonic() > self.since + WAIT_S:
            raise NoProgress(f"It is not over after {WAIT_S} s: {self.incident.text()}")
        return False

    def hurry(self):
        """The next step, unless it waits for a condition, need not wait."""
        if self.due:
            self.due = 0


class Schedule:
    """All possible faults in a random order, then again in another one. `on_begin` is called with each incident."""

    def __init__(self, site, kinds, seed, on_begin=lambda incident: None):
        self.site, self.kinds = site, kinds
        self.chance = random.Random(seed)
        self.on_begin = on_begin
        self.coming = []
        self.plays = []
        self.incidents = []

    def draw(self):
        """The next fault, its worker if it is for one, its own random numbers, and the pause behind it."""
        if not self.coming:
            self.coming = self.chance.sample(self.kinds, len(self.kinds))
            if not self.incidents:  # the earlier program begins, so the upgrade comes first
                self.coming.sort(key=lambda kind: kind.needs == EARLIER)
        kind, number = self.coming.pop(), self.chance.randrange(len(self.site.members))
        member = self.site.members[number] if kind.place == WORKER else None
        return kind, member, own_chance(self.chance), self.chance.uniform(0, PAUSE_S)

    def play(self, seconds):
        """Faults begin for that time, and are over when this returns."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            kind, member, chance, pause = self.draw()
            if self.wait(lambda kind=kind, member=member: self.may_begin(kind, member), end):
                self.begin(kind, member, chance)
                self.wait(lambda until=time.monotonic() + pause: time.monotonic() >= until, end)
        self.finish()

    def finish(self):
        for play in self.plays:
            play.hurry()
        self.wait(lambda: not self.plays, math.inf)

    def begin(self, kind, member, chance):
        incident = Incident(kind.name, kind.place)
        self.incidents.append(incident)
        play = Play(kind, member, kind.play(self.site, member, incident, chance), incident)
        if member:
            member.fault = kind.name
        self.plays.append(play)
        self.take_steps()
        self.on_begin(incident)

    def take_steps(self):
        for play in list(self.plays):
            if play.advance():
                self.plays.remove(play)
                if play.member:
                    play.member.recover()

    def wait(self, condition, end):
        """Continues the faults that have begun until the condition holds. Returns False if `end` comes before."""
        bound = time.monotonic() + WAIT_S
        while True:
            self.take_steps()
            self.site.check_alive()
            if condition():
                return True
            if time.monotonic() >= end:
                return False
            if time.monotonic() >= bound:
                running = " ".join(play.incident.text() for play in self.plays)
                raise NoProgress(f"no other fault may begin after {WAIT_S} s. {running or 'None is under way.'}")
            time.sleep(POLL_S)

    def may_begin(self, kind, member):
        places = {play.kind.place for play in self.plays}
        if FLEET in places:
            return False
        of_servers = places - {WORKER}
        if kind.place == WORKER:
            return self.is_sound(member, of_servers) and not (kind.is_calm and of_servers) and self.one_stays(member)
        if of_servers or (kind.is_calm and places):
            return False
        return self.site.others_ready() and self.site.postgres.is_safe() and self.site.redis.is_safe()

    def is_sound(self, member, of_servers):
        """While servers fail a worker need not be ready."""
        return not member.fault and (bool(of_servers) or member.ready())

    def one_stays(self, member):
        others = [other for other in self.site.members if other is not member and not other.fault]
        return any(time.monotonic() > other.sound_since + SOUND_S for other in others)

