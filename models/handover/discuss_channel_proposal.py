from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.mail.tools.discuss import Store

from ...tools import sent
from ...tools.rights import READERS


class DiscussChannel(models.Model):
    """A chat that is proposed to the agent to whom dispatch has given it: the agent holds its seat,
    and accepts it by saying so or with its first word, or declines it."""

    _inherit = "discuss.channel"

    dispatch_proposed_at = fields.Datetime(
        "Proposed At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Since when its agent is asked to accept this chat; empty: nobody is asked any more.",
    )

    def _note_first_answer(self, moment):
        super()._note_first_answer(moment)
        self._accept()

    def _accept(self):
        """Ask nobody any more whether to take this chat."""
        if self.dispatch_proposed_at:
            self.dispatch_proposed_at = False

    def _leave(self, partners):
        asked = self.dispatch_seat_partner_ids & self.livechat_operator_id & partners
        super()._leave(partners)
        if asked and self.dispatch_proposed_at:
            self._accept()
            # Its page hears no more of the chat itself.
            Store(bus_channel=asked).add(self, {"dispatch_proposal": False}).bus_send()

    def _check_proposed(self):
        """Refuse whoever is not the agent who is asked, or was.

        :return: this chat, with sudo.
        :raise AccessError:
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        self.check_access("read")
        # sudo: discuss.channel - whose it is
        chat, partner = self.sudo(), self.env.user.partner_id
        if partner != chat.livechat_operator_id or partner not in chat.dispatch_seat_partner_ids:
            raise AccessError(self.env._("Only the agent who is asked accepts or declines a chat."))
        return chat

    def action_accept(self):
        """Accept this chat; who has done so already, keeps it.

        :raise AccessError: for others than the agent who is asked.
        """
        self._check_proposed()._accept()
        return True

    def action_decline(self):
        """Let this chat go to the next agent.

        :return: whether it went; where nobody else can take it, it stays.
        :rtype: bool
        :raise AccessError: for others than the agent who is asked.
        :raise UserError: it is accepted already.
        """
        chat = self._check_proposed()
        if not chat.try_lock_for_update():
            raise UserError(self.env._("Somebody else changes this chat just now. Try again."))
        if not chat._is_proposed():
            raise UserError(self.env._("You have accepted this chat; you can transfer it."))
        return chat._reassign("dispatch_proposed_at", kind="decline")

    def action_pass_on(self):
        """Let this chat go on if its agent was asked for long enough: the agent's page says so in
        time, while the cron comes but once a minute.

        :return: whether it went.
        :rtype: bool
        :raise AccessError: for others than the agent who is asked.
        """
        chat = self._check_proposed()
        overdue = chat._get_overdue(chat.livechat_channel_id, "accept_seconds")
        return chat._is_dispatched() and bool(chat._reassign_if(overdue, "dispatch_proposed_at"))
