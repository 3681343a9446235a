from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...tools import sent
from ...tools.attributes import leave_to_core


@leave_to_core
class ResPartner(sent.Guard, models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "livechat.field.mixin"]

    name = fields.Char(shown="agents")
    image_1920 = fields.Image(shown="agents")
    # A company's agent is that of all who buy for it.
    parent_id = fields.Many2one(frees_seats=True)
    is_company = fields.Boolean(frees_seats=True)
    livechat_main_account_id = fields.Many2one(
        "res.users",
        "Main Account of this Contact",
        compute="_compute_livechat_main_account_id",
        compute_sudo=True,
        store=True,
        index="btree_not_null",
        groups="base.group_erp_manager",
        help="The shop whose sub-account, activated or not, or main account this contact is.",
    )

    livechat_agent_id = fields.Many2one(
        "res.users",
        "Exclusive Agent",
        index="btree_not_null",
        ondelete="set null",
        # Who may not read it copies contacts as well; a copy is another buyer.
        copy=False,
        domain="[('share', '=', False)]",
        groups="im_livechat.im_livechat_group_user",
        help="In live chat this buyer goes to this agent whenever there is room.",
        frees_seats=True,
    )

    @api.depends("user_ids.main_account_id", "user_ids.main_account_code")
    def _compute_livechat_main_account_id(self):
        # Core's own rules about the contacts of users know the active ones only.
        users = self.env["res.users"].with_context(active_test=False)
        is_of_shop = ("|", ("main_account_id", "!=", False), ("main_account_code", "!=", False))
        users = users.search([("partner_id", "in", self.ids), *is_of_shop])
        owner_by_partner = {user.partner_id: user.main_account_id or user for user in users}
        for partner in self:
            partner.livechat_main_account_id = owner_by_partner.get(partner._origin, False)

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        # Whatever said so, values or defaults.
        # sudo: res.partner - whether there is an agent now
        if partners.sudo().livechat_agent_id:
            partners._check_exclusive_agent()
        return partners

    def _check_exclusive_agent(self):
        """Let only who manages an agent's dispatch appoint it, or take it away from a buyer."""
        user = self.env.user
        # sudo: res.partner, res.users - whose agents they are
        may_appoint = user._manages_some_dispatch() and all(
            user._manages_dispatch_of(agent.main_account_id or agent)
            for agent in self.sudo().livechat_agent_id
        )
        if not self.env.su and not may_appoint:
            raise AccessError(self.env._("Only who manages dispatch appoints agents to buyers."))

    def write(self, vals):
        # sudo: res.partner - whether another agent is appointed; to keep one takes no right
        appointed = "livechat_agent_id" in vals and self.filtered(
            lambda partner: partner.sudo().livechat_agent_id.id != vals["livechat_agent_id"]
        )
        if appointed:
            appointed._check_exclusive_agent()
        # sudo: res.partner - whether it is a sub-account's
        if not self.env.su and (
            self.sudo().livechat_main_account_id
            or ("user_ids" in vals and self.env.user._is_shop_staff())
        ):
            # Core protects the contacts of active users so. Here also those that wait for their
            # activation link, which goes to the contact's address.
            self.env["res.users"].check_access("write")
        result = super().write(vals)
        if appointed:
            appointed._check_exclusive_agent()
        return result

    def _frees_seats(self, names):
        # Another company means another agent where either has one.
        return super()._frees_seats(names) and (
            "livechat_agent_id" in names or bool(self._get_appointed_agents())
        )

    def _get_appointed_agents(self):
        """Return the exclusive agents of these contacts and of the companies they buy for."""
        # sudo: res.partner - whom the shop appointed, whoever changes the contact
        partners = self.sudo()
        return (partners | partners.commercial_partner_id).livechat_agent_id

    def signup_get_auth_param(self):
        """As core's, for contacts that may sign up."""
        free = self.filtered(lambda partner: not partner._is_bound_to_agent())
        return super(ResPartner, free).signup_get_auth_param()

    def _get_partner_from_token(self, token):
        partner = super()._get_partner_from_token(token)
        if partner and (partner._is_bound_to_agent() or partner._is_mailed_to_lesser()):
            return None
        return partner

    def _is_mailed_to_lesser(self):
        """Tell whether what Odoo mails to this sub-account may come to somebody who may do less:
        its main account makes it a link instead."""
        # sudo: res.partner, livechat.subaccount - whose it is, whoever has the token
        rows = self.sudo().user_ids._get_subaccount()
        return any(row._is_mail_foreign() for row in rows)

    def _is_bound_to_agent(self):
        """Tell whether somebody who signed up with this contact would get an agent's chats along.

        To core a contact without an active user is nobody's. Those of people who will be or have
        been agents belong to a sub-account or are archived.
        """
        # sudo: res.partner, res.users - whose it is
        partner = self.sudo()
        return not partner.user_ids and (
            not partner.active or bool(partner.livechat_main_account_id)
        )
