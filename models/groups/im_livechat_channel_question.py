from odoo import models


class ImLivechatChannel(models.Model):
    """What buyers are asked before the chat."""

    _inherit = "im_livechat.channel"

    def _get_channel_infos(self):
        infos = super()._get_channel_infos()
        if question := self._describe_question():
            infos["dispatch_question"] = question
        return infos

    def _describe_question(self):
        """Return what buyers are asked before the chat, ``None`` for nothing: ``{"kind", "topics":
        [{"id", "name"}]}``, of the groups that the shop shows to everybody."""
        if self.dispatch_mode == "native" or not self.first_question:
            return None
        shown = self._read_lamps().get(self.id, ()) if self.first_question == "topic" else ()
        if self.first_question == "topic" and len(shown) < 2:
            # With one answer it is no question.
            return None
        topics = [{"id": group_id, "name": name} for group_id, name, _with_names in shown]
        return {"kind": self.first_question, "topics": topics}
