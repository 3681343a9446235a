from odoo import api, models


class ResUsers(models.Model):
    """What is logged of agents, and who reads the log and plans changes."""

    _inherit = "res.users"

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        if any("livechat_channel_ids" in vals for vals in vals_list):
            log = self.env["livechat.dispatch.log"]
            members = log._read_values_of(users, "livechat_channel_ids")
            rows = [
                row
                for user in users
                for row in log._describe_difference(
                    user, "livechat_channel_ids", set(), members[user.id]
                )
            ]
            log._add_rows(rows)
        return users

    def write(self, vals):
        with self.env["livechat.dispatch.log"]._comparing(self, vals):
            return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        log = self.env["livechat.dispatch.log"]
        members = log._read_values_of(self, "livechat_channel_ids")
        rows = [
            {**row, "agent_id": False}
            for user in self
            for row in log._describe_difference(
                user, "livechat_channel_ids", members[user.id], set()
            )
        ]
        for row in rows:
            # What names a shop whose owner is gone as well names none.
            if row["main_account_id"] in self.ids:
                row["main_account_id"] = False
        log._forget(self)
        result = super().unlink()
        log._add_rows(rows)
        return result

    # ------------------------------------------------------------
    # Who may do what
    # ------------------------------------------------------------

    def _find_beyond_dispatch(self, agents):
        """Return those of these agents whose weight this user may not set.

        A main account sets those of its shop, a dispatch manager as well but never its own nor the
        main account's, a Live Chat administrator all.

        :rtype: res.users
        """
        self.ensure_one()
        if not self._manages_some_dispatch():
            return agents
        if not self._is_shop_staff():
            return agents.browse()
        owner = self._get_shop_owner()
        # sudo: res.users - whose sub-accounts they are
        return (
            agents.sudo()
            .filtered(
                lambda agent: (
                    not (agent == owner == self)
                    and (agent.main_account_id != owner or agent == self)
                )
            )
            # sudo: res.users - as the caller gave them, no more
            .sudo(agents.env.su)
        )

    def _reads_all_dispatch(self):
        """Tell whether this user reads about the dispatch of others than itself, in its shop."""
        self.ensure_one()
        return any(
            self.has_group(group)
            for group in (
                "im_livechat.im_livechat_group_manager",
                "im_livechat_subaccount.group_main_account",
                "im_livechat_subaccount.group_dispatch_manager",
                "im_livechat_subaccount.group_auditor",
            )
        )

    def _reads_dispatch_of(self, main_account):
        """Tell whether this user reads about the dispatch of that main account's shop.

        :type main_account: res.users
        """
        self.ensure_one()
        in_scope = not self._is_shop_staff() or main_account == self._get_shop_owner()
        return in_scope and self._reads_all_dispatch()

    def _get_dispatch_log_domain(self):
        """Return which rows of the log of changes this user may read: about itself, or its shop's.

        :rtype: list
        """
        own = [] if self._reads_all_dispatch() else [("agent_id", "=", self.id)]
        return [*self._get_shop_domain(), *own]

    def _get_dispatch_change_domain(self, field="main_account_id"):
        """Return which dated changes this user may read.

        :param field: where the record says whose it is.
        :rtype: list
        """
        return self._get_shop_domain(field) if self._reads_all_dispatch() else [(0, "=", 1)]

    def _get_dispatch_change_edit_domain(self):
        """Return which dated changes this user may make, change and delete.

        :rtype: list
        """
        return self._get_shop_domain() if self._manages_some_dispatch() else [(0, "=", 1)]
