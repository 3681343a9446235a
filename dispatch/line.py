"""The line of those who wait: who is in it, and how long it will take."""

from math import sqrt

#: Messages may lie in the pool for weeks; the sum of an hour has to fit an integer of 32 bits.
LONGEST_WAIT = 24 * 3600

# A chat that waits for an agent, or for somebody to come.
WAITING = ("queued", "pool")


def estimate_wait(place, pace):
    """Return between how many seconds, and how many, the buyer at this place will probably wait.

    One seat of ``seats`` becomes free every ``mean / seats`` seconds; the spread of ``place`` such
    times grows with its square root.

    :param pace: see ``im_livechat.channel._get_pace``.
    :return: ``(shortest, longest)`` or ``None`` when the shop does not know.
    """
    if not pace:
        return None
    mean, deviation, seats = pace
    middle, spread = place * mean / seats, sqrt(place) * deviation / seats
    return max(0, round(middle - spread)), round(middle + spread)
