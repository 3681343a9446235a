from odoo import api, models
from odoo.exceptions import AccessError

from ...tools.sent import is_record_id

# What a rating is about.
_ABOUT = {"parent_res_id", "parent_res_model", "parent_res_model_id"}
_ABOUT |= {"res_id", "res_model", "res_model_id"}


class RatingRating(models.Model):
    _inherit = "rating.rating"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_about()
        # Core rates the first of the members: the buyer itself, when it came before its agent.
        model = self.env["ir.model"]._get_id("discuss.channel")
        for vals in vals_list:
            if model != vals.get("res_model_id") and vals.get("res_model") != "discuss.channel":
                continue
            record_id = vals.get("res_id")
            # sudo: discuss.channel - who served there
            chats = self.env["discuss.channel"].sudo()
            chat = chats.browse(record_id if is_record_id(record_id) else None).exists()
            if chat._is_dispatched():
                vals["rated_partner_id"] = chat._get_serving_partner().id
        ratings = super().create(vals_list)
        ratings._show_again()
        return ratings

    def write(self, vals):
        if _ABOUT & vals.keys():
            self._check_about()
        result = super().write(vals)
        if "rating" in vals:
            self._follow_serving()
        self._show_again()
        return result

    @api.model
    def _check_about(self):
        """Refuse a shop's staff to say what a rating is about. Record rules look at what that was
        before, and a rating tells, with sudo, what any record at all is called.

        :raise AccessError:
        """
        if not self.env.su and self.env["ir.rule"]._serves_staff():
            raise AccessError(self.env._("Buyers say how they were served, and nobody else."))

    def _follow_serving(self):
        """Let ratings be those of who served, after their buyers have rated once more: core keeps
        one for each chat, and another agent may have served since."""
        chat_ids = [rating.res_id for rating in self if rating.res_model == "discuss.channel"]
        if not chat_ids:
            return
        # sudo: discuss.channel - who served there
        chats = self.env["discuss.channel"].sudo().browse(chat_ids).exists()
        for chat in chats:
            partner = chat._is_dispatched() and chat._get_serving_partner()
            ratings = chat.rating_ids.filtered(lambda rating: rating.id in self._ids)
            if partner and ratings.rated_partner_id != partner:
                ratings.rated_partner_id = partner
                # Core finds them again only when a rating comes or goes.
                histories = chat.livechat_channel_member_history_ids
                self.env.add_to_compute(histories._fields["rating_id"], histories)

    def _show_again(self):
        """Let open pages show what a buyer thinks."""
        chat_ids = [rating.res_id for rating in self if rating.res_model == "discuss.channel"]
        if chat_ids:
            # sudo: discuss.channel - whose pages they are
            chats = self.env["discuss.channel"].sudo().browse(chat_ids)
            self.env["livechat.announcement"]._look_again(chats, "lines")
