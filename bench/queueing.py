"""Many shops on paper: what requests wait for when they share processors, workers and locks.

Pure Python, and the same every time: arrivals and service times come from a seeded generator. Each
request takes a worker of a server for as long as it lasts, in it a processor for Odoo's part, then,
if it decides, its shop's lock, and a processor of its database for PostgreSQL's part. Whoever finds
one taken waits, in order of arrival. Signs of life of agents come beside them.

What it is not: memory, disks and the network are taken as large enough, processors as no faster and
no slower than where the service times were measured.
"""

import random
from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple


class Service(NamedTuple):
    """What one request takes, in seconds of a processor."""

    app: float
    database: float
    locked: float = 0.0
    """Of ``database``, how much under the shop's lock."""


class Load(NamedTuple):
    """What the shops do."""

    shops: int
    agents: int
    """In each shop."""
    chats_per_hour: float
    """Of an agent."""
    kinds: dict
    """``{kind of request: (Service, times a chat)}``."""
    sign: Service
    """A sign of life; each agent gives one a minute."""


class House(NamedTuple):
    """What the shops run on."""

    app_cores: int
    workers: int
    databases: int
    """PostgreSQL servers, among which the shops are divided evenly."""
    cores: int
    """Of each of them."""


class Result(NamedTuple):
    waits: dict
    """``{kind: sorted seconds from arrival to answer}``."""
    app_busy: float
    """Part of the processors' time, 0 to 1."""
    database_busy: float
    """Of the busiest PostgreSQL server."""
    lock_waits: list
    """Sorted seconds that decisions waited for the lock of their shop."""
    connections: int
    """The most requests that were in one PostgreSQL server at a time."""
    unfinished: int
    """Requests that had no answer yet when the time was over: more than a moment's worth, and the
    house is too small."""


def simulate(load, house, seconds, seed=1):
    """Return what requests waited for in a time of even load.

    :param Load load: what is asked.
    :param House house: of what.
    :param float seconds: for how long buyers come.
    :rtype: Result
    """
    return _Simulation(load, house, seed).run(seconds)


class _Station:
    """So many places; who finds none waits for one, in order."""

    def __init__(self, places):
        self.free, self.line, self.busy = places, deque(), 0.0


class _Simulation:
    def __init__(self, load, house, seed):
        self.load, self.house = load, house
        self.dice, self.clock, self.order = random.Random(seed), 0.0, count()
        self.events = []
        """``(moment, number, process)``: who goes on when."""
        self.app, self.workers = _Station(house.app_cores), _Station(house.workers)
        self.databases = [_Station(house.cores) for _database in range(house.databases)]
        self.locks, self.inside, self.most = {}, [0] * house.databases, 0
        self.waits = {kind: [] for kind in (*load.kinds, "sign")}
        self.lock_waits = []
        chats = load.shops * load.agents * load.chats_per_hour / 3600
        sources = [(kind, service, chats * times) for kind, (service, times) in load.kinds.items()]
        sources.append(("sign", load.sign, load.shops * load.agents / 60))
        self.sources = [self._arrive(*source) for source in sources]

    def run(self, seconds):
        for source in self.sources:
            self._resume(source)
        while self.events and self.events[0][0] <= seconds:
            self.clock, _number, process = heappop(self.events)
            self._resume(process)
        stations = (self.app, self.workers, *self.databases, *self.locks.values())
        waiting = sum(len(station.line) for station in stations)
        return Result(
            waits={kind: sorted(times) for kind, times in self.waits.items()},
            app_busy=self.app.busy / self.house.app_cores / seconds,
            database_busy=max(one.busy for one in self.databases) / self.house.cores / seconds,
            lock_waits=sorted(self.lock_waits),
            connections=self.most,
            unfinished=len(self.events) - len(self.sources) + waiting,
        )

    def _resume(self, process):
        """Let a process go on to what it needs next: ``("take", station)``, ``("work", station,
        seconds)`` or ``("sleep", seconds)``."""
        what, *details = next(process, ("end",))
        if what == "take":
            self._take(details[0], process)
        elif what == "work":
            station, work = details
            station.busy += work
            heappush(self.events, (self.clock + work, next(self.order), process))
        elif what == "sleep":
            heappush(self.events, (self.clock + details[0], next(self.order), process))

    def _take(self, station, process):
        if station.free:
            station.free -= 1
            self._resume(process)
        else:
            station.line.append(process)

    def _give(self, station):
        if station.line:
            self._resume(station.line.popleft())
        else:
            station.free += 1

    def _vary(self, mean):
        # As uneven as requests are: half of the mean is the standard deviation.
        return self.dice.gammavariate(4, mean / 4) if mean else 0.0

    def _arrive(self, kind, service, per_second):
        while True:
            yield "sleep", self.dice.expovariate(per_second)
            request = self._serve(kind, service, self.dice.randrange(self.load.shops))
            heappush(self.events, (self.clock, next(self.order), request))

    def _serve(self, kind, service, shop):
        arrived, number = self.clock, shop % self.house.databases
        database = self.databases[number]
        # Signs of life come over websockets, for which no worker is kept.
        if kind != "sign":
            yield "take", self.workers
        yield from self._work(self.app, service.app)
        self.inside[number] += 1
        self.most = max(self.most, self.inside[number])
        if service.locked:
            lock = self.locks.setdefault(shop, _Station(1))
            asked = self.clock
            yield "take", lock
            self.lock_waits.append(self.clock - asked)
            yield from self._work(database, service.locked)
            self._give(lock)
        yield from self._work(database, service.database - service.locked)
        self.inside[number] -= 1
        if kind != "sign":
            self._give(self.workers)
        self.waits[kind].append(self.clock - arrived)

    def _work(self, station, mean):
        yield "take", station
        yield "work", station, self._vary(mean)
        self._give(station)


def quantile(ordered, part):
    """Return the value below which this part of sorted values lies; ``nan`` of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")
