from odoo import models


class IrModelData(models.Model):
    _inherit = "ir.model.data"

    def _update_xmlids(self, data_list, update=False):
        result = super()._update_xmlids(data_list, update=update)
        # A module that arrives brings the access groups some permission has waited for.
        arrived = {data["xml_id"] for data in data_list if data["record"]._name == "res.groups"}
        if arrived and arrived & self.env["livechat.permission"]._get_catalogued_xmlids():
            # sudo: livechat.permission - modules are installed by administrators
            self.env["livechat.permission"].sudo().search([])._apply()
        return result
