import ast

from freezegun import freeze_time
from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .common import DispatchCommon, ShopCommon
from .walks import PatientCase


@tagged("post_install", "-at_install")
class TestPages(DispatchCommon, ShopCommon):
    """What a shop's people open works with the rights that their roles give them, and no more."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maria = cls._create_agent("maria_pages", main_account_id=cls.owner.id)
        cls.channel = cls._create_channel(cls.maria, main_account_id=cls.owner.id)

    def _hire(self, name, *permissions):
        role = self.Roles.create(
            {
                "name": name,
                "conversation_scope": "shop",
                "permission_ids": [
                    Command.link(self.env.ref(f"im_livechat_subaccount.permission_{one}").id)
                    for one in permissions
                ],
            }
        )
        subaccount = self.Subaccounts.create({"name": name, "role_ids": [Command.link(role.id)]})
        subaccount._activate("sesame-open")
        return subaccount.sudo().user_id

    def test_who_manages_dispatch_only_is_not_offered_to_enable_or_disable(self):
        buttons = {"action_enable", "action_disable_wizard"}
        for user, offered in (
            (self.owner, buttons),
            (self._hire("Deputy", "manage_subaccounts"), buttons),
            (self._hire("Planner", "manage_dispatch"), set()),
        ):
            rows = self.env["livechat.subaccount"].with_user(user)
            for kind in ("list", "form"):
                view = self.env.ref(f"im_livechat_subaccount.livechat_subaccount_view_{kind}")
                arch = etree.fromstring(rows.get_view(view.id, kind)["arch"])
                with self.subTest(user=user.name, kind=kind):
                    names = {node.get("name") for node in arch.iter("button")}
                    self.assertEqual(names & buttons, offered)

    def test_who_manages_dispatch_only_edits_how_somebody_is_dispatched_and_no_more(self):
        planner = self._hire("Planner", "manage_dispatch")
        row = self.maria._get_subaccount()
        for user, may in ((self.owner, True), (planner, False)):
            with self.subTest(user=user.name), Form(row.sudo(False).with_user(user)) as form:
                form.dispatch_weight = 150 if may else 160
                for name in ("name", "email", "phone", "livechat_username", "login_addresses"):
                    if may:
                        self.assertFalse(form._get_modifier(name, "readonly"))
                        continue
                    with self.assertRaises(AssertionError):
                        setattr(form, name, "Other")
        self.assertEqual(self.maria.dispatch_weight, 160)

    def test_a_template_is_looked_at_and_copied_and_not_edited_by_a_shop(self):
        template = self.role_reception
        own = self.Roles.create({"name": "Own"})
        admin = self.env.ref("base.user_admin")
        for role, user, may in (
            (template, self.owner, False),
            (own, self.owner, True),
            (self.Roles, self.owner, True),
            (template, admin, True),
        ):
            with self.subTest(role=role.name, user=user.name):
                form = Form(role.with_user(user))
                for name in ("name", "conversation_scope", "permission_ids"):
                    self.assertEqual(not form._get_modifier(name, "readonly"), may)

    def test_nobody_edits_its_own_account_or_that_of_who_may_more(self):
        deputy = self._hire("Deputy", "manage_subaccounts")
        planner = self._hire("Planner", "manage_subaccounts", "manage_dispatch")
        clerk, helper = self._hire("Clerk", "receive_buyers"), self._hire("Helper")
        rows = self.env["livechat.subaccount"]
        for manager, person, may in (
            (deputy, deputy, False),
            (deputy, clerk, False),
            (deputy, helper, True),
            (planner, planner, False),
            (self.owner, deputy, True),
        ):
            row = person._get_subaccount().sudo(False).with_user(manager)
            with self.subTest(manager=manager.name, person=person.name):
                self.assertEqual(row.can_manage, may)
                view = self.env.ref("im_livechat_subaccount.livechat_subaccount_view_form")
                arch = etree.fromstring(rows.with_user(manager).get_view(view.id, "form")["arch"])
                for node in arch.iterfind("header/button"):
                    if "personal_data" not in node.get("name"):
                        with self.subTest(button=node.get("name")):
                            self.assertIn("not can_manage", node.get("invisible"))
        for manager, may in ((deputy, False), (planner, True)):
            form = Form(rows.with_user(manager))
            self.assertFalse(form._get_modifier("name", "readonly"))
            self.assertEqual(not form._get_modifier("dispatch_group_ids", "readonly"), may)

    def test_ones_own_account_offers_a_pause_and_nothing_that_would_be_refused(self):
        chief = self._hire("Chief", "manage_dispatch", "receive_buyers")
        deputy = self._hire("Deputy", "manage_subaccounts")
        refused = (
            "dispatch_weight",
            "dispatch_group_ids",
            "dispatch_pause_above",
            "dispatch_calendar_id",
        )
        for manager, person, may_dispatch, may_pause in (
            (chief, chief, False, True),
            (chief, self.maria, True, True),
            # Who may more than its manager.
            (deputy, chief, False, False),
            # Manages dispatch no more, and takes no buyers.
            (deputy, deputy, False, False),
        ):
            row = person._get_subaccount().sudo(False).with_user(manager)
            form = Form(row)
            with self.subTest(manager=manager.name, person=person.name):
                for name in refused:
                    if name != "dispatch_group_ids" or manager == chief:
                        self.assertEqual(not form._get_modifier(name, "readonly"), may_dispatch)
                self.assertEqual(not form._get_modifier("dispatch_paused", "readonly"), may_pause)
                if not may_dispatch:
                    with self.assertRaises(AccessError):
                        row.dispatch_weight = 150
                if not may_pause:
                    with self.assertRaises(AccessError):
                        row.dispatch_paused = True
        with Form(chief._get_subaccount().sudo(False).with_user(chief)) as form:
            form.dispatch_paused = True
        self.assertTrue(chief.dispatch_paused)
        with Form(chief._get_subaccount().sudo(False).with_user(chief)) as form:
            form.dispatch_paused = False
        self.assertFalse(chief.dispatch_paused)
        self.assertEqual(chief.dispatch_weight, 100)

    def test_open_chats_are_offered_to_who_may_receive_buyers(self):
        clerk = self._hire("Clerk", "receive_buyers")
        self._hire("Audit", "audit_conversations")
        leaver = self.maria._get_subaccount()
        dialog = self.env["livechat.subaccount.disable"].with_user(self.owner)
        dialog = dialog.create({"subaccount_ids": [Command.set(leaver.ids)]})
        names = {
            name: dialog[name].ids
            for name, field in dialog._fields.items()
            if field.type == "many2many"
        }
        offered = self.Subaccounts.search(safe_eval(dialog._fields["successor_id"].domain, names))
        self.assertEqual(offered.sudo().user_id, clerk)

    def test_reports_are_grouped_by_anything_by_all_who_see_them(self):
        self._come(self.channel)
        readers = (
            self.owner,
            self._hire("Reports", "see_reports"),
            self._hire("Audit", "audit_conversations"),
        )
        for reader in readers:
            reports = self.env["im_livechat.report.channel"].with_user(reader)
            for name in ("partner_id", "livechat_channel_id", "dispatch_rule", "start_date:hour"):
                with self.subTest(reader=reader.name, name=name):
                    rows = reports.formatted_read_group([], [name], ["__count"])
                    self.assertEqual([row["__count"] for row in rows], [1])

    def _read_views(self, *kinds):
        """Yield ``(name, model, arch)`` of the addon's own views of these kinds."""
        data = self.env["ir.model.data"].search(
            [("module", "=", "im_livechat_subaccount"), ("model", "=", "ir.ui.view")]
        )
        views = self.env["ir.ui.view"].browse(data.mapped("res_id"))
        for view in views.filtered(lambda view: view.type in kinds):
            yield view.name, self.env[view.model], etree.fromstring(view.arch_db)

    def _read_pages(self):
        data = self.env["ir.model.data"].search(
            [("module", "=", "im_livechat_subaccount"), ("model", "=", "ir.actions.act_window")]
        )
        actions = self.env["ir.actions.act_window"].browse(data.mapped("res_id"))
        pages = actions.filtered(lambda action: action.target != "new")
        self.assertGreater(len(pages), 20)
        return pages

    def test_what_is_chosen_beside_what_a_page_begins_with_narrows_it(self):
        """Odoo takes the filters between two separators as alternatives: beside one that is on, any
        other of them would show more, unless both ask the same question."""
        begins_with = 0
        for page in self._read_pages():
            defaults = [
                name.removeprefix("search_default_")
                for name in safe_eval(page.context, {"uid": self.env.uid})
                if name.startswith("search_default_")
            ]
            model = self.env[page.res_model]
            arch = etree.fromstring(model.get_view(page.search_view_id.id, "search")["arch"])
            groups = [[]]
            for node in arch:
                if node.tag == "filter" and node.get("domain"):
                    groups[-1].append(node)
                elif node.tag != "field":
                    groups.append([])
            for group in groups:
                names = {node.get("name") for node in group}
                if not names.intersection(defaults):
                    continue
                begins_with += 1
                asked = {
                    frozenset(
                        term[0]
                        for term in safe_eval(node.get("domain"), {"uid": self.env.uid})
                        if not isinstance(term, str)
                    )
                    for node in group
                }
                with self.subTest(page=page.name, filters=sorted(names)):
                    self.assertEqual(len(asked), 1)
        self.assertGreater(begins_with, 5)

    def test_each_page_opens_by_its_address_alone(self):
        """As a bookmark opens it, which knows of no record on which a button was pressed."""
        for page in self._read_pages():
            with self.subTest(page=page.name):
                known = {"uid": self.env.uid}
                safe_eval(page.context, known)
                safe_eval(page.domain or "[]", known)

    def test_no_row_is_called_none_where_figures_are_grouped_by_what_may_be_empty(self):
        told = ("boolean", "date", "datetime", "float", "integer")
        # Each of them follows from others, and always has a value.
        never_empty = ("im_livechat.report.channel.start_hour", "livechat.subaccount.state")
        for name, model, arch in self._read_views("search", "pivot", "graph"):
            contexts = [
                ast.literal_eval(node.get("context"))
                for node in arch.iter("filter")
                if node.get("context")
            ]
            groups = [context["group_by"] for context in contexts if "group_by" in context]
            if arch.tag != "search":
                groups += [
                    node.get("name")
                    for node in arch.iter("field")
                    if node.get("type") != "measure" and not node.get("invisible")
                ]
            for group in groups:
                field = model._fields[group.split(":")[0]]
                if field.type not in told and not field.required and str(field) not in never_empty:
                    with self.subTest(view=name, field=field.name):
                        self.assertTrue(field.falsy_value_label)
        label = self.env["livechat.dispatch.total"].fields_get(["user_id"])["user_id"]
        self.assertEqual(label["falsy_value_label"], "Nobody")

    def test_seconds_are_shown_as_durations_wherever_nobody_edits_them(self):
        for name, model, arch in self._read_views("list", "form", "pivot", "graph"):
            nodes = {node.get("name"): node for node in arch.iter("field")}
            times = [
                field
                for field in model._fields.values()
                if field.name.endswith("_seconds") or field.name.startswith("average_")
            ]
            for field in times:
                node = nodes.get(field.name)
                if node is None and arch.tag in ("pivot", "graph"):
                    # These offer every number as a measure.
                    node = etree.Element("field")
                if node is not None and field.readonly:
                    with self.subTest(view=name, field=field.name):
                        self.assertTrue(
                            node.get("widget") == "livechat_duration"
                            or node.get("invisible") == "1"
                        )

    def test_main_accounts_export_and_so_do_roles_with_the_permission(self):
        export = "base.group_allow_export"
        self.assertTrue(self.owner.has_group(export))
        self.assertFalse(self._hire("Reports", "see_reports").has_group(export))
        self.assertTrue(self._hire("Lists", "see_reports", "export_lists").has_group(export))

    def test_waiting_buyers_are_read_by_the_shop_and_its_auditors_and_by_nobody_else(self):
        self.channel.write({"queue_enabled": True, "max_sessions_mode": "limited"})
        self.channel.max_sessions = 1
        self._come(self.channel)
        chat = self._come(self.channel)
        self.assertEqual(chat.dispatch_state, "queued")
        for reader, readable in (
            (self.owner, chat),
            (self._hire("Audit", "audit_conversations"), chat),
            # Sees on Reception who waits, and reads no conversation.
            (self._hire("Dispatch", "manage_dispatch"), chat.browse()),
        ):
            with self.subTest(reader=reader.name):
                found = self.env["discuss.channel"].with_user(reader)
                found = found.search([("dispatch_state", "=", "queued")])
                self.assertEqual(found, readable)
                self.assertEqual(found.mapped("dispatch_state"), ["queued"] * len(readable))
        self.env.ref("im_livechat_subaccount.permission_edit_products").grantable = True
        clerk = self._hire("Products", "edit_products")
        with self.assertRaises(AccessError):
            chat.with_user(clerk).read(["dispatch_state"])

    def test_who_may_only_read_who_waits_is_not_offered_to_take(self):
        auditor = self._hire("Audit", "audit_conversations")
        for kind in ("list", "kanban"):
            view = self.env.ref(f"im_livechat_subaccount.livechat_waiting_view_{kind}")
            for reader, is_offered in ((self.owner, True), (self.maria, True), (auditor, False)):
                with self.subTest(kind=kind, reader=reader.name):
                    arch = self.env["discuss.channel"].with_user(reader).get_view(view.id, kind)
                    buttons = etree.fromstring(arch["arch"]).iter("button")
                    names = [button.get("name") for button in buttons]
                    self.assertEqual("action_take" in names, is_offered)

    def test_who_reads_who_waits_and_serves_elsewhere_is_not_offered_to_take(self):
        chat = self._come(self.channel)
        chat.write({"dispatch_state": "queued", "dispatch_queued_at": fields.Datetime.now()})
        clerk = self._hire("Clerk", "receive_buyers")
        self.channel.user_ids -= clerk
        boss = self._create_agent("boss_pages", 100, "im_livechat.im_livechat_group_manager")
        for reader, may in ((self.maria, True), (self.owner, True), (clerk, False), (boss, False)):
            with self.subTest(reader=reader.name):
                self.assertEqual(chat.with_user(reader).dispatch_may_take, may)
        for kind in ("list", "kanban"):
            view = self.env.ref(f"im_livechat_subaccount.livechat_waiting_view_{kind}")
            (button,) = etree.fromstring(view.arch).xpath("//button[@name='action_take']")
            self.assertEqual(button.get("invisible"), "not dispatch_may_take")

    def test_the_rows_of_an_agent_are_told_apart_by_hour_and_group(self):
        view = self.env.ref("im_livechat_subaccount.livechat_dispatch_total_view_list")
        arch = etree.fromstring(view.arch)
        for name in ("hour", "group_id"):
            with self.subTest(name):
                (column,) = arch.xpath(f"./field[@name='{name}']")
                self.assertEqual(column.get("optional"), "show")

    def test_a_pause_that_goes_on_has_no_duration_yet(self):
        view = self.env.ref("im_livechat_subaccount.livechat_dispatch_pause_view_list")
        (column,) = etree.fromstring(view.arch).xpath("./field[@name='hours']")
        self.assertEqual(column.get("invisible"), "not ended_at")

    def test_what_ends_a_dated_change_asks_first(self):
        found = 0
        for name, model, arch in self._read_views("list", "kanban", "form"):
            if model._name != "livechat.dispatch.change":
                continue
            for button in arch.iter("button"):
                if button.get("name") in ("action_undo", "action_cancel"):
                    found += 1
                    with self.subTest(view=name, button=button.get("name")):
                        self.assertTrue(button.get("confirm"))
        self.assertEqual(found, 4)

    def test_the_switch_shows_the_pause_though_there_are_more_chats_than_wanted(self):
        self.maria.write({"dispatch_pause_above": 1, "dispatch_paused": True})
        for _buyer in range(2):
            self._open_chat(self.channel, self.maria)
        self.maria._follow_load()
        self.assertTrue(self.maria.dispatch_overloaded)

        (agent,) = self.channel.with_user(self.owner).get_reception_agents(self.maria.ids)["agents"]

        self.assertTrue(agent["paused"])
        self.assertTrue(agent["overloaded"])
        self.maria.dispatch_resume()
        (agent,) = self.channel.with_user(self.owner).get_reception_agents(self.maria.ids)["agents"]
        self.assertFalse(agent["paused"])

    def test_my_day_begins_at_midnight_on_the_days_the_clocks_change(self):
        self.maria.tz = "Europe/Berlin"
        since = []
        self.patch(
            self.env.registry["res.users"],
            "_get_dispatch_figures",
            lambda user, moment: since.append(fields.Datetime.to_string(moment)),
        )
        for now, expected in (
            ("2026-03-29 10:00:00", ["2026-03-28 23:00:00", "2026-03-22 23:00:00"]),
            ("2026-03-31 10:00:00", ["2026-03-30 22:00:00", "2026-03-24 23:00:00"]),
            ("2026-10-25 10:00:00", ["2026-10-24 22:00:00", "2026-10-18 22:00:00"]),
        ):
            since.clear()
            with freeze_time(now):
                user = self.maria.with_user(self.maria).with_context(tz="Europe/Berlin")
                user.get_my_dispatch_figures()
            self.assertEqual(since, expected)


@tagged("post_install", "-at_install")
class TestXmlRpc(PatientCase, ShopCommon):
    """The fixed names answer over XML-RPC, which knows no ``None``."""

    def test_a_sub_account_is_disabled_enabled_and_deleted(self):
        subaccount = self.Subaccounts.create(
            {"name": "Chen", "role_ids": [Command.link(self.role_reception.id)]}
        )
        subaccount._activate("sesame-open")
        self.owner.password = self.owner.login

        def call(method):
            return self.xmlrpc_object.execute_kw(
                self.env.cr.dbname,
                self.owner.id,
                self.owner.login,
                "livechat.subaccount",
                method,
                [subaccount.ids],
            )

        self.assertIs(call("action_disable"), True)
        subaccount.invalidate_recordset()
        self.assertEqual(subaccount.state, "disabled")
        self.assertIs(call("action_enable"), True)
        subaccount.invalidate_recordset()
        self.assertEqual(subaccount.state, "enabled")
        call("action_disable")
        self.assertTrue(call("action_delete"))
        self.assertFalse(subaccount.exists())
