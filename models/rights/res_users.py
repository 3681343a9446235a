from odoo import models
from odoo.exceptions import AccessError

from ...tools.rights import CONVERSATION_SCOPES


class ResUsers(models.Model):
    _inherit = "res.users"

    def _get_shop_owner(self):
        """Return the main account of the shop this user works for: its own, itself, or nobody.

        :rtype: res.users
        """
        self.ensure_one()
        # sudo: res.users - whom somebody works for does not depend on who asks
        user = self.sudo()
        if user.main_account_id:
            return user.main_account_id
        is_owner = user.has_group("im_livechat_subaccount.group_main_account")
        return user if is_owner else user.browse()

    def _is_shop_staff(self):
        """Tell whether this user sees its shop only.

        A sub-account or a main account; not an administrator, who may be a main account as well,
        and nobody else, for whom core's rules stay what they are.
        """
        self.ensure_one()
        return bool(self._get_shop_owner()) and not self._is_admin()

    def _has_agent_group(self):
        """Tell whether this user has the right to receive buyers."""
        self.ensure_one()
        return self.has_group("im_livechat.im_livechat_group_user")

    def _get_shop_channels(self):
        """Return the live chat channels of this main account.

        :rtype: im_livechat.channel
        """
        # sudo: im_livechat.channel - the own shop's
        return self.env["im_livechat.channel"].sudo().search([("main_account_id", "in", self.ids)])

    def _get_subaccount(self):
        # sudo: livechat.subaccount - the user's own row
        return self.env["livechat.subaccount"].sudo().search([("user_id", "in", self.ids)])

    def _get_conversation_domain(self):
        """Return which live chat conversations this user may read besides those it is in.

        Used by the record rules. Everything for those who are nobody's staff.

        :return: a domain on ``discuss.channel``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        owner = self._get_shop_owner()
        shop = ("livechat_channel_id.main_account_id", "=", owner.id)
        scope = self._get_subaccount().role_ids._get_conversation_scope()
        if self == owner or scope == CONVERSATION_SCOPES.index("shop"):
            return [shop]
        own = ("livechat_channel_member_history_ids.partner_id", "=", self.partner_id.id)
        if scope == CONVERSATION_SCOPES.index("group"):
            return ["&", shop, "|", own, ("livechat_channel_id.user_ids", "in", self.ids)]
        return ["&", shop, own]

    def _get_shop_domain(self, field="main_account_id"):
        """Return which records of a shop this user may read.

        :param field: where the record says whose it is.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        return [(field, "=", self._get_shop_owner().id)]

    def _get_dispatch_manager_domain(self, field):
        """Return which records of a shop this user may change as a dispatch manager.

        :param field: where the record says whose it is.
        :rtype: list
        """
        self.ensure_one()
        if self._is_shop_staff() and not self.has_group(
            "im_livechat_subaccount.group_dispatch_manager"
        ):
            return [(0, "=", 1)]
        return self._get_shop_domain(field)

    def _get_join_domain(self):
        """Return which memberships of live chats this user may create.

        Its own where it may read the conversation, and those of colleagues in chats it is in, with
        the permission to transfer.

        :return: a domain on ``discuss.channel.member``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        join = [
            "&",
            ("is_self", "=", True),
            ("channel_id", "any", self._get_conversation_domain()),
        ]
        if not self.has_group("im_livechat_subaccount.group_transfer_chats"):
            return join
        # sudo: res.users - a colleague, a buyer or somebody who is nobody's staff
        colleague = (
            "partner_id.livechat_main_account_id",
            "in",
            [False, self._get_shop_owner().id],
        )
        return [
            "|",
            *("&", "&", ("is_self", "=", False), ("channel_id.is_member", "=", True), colleague),
            *join,
        ]

    def _get_rating_domain(self):
        """Return which ratings this user may read.

        :return: a domain on ``rating.rating``.
        :rtype: list
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return [(1, "=", 1)]
        return [
            "|",
            ("parent_res_model", "!=", "im_livechat.channel"),
            ("parent_res_id", "in", self._get_shop_owner()._get_shop_channels().ids),
        ]

    def _is_reader_of_chats(self):
        """Tell whether this user reads live chats without being an agent."""
        self.ensure_one()
        return self.has_group("im_livechat_subaccount.group_auditor") and not self.has_group(
            "im_livechat.im_livechat_group_user"
        )

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

    def _check_pause(self):
        for user in self:
            if user == self.env.user and user._has_agent_group():
                continue
            # sudo: res.users - whose sub-account it is
            if not self.env.user._manages_dispatch_of(user.sudo().main_account_id or user):
                raise AccessError(
                    self.env._("You can pause yourself and the agents of your shop only.")
                )

    def _manages_some_dispatch(self):
        """Tell whether there may be channels whose dispatch this user manages."""
        self.ensure_one()
        if self._is_shop_staff():
            return self.has_group("im_livechat_subaccount.group_dispatch_manager")
        return self.has_group("im_livechat.im_livechat_group_manager")

    def _manages_dispatch_of(self, main_account):
        """Tell whether this user manages the dispatch of that main account's shop, or all dispatch.

        :type main_account: res.users
        """
        self.ensure_one()
        if not self._is_shop_staff():
            return self.has_group("im_livechat.im_livechat_group_manager")
        return main_account == self._get_shop_owner() and self._manages_some_dispatch()

    def _get_decision_domain(self):
        """Return which decision records this user may read: its own, or its shop's.

        :rtype: list
        """
        self.ensure_one()
        own = ["|", ("user_id", "=", self.id), ("previous_user_id", "=", self.id)]
        return [*self._get_shop_domain(), *([] if self._reads_all_decisions() else own)]

    def _reads_all_decisions(self):
        """Tell whether this user reads what dispatch did for others as well, in its shop."""
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

    def _get_total_domain(self):
        """Return which figures this user may read: its own, or its shop's.

        :return: a domain on ``livechat.dispatch.total``.
        :rtype: list
        """
        self.ensure_one()
        own = [("user_id", "=", self.id)]
        reads_all = self._reads_all_decisions() or self.has_group(
            "im_livechat_subaccount.group_report_reader"
        )
        return [*self._get_shop_domain(), *([] if reads_all else own)]

    def _watches_reception(self):
        """Tell whether this user may open the page *Reception*."""
        self.ensure_one()
        return any(
            self.has_group(group)
            for group in (
                "im_livechat_subaccount.group_dispatch_manager",
                "im_livechat.im_livechat_group_manager",
                "im_livechat_subaccount.group_auditor",
            )
        )

    def _watches_every_reception(self):
        """Tell whether this user may watch all shops, and the channels that are nobody's."""
        self.ensure_one()
        return not self._is_shop_staff() and (
            self.has_group("im_livechat.im_livechat_group_manager")
            or self.has_group("im_livechat_subaccount.group_auditor")
        )

    def _find_manageable(self, manager):
        """Return the ids of those of these users whose weight ``manager`` may set, and of those
        whom it may pause.

        As ``_manages_dispatch_of``, for all of them at once.

        :rtype: tuple[set[int], set[int]]
        """
        manages_all = manager._manages_dispatch_of(self.browse())
        owner = manager._get_shop_owner()
        manages_own = manager._manages_some_dispatch()
        may_weigh, may_pause = set(), set()
        for user in self:
            is_managed = manages_all or (
                manages_own and bool(owner) and owner == (user.main_account_id or user)
            )
            is_self = user == manager
            if is_managed or (is_self and user._has_agent_group()):
                may_pause.add(user.id)
            # As dated changes: nobody of a shop sets its own weight or its main account's, except
            # the main account itself.
            if is_managed and (
                manages_all or (user == owner == manager) or (user != owner and not is_self)
            ):
                may_weigh.add(user.id)
        return may_weigh, may_pause
