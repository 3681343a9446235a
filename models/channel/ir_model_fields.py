from odoo import api, models

from ...tools import words_of_core
from ...tools.layers import lay_over_all_models


class WordsOfViews(models.AbstractModel):
    """What core's pages say, in the words of a shop."""

    _register = False
    _description = "Base"

    @api.model
    def get_view(self, view_id=None, view_type="form", **options):
        view = super().get_view(view_id, view_type, **options)
        if self._name in words_of_core.MODELS:
            view["arch"] = words_of_core.replace_in(self.env.lang, view["arch"])
        return view


class IrModelFields(models.Model):
    """What fields are called on the pages of a shop and in its log, in its words."""

    _inherit = "ir.model.fields"

    def init(self):
        """Nothing more: who has something to do with the table does it as its own module is loaded.
        At an upgrade of ours it would be done again, and lock the table of a shop at work."""

    def _post_model_setup__(self):
        super()._post_model_setup__()
        lay_over_all_models(self.env.registry, WordsOfViews)

    @api.model
    def get_field_string(self, model_name):
        return self._replace_texts(model_name, super().get_field_string(model_name))

    @api.model
    def get_field_help(self, model_name):
        return self._replace_texts(model_name, super().get_field_help(model_name))

    @api.model
    def get_field_selection(self, model_name, field_name):
        choices = super().get_field_selection(model_name, field_name)
        words = self._find_replacements(model_name)
        return [(value, words.get(label, label)) for value, label in choices] if words else choices

    @api.model
    def _replace_texts(self, model_name, texts):
        words = self._find_replacements(model_name)
        return {name: words.get(text, text) for name, text in texts.items()} if words else texts

    @api.model
    def _find_replacements(self, model_name):
        is_shown = model_name in words_of_core.SHOWN_MODELS
        return words_of_core.find_words(self.env.lang) if is_shown else {}
