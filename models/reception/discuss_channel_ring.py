import json

from odoo import models
from odoo.tools import format_list, html2plaintext

from ...tools import phrase

# What is shown of a message, in characters.
_WORDS_LENGTH = 200


class DiscussChannel(models.Model):
    """A new chat rings: its agent is told who it is and what it wants, wherever the agent looks."""

    _inherit = "discuss.channel"

    def _seat(self, agent):
        result = super()._seat(agent)
        self._ring(agent)
        return result

    def _remind(self):
        super()._remind()
        for agent in self._get_seated():
            # sudo: res.users - in whose language it is said
            env = self.with_context(lang=agent.sudo().lang).env
            self._ring(agent, env._("No longer on hold"))

    def _ring(self, agent, note=None):
        """Tell an agent of a chat that has just become the agent's: what the buyer wrote last, be
        it an hour ago, and what the colleague says who gave it.

        :param note: what it is about, instead of that.
        """
        message = self._find_buyers_last_message()
        agent._bus_send(
            "livechat_dispatch/ring",
            {
                "id": self.id,
                "note": note or self._get_transfer_note(agent),
                "title": self._get_title_for(agent),
                "words": self._get_words_of(message),
            },
        )
        if message:
            self._push_ring(agent, message)

    def _find_buyers_last_message(self):
        buyers = self.livechat_customer_history_ids
        # Served by mail_message's index on model and res_id.
        return self.env["mail.message"].search(
            [
                ("model", "=", "discuss.channel"),
                ("res_id", "=", self.id),
                ("message_type", "=", "comment"),
                "|",
                ("author_id", "in", buyers.partner_id.ids),
                ("author_guest_id", "in", buyers.guest_id.ids),
            ],
            order="id desc",
            limit=1,
        )

    def _get_words_of(self, message):
        text = html2plaintext(message.body or "").strip()[:_WORDS_LENGTH]
        return text or format_list(self.env, message.attachment_ids.mapped("name"))

    def _get_transfer_note(self, agent):
        """Return to its agent why a colleague gave this chat, if that is how the agent got it."""
        given = self.dispatch_decision_ids.sorted("id")[-1:]
        if given.kind != "transfer" or not given.reason:
            return False
        giver = given.previous_user_id
        if not giver:
            return given.reason
        # sudo: res.users - in whose language it is said
        env = self.with_context(lang=agent.sudo().lang).env
        return phrase.label(env, giver.livechat_username or giver.name, given.reason)

    def _get_title_for(self, agent):
        # sudo: discuss.channel, res.users - who the buyer is, for its agent
        chat = self.sudo().with_context(lang=agent.sudo().lang)
        is_masked = self.with_user(agent).env["res.users"]._sees_contacts_masked()
        return chat._get_titles(is_masked)[self.id]

    def _push_ring(self, agent, message):
        """Let an agent's devices ring, as core does for each message. Nobody who waits in line is
        held up by how long a service elsewhere takes: core's queue sends it."""
        # sudo: res.users - whether the agent is not to be disturbed, as core asks of everybody
        if agent.sudo().manual_im_status == "busy":
            return
        devices, _private, _public = self._web_push_get_partners_parameters(agent.partner_id.ids)
        if not devices:
            return
        payload = self._notify_by_web_push_prepare_payload(message)
        payload = json.dumps(self._web_push_truncate_payload(payload))
        # sudo: mail.push - of the agent who has just got the chat
        self.env["mail.push"].sudo().create(
            [{"mail_push_device_id": device.id, "payload": payload} for device in devices]
        )
        # sudo: ir.cron - core's queue of these, whoever adds to it
        self.env.ref("mail.ir_cron_web_push_notification").sudo()._trigger()

    def _notify_by_web_push_prepare_payload(self, message, msg_vals=False, force_record_name=False):
        payload = super()._notify_by_web_push_prepare_payload(
            message, msg_vals=msg_vals, force_record_name=force_record_name
        )
        if self._is_dispatched():
            # sudo: discuss.channel - to its agents, who read it
            payload["title"] = self.sudo()._get_titles()[self.id]
        return payload
