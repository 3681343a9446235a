from functools import partial

from odoo import api, models, tools
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.mail.tools.discuss import Store

from ...tools.rights import CONVERSATION_SCOPES, KNOWN_GROUPS

_ALL, _NONE = [(1, "=", 1)], [(0, "=", 1)]

# Who reads about the dispatch of others than itself; a main account is all of these.
_OVERSEERS = (
    "im_livechat.im_livechat_group_manager",
    "im_livechat_subaccount.group_dispatch_manager",
    "im_livechat_subaccount.group_auditor",
)


class ResUsers(models.Model):
    """Who may do what, in the order of the manual's table; the record rules ask here as well."""

    _inherit = "res.users"

    def unlink(self):
        self.check_access("unlink")
        staff = self.filtered(lambda user: user._is_shop_staff())
        if staff:
            self.env["ir.rule"]._forget_private(staff)
        return super().unlink()

    @api.model
    def _init_store_data(self, store):
        """As core's; a stranger's page that was told it before hears only who the stranger is by
        now."""
        if not self.env.context.get("livechat_is_page_known"):
            return super()._init_store_data(store)
        if guest := self.env["mail.guest"]._get_guest_from_context():
            # sudo: mail.guest - the name and the picture of who asks
            guest = Store.One(guest.sudo(), ["avatar_128", "name"])
            store.add_global_values(self_guest=guest)
        return None

    # ------------------------------------------------------------
    # Whose staff somebody is
    # ------------------------------------------------------------

    def _get_shop_owner(self):
        """Return the main account of the shop this user works for: its own, itself, or nobody."""
        self.ensure_one()
        # sudo: res.users - whom somebody works for does not depend on who asks
        user = self.sudo()
        if user.main_account_id:
            return user.main_account_id
        is_owner = user.has_group("im_livechat_subaccount.group_main_account")
        return user if is_owner else user.browse()

    def _filter_lost(self):
        """Return those of these agents who may receive buyers no more."""
        group = self.env.ref("im_livechat.im_livechat_group_user")
        # sudo: res.users - who may be an agent, whoever asks
        return self.filtered(lambda user: group not in user.sudo().all_group_ids)

    def _is_shop_staff(self):
        """Tell whether this user sees its shop only.

        A sub-account or a main account; not an administrator, who may be a main account as well,
        and nobody else, for whom core's rules stay what they are.
        """
        return bool(self._get_shop_owner()) and not self._is_admin()

    def _filter_known(self):
        """Return those of these users who have to do with live chat: a shop's people, and whoever
        receives buyers or manages accounts.

        What happens to everybody else is not followed. Of them nothing is asked but their row and
        their groups, which core reads as well, so that they cost no query.
        """
        # sudo: res.users - what is followed does not depend on who changes it
        return self._filter_given(*KNOWN_GROUPS) | self.filtered(
            lambda user: user.sudo().main_account_id or user.sudo().main_account_code
        )

    def _filter_given(self, *xmlids):
        """Return those of these users to whom one of these access groups is given, as it is while
        groups change: what ``all_group_ids`` and ``has_group`` say then would be remembered."""
        definitions = self.env["res.groups"]._get_group_definitions()
        ids = {definitions.get_id(xmlid) for xmlid in xmlids} - {None}
        ids.update(definitions.get_subset_ids(ids))
        # sudo: res.users - whoever changes the groups of somebody
        return self.filtered(lambda user: ids.intersection(user.sudo().group_ids.ids))

    def _has_agent_group(self):
        """Tell whether this user has the right to receive buyers."""
        return self.has_group("im_livechat.im_livechat_group_user")

    def _get_work_page(self):
        """Return the action on which this user's work begins: *Reception* for who oversees a shop,
        Discuss for its agents; none for who is nobody's staff.

        :rtype: ir.actions.actions
        """
        self.ensure_one()
        page = None
        # An administrator who is a main account as well works there too.
        if self._get_shop_owner() or self.has_group("im_livechat_subaccount.group_auditor"):
            if self._reads_all_dispatch():
                page = "im_livechat_subaccount.livechat_reception_action"
            elif self._has_agent_group():
                page = "mail.action_discuss"
        action_id = page and self.env["ir.model.data"]._xmlid_to_res_id(page)
        return self.env["ir.actions.actions"].browse(action_id or ())

    def _get_subaccount(self):
        # sudo: livechat.subaccount - the user's own row
        return self.env["livechat.subaccount"].sudo().search([("user_id", "in", self.ids)])

    def _get_shop_channels(self):
        """Return the live chat channels of this main account."""
        # sudo: im_livechat.channel - the own shop's
        return self.env["im_livechat.channel"].sudo().search([("main_account_id", "in", self.ids)])

    def _get_shop_domain(self, field="main_account_id"):
        """Return which records of a shop this user may read; all, for who is nobody's staff.

        :param field: where the record says whose it is.
        """
        return [(field, "=", self._get_shop_owner().id)] if self._is_shop_staff() else _ALL

    def _get_chat_channels(self):
        """Return the channels whose chats these users may have: where they serve, and where a main
        account stands back, which takes chats by hand there."""
        # sudo: res.users - where they serve, whoever looks or changes something of theirs
        users = self.sudo()
        return users.livechat_channel_ids | users._get_shop_channels()

    def _get_home_channels(self):
        """Return the channels on which this user is no buyer, of who works for a shop: that shop's,
        and where it serves."""
        # sudo: res.users - where somebody serves does not depend on who asks
        return self.sudo().livechat_channel_ids | self._get_shop_owner()._get_shop_channels()

    def _get_served_channels(self):
        """Return the channels on which these users take buyers: as agents, and as main accounts
        that do not stand back."""
        # sudo: res.users - where they serve, whoever looks or changes something of theirs
        users = self.sudo()
        # A sub-account is no main account.
        owners = users.filtered(lambda user: not user.main_account_id)
        return users.livechat_channel_ids | owners._get_shop_channels().filtered(
            lambda channel: channel.main_account_participation != "never"
        )

    # ------------------------------------------------------------
    # Weights and pauses
    # ------------------------------------------------------------

    def _find_manageable(self, manager):
        """Return those of these users whose weight ``manager`` may set, and those whom it may
        pause.

        A Live Chat administrator manages all, a main account its shop, a dispatch manager its shop
        but neither itself nor the main account. Every agent may pause itself.

        :rtype: tuple[res.users, res.users]
        """
        manages_all = manager._manages_dispatch_of(self.browse())
        owner = manager._get_shop_owner()
        manages_own = manager._manages_some_dispatch()
        may_weigh, may_pause = [], []
        for user in self:
            # sudo: res.users - whose sub-account it is
            is_ours = bool(owner) and owner == (user.sudo().main_account_id or user)
            is_managed = manages_all or (manages_own and is_ours)
            is_self = user == manager
            if is_managed or (is_self and user._has_agent_group()):
                may_pause.append(user.id)
            if manages_all or (
                is_managed and (user == owner == manager or (user != owner and not is_self))
            ):
                may_weigh.append(user.id)
        return self.browse(may_weigh), self.browse(may_pause)

    def _check_pause(self):
        if self._find_manageable(self.env.user)[1] != self:
            raise AccessError(
                self.env._("You can pause yourself and the agents of your shop only.")
            )

    # ------------------------------------------------------------
    # The dispatch of a channel
    # ------------------------------------------------------------

    def _manages_some_dispatch(self):
        """Tell whether there may be channels whose dispatch this user manages."""
        if self._is_shop_staff():
            return self.has_group("im_livechat_subaccount.group_dispatch_manager")
        return self.has_group("im_livechat.im_livechat_group_manager")

    def _manages_dispatch_of(self, main_account):
        """Tell whether this user manages the dispatch of that main account's shop, or of all."""
        is_ours = not self._is_shop_staff() or main_account == self._get_shop_owner()
        return is_ours and self._manages_some_dispatch()

    def _get_dispatch_change_edit_domain(self, field="main_account_id"):
        """As :meth:`_get_shop_domain`, of what this user may change because it manages dispatch."""
        return self._get_shop_domain(field) if self._manages_some_dispatch() else _NONE

    def _get_dispatch_manager_domain(self, field):
        """As :meth:`_get_dispatch_change_edit_domain`, of records that core lets others change."""
        return self._get_dispatch_change_edit_domain(field) if self._is_shop_staff() else _ALL

    # ------------------------------------------------------------
    # What dispatch did and will do
    # ------------------------------------------------------------

    def _reads_all_dispatch(self):
        """Tell whether this user reads about the dispatch of others than itself, in its shop, and
        may open the page *Reception*."""
        return any(self.has_group(group) for group in _OVERSEERS)

    def _oversees(self):
        """Tell whether this user's work is more than its own chats: it manages or reads about
        others, their accounts or their figures."""
        return self._reads_all_dispatch() or any(
            self.has_group(f"im_livechat_subaccount.group_{name}")
            for name in ("subaccount_manager", "report_reader")
        )

    def _reads_dispatch_of(self, main_account):
        """Tell whether this user reads about the dispatch of that main account's shop."""
        in_scope = not self._is_shop_staff() or main_account == self._get_shop_owner()
        return in_scope and self._reads_all_dispatch()

    def _watches_every_reception(self):
        """Tell whether this user may watch all shops, and the channels that are nobody's."""
        return not self._is_shop_staff() and (
            self.has_group("im_livechat.im_livechat_group_manager")
            or self.has_group("im_livechat_subaccount.group_auditor")
        )

    def _get_own_or_shop_domain(self, own, reads_all=False):
        """Return which records about dispatch this user may read: its shop's, or its own.

        :param own: the domain of what is about this user itself.
        :param reads_all: whether it reads its shop's though it does not oversee dispatch.
        """
        all_of_shop = reads_all or self._reads_all_dispatch()
        return [*self._get_shop_domain(), *([] if all_of_shop else own)]

    def _get_decision_domain(self):
        """Return which decision records this user may read."""
        return self._get_own_or_shop_domain(
            ["|", ("user_id", "=", self.id), ("previous_user_id", "=", self.id)]
        )

    def _get_total_domain(self):
        """Return which figures (``livechat.dispatch.total``) this user may read."""
        return self._get_own_or_shop_domain([("user_id", "=", self.id)], self._reads_all_figures())

    def _reads_all_figures(self):
        """Tell whether this user reads the figures of others than itself, in its shop."""
        return self._reads_all_dispatch() or self.has_group(
            "im_livechat_subaccount.group_report_reader"
        )

    def _get_dispatch_log_domain(self):
        """Return which rows of the log of changes this user may read."""
        return self._get_own_or_shop_domain([("agent_id", "=", self.id)])

    def _get_account_log_domain(self):
        """Return which rows of the account log this user may read, of those who may read it at
        all: its shop's; all, if it is nobody's staff."""
        return self._get_shop_domain()

    def _get_dispatch_change_domain(self, field="main_account_id"):
        """As :meth:`_get_shop_domain`, of the dated changes this user may read."""
        return self._get_shop_domain(field) if self._reads_all_dispatch() else _NONE

    # ------------------------------------------------------------
    # Contact data
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache("self.env.uid")
    def _sees_contacts_masked(self):
        """Tell whether the caller, even where the server asks for it, sees the e-mail addresses and
        phone numbers of strangers masked: a shop's staff without *See contact data*. No query for
        those who are not."""
        return self.env["ir.rule"]._serves_staff() and not self.env.user.has_group(
            "im_livechat_subaccount.group_contact_data"
        )

    def _handles_personal_data_of(self, main_account):
        """Tell whether this user exports and erases what that main account's shop holds about
        people."""
        if self._is_shop_staff():
            return main_account == self._get_shop_owner() and self.has_group(
                "im_livechat_subaccount.group_personal_data"
            )
        return self._is_admin()

    def _is_stranger(self):
        return bool(self) and self.partner_id._is_stranger()

    # ------------------------------------------------------------
    # Conversations
    # ------------------------------------------------------------

    def _get_conversation_scope(self):
        """Return how much of its shop's conversations this member of its staff reads, as
        ``CONVERSATION_SCOPES`` says."""
        if self == self._get_shop_owner():
            return "shop"
        scopes = self._get_subaccount().role_ids.mapped("conversation_scope")
        return max(scopes, key=CONVERSATION_SCOPES.index, default="own")

    def _get_conversation_domain(self):
        """Return which live chat conversations this user may read besides those it is in."""
        if not self._is_shop_staff():
            return _ALL
        owner = self._get_shop_owner()
        shop = ("livechat_channel_id.main_account_id", "=", owner.id)
        scope = self._get_conversation_scope()
        if scope == "shop":
            return [shop]
        own = ("livechat_channel_member_history_ids.partner_id", "=", self.partner_id.id)
        if scope == "group":
            return ["&", shop, "|", own, ("livechat_channel_id.user_ids", "in", self.ids)]
        return ["&", shop, own]

    def _is_reader_of_chats(self):
        """Tell whether this user reads live chats without being an agent."""
        is_auditor = self.has_group("im_livechat_subaccount.group_auditor")
        return is_auditor and not self._has_agent_group()

    def _transfers_chats(self):
        """Tell whether this user gives the chats that it has to colleagues: of a shop's staff, who
        has the permission."""
        return not self._is_shop_staff() or self.has_group(
            "im_livechat_subaccount.group_transfer_chats"
        )

    def _get_join_domain(self):
        """Return which memberships of live chats this user may create.

        Its own where it may read the conversation, and those of colleagues in chats it is in, with
        the permission to transfer.
        """
        if not self._is_shop_staff():
            return _ALL
        conversations = ("channel_id", "any", self._get_conversation_domain())
        join = ["&", ("is_self", "=", True), conversations]
        if not self._transfers_chats():
            return join
        # A colleague, a buyer or somebody who is nobody's staff.
        owners = [False, self._get_shop_owner().id]
        colleague = ("partner_id.livechat_main_account_id", "in", owners)
        return [
            "|",
            *("&", "&", ("is_self", "=", False), ("channel_id.is_member", "=", True), colleague),
            *join,
        ]

    def _get_rating_domain(self):
        """Return which ratings this user may read: those of its shop, of which figures are made;
        of who reads no figures of others those of the conversations that it may read."""
        if not self._is_shop_staff():
            return _ALL
        channel_ids = self._get_shop_owner()._get_shop_channels().ids
        domain = Domain("parent_res_id", "in", channel_ids)
        scope = self._get_conversation_scope()
        if scope != "shop" and not self._reads_all_figures():
            # Kept by the record rules, and so without an environment.
            match = partial(_match_own_ratings, self.partner_id.id, scope == "group" and self.id)
            domain &= Domain.custom(to_sql=match)
        return Domain("parent_res_model", "!=", "im_livechat.channel") | domain


def _match_own_ratings(partner_id, user_id, _model, alias, _query):
    """Return the condition that a rating is of a chat that this contact had.

    :param user_id: whose channels' chats it may be of as well; false for nobody's.
    """
    # Served by im_livechat_channel_member_history's index on partner_id.
    own = SQL(
        """%s IN (
            SELECT channel_id
              FROM im_livechat_channel_member_history
             WHERE partner_id = %s
        )""",
        SQL.identifier(alias, "res_id"),
        partner_id,
    )
    if not user_id:
        return own
    # Served by im_livechat_channel_im_user's index on user_id.
    return SQL(
        """(%s OR %s IN (
            SELECT channel_id
              FROM im_livechat_channel_im_user
             WHERE user_id = %s
        ))""",
        own,
        SQL.identifier(alias, "parent_res_id"),
        user_id,
    )
