from odoo import api, fields, models

from ..dispatch import scope as scopes
from ..dispatch.words import ORDER_STATES
from ..tools import phrase, sent


class LivechatDispatchTest(sent.Guard, models.TransientModel):
    """Tells, while it is being filled in, to which dispatch group a buyer would go."""

    _name = "livechat.dispatch.test"
    _description = "Test Dispatch Scopes"

    channel_id = fields.Many2one("im_livechat.channel", "Channel", required=True)
    page = fields.Char("Page Address", length_max=scopes.PAGE_LENGTH_MAX)
    lang_id = fields.Many2one("res.lang", "Language")
    country_id = fields.Many2one("res.country", "Country")
    order_state = fields.Selection(ORDER_STATES, "Newest Order")
    visitor = fields.Selection(
        [(scopes.GUEST, "Guest"), (scopes.SIGNED_IN, "Signed in")], default=scopes.GUEST
    )
    tag_ids = fields.Many2many("res.partner.category", string="Buyer Tags")
    has_orders = fields.Boolean(compute="_compute_has_orders")
    page_subject = fields.Char("On This Page", compute="_compute_result")
    group_id = fields.Many2one("livechat.dispatch.group", "Goes To", compute="_compute_result")
    result = fields.Char(compute="_compute_result")
    agent_ids = fields.Many2many("res.users", string="Agents", compute="_compute_result")

    @api.depends("channel_id")
    def _compute_has_orders(self):
        self.has_orders = "sale.order" in self.env

    @api.depends("channel_id", "page", "lang_id", "country_id", "order_state", "visitor", "tag_ids")
    def _compute_result(self):
        for test in self:
            test.page_subject = test.group_id = test.result = test.agent_ids = False
            # A form names whatever channel it likes.
            channel = test.channel_id._origin._filtered_access("read")
            if not channel or not self.env["livechat.dispatch.group"].has_access("read"):
                continue
            # sudo: im_livechat.channel - what a request of a buyer would do; the caller reads the
            # channel, and the groups found are shown as far as the caller reads them
            buyer = test._read_buyer(channel.sudo())
            group = channel.sudo()._find_dispatch_group(buyer).sudo(False)
            test.page_subject = test._name_subject(buyer)
            if group:
                group = group._filtered_access("read")
                test.group_id = group
                test.result = self.env._(
                    "This buyer goes to %(group)s.", group=group.name or self.env._("another group")
                )
                # sudo: livechat.dispatch.group - the agents of a group that may be read
                test.agent_ids = group.sudo()._get_agents().ids if group else False
            else:
                test.result = self.env._(
                    "No scope fits: this buyer goes to the default group, the agents who are in "
                    "no group with a scope."
                )
                # sudo: im_livechat.channel - its groups, for whoever tests its scopes
                test.agent_ids = channel.sudo()._get_default_agents().ids

    def _read_buyer(self, channel):
        """Return the :class:`scope.Buyer` that the form describes."""
        self.ensure_one()
        return scopes.Buyer(
            **channel._read_page(self.page or ""),
            order_state=self.order_state or None,
            lang=self.lang_id.code or None,
            country_id=self.country_id._origin.id or None,
            # Whoever it is.
            partner_id=self.env.user.partner_id.id if self.visitor == scopes.SIGNED_IN else None,
            tag_ids=tuple(self.tag_ids._origin.ids),
        )

    def _name_subject(self, buyer):
        """Return the names of the product and the category that a page is about, as far as the
        caller reads them."""
        names = []
        for model, ids in (
            ("product.template", [buyer.product_id] if buyer.product_id else []),
            ("product.public.category", buyer.category_ids),
        ):
            if ids:
                names += self.env[model].search([("id", "in", ids)]).mapped("display_name")
        return phrase.join(self.env, names)
