from odoo import fields, models
from odoo.exceptions import UserError

from ...tools.rights import READERS

# Who is out for one of these never has room.
_LASTING = frozenset({"not_permitted", "disabled", "missing_permission"})


class DiscussChannel(models.Model):
    """A chat that is promised to a colleague who has no room now: its agent keeps it until then."""

    _inherit = "discuss.channel"

    dispatch_promised_id = fields.Many2one(
        "res.users",
        "Promised To",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="Gets this chat from its agent as soon as there is room.",
    )
    dispatch_promise = fields.Char(
        "Promised Because",
        copy=False,
        readonly=True,
        groups=READERS,
        help="What the colleague is told who gets this chat.",
    )

    def _seat(self, agent):
        result = super()._seat(agent)
        self._forget_promise()
        return result

    def _forget_promise(self):
        if self.dispatch_promised_id:
            self.write({"dispatch_promised_id": False, "dispatch_promise": False})

    def _promise_to_agent(self, user_id, values, giver):
        """Give this chat to a colleague, now or as soon as there is room; with sudo.

        :return: as ``transfer``.
        :raise UserError: when that will never be.
        """
        agent = self._get_receiver(user_id)
        if not self._get_seated():
            raise UserError(self.env._("This chat has no agent who could keep it until then."))
        outcome = self.livechat_channel_id._dispatch_to(agent, self.dispatch_group_id)
        if outcome.agent:
            return self._transfer(agent, {**outcome.values, **values, "rule": "by_hand"}, giver)
        if outcome.values["excluded"].get(str(agent.id)) in _LASTING:
            raise UserError(self._say_why_not(agent, outcome))
        self.write({"dispatch_promised_id": agent.id, "dispatch_promise": values["reason"]})
        return {"state": "promised", "agent": agent.livechat_username or agent.name}

    def _keep_promise(self):
        """Give this chat to whom it is promised, if there is room by now."""
        # Found a while ago: meanwhile it may have ended, or gone elsewhere.
        if not self.try_lock_for_update() or self.livechat_end_dt:
            return
        agent, givers = self.dispatch_promised_id, self._get_seated()
        if not agent or not givers or self.dispatch_state != "assigned":
            return
        channel = self.livechat_channel_id
        outcome = agent in channel.user_ids | channel.main_account_id and channel._dispatch_to(
            agent, self.dispatch_group_id
        )
        if not outcome or outcome.values["excluded"].get(str(agent.id)) in _LASTING:
            # There will never be room: the colleague is no agent here any more.
            self._forget_promise()
        elif outcome.agent:
            values = {"kind": "transfer", "reason": self.dispatch_promise, "rule": "by_hand"}
            self._transfer(agent, {**outcome.values, **values}, givers[:1])

    def action_keep_chat(self):
        """Take back the promise of this chat.

        :raise AccessError: for who may not transfer it.
        """
        self._check_transfer()
        # sudo: discuss.channel - checked above
        self.sudo()._forget_promise()
        return True
