"""How many numbers travel between Python and PostgreSQL as few values."""

import struct
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, chain, islice

from ..policy import Facts

#: What is true of an agent is read as one number of 64 bits, because a dozen columns of a thousand
#: rows take their time (5/6, 1/3 and 1/3 of it for 20, 100 and 1000 agents: 0.06 → 0.05,
#: 0.30 → 0.10 and 3.67 → 1.31 ms). These are the facts and how many bits each has, from the
#: lowest; both PostgreSQL's side and ours are made from this.
LAYOUT = (
    ("same_country", 1),
    ("speaks_language", 3),
    ("is_main_account", 1),
    ("in_call", 1),
    ("paused", 1),
    ("online", 1),
    ("permitted", 1),
    ("enabled", 1),
    ("overloaded", 1),
    ("off_shift", 1),
    ("weight", 16),
    ("quiet_chats", 16),
    ("lively_chats", 19),
)
_NAMES, _WIDTHS = zip(*LAYOUT, strict=True)
_SHIFTS = (0, *accumulate(_WIDTHS[:-1]))
_FLAGS = frozenset(name for name, width in LAYOUT if width == 1)


def pack_facts(expressions: dict[str, str]) -> str:
    """Return the SQL of the number that says these facts.

    :param expressions: the SQL of each, none of them null.
    """
    assert expressions.keys() == set(_NAMES)
    return " + ".join(
        f"(({expressions[name]}){'::integer' * (name in _FLAGS)}::bigint << {shift})"
        for name, shift in zip(_NAMES, _SHIFTS, strict=True)
    )


@lru_cache(4096)
def unpack_facts(number: int) -> Facts:
    """Return what the number says; the same object to all who share it."""
    values = {
        name: number >> shift & (1 << width) - 1
        for (name, width), shift in zip(LAYOUT, _SHIFTS, strict=True)
    }
    return Facts(**values | {name: bool(values[name]) for name in _FLAGS})


def pack(code: str, numbers: Iterable[int]) -> bytes:
    """Return the numbers one after the other.

    :param code: their byte order and type, as in ``struct``.
    """
    numbers = list(numbers)
    order, kind = code
    return struct.pack(f"{order}{len(numbers)}{kind}", *numbers)


def unpack(code: str, packed: memoryview) -> tuple[int, ...]:
    """Return the numbers that :func:`pack` packed."""
    order, kind = code
    return struct.unpack(f"{order}{len(packed) // struct.calcsize(code)}{kind}", packed)


def pack_split(shares: dict[int, int]) -> bytes:
    """Return who had which share of a chat: how many different shares there are, each with the
    number of those who had it, then their ids. Most agents have the share of many others."""
    by_share = defaultdict(list)
    for user_id, share in shares.items():
        by_share[share].append(user_id)
    heads = [number for share, user_ids in by_share.items() for number in (share, len(user_ids))]
    user_ids = chain.from_iterable(by_share.values())
    return pack("<q", [len(by_share), *heads]) + pack("<i", user_ids)


def unpack_split(packed: memoryview) -> dict[int, int]:
    """Return the ``{user_id: share}`` that :func:`pack_split` packed."""
    (count,) = unpack("<q", packed[:8])
    end = 8 + 16 * count
    heads = unpack("<q", packed[8:end])
    user_ids = iter(unpack("<i", packed[end:]))
    return {
        user_id: share
        for share, size in zip(heads[::2], heads[1::2], strict=True)
        for user_id in islice(user_ids, size)
    }
