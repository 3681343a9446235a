from odoo import fields, models

from ...tools import sent


class DigestDigest(sent.Guard, models.Model):
    """The figures of *Team* in a mail, for who wants them."""

    _inherit = "digest.digest"

    kpi_livechat_team_received = fields.Boolean("Chats Received")
    kpi_livechat_team_received_value = fields.Integer(compute="_compute_kpi_livechat_team")
    kpi_livechat_team_answered = fields.Boolean("% of Turns Answered")
    kpi_livechat_team_answered_value = fields.Float(
        compute="_compute_kpi_livechat_team", digits=(16, 2)
    )
    kpi_livechat_team_first_answer = fields.Boolean("First Answer (seconds)")
    kpi_livechat_team_first_answer_value = fields.Integer(compute="_compute_kpi_livechat_team")
    kpi_livechat_team_satisfaction = fields.Boolean("% of Happy Buyers")
    kpi_livechat_team_satisfaction_value = fields.Float(
        compute="_compute_kpi_livechat_team", digits=(16, 2)
    )
    kpi_livechat_team_missed = fields.Boolean("Missed")
    kpi_livechat_team_missed_value = fields.Integer(compute="_compute_kpi_livechat_team")

    def _compute_kpi_livechat_team(self):
        # Core takes what the reader may not see out of its mail.
        start, end, _companies = self._get_kpi_compute_parameters()
        team = self.env["livechat.team"]
        team._count_new()
        figures = team._read_figures(start, end)[0]
        self.kpi_livechat_team_received_value = figures["received"]
        self.kpi_livechat_team_answered_value = 100 * (figures["answered_share"] or 0)
        self.kpi_livechat_team_first_answer_value = round(figures["first_answer"] or 0)
        self.kpi_livechat_team_satisfaction_value = 100 * (figures["satisfaction"] or 0)
        self.kpi_livechat_team_missed_value = figures["missed"]

    def _compute_kpis_actions(self, company, user):
        actions = super()._compute_kpis_actions(company, user)
        for name in self._fields:
            if name.startswith("kpi_livechat_team_") and not name.endswith("_value"):
                actions[name] = "im_livechat_subaccount.livechat_team_action"
        return actions

    def _check_daily_logs(self):
        # A mail each morning is what its readers asked for, also after a weekend.
        return super()._check_daily_logs() - self.env["livechat.team"]._get_digest()
