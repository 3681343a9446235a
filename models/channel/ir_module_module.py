import logging

from odoo import api, models
from odoo.exceptions import ValidationError

_logger = logging.getLogger(__name__)

_WEBSITE, _OURS = "website", "im_livechat_subaccount"

# What the menu of building blocks has more, and how that is called. Its word is translated below:
# translation files know only of views that each database has.
_BLOCKS = """
<data>
    <xpath expr="//snippets[@id='snippet_content']" position="inside">
        <t
            t-snippet="im_livechat_subaccount.s_livechat_lamps"
            string="Live Chat Lamps"
            t-thumbnail="/im_livechat_subaccount/static/src/website_builder/lamps_thumbnail.svg"
        />
    </xpath>
</data>
"""


class IrModuleModule(models.Model):
    """The building block of a website's pages. The module *Website* is no dependency: what extends
    its menu of blocks is made as soon as both are there, and goes with either."""

    _inherit = "ir.module.module"

    def _register_hook(self):
        result = super()._register_hook()
        if not {_WEBSITE, _OURS}.isdisjoint(self.env.registry.updated_modules):
            self._offer_lamps()
        return result

    @api.model
    def _load_module_terms(self, modules, langs, overwrite=False):
        result = super()._load_module_terms(modules, langs, overwrite=overwrite)
        if _OURS in modules and self.env.registry.ready:
            # A language has been added.
            self._offer_lamps()
        return result

    @api.model
    def _offer_lamps(self):
        """Let the menu of building blocks have the lamps, if there is one."""
        menu = self.env.ref("website.snippets", raise_if_not_found=False)
        if not menu:
            return
        # Never taken for a left-over: no file of ours makes it again.
        record = {
            "xml_id": f"{_OURS}.website_snippets",
            "noupdate": True,
            "values": {
                "name": "Live Chat Lamps",
                "key": f"{_OURS}.website_snippets",
                "type": "qweb",
                "inherit_id": menu.id,
                "arch": _BLOCKS,
            },
        }
        # sudo: ir.ui.view - who installs modules or languages need not be able to write views
        views = self.env["ir.ui.view"].sudo().with_context(lang=None)
        try:
            with self.env.cr.savepoint():
                view = views._load_records([record])
        except ValidationError:
            # Somebody has made another menu of it; that is no reason to install nothing.
            _logger.warning("The menu of building blocks has no place for the lamps", exc_info=True)
            return
        view.update_field_translations(
            "arch_db",
            {
                code: {
                    "Live Chat Lamps": self.with_context(lang=code).env._("Live Chat Lamps"),
                }
                for code, _name in self.env["res.lang"].get_installed()
                if code != "en_US"
            },
        )
