from odoo import api, models, tools

from ...tools import words_of_core

_ROOT = "im_livechat.menu_livechat_root"
_OURS = "im_livechat_subaccount.livechat_"

# Whose items a shop's people find under which head of ours; anybody else finds ours under core's.
_HEADS = {
    "im_livechat.menu_livechat_sessions": f"{_OURS}conversations_menu_root",
    "im_livechat.menu_reporting_livechat": f"{_OURS}reports_menu_root",
}
# Items of core's that have no head.
_ITEMS = {"website_livechat.website_livechat_visitor_menu": f"{_OURS}conversations_menu_root"}
# What ours with the same name stands for, and what the page *Team* leads to.
_LISTED = (
    "im_livechat.menu_livechat_all_conversations",
    "im_livechat.menu_reporting_livechat_agent",
    "im_livechat_subaccount.im_livechat_report_channel_menu_dispatch",
)
# What the shop's own items stand for.
_REPLACED = ("im_livechat.support_channels", "im_livechat.livechat_config")
# All that an agent needs who oversees nothing.
_OF_AGENTS = (
    f"{_OURS}desk_menu",
    f"{_OURS}waiting_menu",
    f"{_OURS}dispatch_total_menu_mine",
    f"{_OURS}shop_canned_response_menu",
)


class IrUiMenu(models.Model):
    """The heads of Live Chat: six for a shop's people, core's for everybody else."""

    _inherit = "ir.ui.menu"

    @api.model
    @tools.ormcache("self.env.uid", "debug", "self.env.lang")
    def load_menus(self, debug):
        menus = super().load_menus(debug)
        named = {menu.get("xmlid"): menu for menu in menus.values()}
        if _ROOT not in named:
            return menus
        # Copies, because core keeps what it returned.
        menus = {key: {**menu, "children": [*menu["children"]]} for key, menu in menus.items()}
        arranged = _Arranged({menu.get("xmlid"): menu for menu in menus.values()})
        user = self.env.user
        manager = "im_livechat.im_livechat_group_manager"
        if not user._is_shop_staff() or user.has_group(manager):
            # Whoever configures Live Chat keeps core's entries for it.
            arranged.follow_core()
        elif user._oversees():
            arranged.follow_shop()
        else:
            arranged.follow_agent()
        for menu in menus.values():
            if (menu.get("xmlid") or "").startswith("im_livechat."):
                menu["name"] = words_of_core.replace(self.env.lang, menu["name"])
        return menus


class _Arranged:
    """Puts items under other heads; which of them are visible core has said."""

    def __init__(self, named):
        self.named = named
        self.root = named[_ROOT]

    def follow_core(self):
        self._drop(f"{_OURS}desk_menu", f"{_OURS}shop_menu_root")
        for core, ours in _HEADS.items():
            self._merge(ours, core)

    def follow_shop(self):
        self._drop(f"{_OURS}desk_menu", *_REPLACED)
        for core, ours in _HEADS.items():
            self._merge(core, ours)
        listed = {self.named[item]["id"] for item in _LISTED if item in self.named}
        for menu in self.named.values():
            menu["children"] = [child for child in menu["children"] if child not in listed]
        for item, head in _ITEMS.items():
            if item in self.named and head in self.named:
                self._drop(item)
                self.named[head]["children"].append(self.named[item]["id"])

    def follow_agent(self):
        items = [self.named[item]["id"] for item in _OF_AGENTS if item in self.named]
        self.root["children"] = items

    def _merge(self, source, target):
        """Put the items of one head under another, if both are there."""
        ids = {name: self.named[name]["id"] for name in (source, target) if name in self.named}
        if len(ids) == 2 and set(ids.values()) <= set(self.root["children"]):
            self._drop(source)
            self.named[target]["children"] += self.named[source]["children"]

    def _drop(self, *items):
        ids = {self.named[item]["id"] for item in items if item in self.named}
        self.root["children"] = [id_ for id_ in self.root["children"] if id_ not in ids]
