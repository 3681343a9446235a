"""Whether a buyer has said a word yet: who has not holds no place in line nor in the pool, and a
seat for a minute.

Said once for the ORM and, beside it, in SQL; ``tests/test_definitions.py`` holds the two together.
"""

from datetime import timedelta

# So long a chat without a word of its buyer holds a seat: the widget opens a chat with the first
# word, and sends it at once.
HELD = timedelta(seconds=60)

# A first word that comes later may meet a decision that counts the seat as free already: there is
# time for the transaction that brings it.
SURELY_HELD = timedelta(seconds=45)


def match_given_up(now):
    """Return the domain of the open chats that hold no seat any more."""
    return [("dispatch_wordless_since", "<=", now - HELD), ("livechat_end_dt", "=", False)]


def list_given_up(now):
    """Return the statement that lists the ids of :func:`match_given_up`.

    :param now: the moment, as it is called there.
    """
    # Served by discuss_channel__dispatch_wordless_idx, which has a handful of rows.
    return f"""SELECT id
                      FROM discuss_channel
                     WHERE dispatch_wordless_since
                           <= {now}::timestamp - interval '{HELD.total_seconds():.0f} seconds'
                       AND livechat_end_dt IS NULL"""
