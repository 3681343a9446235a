from odoo import api, fields, models


class ImLivechatChannel(models.Model):
    """What leads a shop's owner through the first day: the guide on the form of a channel, and the
    checklist on the page *Reception*."""

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

    @api.model
    @api.readonly
    def get_first_day(self):
        """Return the checklist of the caller's shop: of its first channel with something left.

        :return: false when nothing is left, or the caller does not manage the dispatch of a shop;
            else ``{"id", "name", "url" (the channel's own page), "steps": [{"name", "done"}],
            "roles": [{"id", "name"}] (with which agents can be invited, none for who invites
            nobody), "pending": [{"id", "name"}] (whom nobody has seen yet)}``. The steps are
            ``channel``, ``invite``, ``duty``, ``test`` and ``away``.
        """
        user = self.env.user
        owner = user._get_shop_owner()
        if not owner or not user._manages_dispatch_of(owner):
            return False
        for channel in self.search(
            [
                ("main_account_id", "=", owner.id),
                ("dispatch_mode", "!=", "native"),
                ("dispatch_setup_hidden", "=", False),
            ],
            order="id",
        ):
            steps = channel._get_first_day_steps()
            if not all(step["done"] for step in steps):
                return {
                    "id": channel.id,
                    "name": channel.name,
                    "url": channel.web_page,
                    "steps": steps,
                    **self._get_invitations(owner),
                }
        return False

    def _get_first_day_steps(self):
        """Return what the checklist of this channel asks for, and what of it is true."""
        self.ensure_one()
        done = {step["name"]: step["done"] for step in self.dispatch_setup_steps}
        # sudo: res.users - the agents of a channel whose dispatch the caller manages; who has not
        # used the link yet is invited as well
        channel = self.sudo().with_context(active_test=False)
        agents = channel.user_ids
        agents = agents.filtered(lambda agent: agent._has_agent_group())
        if self.main_account_participation == "member":
            agents |= channel.main_account_id
        here = agents.filtered("active")
        steps = {
            "channel": True,
            "invite": bool(agents),
            # Whoever has served a buyer was on duty.
            "duty": done["test"] or any(agent._get_livechat_status() == "online" for agent in here),
            "test": done["test"],
            "away": done["away"],
        }
        return [{"name": name, "done": is_done} for name, is_done in steps.items()]

    @api.model
    def _get_invitations(self, owner):
        """Return with which roles the caller can invite agents, and who has not come yet."""
        user = self.env.user
        if not user.has_group("im_livechat_subaccount.group_subaccount_manager"):
            return {"roles": [], "pending": []}
        permission = self.env.ref("im_livechat_subaccount.permission_receive_buyers")
        roles = self.env["livechat.role"].search([("permission_ids", "in", permission.ids)])
        roles = roles.filtered(lambda role: user == owner or not role._reaches_beyond(user))
        pending = self.env["livechat.subaccount"].search_fetch(
            [("main_account_id", "=", owner.id), ("state", "=", "pending")], ["name"], limit=5
        )
        return {
            "roles": [{"id": role.id, "name": role.name} for role in roles],
            "pending": [{"id": row.id, "name": row.name} for row in pending],
        }
