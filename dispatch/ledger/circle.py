"""Circles: the channels that share agents, directly or through others.

What has to be exclusive is the agent, not the database. An agent may serve any of its channels, so
the decisions of one circle take turns; two circles have no agent in common and never wait for each
other. A circle is called by the smallest id of its channels. It has a row of credits of its own.

Who serves which channel is the ORM's to change, from many sides and at any time; what has changed
is seen when that transaction commits. Triggers leave a row in ``livechat_dispatch_regroup`` in the
very transaction, so whoever sees the change sees the row: the next decision does, lets the circles
be made anew while no other decision is taken, and begins again. Circles that are larger than they
need to be do no harm, so that what only separates channels may be noticed late.
"""

from typing import NamedTuple

# Who may be chosen for the chats of which channel.
_SERVES = """(
            SELECT channel_id, user_id FROM im_livechat_channel_im_user
         UNION ALL
            SELECT id, main_account_id FROM im_livechat_channel WHERE main_account_id IS NOT NULL
        )"""


# The channel that a decision is about, and those of the users whom somebody names.
_ASKED = f"""(channel_id = %(channel_id)s
                 OR channel_id IN (SELECT channel_id
                                     FROM {_SERVES} serves
                                    WHERE user_id = ANY(%(user_ids)s)))"""

#: The circle of the channel that a decision is about.
OF_CHANNEL = "SELECT circle FROM livechat_dispatch_circle WHERE channel_id = %(channel_id)s"


def find(cr, channel_id: int, user_ids: list[int] | None) -> tuple[int, ...]:
    """Return the circles whose locks a decision takes, in the order of the locks: that of the
    channel, and those of users whom somebody names, who may serve channels elsewhere."""
    # Served by the primary keys and im_livechat_channel_im_user's index on user_id.
    cr.execute(
        f"""
        SELECT circle
          FROM livechat_dispatch_circle
         WHERE {_ASKED}
        """,
        {"channel_id": channel_id, "user_ids": list(user_ids or ())},
    )
    return tuple(sorted({circle for (circle,) in cr.fetchall()}))


_IS_OUTDATED = f"""(EXISTS (SELECT FROM livechat_dispatch_regroup)
                OR ({OF_CHANNEL}) IS NULL
                OR EXISTS (SELECT
                             FROM livechat_dispatch_circle
                            WHERE {{asked}} AND circle != ALL(%(circles)s)))"""

#: Whether a decision about the agents of a channel has not the locks that it needs …
IS_OUTDATED = _IS_OUTDATED.format(asked="channel_id = %(channel_id)s")
#: … and one about these users.
IS_OUTDATED_OF_USERS = _IS_OUTDATED.format(asked=_ASKED)


class Circles(NamedTuple):
    """Which circle each channel and each agent is in."""

    by_channel: dict[int, int]
    by_user: dict[int, int]


def make_anew(cr) -> Circles:
    """Make the circles anew from who serves which channel; nobody takes a decision meanwhile."""
    cr.execute("DELETE FROM livechat_dispatch_regroup")
    cr.execute(
        f"""
        SELECT channel.id, array_agg(serves.user_id)
          FROM im_livechat_channel channel
     LEFT JOIN {_SERVES} serves ON serves.channel_id = channel.id
      GROUP BY channel.id
      ORDER BY channel.id
        """
    )
    circles = join(dict(cr.fetchall()))
    cr.execute("DELETE FROM livechat_dispatch_circle")
    cr.execute(
        """
        INSERT INTO livechat_dispatch_circle (channel_id, circle)
        SELECT * FROM unnest(%(channel_ids)s::integer[], %(circles)s::integer[])
        """,
        {
            "channel_ids": list(circles.by_channel),
            "circles": list(circles.by_channel.values()),
        },
    )
    # What is charged in vain is given back where the agent is.
    cr.execute(
        """
        UPDATE livechat_dispatch_reservation
           SET circle = moved.circle
          FROM unnest(%(user_ids)s::integer[], %(circles)s::integer[]) moved (user_id, circle)
         WHERE moved.user_id = livechat_dispatch_reservation.user_id
        """,
        {"user_ids": list(circles.by_user), "circles": list(circles.by_user.values())},
    )
    return circles


def join(users: dict[int, list[int | None]]) -> Circles:
    """Return the circles of channels.

    :param users: who serves each channel, by its id, in the order of the ids.
    """
    first = {}
    joined = {channel_id: channel_id for channel_id in users}

    def find_root(channel_id):
        while joined[channel_id] != channel_id:
            joined[channel_id] = channel_id = joined[joined[channel_id]]
        return channel_id

    for channel_id, user_ids in users.items():
        for user_id in user_ids:
            if user_id is None:
                continue
            one, other = sorted(map(find_root, (channel_id, first.setdefault(user_id, channel_id))))
            joined[other] = one
    by_channel = {channel_id: find_root(channel_id) for channel_id in users}
    by_user = {user_id: by_channel[channel_id] for user_id, channel_id in first.items()}
    return Circles(by_channel, by_user)
