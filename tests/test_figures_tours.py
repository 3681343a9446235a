import csv
import io
import json

import openpyxl

from odoo import http
from odoo.fields import Datetime
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestFiguresTours(WalkCase, DispatchCommon):
    """Four chats between two agents, three to one by weight, while a third is paused."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(
            cls.env,
            "figures_owner",
            "im_livechat_subaccount.group_main_account",
            name="Lin Yue",
        )
        cls.maria, cls.omar, cls.pavel = (
            cls._create_agent(
                f"{name.split()[0].lower()}_figures",
                weight,
                name=name,
                main_account_id=cls.owner.id,
            )
            for name, weight in [("Maria Santos", 300), ("Omar Haddad", 100), ("Pavel Novak", 100)]
        )
        cls.pavel.dispatch_paused = True
        cls.channel = cls._create_channel(
            cls.maria | cls.omar | cls.pavel, main_account_id=cls.owner.id
        )
        cls.chats = [cls._come(cls.channel) for _buyer in range(4)]

    def _start(self, action, tour, login="figures_owner"):
        self.start_tour(
            f"/odoo/action-im_livechat_subaccount.{action}",
            f"im_livechat_subaccount.{tour}",
            login=login,
        )

    @walk
    def test_owner_sees_how_fair_it_was_and_why_one_got_more(self):
        self._start("livechat_dispatch_total_action_open", "fairness")

    @walk
    def test_owner_compares_two_agents_in_three_clicks(self):
        self._start("livechat_reception_action", "team")

    @walk
    def test_odoos_report_of_agents_is_reached_from_the_team(self):
        self._start("livechat_team_action", "team_report")

    def test_a_row_of_the_team_that_is_opened_while_the_period_changes_has_its_week(self):
        self._start("livechat_team_action", "team_busy")

    @walk
    def test_in_a_large_team_who_is_compared_is_chosen_from_a_list(self):
        self.channel.user_ids |= self.env["res.users"].union(
            *(
                self._create_agent(f"figures_{number}", main_account_id=self.owner.id)
                for number in range(12)
            )
        )
        self._start("livechat_team_action", "team_large")

    def test_agent_sees_its_own_figures_only(self):
        self._start("livechat_dispatch_total_action_mine", "my_statistics", self.omar.login)

    @walk
    def test_owner_looks_a_decision_up_and_runs_it_again(self):
        self._start("livechat_dispatch_decision_action", "decision")

    @walk
    def test_owner_reads_the_dispatch_analysis(self):
        self._start("livechat_dispatch_decision_action", "dispatch_analysis")

    @walk
    def test_owner_reads_who_missed_and_who_transferred(self):
        shop = {"main_account_id": self.owner.id, "livechat_channel_id": self.channel.id}
        shop["hour"] = Datetime.now().replace(minute=0, second=0, microsecond=0)
        self.env["livechat.dispatch.total"].create(
            [
                {**shop, "user_id": self.maria.id, "answered": 1, "answer_seconds": 754},
                {**shop, "waited_count": 1, "waited_seconds": 45},
            ]
        )
        self._start("livechat_dispatch_total_action_report", "dispatch_by_agent")

    # ------------------------------------------------------------
    # Export
    # ------------------------------------------------------------

    def _post(self, route, data):
        self.authenticate("figures_owner", "figures_owner")
        response = self.url_open(
            route, data={"data": json.dumps(data), "csrf_token": http.Request.csrf_token(self)}
        )
        response.raise_for_status()
        return response.content

    def _export(self, route, model, names, domain):
        fields = self.env[model].fields_get(names, ["string", "type", "store"])
        return self._post(
            route,
            {
                "model": model,
                "fields": [
                    {
                        "name": name,
                        "label": name,
                        "type": fields[name]["type"],
                        "store": fields[name]["store"],
                    }
                    for name in names
                ],
                "ids": False,
                "domain": domain,
                "groupby": [],
                "import_compat": False,
                "context": {},
            },
        )

    def test_the_dispatch_analysis_is_exported(self):
        names = ["partner_id", "dispatch_rule", "dispatch_transfer_count", "dispatch_missed"]
        domain = [("livechat_channel_id", "=", self.channel.id)]
        model = "im_livechat.report.channel"
        content = self._export("/web/export/csv", model, names, domain)
        header, *rows = csv.reader(io.StringIO(content.decode()))
        self.assertEqual(header, names)
        self.assertEqual(
            sorted(rows),
            [["Maria Santos", "Next by share", "0", "0"]] * 3
            + [["Omar Haddad", "Next by share", "0", "0"]],
        )
        content = self._export("/web/export/xlsx", model, names, domain)
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        self.assertEqual([cell.value for cell in sheet[1]], names)
        self.assertEqual(sheet.max_row, 5)

    def test_the_figures_are_exported(self):
        self.env["livechat.dispatch.total"]._count(wait=True)
        names = ["user_id", "entitled", "served", "difference", "share"]
        domain = [("livechat_channel_id", "=", self.channel.id), ("received", ">", 0)]
        content = self._export("/web/export/csv", "livechat.dispatch.total", names, domain)
        _header, *rows = csv.reader(io.StringIO(content.decode()))
        self.assertEqual(
            sorted([name, *map(float, numbers)] for name, *numbers in rows),
            [["Maria Santos", 3.0, 3.0, 0.0, 0.75], ["Omar Haddad", 1.0, 1.0, 0.0, 0.25]],
        )

    def test_a_pivot_is_exported(self):
        content = self._post(
            "/web/pivot/export_xlsx",
            {
                "title": "Dispatch Analysis",
                "model": "im_livechat.report.channel",
                "measure_count": 1,
                "origin_count": 1,
                "col_group_headers": [[{"title": "Total", "width": 1, "height": 1}]],
                "measure_headers": [{"title": "Missed", "width": 1, "height": 1, "is_bold": False}],
                "origin_headers": [],
                "rows": [
                    {
                        "title": "Maria Santos",
                        "indent": 0,
                        "values": [{"is_bold": False, "value": 3}],
                    }
                ],
            },
        )
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        self.assertIn(3, [cell.value for row in sheet.iter_rows() for cell in row])
