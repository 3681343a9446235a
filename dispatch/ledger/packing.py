"""How many numbers travel between Python and PostgreSQL as few values."""

import struct
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, islice, product

from ..policy import Facts

# What is true of an agent is read as one number, because a dozen columns of a thousand rows take
# their time. Its bits, from the lowest: one for each flag, from `same_country` up to `enabled` in
# the order of `Facts`, then `overloaded`; the weight; the quiet chats; the lively ones.
_FLAGS = tuple(product((False, True), repeat=9))
WEIGHT_SHIFT, QUIET_SHIFT, LIVELY_SHIFT = 9, 25, 41


@lru_cache(4096)
def unpack_facts(number: int) -> Facts:
    """Return what the number says; the same object to all who share it."""
    overloaded, *flags = _FLAGS[number & 0x1FF]
    weight = number >> WEIGHT_SHIFT & 0xFFFF
    quiet = number >> QUIET_SHIFT & 0xFFFF
    return Facts(weight, *flags, number >> LIVELY_SHIFT, quiet, overloaded=overloaded)


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
