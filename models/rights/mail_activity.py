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
        if any(map(_has_link, vals_list)):
            activities._check_links()
        return activities

    def write(self, vals):
        result = super().write(vals)
        if "user_id" in vals or _has_link(vals):
            self._check_links()
        return result

    def _check_links(self):
        """Refuse tasks with which a shop's staff would send somebody else somewhere.

        :raise AccessError:
        """
        if self.env.su or not self.env["ir.rule"]._serves_staff():
            return
        shop = self.env.user._get_shop_owner()
        # sudo: mail.activity, res.users - whose staff they are for
        for task in self.sudo():
            if _has_link({"summary": task.summary, "note": task.note}) and any(
                user._get_shop_owner() != shop for user in task.user_id
            ):
                raise AccessError(
                    self.env._("Activities for people outside your shop have no links.")
                )


def _has_link(vals):
    return bool(_LINK.search(f"{vals.get('summary') or ''} {vals.get('note') or ''}"))
