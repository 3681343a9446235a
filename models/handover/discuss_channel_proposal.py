from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.mail.tools.discuss import Store

from ...tools import sent
from ...tools.here import read_now
from ...tools.rights import READERS
from ...tools.turn import PROPOSED


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

    def _note_decision(self, decision):
        super()._note_decision(decision)
        if not decision.user_id:
            return
        # Who was chosen by a colleague, or takes messages while nobody is here, is not asked.
        is_asked = (
            self.livechat_channel_id.asks_to_accept
            and decision.kind != "transfer"
            and decision.rule not in ("by_hand", "offline")
        )
        if is_asked or self.dispatch_proposed_at:
            self.dispatch_proposed_at = is_asked and read_now(self.env)

    def _note_first_answer(self, moment):
        super()._note_first_answer(moment)
        self._accept()

    def _accept(self):
        """Ask nobody any more whether to take this chat."""
        if self.dispatch_proposed_at:
            self.dispatch_proposed_at = False

    def _is_proposed(self):
        return bool(
            self._is_dispatched() and not self.livechat_end_dt and self.filtered_domain(PROPOSED)
        )

    def _get_proposal(self):
        """Return who is asked to accept this chat, and until when.

        :return: ``{"partner_id", "until"}``, a contact and a moment in UTC, false before the
            buyer's first word; ``False`` while nobody is asked.
        :rtype: dict | bool
        """
        self.ensure_one()
        if not self._is_proposed():
            return False
        until = self.dispatch_asked_at and max(
            self.dispatch_asked_at, self.dispatch_proposed_at
        ) + timedelta(seconds=self.livechat_channel_id.accept_seconds)
        return {
            "partner_id": self.livechat_operator_id.id,
            "until": fields.Datetime.to_string(until),
        }

    def _get_proposal_to_store(self):
        return Store.Attr(
            "dispatch_proposal",
            # sudo: discuss.channel - whoever reads a chat may know that its agent is asked
            lambda chat: chat.sudo()._get_proposal(),
            predicate=lambda chat: chat._is_dispatched(),
        )

    def _to_store_defaults(self, target):
        attributes = super()._to_store_defaults(target)
        if target.is_internal(self.env):
            attributes = [*attributes, self._get_proposal_to_store()]
        return attributes

    def _list_told_directly(self):
        # The page of who has just got the chat does not listen to it yet.
        return [*super()._list_told_directly(), self._get_proposal_to_store()]

    def _sync_field_names(self):
        names = super()._sync_field_names()
        names["internal_users"].append(self._get_proposal_to_store())
        return names

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
        return chat._is_dispatched() and chat._reassign_if(overdue, "dispatch_proposed_at")
