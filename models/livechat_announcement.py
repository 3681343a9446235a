from odoo import api, models


class LivechatAnnouncement(models.AbstractModel):
    """What one room tells the rooms above it, without knowing them.

    Whoever learns the fact says it here. A room that has to do something about it extends the
    method, and calls ``super()``.
    """

    _name = "livechat.announcement"
    _description = "Announcement"

    @api.model
    def _seat_may_be_free(self, channels=None):
        """Say that somebody may be able to take a buyer now: those who wait are served.

        :param channels: on whose lines, for who knows it; on all without.
        """

    @api.model
    def _look_again(self, records, part):
        """Say that what open pages show of these records is another, before it is or after.

        :param records: what has changed: users, contacts, live chats and their members, dispatch
            groups, or live chat channels.
        :param part: ``agents`` (the figures of an agent), ``seats`` (those of who is in a chat),
            ``staff`` (who is an agent), ``served`` (where somebody is one), ``lines`` (who waits,
            and today's figures) or ``trees`` (groups, members and settings) of the page
            *Reception*; ``bars``: what an agent sees of itself.
        """

    @api.model
    def _agent_leaves(self, agents, successor=None):
        """Say that these agents give up all their chats: somebody else takes them over.

        :type agents: res.users
        :param successor: the user who takes them all; without one each is dispatched again.
        """
