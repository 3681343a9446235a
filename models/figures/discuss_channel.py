from odoo import api, fields, models

from ...dispatch.ledger import FORGOTTEN_AFTER


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    def write(self, vals):
        if end := fields.Datetime.to_datetime(vals.get("livechat_end_dt")):
            # sudo: discuss.channel - whoever ends a chat ends the turn of its agent
            for chat in self.sudo():
                if chat.channel_type == "livechat" and not chat.livechat_end_dt:
                    chat._end_turns(chat.dispatch_seat_partner_ids, chat._get_last_moment(end))
        return super().write(vals)

    def _get_last_moment(self, end):
        """Return until when this chat, which ends now, was handled: of one that lay silent for a
        day, and that core's cleaning ends, until the last word."""
        last = self.last_interest_dt
        return last if last and last <= end - FORGOTTEN_AFTER else end

    def _end_turns(self, partners, moment):
        """Note that these agents no longer have this chat, and how long they had it."""
        # sudo: livechat.dispatch.decision - nobody writes these but dispatch
        turns = self.env["livechat.dispatch.decision"].sudo()
        turns = turns.search(
            [
                ("discuss_channel_id", "=", self.id),
                ("user_id", "in", partners.with_context(active_test=False).user_ids.ids),
                ("ended_at", "=", False),
            ]
        )
        for turn in turns:
            seconds = max(0, (moment - turn.moment).total_seconds())
            turn.write({"ended_at": moment, "handling_seconds": seconds})
        histories = self.livechat_agent_history_ids.filtered(
            lambda history: history.partner_id in partners
        )
        self.env.add_to_compute(histories._fields["session_duration_hour"], histories)

    @api.model
    def _count_turns(self, sums, limit):
        """Add turns that are over and were not counted yet to ``{key: Counter}``, and mark them.

        :return: how many, ``limit`` at most.
        """
        # Served by livechat_dispatch_decision__uncounted_turns_idx: those which ended lately.
        self.env.cr.execute(
            """
            WITH uncounted AS (
                SELECT id
                  FROM livechat_dispatch_decision
                 WHERE ended_at IS NOT NULL
                   AND is_turn_counted IS NOT TRUE
              ORDER BY id
                 LIMIT %s
            )
            UPDATE livechat_dispatch_decision turn
               SET is_turn_counted = true
              FROM uncounted
             WHERE turn.id = uncounted.id
         RETURNING date_trunc('hour', moment),
                   main_account_id,
                   livechat_channel_id,
                   group_id,
                   user_id,
                   answer_seconds,
                   handling_seconds
            """,
            [limit],
        )
        rows = self.env.cr.fetchall()
        for *key, answer_seconds, handling_seconds in rows:
            sum_ = sums[tuple(key)]
            sum_["handled"] += 1
            sum_["handling_seconds"] += handling_seconds
            if answer_seconds is not None:
                sum_["answered"] += 1
                sum_["answer_seconds"] += answer_seconds
        self.env["livechat.dispatch.decision"].invalidate_model(["is_turn_counted"])
        return len(rows)
