"""Permissions say whose records they reach; those that reach public pages are no shop's to give
any more, unless an administrator has said so of them."""

from lxml import etree

from odoo import SUPERUSER_ID, api
from odoo.fields import Command
from odoo.tools import file_open

_ADDON = "im_livechat_subaccount"
_NOT_AT_FIRST = ("permission_edit_products", "permission_edit_shop_pages")


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    with file_open(f"{_ADDON}/data/livechat_permission_data.xml") as file:
        catalogue = etree.parse(file)
    for record in catalogue.iter("record"):
        permission = env.ref(f"{_ADDON}.{record.get('id')}", raise_if_not_found=False)
        if not permission:
            continue
        texts = {field.get("name"): field.text for field in record.iter("field")}
        is_untouched = permission.write_uid.id == SUPERUSER_ID
        if not permission.reach:
            permission.reach = texts["reach"]
        if record.get("id") in _NOT_AT_FIRST and is_untouched and permission.grantable:
            permission.role_ids.write({"permission_ids": [Command.unlink(permission.id)]})
            permission.write({"grantable": False, "description": texts["description"]})
