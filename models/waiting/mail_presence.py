from datetime import timedelta

from odoo import api, fields, models

from ...tools import sent
from ...tools.here import SILENCE

# Shorter absences are a lost connection: whoever is back so soon was never away.
_FLAPPING = timedelta(seconds=60)


class MailPresence(sent.Guard, models.Model):
    _inherit = "mail.presence"

    livechat_online_since = fields.Datetime()
    livechat_offline_since = fields.Datetime()

    @api.model_create_multi
    def create(self, vals_list):
        presences = super().create(vals_list)
        presences._follow_status()
        for presence in presences:
            presence._note_presence()
        return presences

    def write(self, vals):
        before = {presence: presence.status for presence in self}
        polls = {presence: presence.last_poll for presence in self}
        result = super().write(vals)
        changed = self.filtered(lambda presence: presence.status != before[presence])
        changed._follow_status()
        for presence in self:
            if presence in changed or (
                presence.status == "online" and _was_silent(polls[presence], presence.last_poll)
            ):
                was_here = before[presence] != "offline"
                presence._note_presence(polls[presence] if was_here else None)
        return result

    def unlink(self):
        for presence in self:
            if presence.status != "offline" and presence.user_id:
                # sudo: res.users - whether it is an agent who is gone
                self.env["livechat.dispatch.presence"]._note(
                    presence.sudo().user_id, presence.last_poll, is_gone=True
                )
        return super().unlink()

    def _note_presence(self, last_poll=None):
        """Note for the figures that an agent has come or gone.

        :param last_poll: the last sign of life before this one.
        """
        self.ensure_one()
        # sudo: res.users - whether it is an agent who comes
        user = self.sudo().user_id
        if not user:
            return
        Presence = self.env["livechat.dispatch.presence"]
        if _was_silent(last_poll, fields.Datetime.now()):
            Presence._note(user, last_poll, is_gone=True)
            if self.status != "online":
                return
        Presence._note(user)

    def _follow_status(self):
        """Note since when somebody is here or gone; who comes may take those who wait."""
        now = fields.Datetime.now()
        # sudo: res.users - whose presence it is, to tell those who may know
        self.sudo().user_id._mark_reception("agents")
        for presence in self:
            if presence.status == "offline":
                presence.livechat_offline_since = now
                continue
            gone = presence.livechat_offline_since
            if not presence.livechat_online_since or (gone and now - gone > _FLAPPING):
                presence.livechat_online_since = now
            presence.livechat_offline_since = False
            # sudo: res.users - whether it is an agent who comes
            if presence.status == "online" and presence.sudo().user_id.livechat_channel_ids:
                self.env["im_livechat.channel"]._drain_soon()


def _was_silent(last_poll, now):
    """Tell whether there was no sign of life for so long that somebody was not here."""
    return bool(last_poll) and now - last_poll > SILENCE
