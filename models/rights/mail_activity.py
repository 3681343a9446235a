import re

from odoo import api, models
from odoo.exceptions import AccessError

# What leads out of Odoo.
_LINK = re.compile(r"https?:|www\.|[\"'=]\s*//|javascript:|data:", re.IGNORECASE)


class MailActivity(models.Model):
    _inherit = "mail.activity"

    @api.model_create_multi
    def create(self, vals_list):
        activities = super().create(vals_list)
        activities._check_shop_staff()
        return activities

    def write(self, vals):
        result = super().write(vals)
        if vals.keys() & {"note", "summary", "user_id"}:
            self._check_shop_staff()
        return result

    def _check_shop_staff(self):
        """Refuse tasks with which a shop's staff would send somebody else somewhere.

        :raise AccessError:
        """
        linking = not self.env.su and self.filtered(
            lambda task: _LINK.search(f"{task.summary or ''} {task.note or ''}")
        )
        if not linking or not self.env.user._is_shop_staff():
            return
        shop = self.env.user._get_shop_owner()
        # sudo: res.users - whose staff they are
        if any(user._get_shop_owner() != shop for user in linking.sudo().user_id):
            raise AccessError(self.env._("Activities for people outside your shop have no links."))
