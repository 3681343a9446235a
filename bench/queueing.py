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


class _Station:
    """So many places; who finds none waits for one, in order."""

    def __init__(self, places):
        self.free, self.line, self.busy = places, deque(), 0.0


def simulate(load, house, seconds, seed=1):
    """Return what requests waited for in a time of even load.

    :param Load load: what is asked.
    :param House house: of what.
    :param float seconds: for how long buyers come.
    :rtype: Result
    """
    dice, clock, order = random.Random(seed), 0.0, count()
    events, waits, lock_waits = [], {kind: [] for kind in (*load.kinds, "sign")}, []
    app, workers = _Station(house.app_cores), _Station(house.workers)
    databases = [_Station(house.cores) for _database in range(house.databases)]
    locks, inside, most = {}, [0] * house.databases, 0

    def take(station, process):
        if station.free:
            station.free -= 1
            resume(process)
        else:
            station.line.append(process)

    def give(station):
        if station.line:
            resume(station.line.popleft())
        else:
            station.free += 1

    def resume(process):
        what = next(process, None)
        if what is None:
            return
        station, work = what
        if work is None:
            take(station, process)
        else:
            station.busy += work
            heappush(events, (clock + work, next(order), process))

    def vary(mean):
        # As uneven as requests are: half of the mean is the standard deviation.
        return dice.gammavariate(4, mean / 4) if mean else 0.0

    def request(kind, service, shop, is_sign):
        nonlocal most
        arrived, number = clock, shop % house.databases
        database = databases[number]
        # Signs of life come over websockets, which no worker is kept for.
        if not is_sign:
            yield workers, None
        yield app, None
        yield app, vary(service.app)
        give(app)
        inside[number] += 1
        most = max(most, inside[number])
        if service.locked:
            lock = locks.setdefault(shop, _Station(1))
            asked = clock
            yield lock, None
            lock_waits.append(clock - asked)
            yield database, None
            yield database, vary(service.locked)
            give(database)
            give(lock)
        yield database, None
        yield database, vary(service.database - service.locked)
        give(database)
        inside[number] -= 1
        if not is_sign:
            give(workers)
        waits[kind].append(clock - arrived)

    def arrive(kind, service, per_second):
        while True:
            yield None, dice.expovariate(per_second)
            heappush(
                events,
                (clock, next(order), request(kind, service, dice.randrange(load.shops), kind == "sign")),
            )

    chats = load.shops * load.agents * load.chats_per_hour / 3600
    sources = [
        arrive(kind, service, chats * times) for kind, (service, times) in load.kinds.items()
    ]
    sources.append(arrive("sign", load.sign, load.shops * load.agents / 60))
    for source in sources:
        _none, wait = next(source)
        heappush(events, (wait, next(order), source))
    arriving = set(map(id, sources))
    while events and events[0][0] <= seconds:
        clock, _number, process = heappop(events)
        if id(process) in arriving:
            _none, wait = next(process)
            heappush(events, (clock + wait, next(order), process))
        else:
            resume(process)
    started = sum(1 for _moment, _number, process in events if id(process) not in arriving)
    waiting = sum(
        len(station.line) for station in (app, workers, *databases, *locks.values())
    )
    return Result(
        waits={kind: sorted(times) for kind, times in waits.items()},
        app_busy=app.busy / house.app_cores / seconds,
        database_busy=max(one.busy for one in databases) / house.cores / seconds,
        lock_waits=sorted(lock_waits),
        connections=most,
        unfinished=started + waiting,
    )


def quantile(ordered, part):
    """Return the value below which this part of sorted values lies; ``nan`` of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")
