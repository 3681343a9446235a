from odoo import api, fields, models
from odoo.tools import SQL

from ...dispatch.ledger import door
from ...dispatch.line import IS_WAITING
from ...tools import clock
from ...tools.here import read_now
from ...tools.turn import MISSED

# Decisions of these kinds give a new buyer's chat to an agent.
_ASSIGNS = ("assign", "overflow")


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    @api.ondelete(at_uninstall=False)
    def _count_before_unlink(self):
        # sudo: livechat.dispatch.total - decisions are counted while they still name the channel
        self.env["livechat.dispatch.total"].sudo()._count(wait=True)

    def _describe_today(self):
        """Return today's figures and the times that go with them."""
        now = read_now(self.env)
        figures = self._get_today_figures()
        today = clock.get_midnight(now, self.env.tz)
        return {
            "refused": door.count_refused(self.env.cr, today, self.ids),
            "figures": {str(channel_id): row for channel_id, row in figures.items()},
            "now": fields.Datetime.to_string(now),
            "next_day": fields.Datetime.to_string(clock.get_midnight(now, self.env.tz, 1)),
        }

    def _get_today_figures(self):
        """Return today's figures of these channels; a day begins at midnight in the user's zone.

        * ``assigned``: decisions of today that gave a chat to an agent, kind *assign* or
          *overflow*;
        * ``waiting``: open chats in line or in the pool now;
        * ``median_answer``: the median, in seconds, of core's time to answer (which is in hours)
          over the chats that began today and have an answer, ``None`` without any;
        * ``missed``: chats that began today and ended with nobody there, or without an answer of
          who had them then;
        * ``unanswered``: how often today a chat went on because its agent did not answer in time;
        * ``nobody``: how often today nobody could take a buyer, who mostly got no chat then.

        :return: ``{channel id: figures, 0: the figures of all of them}``.
        """
        today = clock.get_midnight(read_now(self.env), self.env.tz)

        def read_counts(model, domain, *by):
            domain = [("livechat_channel_id", "in", self.ids), *domain]
            # sudo: livechat.dispatch.decision, discuss.channel - numbers only, of channels that the
            # caller may watch
            records = self.env[model].sudo()
            return records._read_group(domain, ["livechat_channel_id", *by], ["__count"])

        # Served by livechat_dispatch_decision__channel_moment_idx, and those of chats by
        # discuss_channel__dispatch_waiting_idx and discuss_channel__dispatch_began_idx.
        decided = read_counts(
            "livechat.dispatch.decision",
            [
                ("kind", "in", (*_ASSIGNS, "reassign", "nobody")),
                ("moment", ">=", today),
                "|",
                ("kind", "not in", _ASSIGNS),
                ("user_id", "!=", False),
            ],
            "kind",
        )
        missed = [("channel_type", "=", "livechat"), ("create_date", ">=", today), *MISSED]
        names = ("assigned", "waiting", "missed", "unanswered", "nobody")
        figures = {
            channel_id: {"median_answer": None, **dict.fromkeys(names, 0)}
            for channel_id in (0, *self.ids)
        }
        by_kind = {"reassign": "unanswered", "nobody": "nobody"}
        for name, channel, count in (
            *((by_kind.get(kind, "assigned"), channel, count) for channel, kind, count in decided),
            *(("waiting", *row) for row in read_counts("discuss.channel", IS_WAITING)),
            *(("missed", *row) for row in read_counts("discuss.channel", missed)),
        ):
            figures[channel.id][name] += count
            figures[0][name] += count
        for channel_id, seconds in self._read_median_answers(today):
            figures[channel_id or 0]["median_answer"] = seconds
        return figures

    def _read_median_answers(self, since):
        """Return ``(channel id, median in seconds)``, and ``(None, that of all)``."""
        self.env.flush_all()
        # sudo: im_livechat.report.channel - as in _get_today_figures
        report = self.env["im_livechat.report.channel"].sudo()
        # Served by discuss_channel__dispatch_began_idx.
        self.env.cr.execute(
            SQL(
                """
                SELECT livechat_channel_id,
                       3600 * percentile_cont(0.5) WITHIN GROUP (ORDER BY time_to_answer)
                  FROM (%(report)s) report
                 WHERE livechat_channel_id = ANY(%(channel_ids)s)
                   AND start_date >= %(since)s
                   AND time_to_answer IS NOT NULL
              GROUP BY GROUPING SETS ((livechat_channel_id), ())
                """,
                report=report._table_query,
                channel_ids=self.ids,
                since=since,
            )
        )
        return self.env.cr.fetchall()
