from odoo import api, fields, models

from ...tools import sent
from ...tools.here import GRACE, is_silent, read_now


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
        before = {presence: (presence.status, presence.last_poll) for presence in self}
        result = super().write(vals)
        now = read_now(self.env)
        silent_since = {
            presence: poll
            for presence, (status, poll) in before.items()
            if status != "offline" and poll and is_silent(poll, now)
        }
        # Who gives a sign of life after a silence comes as well, whatever the status was.
        changed = self.filtered(
            lambda presence: (
                presence.status != before[presence][0]
                or (presence in silent_since and not is_silent(presence.last_poll, now))
            )
        )
        changed._follow_status(silent_since)
        for presence in changed:
            presence._note_presence(silent_since.get(presence))
        return result

    def unlink(self):
        for presence in self:
            if presence.status != "offline" and presence.user_id:
                # sudo: res.users - whether it is an agent who is gone
                self.env["livechat.dispatch.presence"]._note(
                    presence.sudo().user_id, presence.last_poll, is_gone=True
                )
        return super().unlink()

    def _note_presence(self, silent_since=None):
        """Note for the figures that an agent has come or gone.

        :param silent_since: the last sign of life before this one, of who had gone silent.
        """
        self.ensure_one()
        # sudo: res.users - whether it is an agent who comes
        user = self.sudo().user_id
        if not user:
            return
        presences = self.env["livechat.dispatch.presence"]
        if silent_since:
            presences._note(user, silent_since, is_gone=True)
        if not silent_since or self.status == "online":
            presences._note(user)

    def _follow_status(self, silent_since=None):
        """Note since when somebody is here or gone; who comes may take those who wait.

        :param silent_since: ``{presence: moment}`` of those who had not been heard of since then.
        """
        now, silent_since = read_now(self.env), silent_since or {}
        # sudo: res.users - whose presence it is, to tell those who may know
        users = self.sudo().user_id
        announcement = self.env["livechat.announcement"]
        announcement._look_again(users, "agents")
        for presence in self:
            if presence.status == "offline":
                presence.livechat_offline_since = now
                continue
            gone = presence.livechat_offline_since or silent_since.get(presence)
            if not presence.livechat_online_since or (gone and now - gone > GRACE):
                presence.livechat_online_since = now
            presence.livechat_offline_since = False
        # sudo: im_livechat.channel - whether it is an agent who comes
        if "online" in self.mapped("status") and (channels := users._get_chat_channels()):
            announcement._seat_may_be_free(channels)
            # Its page has asked why no buyers come while it was not here yet.
            announcement._look_again(users, "bars")
