from odoo import api, models

from ...tools.sent import is_record_id


class RatingRating(models.Model):
    _inherit = "rating.rating"

    @api.model_create_multi
    def create(self, vals_list):
        # Core rates the first of the members: the buyer itself, when it came before its agent.
        model = self.env["ir.model"]._get_id("discuss.channel")
        for vals in vals_list:
            if model != vals.get("res_model_id") and vals.get("res_model") != "discuss.channel":
                continue
            record_id = vals.get("res_id")
            # sudo: discuss.channel - who served there
            chats = self.env["discuss.channel"].sudo()
            chat = chats.browse(record_id if is_record_id(record_id) else None).exists()
            if chat.livechat_channel_id.dispatch_mode not in (False, "native"):
                vals["rated_partner_id"] = chat._get_serving_partner().id
        return super().create(vals_list)
