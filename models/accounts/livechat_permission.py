from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from ...tools import phrase, sent

# Nobody gets these through a role, nor anything that implies them: they make an administrator, or
# let somebody put code into a page.
_FORBIDDEN_GROUPS = (
    "base.group_system",
    "base.group_erp_manager",
    "base.group_sanitize_override",
    # A sub-account is no shop owner.
    "im_livechat_subaccount.group_main_account",
    # Other kinds of users than internal ones.
    "base.group_portal",
    "base.group_public",
)
# Whoever may write one of these is an administrator to core.
_ADMINISTRATION_MODELS = ("res.users", "res.groups", "ir.model.access", "ir.rule")
# Whoever may write one of these runs code, changes what all see, reads passwords or sends mail in
# another's name.
_POWER_MODELS = (
    "base.automation",
    "fetchmail.server",
    "mail.alias",
    "mail.alias.domain",
    "payment.provider",
    "res.company",
    "res.config.settings",
    "website",
    "website.controller.page",
    "website.page",
)
# So is all that Odoo itself is made of, but what every employee may write.
_EMPLOYEE_MODELS = (
    "ir.attachment",
    "ir.default",
    "ir.embedded.actions",
    "ir.exports",
    "ir.exports.line",
    "ir.filters",
    "ir.ui.view.custom",
)
# Access groups that reach the own shop only, by record rules of ours.
_OF_SHOPS = ("im_livechat.", "im_livechat_subaccount.", "base.")
_LENGTH_MAX = 2000


class LivechatPermission(sent.Guard, models.Model):
    """One thing a shop's people can be allowed to do, in the shop's words.

    Only administrators edit the catalogue; main accounts build roles from what is grantable in it.
    """

    _name = "livechat.permission"
    _description = "Reception Permission"
    _inherit = ["livechat.field.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    description = fields.Char(translate=True, length_max=_LENGTH_MAX)
    reach = fields.Char(
        "Reaches",
        translate=True,
        length_max=_LENGTH_MAX,
        help="Whose records this permission reaches, in one sentence.",
    )
    shares_company = fields.Boolean(compute="_compute_shares_company")
    sequence = fields.Integer(default=100, at_least=0, at_most=sent.MANY)
    group_xmlids = fields.Char(
        "Access Groups",
        length_max=_LENGTH_MAX,
        help="External ids of the access groups this permission gives, separated by commas: "
        "stock.group_stock_user",
        frees_seats=True,
    )
    read_models = fields.Char(
        "Readable Models",
        length_max=_LENGTH_MAX,
        help="Technical names of models whose records this permission lets look at, without "
        "changing anything, separated by commas: sale.order, stock.picking",
        frees_seats=True,
    )
    grantable = fields.Boolean(
        default=True, help="Main accounts can put this permission into their roles."
    )
    reader_group_id = fields.Many2one(
        "res.groups",
        "Reader Group",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_erp_manager",
        help="The access group that lets look at the readable models.",
    )
    available = fields.Boolean(
        compute="_compute_available",
        compute_sudo=True,
        help="All that this permission needs is installed and within the boundary.",
    )
    availability = fields.Char(
        compute="_compute_available",
        compute_sudo=True,
        help="What is missing for this permission to work.",
    )
    role_ids = fields.Many2many(
        "livechat.role",
        string="Roles",
        readonly=True,
        copy=False,
        # To search by it would tell of other shops.
        groups="base.group_erp_manager",
    )

    _name_uniq = models.Constraint("UNIQUE (name)", "There is a permission of this name already.")

    @api.depends("group_xmlids", "read_models")
    @api.depends_context("lang")
    def _compute_available(self):
        forbidden = self._get_forbidden_groups()
        for permission in self:
            reason = False
            if missing := permission._get_missing_modules():
                modules = phrase.join(self.env, missing)
                reason = self.env._("needs module %(modules)s", modules=modules)
            elif permission._get_groups().all_implied_ids & forbidden:
                reason = self.env._("outside the boundary of roles")
            permission.available = not reason
            permission.availability = reason

    @api.depends("group_xmlids", "read_models")
    @api.depends_context("uid")
    def _compute_shares_company(self):
        """Whether it reaches what other shops share a company with the caller's, or with any."""
        shares = self.env["res.config.settings"]._has_shops_of_one_company()
        for permission in self:
            xmlids = permission._get_xmlids()
            permission.shares_company = shares and (
                bool(permission._get_read_model_names())
                or any(not xmlid.startswith(_OF_SHOPS) for xmlid in xmlids)
            )

    @api.constrains("group_xmlids")
    def _check_boundary(self):
        forbidden = self._get_forbidden_groups()
        for permission in self:
            beyond = permission._get_groups().all_implied_ids & forbidden
            if beyond:
                raise ValidationError(
                    self.env._(
                        "%(permission)s cannot give %(groups)s: no role can.",
                        permission=permission.name,
                        groups=phrase.join(self.env, beyond.mapped("full_name")),
                    )
                )

    @api.constrains("group_xmlids")
    def _check_group_xmlids(self):
        for permission in self:
            for xmlid in permission._get_xmlids():
                module, _dot, name = xmlid.partition(".")
                if not module.isidentifier() or not name.replace(".", "_").isidentifier():
                    raise ValidationError(
                        self.env._(
                            "%(xmlid)s is no external id of an access group; they look like "
                            "stock.group_stock_user",
                            xmlid=xmlid,
                        )
                    )
                record = self.env.ref(xmlid, raise_if_not_found=False)
                if record and record._name != "res.groups":
                    raise ValidationError(
                        self.env._("%(xmlid)s is not an access group.", xmlid=xmlid)
                    )

    @api.model_create_multi
    def create(self, vals_list):
        permissions = super().create(vals_list)
        permissions._apply()
        return permissions

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"group_xmlids", "read_models", "grantable"}:
            self._apply()
        return result

    def unlink(self):
        roles, readers = self.role_ids, self.reader_group_id
        result = super().unlink()
        roles._apply_permissions()
        readers.model_access.unlink()
        readers.unlink()
        self.env.registry.clear_cache()
        return result

    def _apply(self):
        """Make what these permissions say true for the roles that contain them."""
        self.env.registry.clear_cache()
        self._apply_read_models()
        self.invalidate_recordset(["available", "availability"])
        self.role_ids._apply_permissions()

    def _apply_read_models(self):
        # sudo: res.groups, ir.model, ir.model.access - the group is the permission's own, its
        # access is what an administrator wrote in the catalogue; the records keep this mode
        for permission in self.sudo():
            env = permission.env
            names = permission._get_read_model_names()
            if names and not permission.reader_group_id:
                permission.reader_group_id = env["res.groups"].create(
                    {
                        "name": permission.name,
                        "implied_ids": [fields.Command.link(self.env.ref("base.group_user").id)],
                    }
                )
            readable = env["ir.model"].search([("model", "in", names)])
            access = permission.reader_group_id.model_access
            given = access.model_id & readable
            access.filtered(lambda line, given=given: line.model_id not in given).unlink()
            env["ir.model.access"].create(
                [
                    {
                        "name": f"{model.model} reader",
                        "model_id": model.id,
                        "group_id": permission.reader_group_id.id,
                        "perm_read": True,
                        "perm_write": False,
                        "perm_create": False,
                        "perm_unlink": False,
                    }
                    for model in readable - given
                ]
            )

    def _get_xmlids(self):
        """Return the external ids of these permissions' groups."""
        return _split(permission.group_xmlids for permission in self)

    def _get_read_model_names(self):
        """Return the names of the models these permissions let look at."""
        return _split(permission.read_models for permission in self)

    def _get_groups(self):
        """Return the access groups these permissions give, as far as they are installed."""
        groups = self.reader_group_id
        for xmlid in self._get_xmlids():
            group = self.env.ref(xmlid, raise_if_not_found=False)
            if group and group._name == "res.groups":
                groups |= group
        return groups

    def _get_granted_groups(self):
        """Return the access groups a role with these permissions has now."""
        # sudo: livechat.permission - a role's groups do not depend on who looks
        permissions = self.sudo().filtered("grantable").filtered("available")
        return permissions._get_groups()

    def _get_missing_modules(self):
        """Return the names of the modules that have to be installed for this permission."""
        missing = [
            xmlid.partition(".")[0]
            for xmlid in self._get_xmlids()
            if not self.env.ref(xmlid, raise_if_not_found=False)
        ]
        names = self._get_read_model_names()
        if names and not any(name in self.env for name in names):
            missing.append(names[0].partition(".")[0])
        known = {
            module.name: module.shortdesc
            for module in self.env["ir.module.module"].search([("name", "in", missing)])
        }
        return [known.get(name, name) for name in dict.fromkeys(missing)]

    @api.model
    def _get_forbidden_groups(self):
        """Return the access groups that no role may give: an administrator's, what implies them,
        and what makes somebody an administrator to core by letting them write users or rights.
        """
        # sudo: res.groups, ir.model.access - the boundary does not depend on who looks
        env = self.sudo().env
        forbidden = env["res.groups"]
        for xmlid in _FORBIDDEN_GROUPS:
            # Ours is not there yet while the addon is being installed.
            forbidden |= env.ref(xmlid, raise_if_not_found=False) or forbidden
        writers = env["ir.model.access"].search(
            [
                "|",
                ("model_id.model", "in", (*_ADMINISTRATION_MODELS, *_POWER_MODELS)),
                "&",
                ("model_id.model", "=like", "ir.%"),
                ("model_id.model", "not in", _EMPLOYEE_MODELS),
                ("group_id", "!=", False),
                *("|", "|"),
                ("perm_write", "=", True),
                ("perm_create", "=", True),
                ("perm_unlink", "=", True),
            ]
        )
        administrators = writers.filtered(
            lambda access: access.model_id.model in _ADMINISTRATION_MODELS
        )
        powerful = (writers - administrators).group_id | env.ref("mail.group_mail_template_editor")
        # What an administrator has given to all employees, no role gives: it would forbid all.
        powerful -= env.ref("base.group_user").all_implied_ids
        return (forbidden | administrators.group_id | powerful).all_implied_by_ids

    @api.model
    @tools.ormcache()
    def _get_catalogued_xmlids(self):
        """Return the external ids that some permission waits for or gives."""
        # sudo: livechat.permission - the catalogue does not depend on who looks
        return frozenset(self.sudo().search([])._get_xmlids())


def _split(texts):
    return [part for text in texts for part in (text or "").replace(",", " ").split()]
