from odoo import api, fields, models


class ImLivechatChannel(models.Model):
    """The guide that leads a shop's owner through the first set-up of a channel."""

    _inherit = "im_livechat.channel"

    dispatch_setup_steps = fields.Json(
        compute="_compute_dispatch_setup_steps",
        help="The five steps of the first set-up, and which of them are done.",
    )
    dispatch_setup_hidden = fields.Boolean(
        "Set-up Guide Hidden", copy=False, frees_seats=False, logged=False, shop_may_set=True
    )

    @api.depends(
        "user_ids.dispatch_weight",
        "max_sessions_mode",
        "dispatch_group_ids",
        "queue_enabled",
        "offline_rule",
    )
    def _compute_dispatch_setup_steps(self):
        # sudo: livechat.dispatch.decision - whether there is one
        decisions = self.env["livechat.dispatch.decision"].sudo()
        for channel in self:
            agents = channel.user_ids
            taken = [("livechat_channel_id", "in", channel._origin.ids), ("user_id", "!=", False)]
            done = {
                # sudo: res.users - what rights they have
                "agents": any(agent._has_agent_group() for agent in agents.sudo()),
                "weights": channel.max_sessions_mode == "limited"
                or len(set(agents.mapped("dispatch_weight"))) > 1,
                "groups": bool(channel.dispatch_group_ids),
                "away": channel.queue_enabled or channel.offline_rule != "native",
                "test": bool(decisions.search_count(taken, limit=1)),
            }
            channel.dispatch_setup_steps = [
                {"name": name, "done": is_done} for name, is_done in done.items()
            ]

    def action_try_dispatch(self):
        """Open the channel's own page, on which anybody can chat as a buyer."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.web_page, "target": "new"}
