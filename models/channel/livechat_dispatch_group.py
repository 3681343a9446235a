from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

from ...tools import sent


class LivechatDispatchGroup(models.Model):
    """Agents who are paused in one group, and go on in the others."""

    _inherit = "livechat.dispatch.group"

    paused_user_ids = fields.Many2many(
        "res.users",
        "livechat_dispatch_group_paused_rel",
        "group_id",
        "user_id",
        string="Paused in the Group",
        copy=False,
        readonly=True,
        frees_seats=True,
        logged="each",
        shown="trees",
    )
    # A decision does not ask who, where nobody is.
    has_paused = fields.Boolean(compute="_compute_has_paused", store=True, readonly=True)

    @api.depends("paused_user_ids")
    def _compute_has_paused(self):
        for group in self.with_context(active_test=False):
            group.has_paused = bool(group.paused_user_ids)

    def _forget_agents(self, agents):
        super()._forget_agents(agents)
        # sudo: livechat.dispatch.group - a pause in a group ends with being its agent
        group = self.sudo()
        if paused := group.paused_user_ids & agents:
            group.write({"paused_user_ids": [Command.unlink(agent.id) for agent in paused]})

    def set_agent_paused(self, user_id, paused):
        """Give an agent no new buyers of this group, or give them again; other groups go on.

        :param user_id: the id of one of the group's agents.
        :param paused: a boolean.
        :raise AccessError: for others than the managers of the shop's dispatch.
        :raise UserError: there is no such agent or group here.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1 and sent.is_record_id(user_id))
        sent.expect(self.env, isinstance(paused, bool))
        # sudo: livechat.dispatch.group - whose it is
        group = self.sudo().exists()
        owner = group.channel_id.main_account_id
        if group and not self.env.user._manages_dispatch_of(owner):
            raise AccessError(self.env._("You do not manage the dispatch of this channel."))
        if user_id not in group.with_context(active_test=False).user_ids.ids:
            raise UserError(self.env._("This agent or group is not there any more."))
        command = Command.link(user_id) if paused else Command.unlink(user_id)
        group.write({"paused_user_ids": [command]})
        # What follows from it is logged now, before the caller's context has a say in it.
        group.env.flush_all()
        return True
