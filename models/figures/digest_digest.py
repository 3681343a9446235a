from math import ceil

from odoo import api, fields, models

from ...tools import sent

# Core paints green what grows; less is better of these.
_BETTER_SMALL = ("kpi_livechat_team_first_answer", "kpi_livechat_team_missed")

# Figures that say nothing where nothing was to be counted, and what they are on *Team*.
_MAY_BE_NONE = {
    "kpi_livechat_team_answered": "answered_share",
    "kpi_livechat_team_first_answer": "first_answer",
    "kpi_livechat_team_satisfaction": "satisfaction",
}


class DigestDigest(sent.Guard, models.Model):
    """The figures of *Team* in a mail, for who wants them."""

    _inherit = "digest.digest"

    kpi_livechat_team_received = fields.Boolean("Chats Received")
    kpi_livechat_team_received_value = fields.Integer(compute="_compute_kpi_livechat_team")
    kpi_livechat_team_answered = fields.Boolean("% of Turns Answered")
    kpi_livechat_team_answered_value = fields.Float(
        compute="_compute_kpi_livechat_team", digits=(16, 2)
    )
    kpi_livechat_team_first_answer = fields.Boolean("First Answer")
    kpi_livechat_team_first_answer_value = fields.Integer(compute="_compute_kpi_livechat_team")
    kpi_livechat_team_satisfaction = fields.Boolean("% of Happy Buyers")
    kpi_livechat_team_satisfaction_value = fields.Float(
        compute="_compute_kpi_livechat_team", digits=(16, 2)
    )
    kpi_livechat_team_missed = fields.Boolean("Missed")
    kpi_livechat_team_missed_value = fields.Integer(compute="_compute_kpi_livechat_team")

    # Core asks for one figure of two periods after the other, and all are computed together.
    @api.depends_context("uid", "company", "start_datetime", "end_datetime")
    def _compute_kpi_livechat_team(self):
        # Core takes what the reader may not see out of its mail.
        figures = self._read_team()
        self.kpi_livechat_team_received_value = figures["received"]
        self.kpi_livechat_team_answered_value = 100 * (figures["answered_share"] or 0)
        self.kpi_livechat_team_first_answer_value = ceil(figures["first_answer"] or 0)
        self.kpi_livechat_team_satisfaction_value = 100 * (figures["satisfaction"] or 0)
        self.kpi_livechat_team_missed_value = figures["missed"]

    def _read_team(self):
        # Core has them as texts.
        start, end = map(fields.Datetime.to_datetime, self._get_kpi_compute_parameters()[:2])
        team = self.env["livechat.team"]
        team._count_new()
        return team._read_figures(start, end)[0]

    def _compute_kpis(self, company, user):
        """As core's, but times are written as people say them, no time or share of nothing is
        called 0, and slower answers are not praised."""
        kpis = super()._compute_kpis(company, user)
        ours = [kpi for kpi in kpis if kpi["kpi_name"] in {*_BETTER_SMALL, *_MAY_BE_NONE}]
        timeframes = self._compute_timeframes(company) if ours else ()
        for number, (_title, ((start, end), _before)) in enumerate(timeframes, start=1):
            digest = self.with_context(start_datetime=start, end_datetime=end)
            figures = digest.with_user(user).with_company(company)._read_team()
            for kpi in ours:
                column, name = kpi[f"kpi_col{number}"], _MAY_BE_NONE.get(kpi["kpi_name"])
                if kpi["kpi_name"] in _BETTER_SMALL:
                    column["margin"] = 0
                if name and figures[name] is None:
                    column["value"] = "–"
                elif name == "first_answer":
                    column["value"] = self._say_duration(ceil(figures[name]))
        return kpis

    def _say_duration(self, seconds):
        """Return a duration as pages write it: its two largest units."""
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            return self.env._("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes)
        if minutes:
            return self.env._("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=seconds)
        return self.env._("%s s", seconds)

    def _compute_kpis_actions(self, company, user):
        actions = super()._compute_kpis_actions(company, user)
        for name in self._fields:
            if name.startswith("kpi_livechat_team_") and not name.endswith("_value"):
                actions[name] = "im_livechat_subaccount.livechat_team_action"
        return actions

    def _check_daily_logs(self):
        # A mail each morning is what its readers asked for, also after a weekend.
        return super()._check_daily_logs() - self.env["livechat.team"]._get_digest()
