from odoo import api, models


class LivechatAnnouncement(models.AbstractModel):
    """Open Reception pages and agents' bars follow what changes.

    What a transaction has changed is gathered, so that several changes become one message, and
    nothing is looked up before the transaction ends: nothing while a decision holds the lock.
    """

    _inherit = "livechat.announcement"

    @api.model
    def _look_again(self, records, part):
        super()._look_again(records, part)
        if not self.env.registry.ready:
            # Modules are being loaded, after which Odoo tells open pages to load anew.
            return
        # sudo: any - whose pages they are, whoever changed something
        part, records = _find_shown(records.sudo(), part)
        if records:
            self.env["im_livechat.channel"]._get_reception_marks()[part].update(records.ids)


def _find_shown(records, part):
    """Return which part of pages looks again, and at which records: those the marks hold."""
    match part, records._name:
        case "agents" | "bars", "res.partner":
            return "partners", records
        case "staff", "res.users":
            return part, records | records.main_account_id
        case "staff", "res.groups":
            return part, records.all_user_ids
        case "staff", "im_livechat.channel":
            return part, records.main_account_id
        case "lines", "discuss.channel":
            chats = records.filtered(lambda chat: chat.channel_type == "livechat")
            return part, chats.livechat_channel_id
        case "trees", "livechat.dispatch.group":
            return part, records.channel_id
        case "bars", "im_livechat.channel":
            return part, records.user_ids
    return part, records
