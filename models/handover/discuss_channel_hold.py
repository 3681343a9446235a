from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ...tools import sent
from ...tools.here import read_now
from ...tools.rights import READERS

# Who puts a chat on hold for longer than this has forgotten the buyer.
_LONGEST_HOLD = timedelta(days=30)


class DiscussChannel(models.Model):
    """A chat on hold: its agent lets it rest until a moment, is not hurried meanwhile, and is
    reminded then."""

    _inherit = "discuss.channel"

    dispatch_held_until = fields.Datetime(
        "On Hold Until",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Its agent sees to it then, and is not hurried before.",
    )
    # Its buyer has said no more since it was put on hold.
    dispatch_rests = fields.Boolean(copy=False, readonly=True, groups=fields.NO_ACCESS)
    dispatch_reminded_at = fields.Datetime(
        "Reminded At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="When the chat came off hold; empty as soon as its agent has written.",
    )

    # Few chats are on hold.
    _dispatch_held_idx = models.Index("(dispatch_held_until) WHERE dispatch_held_until IS NOT NULL")

    def _check_hold(self):
        """Refuse whoever may not put this chat on hold.

        :raise AccessError: for others than its agents and the managers of its shop's dispatch.
        :raise UserError: it has no agent.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        self.check_access("read")
        # sudo: discuss.channel - who is seated, and whose shop it is
        chat = self.sudo()
        if not chat._is_dispatched() or chat.livechat_end_dt or chat.dispatch_state != "assigned":
            raise UserError(self.env._("Only an open live chat of an agent can be put on hold."))
        if not chat._is_run_by(self.env.user):
            raise AccessError(self.env._("Only the agent of a chat can put it on hold."))

    def action_hold(self, until):
        """Put this chat on hold.

        :param until: when its agent is reminded, in UTC, within 30 days.
        :raise ValidationError: that is no such moment.
        """
        self._check_hold()
        until, now = sent.to_moment(until), read_now(self.env)
        if not until or not now < until <= now + _LONGEST_HOLD:
            raise ValidationError(
                self.env._("Choose a moment within the next %s days.", _LONGEST_HOLD.days)
            )
        # sudo: discuss.channel - checked above
        chat = self.sudo()
        chat.write(
            {"dispatch_held_until": until, "dispatch_rests": True, "dispatch_reminded_at": False}
        )
        chat._forget_told()
        # Who puts it on hold has taken it.
        chat._accept()
        return True

    def action_end_hold(self):
        """Take this chat off hold before its time; a word that is owed is owed from now on."""
        self._check_hold()
        # sudo: discuss.channel - checked above
        chat = self.sudo()
        if chat.dispatch_held_until:
            owes = chat.dispatch_asked_at and read_now(self.env)
            chat.write({"dispatch_held_until": False, "dispatch_reminded_at": owes})
        return True

    @api.model
    def _end_holds(self):
        """Remind the agents of the chats whose time has come."""
        due = [
            ("dispatch_held_until", "<=", read_now(self.env)),
            ("livechat_end_dt", "=", False),
        ]
        for chat in self.search(due, order="dispatch_held_until, id"):
            self.env["im_livechat.channel"]._attempt(partial(chat._remind_if, due))

    def _remind_if(self, due):
        # Found a while ago: meanwhile it may have been put on hold anew.
        if self.try_lock_for_update() and self.filtered_domain(due):
            self._remind()

    def _remind(self):
        """Take this chat off hold: from now on its agent owes it a word."""
        self.write({"dispatch_held_until": False, "dispatch_reminded_at": read_now(self.env)})

    def _forget_hold(self):
        self.write({"dispatch_held_until": False, "dispatch_reminded_at": False})

    def _seat(self, agent):
        result = super()._seat(agent)
        if self.dispatch_held_until or self.dispatch_reminded_at:
            self._forget_hold()
        return result
