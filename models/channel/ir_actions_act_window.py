from odoo import models

from ...tools import words_of_core


class IrActionsActWindow(models.Model):
    _inherit = "ir.actions.act_window"

    def _get_action_dict(self):
        action = super()._get_action_dict()
        if self.res_model in words_of_core.MODELS:
            for name in ("name", "display_name", "help"):
                for core, ours in words_of_core.find_words(self.env.lang).items():
                    text = action[name]
                    # A help is HTML around such texts.
                    if text and (text == core or (name == "help" and f">{core}<" in text)):
                        action[name] = text.replace(core, ours)
        return action
