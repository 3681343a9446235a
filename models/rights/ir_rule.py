from functools import partial

from odoo import api, models, tools
from odoo.fields import Domain
from odoo.tools import SQL

# Who works for a shop, as a domain of users: `_is_shop_staff` for many at once.
_ADMIN_GROUP = "base.group_erp_manager"
_OWNER_GROUP = "im_livechat_subaccount.group_main_account"


def _own_user(uid):
    return [("user_id", "=", uid)]


def _nothing_more(_uid):
    return []


def _nobody(_uid):
    return [(0, "=", 1)]


# {model: (what a record that staff makes has to say, besides that it made it,
#          whether nobody else reads what staff made)}
_PRIVATE = {
    "base_import.mapping": (_nothing_more, True),
    "im_livechat.conversation.tag": (_nothing_more, False),
    "ir.default": (_own_user, True),
    "ir.embedded.actions": (_own_user, True),
    "ir.exports": (_nothing_more, True),
    "ir.exports.line": (lambda uid: [("export_id.create_uid", "=", uid)], True),
    "ir.filters": (
        lambda uid: [("user_ids", "in", [uid]), ("user_ids", "not any", [("id", "!=", uid)])],
        True,
    ),
    "mail.canned.response": (
        lambda _uid: [("group_ids", "=", False), ("main_account_id", "=", False)],
        True,
    ),
    "mail.template": (_own_user, True),
    "report.layout": (_nobody, False),
    # By one a group receives buyers, and by one they go first, of whatever shop.
    "res.partner.category": (_nothing_more, False),
    "resource.calendar.leaves": (lambda uid: [("resource_id.user_id", "=", uid)], False),
    "spreadsheet.dashboard.share": (_nothing_more, True),
}

# {model: whose shop's website it tells of}: Odoo shows all agents who is on which page of any.
_OF_WEBSITES = {
    "website.track": "visitor_id.website_id.channel_id.main_account_id",
    "website.visitor": "website_id.channel_id.main_account_id",
}

# {model: where a record says with which shop it is shared, by who manages its dispatch}
_SHARED = {"mail.canned.response": "main_account_id"}


class IrRule(models.Model):
    """What Odoo lets employees share with each other, a shop's staff keeps to itself.

    A main account makes internal users by itself, so nobody has looked at them before they may put
    a filter, a template or an answer into the pages of everybody. Not rules in a table: most of
    these models belong to modules that need not be installed, and for whoever is nobody's staff
    there is nothing to be read.
    """

    _inherit = "ir.rule"

    @api.model
    def _compute_domain(self, model_name, mode="read"):
        domain = super()._compute_domain(model_name, mode)
        for more in (
            self._get_private_domain(model_name, mode),
            self._get_website_domain(model_name),
            self._get_guest_domain(model_name),
        ):
            if more:
                domain &= more
        return domain

    @api.model
    def _get_website_domain(self, model_name):
        """Return of which visitors of websites the caller learns: a shop's staff of those on the
        website that shows its own channel, and of who has chatted with it; ``None`` if nothing is
        to be said."""
        path = _OF_WEBSITES.get(model_name)
        if not path or self.env.su or not self._serves_staff():
            return None
        if "channel_id" not in self.env["website"]._fields:
            return None
        owner = self.env.user._get_shop_owner()
        domain = Domain(path, "in", owner.ids)
        if model_name == "website.visitor":
            its = Domain("livechat_channel_id.main_account_id", "in", owner.ids)
            domain |= Domain("discuss_channel_ids", "any", its)
        return domain

    @api.model
    def _get_guest_domain(self, model_name):
        """Return of which guests a shop's staff learns: not of those who have chatted with other
        shops only; ``None`` if nothing is to be said."""
        if model_name != "mail.guest" or self.env.su or not self._serves_staff():
            return None
        user = self.env.user
        match = partial(_match_guests_of, user._get_shop_owner().id or 0, user.partner_id.id)
        return Domain.custom(to_sql=match)

    @api.model
    def _get_private_domain(self, model_name, mode):
        """Return which records of a model the caller reads or changes, because it is staff or staff
        made them; ``None`` if nothing is to be said."""
        if self.env.su or model_name not in _PRIVATE:
            return None
        return self._cache_private_domain(model_name, mode)

    @api.model
    @tools.ormcache("self.env.uid", "model_name", "mode")
    def _cache_private_domain(self, model_name, mode):
        own = Domain("create_uid", "=", self.env.uid)
        keeps, hides = _PRIVATE[model_name]
        shop, user = _SHARED.get(model_name), self.env.user
        if mode == "read":
            if not hides:
                return None
            shown = own | Domain("create_uid", "not any", self._get_staff_domain())
            if shop and self._serves_staff():
                shown |= Domain(user._get_shop_domain(shop))
            return shown
        if not self._serves_staff():
            return None
        changed = own & Domain(keeps(self.env.uid))
        if shop:
            edits = Domain(user._get_dispatch_change_edit_domain(shop))
            changed |= edits & Domain("group_ids", "=", False)
        return changed

    @api.model
    @tools.ormcache("self.env.uid")
    def _serves_staff(self):
        """Tell whether the caller is a shop's staff, without a query for those who are not."""
        return bool(self.env.uid) and self.env.user._is_shop_staff()

    @api.model
    def _get_private_models(self):
        """Return the names of the models that the caller's staff keeps to itself."""
        return frozenset(_PRIVATE)

    @api.model
    def _get_staff_domain(self):
        """Return a domain of the users for whom ``_is_shop_staff`` is true."""
        find = self.env["ir.model.data"]._xmlid_to_res_id
        # sudo: res.groups - who is staff does not depend on who asks
        owners, admins = (
            # Ours is not there yet while the addon is being installed.
            self.env["res.groups"].sudo().browse(find(xmlid) or ()).all_implied_by_ids
            for xmlid in (_OWNER_GROUP, _ADMIN_GROUP)
        )
        return (
            Domain("main_account_id", "!=", False) | Domain("group_ids", "in", owners.ids)
        ) & Domain("group_ids", "not in", admins.ids)

    @api.model
    def _forget_private(self, users):
        """Remove what these users made for themselves.

        Whoever is gone would leave it to everybody: a filter without a user is everybody's, and
        nobody knows any more that staff made it.
        """
        for name, (_keeps, hides) in _PRIVATE.items():
            if hides and name in self.env:
                # sudo: these models - whoever removes an account removes what is only its own
                records = self.env[name].sudo().with_context(active_test=False)
                own = Domain("create_uid", "in", users.ids)
                if name in _SHARED:
                    own &= Domain(_SHARED[name], "=", False)
                records.search(own).unlink()
        # Time off of nobody would be read by everybody.
        # sudo: resource.calendar.leaves, resource.resource - as above
        resources = users.sudo().resource_ids
        self.env["resource.calendar.leaves"].sudo().search(
            [("resource_id", "in", resources.ids)]
        ).unlink()
        # What *Employees* made is an employee's.
        if "employee_id" in resources._fields:
            resources = resources.filtered(lambda resource: not resource.employee_id)
        resources.unlink()


def _match_guests_of(owner_id, partner_id, model, alias, _query):
    """Return the condition that a guest was in a chat of this main account's shop, or is where this
    contact is; what people say to each other in Discuss is as with Odoo."""
    # A guest who has signed in meanwhile is in no chat any more, and stands in its history. Served
    # by the indexes on guest_id of both, for each guest.
    return SQL(
        """(EXISTS (
            SELECT
              FROM im_livechat_channel_member_history history
              JOIN discuss_channel chat ON chat.id = history.channel_id
              JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id
             WHERE %(was_guest)s = %(guest)s AND channel.main_account_id = %(owner)s
        ) OR EXISTS (
            SELECT
              FROM discuss_channel_member member
              JOIN discuss_channel chat ON chat.id = member.channel_id
              LEFT JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id
             WHERE %(is_guest)s = %(guest)s
               AND (chat.channel_type <> 'livechat'
                    OR channel.main_account_id = %(owner)s
                    OR EXISTS (
                        SELECT
                          FROM discuss_channel_member own
                         WHERE own.channel_id = chat.id AND own.partner_id = %(partner)s
                    ))
        ))""",
        guest=SQL.identifier(alias, "id"),
        was_guest=_name_guest(model, "im_livechat.channel.member.history", "history"),
        is_guest=_name_guest(model, "discuss.channel.member", "member"),
        owner=owner_id,
        partner=partner_id,
    )


def _name_guest(model, of, alias):
    """Return the column of a model's guest, which is written before it is asked for."""
    return SQL.identifier(alias, "guest_id", to_flush=model.env[of]._fields["guest_id"])
