from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ...tools import phrase, sent


class MailCannedResponse(sent.Guard, models.Model):
    """Answers of a shop and of a group, beside those of one's own.

    Who manages a shop's dispatch edits the shop's; see ``ir.rule`` for who may what.
    """

    _inherit = "mail.canned.response"

    _opens_with = frozenset({"is_of_shop"})

    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="cascade",
        help="Whose shop's agents have this answer at hand; empty: whoever made it.",
    )
    is_of_shop = fields.Boolean(
        "Shared in the Shop",
        compute="_compute_is_of_shop",
        inverse="_inverse_is_of_shop",
        help="All agents of your shop have this answer at hand, in the chats of its group.",
    )
    dispatch_group_id = fields.Many2one(
        "livechat.dispatch.group",
        "Dispatch Group",
        index="btree_not_null",
        ondelete="set null",
        help="Offered in the chats of this group and of those below it only; empty: in all.",
        falsy_value_label=phrase.ALL_GROUPS,
    )

    @api.depends("main_account_id")
    def _compute_is_of_shop(self):
        for answer in self:
            answer.is_of_shop = bool(answer.main_account_id)

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        # The page of a shop's answers proposes it to everybody.
        if values.get("is_of_shop") and not self._find_shop_to_edit():
            values["is_of_shop"] = False
        return values

    @api.model
    def _find_shop_to_edit(self):
        """Return the main account of the shop whose answers the caller edits, or nobody."""
        owner = self.env.user._get_shop_owner()
        return owner if self.env.user._manages_dispatch_of(owner) else owner.browse()

    def _inverse_is_of_shop(self):
        owner = self._find_shop_to_edit()
        for answer in self:
            if answer.is_of_shop == bool(answer.main_account_id):
                continue
            if not owner:
                raise AccessError(
                    self.env._("Only who manages a shop's dispatch edits the shop's answers.")
                )
            # sudo: mail.canned.response - checked above; that this one may change it, by its write
            answer.sudo().main_account_id = owner if answer.is_of_shop else False

    @api.model
    def _leave_groups(self, groups):
        """Let no other group's buyers be offered the answers of these groups, which are deleted:
        they go to the group above, those of a top group back to who wrote them.

        :param groups: with sudo.
        """
        # sudo: mail.canned.response - whoever deletes a group
        answers = self.sudo().search([("dispatch_group_id", "in", groups.ids)])
        for group, rows in answers.grouped("dispatch_group_id").items():
            above = group.parent_id
            while above in groups and above:
                above = above.parent_id
            rows.write(
                {"dispatch_group_id": above.id}
                if above
                else {"dispatch_group_id": False, "main_account_id": False}
            )

    @api.constrains("main_account_id", "dispatch_group_id")
    def _check_dispatch_group(self):
        for answer in self:
            # sudo: livechat.dispatch.group - whose it is
            group = answer.sudo().dispatch_group_id
            owner = answer.main_account_id
            if group and owner and group.channel_id.main_account_id != owner:
                raise ValidationError(self.env._("This group belongs to another shop."))
