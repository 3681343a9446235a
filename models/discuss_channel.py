from odoo import api, fields, models


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    # A relation that only open chats have rows in, so that counting an agent's chats does not read
    # every chat there ever was. `dispatch.ledger` makes the table and counts its rows.
    dispatch_seat_partner_ids = fields.Many2many(
        "res.partner",
        "livechat_dispatch_seat",
        "discuss_channel_id",
        "partner_id",
        string="Seated Agents",
        compute="_compute_dispatch_seat_partner_ids",
        context={"active_test": False},
        store=True,
        groups="im_livechat.im_livechat_group_user",
        help="The agents in this chat while it is open; each of them has one seat less to give.",
    )

    # Lets a decision read the activity of the open chats without visiting the table.
    _dispatch_open_idx = models.Index(
        "(id, last_interest_dt) WHERE livechat_end_dt IS NULL AND channel_type = 'livechat'"
    )

    @api.depends(
        "channel_member_ids",
        "livechat_channel_member_history_ids.livechat_member_type",
        "livechat_channel_member_history_ids.member_id",
        "livechat_end_dt",
    )
    def _compute_dispatch_seat_partner_ids(self):
        for chat in self:
            if chat.channel_type != "livechat" or chat.livechat_end_dt:
                chat.dispatch_seat_partner_ids = False
                continue
            chat.dispatch_seat_partner_ids = chat.livechat_channel_member_history_ids.filtered(
                lambda history: history.livechat_member_type == "agent" and history.member_id
            ).partner_id
