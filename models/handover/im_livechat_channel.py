from odoo import api, models
from odoo.fields import Domain

from ...tools import sent
from ...tools.here import SILENCE, is_deaf, note_downtime
from ...tools.sentinels import DRAINING


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    def write(self, vals):
        sent.expect_values(self.env, vals)
        left = self.browse()
        if vals.get("dispatch_mode") == "native":
            left = self.filtered(lambda channel: channel.dispatch_mode != "native")
        result = super().write(vals)
        if left:
            # sudo: discuss.channel - the chats of agents are not the editor's conversations
            chats = self.env["discuss.channel"].sudo()
            chats._find_left_to_odoo(left)._leave_to_odoo()
        return result

    def _find_chats_to_go_on(self, partner, guest):
        """As the lower layer's; and the one that has ended, and opens again by a word of the
        buyer."""
        chats = super()._find_chats_to_go_on(partner, guest)
        here = Domain("livechat_channel_id", "=", self.id)
        ended = Domain("dispatch_is_closed_silent", "=", True) & Domain(
            "livechat_end_dt", "!=", False
        )
        return chats or self._find_chats_of(partner, guest, here & ended)[:1].filtered(
            lambda chat: chat._reopens()
        )

    @api.model
    def _run_dispatch_timers(self):
        """Do what became due by time alone; run by the cron every minute."""
        self._attempt(self._follow_downtime)
        # The line waits for none of what follows, however long that takes.
        self._drain_aside()
        users = self.env["res.users"]
        for user in users._find_past_pauses():
            self._attempt(user._end_pause)
        chats = self.env["discuss.channel"]
        self.env["livechat.dispatch.change"]._run_due(self._attempt)
        # Served by res_users__dispatch_overloaded_idx.
        self._attempt(users.search([("dispatch_overloaded", "=", True)])._follow_load)
        chats._end_wordless()
        chats._end_deserted()
        chats._end_holds()
        chats._close_silent()
        chats._mail_answers()
        if not is_deaf(self.env):
            chats._reassign_unanswered()
            chats._leave_absent_agents()
            chats._remove_absent_buyers()
        # Served by a scan: a shop has few channels.
        told_by_mail = self.search([("pool_email", "!=", False)])
        for channel in told_by_mail:
            self._attempt(channel._tell_of_messages)
        self._attempt(self.env["resource.calendar"]._follow_the_clock)
        # Once more, by what has become true meanwhile.
        self._drain_aside()
        self._attempt(self.env["livechat.dispatch.total"]._count_apart)

    @api.model
    def _follow_downtime(self):
        """Note when the servers were down, of which a timer learns that comes late."""
        cron = self.env.ref("im_livechat_subaccount.ir_cron_dispatch", raise_if_not_found=False)
        # One that somebody has started by hand is not late, nor the first one of all.
        if cron and cron.lastcall and cron.id == self.env.context.get("cron_id"):
            note_downtime(self.env, cron.nextcall, self._was_on_time(cron))

    @api.model
    def _was_on_time(self, cron):
        """Tell whether the last run of a timer of each minute, before this one, came soon after the
        one before it; false where nobody knows."""
        # sudo: ir.cron.progress - when it ran, which core notes of each run
        runs = self.env["ir.cron.progress"].sudo()
        before = [("cron_id", "=", cron.id)]
        if this_run := self.env.context.get("ir_cron_progress_id"):
            before.append(("id", "<", this_run))
        # Served by ir_cron_progress_pkey, from its end.
        last = runs.search(before, order="id desc", limit=2).mapped("create_date")
        return len(last) == 2 and last[0] - last[1] < SILENCE

    @api.model
    def _drain_all(self, channel_ids=None, in_turns=False):
        # Who is promised a chat has waited for room longer than the chat's buyer waits for anybody.
        # sudo: discuss.channel - the server keeps what agents of all shops have promised
        chats = self.env["discuss.channel"].sudo()
        promised = [("dispatch_promised_id", "!=", False), ("livechat_end_dt", "=", False)]
        if channel_ids is not None:
            # A colleague is one of the same channel.
            promised.append(("livechat_channel_id", "in", list(channel_ids)))
        # Served by the index on dispatch_promised_id.
        for chat in chats.with_context(livechat_draining=DRAINING).search(promised, order="id"):
            self._attempt(chat._keep_promise)
        return super()._drain_all(channel_ids, in_turns)
