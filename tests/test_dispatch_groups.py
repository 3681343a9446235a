import contextlib
import json
from unittest.mock import patch

from psycopg2.errors import QueryCanceled

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from ..dispatch import scope
from ..dispatch.scope import Buyer
from .common import DispatchCommon, ShopCommon
from .walks import PatientCase


class GroupCommon(ShopCommon, DispatchCommon):
    """A shop with a channel, three agents and no group yet."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = cls.env["res.users"].union(
            *(cls._enable(name, cls.role_reception) for name in ("Chen", "Omar", "Sofie"))
        )
        cls.chen, cls.omar, cls.sofie = cls.agents
        cls.channel = cls._create_channel(cls.agents, main_account_id=cls.owner.id)
        cls.foreigner = cls._enable("Foreigner", cls.role_reception, cls.rival)
        cls.foreign_channel = cls._create_channel(
            cls.foreigner, name="Rival Shop", main_account_id=cls.rival.id
        )
        # What the shop's owner works with.
        cls.Groups = cls.env["livechat.dispatch.group"].with_user(cls.owner)

    def _create_group(self, name="After-sales", agents=(), lines=(), **vals):
        """A group of the owner's; ``lines`` are pairs of a kind and a value."""
        return self.Groups.create(
            {
                "name": name,
                "channel_id": self.channel.id,
                "user_ids": [Command.link(agent.id) for agent in agents],
                "scope_ids": [Command.create(self._line(*line)) for line in lines],
                **vals,
            }
        )

    def _line(self, kind, value):
        field = {"page": "page_pattern", "product": "record_id", "category": "record_id"}.get(
            kind, f"{kind}_id" if kind in ("tag", "lang", "country") else kind
        )
        return {"kind": kind, field: value}

    @contextlib.contextmanager
    def _refused(self, error, message):
        """As ``assertRaisesRegex``, and what was done is undone, as in a request."""
        with self.assertRaisesRegex(error, message), self.env.cr.savepoint():
            yield

    def _find(self, **buyer):
        return self.channel._find_dispatch_group(Buyer(**buyer))


@tagged("post_install", "-at_install")
class TestDispatchGroups(GroupCommon):
    """Groups as the shop's organisation tree."""

    def test_the_agents_of_a_group_become_agents_of_its_channel(self):
        late = self._enable("Late", self.role_reception)
        self.channel.user_ids -= late
        group = self._create_group(agents=[self.chen, late])
        self.assertIn(late, self.channel.user_ids)
        self.assertEqual(group.sudo()._get_agents(), self.chen | late)

    def test_nobody_of_another_shop_becomes_an_agent_of_a_group(self):
        group = self._create_group()
        employee = new_test_user(self.env, login="packer")
        for stranger in (self.foreigner, self.rival, employee):
            for commands in (
                [Command.link(stranger.id)],
                [Command.set(stranger.ids)],
                [Command.update(stranger.id, {"name": "x"})],
            ):
                with self.subTest(stranger=stranger.login, commands=commands):
                    with self.assertRaises(AccessError):
                        group.user_ids = commands
                    with self.assertRaises(AccessError):
                        self._create_group("Other", user_ids=commands)
        self.assertFalse(group.user_ids)

    def test_the_context_of_a_call_says_nothing_about_a_new_group(self):
        context = {
            "default_user_ids": [Command.link(self.foreigner.id)],
            "default_parent_id": self._create_group("Top").id,
            "default_page_pattern": "/x",
            "default_sequence": -5,
        }
        self.Groups = self.Groups.with_context(**context)
        group = self._create_group(agents=[self.chen], lines=[("visitor", "guest")])
        self.assertEqual(group.sudo().user_ids, self.chen)
        self.assertFalse(group.parent_id or group.scope_ids.page_pattern)
        self.assertEqual(group.sequence, 10)
        self.assertNotIn(self.foreigner, self.channel.user_ids)

    def test_an_agent_is_in_as_many_groups_as_you_like(self):
        one, other = self._create_group("One", [self.chen]), self._create_group("Two", [self.chen])
        self.assertEqual(one.user_ids & other.user_ids, self.chen.with_user(self.owner))

    def test_who_leaves_the_channel_leaves_its_groups_by_whatever_way(self):
        # One way for each agent; each of them is in a group of another channel, too, and stays.
        other_channel = self._create_channel(self.agents, main_account_id=self.owner.id)
        elsewhere = self._create_group("Elsewhere", self.agents, channel_id=other_channel.id)
        group = self._create_group(agents=self.agents)
        self.channel.with_user(self.owner).user_ids = [Command.unlink(self.chen.id)]
        self.assertEqual(group.sudo().user_ids, self.omar | self.sofie)
        self.omar.livechat_channel_ids = [Command.unlink(self.channel.id)]
        self.assertEqual(group.sudo().user_ids, self.sofie)
        self.sofie.group_ids |= self.env.ref("im_livechat_subaccount.group_dispatch_manager")
        self.channel.with_user(self.sofie).action_quit()
        self.assertFalse(group.sudo().user_ids)
        self.assertEqual(elsewhere.sudo().user_ids, self.agents)

    def test_who_loses_the_right_to_receive_buyers_leaves_the_groups(self):
        group = self._create_group(agents=self.agents)
        row = self.chen._get_subaccount().with_user(self.owner)
        row.role_ids = [Command.set(self.role_audit.ids)]
        self.assertEqual(group.sudo().user_ids, self.omar | self.sofie)
        self.omar.group_ids -= self.omar.group_ids
        self.assertEqual(group.sudo().user_ids, self.sofie)

    def test_moving_an_agent_moves_no_running_chat(self):
        group = self._create_group(agents=[self.chen])
        chat = self._open_chat(self.channel, self.chen)
        group.user_ids = [Command.set(self.omar.ids)]
        self.assertEqual(chat.livechat_operator_id, self.chen.partner_id)
        self.assertFalse(chat.livechat_end_dt)
        self.assertEqual(chat.dispatch_seat_partner_ids, self.chen.partner_id)

    def test_an_agent_who_is_not_active_yet_stays_in_the_group(self):
        pending = self.Subaccounts.create(
            {"name": "Pending", "role_ids": [Command.link(self.role_reception.id)]}
        )
        group = self._create_group(agents=[self.chen])
        pending.dispatch_group_ids = [Command.link(group.id)]
        group.user_ids = [Command.link(self.omar.id)]
        pending._activate("sesame-open")
        self.env.invalidate_all()
        user = pending.sudo().user_id.with_env(self.env)
        self.assertEqual(group.sudo().user_ids, self.chen | self.omar | user)

    def test_no_group_is_below_itself(self):
        top = self._create_group("Top")
        middle = self._create_group("Middle", parent_id=top.id)
        low = self._create_group("Low", parent_id=middle.id)
        for parent in (top, middle, low):
            with self.subTest(parent=parent.name):
                with self._refused(ValidationError, "cannot be below itself"):
                    top.parent_id = parent
        low.parent_id = top
        self.assertEqual(low.parent_path, f"{top.id}/{low.id}/")

    def test_a_parent_is_of_the_same_channel(self):
        other = self._create_channel(self.chen, main_account_id=self.owner.id)
        elsewhere = self._create_group("Elsewhere", channel_id=other.id)
        group = self._create_group()
        with self._refused(ValidationError, "another channel"):
            group.parent_id = elsewhere
        with self._refused(ValidationError, "another channel"):
            self._create_group("Third", parent_id=elsewhere.id)

    def test_a_group_stays_in_its_channel(self):
        other = self._create_channel(self.chen, main_account_id=self.owner.id)
        group = self._create_group()
        for user in (self.owner, self.env.user):
            with self._refused(ValidationError, "stays in its channel"):
                group.with_user(user).channel_id = other
        group.channel_id = self.channel

    def test_overflow_is_never_negative(self):
        group = self._create_group()
        for seconds in (-1, -(2**31), 2**31, 1.5, "60", True):
            with self.subTest(seconds=seconds), self.assertRaises(ValidationError):
                group.write({"overflow_seconds": seconds})
            with self.subTest(seconds=seconds), self.assertRaises(ValidationError):
                self._create_group("Other", overflow_seconds=seconds)
        for seconds in (0, None):
            group.write({"overflow_seconds": seconds})
            self.assertEqual(group.overflow_seconds, 0)

    def test_a_group_in_use_is_not_deleted(self):
        group = self._create_group(agents=[self.chen])
        below = self._create_group("Below", parent_id=group.id)
        with self._refused(UserError, "still has agents .Chen.*Put them into another"):
            group.unlink()
        group.user_ids = [Command.clear()]
        with self._refused(UserError, "groups below it .Below.*Move them"):
            group.unlink()
        (group | below).unlink()
        self.assertFalse((group | below).exists())

    def test_a_channel_goes_with_its_whole_tree(self):
        top = self._create_group("Top", [self.chen])
        below = self._create_group("Below", [self.omar], [("visitor", "guest")], parent_id=top.id)
        self.channel.unlink()
        self.assertFalse((top | below).sudo().exists())

    def test_a_copy_has_the_agents_and_no_scope(self):
        group = self._create_group(agents=[self.chen], lines=[("visitor", "guest")])
        copy = group.copy()
        self.assertEqual(copy.name, "After-sales (copy)")
        self.assertEqual(copy.sudo().user_ids, self.chen)
        self.assertFalse(copy.scope_ids)

    def test_the_default_group_is_who_is_in_no_group_with_a_scope(self):
        self._create_group("Guests", [self.chen], [("visitor", "guest")])
        self._create_group("Tree only", [self.omar])
        self.assertEqual(self.channel._get_default_agents(), self.omar | self.sofie)

    def test_a_sub_account_is_put_into_groups_from_its_own_page(self):
        group = self._create_group(agents=[self.omar])
        row = self.chen._get_subaccount().with_user(self.owner)
        row.dispatch_group_ids = [Command.link(group.id)]
        self.assertEqual(group.sudo().user_ids, self.chen | self.omar)
        self.assertEqual(row.dispatch_group_ids, group)
        row.dispatch_group_ids = [Command.clear()]
        self.assertEqual(group.sudo().user_ids, self.omar)
        foreign = self._create_foreign_group()
        for commands in ([Command.link(foreign.id)], [Command.set(foreign.ids)]):
            with self.assertRaises(AccessError):
                row.dispatch_group_ids = commands
        for command in (
            Command.create({"name": "x", "channel_id": self.channel.id}),
            Command.update(group.id, {"name": "x"}),
            Command.delete(group.id),
        ):
            with self.assertRaises(AccessError):
                row.write({"dispatch_group_ids": [command]})
        auditor = self._enable("Auditor", self.role_reception)._get_subaccount()
        auditor.with_user(self.owner).role_ids = [Command.set(self.role_audit.ids)]
        with self._refused(UserError, "cannot receive buyers"):
            auditor.with_user(self.owner).dispatch_group_ids = group

    def test_an_administrator_puts_nobody_into_a_group_of_another_shop(self):
        foreign = self._create_foreign_group()
        row = self.chen._get_subaccount()
        with self.assertRaises(AccessError):
            row.dispatch_group_ids = foreign

    def test_dispatch_managers_set_groups_and_sub_account_managers_do_not(self):
        group = self._create_group()
        permissions = {
            name: self.env.ref(f"im_livechat_subaccount.permission_{name}")
            for name in ("manage_dispatch", "manage_subaccounts", "receive_buyers")
        }
        row = self.chen._get_subaccount()
        for names, allowed in (
            (("manage_dispatch",), True),
            (("manage_subaccounts", "receive_buyers"), False),
        ):
            with self.subTest(permissions=names):
                role = self.Roles.create(
                    {
                        "name": names[0],
                        "permission_ids": [Command.link(permissions[name].id) for name in names],
                    }
                )
                manager = self.Subaccounts.create(
                    {"name": names[0], "role_ids": [Command.link(role.id)]}
                )
                manager._activate("sesame-open")
                user = manager.sudo().user_id
                vals = {"dispatch_group_ids": [Command.link(group.id)]}
                if allowed:
                    row.with_user(user).write(vals)
                    self.assertIn(self.chen, group.sudo().user_ids)
                    group.with_user(user).name = "Renamed"
                    row.with_user(user).dispatch_group_ids = [Command.clear()]
                else:
                    with self.assertRaises(AccessError):
                        row.with_user(user).write(vals)
                    with self.assertRaises(AccessError):
                        group.with_user(user).name = "Taken"
        self.assertEqual(group.name, "Renamed")

    def _create_foreign_group(self):
        return (
            self.Groups.with_user(self.rival)
            .create({"name": "Foreign", "channel_id": self.foreign_channel.id})
            .with_user(self.owner)
        )

    def test_who_reads_which_groups(self):
        mine, foreign = self._create_group(), self._create_foreign_group()
        served = self._create_channel(self._create_agent("helper"))
        free = (mine | foreign).sudo().browse()
        free = free.create({"name": "Free", "channel_id": served.id})
        manager = new_test_user(
            self.env, login="manager", groups="im_livechat.im_livechat_group_manager"
        )
        helper = self.env["res.users"].search([("login", "=", "helper")])
        loose = new_test_user(
            self.env, login="loose", groups="im_livechat_subaccount.group_dispatch_manager"
        )
        for user, readable in (
            (self.owner, mine),
            (self.rival, foreign),
            (self.chen, mine),
            (self.foreigner, foreign),
            (helper, free),
            (loose, free.browse()),
            (manager, mine | foreign | free),
        ):
            with self.subTest(user=user.login):
                found = self.env["livechat.dispatch.group"].with_user(user)
                found = found.search([("id", "in", (mine | foreign | free).ids)])
                self.assertEqual(found.ids, readable.ids)
        for user in (self.chen, helper, loose):
            for group in (mine, free):
                with self.subTest(user=user.login, group=group.sudo().name):
                    self.assertFalse(group.with_user(user).has_access("write"))
                    self.assertFalse(group.with_user(user).has_access("unlink"))
        for login, groups in (
            ("portal_buyer", "base.group_portal"),
            ("clerk", "base.group_user"),
            ("visitor", "base.group_public"),
        ):
            user = new_test_user(self.env, login=login, groups=groups)
            for model in ("livechat.dispatch.group", "livechat.dispatch.scope"):
                with self.subTest(user=login, model=model):
                    self.assertFalse(self.env[model].with_user(user).has_access("read"))


@tagged("post_install", "-at_install")
class TestDispatchScopes(GroupCommon):
    """What groups receive."""

    def test_each_kind_finds_its_buyer(self):
        country = self.env.ref("base.fr")
        tag = self.env["res.partner.category"].create({"name": "VIP"})
        for line, buyer, other in (
            (("page", "/refunds?/"), {"page": "https://x/refund/1"}, {"page": "https://x/reform/"}),
            (("lang", self.env.ref("base.lang_en").id), {"lang": "en_US"}, {"lang": "fr_FR"}),
            (("country", country.id), {"country_id": country.id}, {"country_id": 1}),
            (("tag", tag.id), {"tag_ids": (tag.id,)}, {"tag_ids": (tag.id + 1,)}),
            (("visitor", "signed_in"), {"partner_id": 1}, {"guest_id": 1}),
        ):
            with self.subTest(line=line):
                group = self._create_group(lines=[line])
                self.assertEqual(self._find(**buyer), group.sudo())
                self.assertFalse(self._find(**other))
                group.unlink()
                self.assertFalse(self._find(**buyer))

    def test_a_channel_without_groups_asks_the_database_nothing(self):
        self.channel._read_dispatch_scopes()
        with self.assertQueryCount(0):
            self.assertFalse(self._find(page="https://shop.example.com/shop", lang="en_US"))

    def test_many_page_lines_are_one_question(self):
        for number in range(30):
            self._create_group(f"Page {number}", lines=[("page", f"/page-{number}$")])
        self._find(page="/")
        with self.assertQueryCount(5):  # a savepoint, its timeout, the patterns, back, released
            self.assertEqual(self._find(page="https://x/page-17").name, "Page 17")

    def test_a_scope_value_belongs_to_one_group(self):
        self._create_group("Guests", lines=[("visitor", "guest")])
        with self._refused(ValidationError, "Guests and Also.*Guest.*tells them apart"):
            self._create_group("Also", lines=[("visitor", "guest")])
        page = self._create_group("Page", lines=[("visitor", "guest"), ("page", "/a")])
        with self.assertRaises(ValidationError):
            self._create_group("Also", lines=[("page", "/a"), ("page", "/b"), ("visitor", "guest")])
        # By whatever way it comes to be.
        Lines = self.env["livechat.dispatch.scope"].with_user(self.owner)
        line = page.scope_ids.filtered(lambda line: line.kind == "page")
        with self.assertRaises(ValidationError):
            line.unlink()
        with self.assertRaises(ValidationError):
            page.write({"scope_ids": [Command.delete(line.id)]})
        signed = self._create_group("Signed", lines=[("visitor", "signed_in")])
        with self.assertRaises(ValidationError):
            signed.scope_ids.visitor = "guest"
        with self.assertRaises(ValidationError):
            Lines.create({"group_id": signed.id, "kind": "visitor", "visitor": "guest"})
        empty = self._create_group("Empty")
        with self.assertRaises(ValidationError):
            Lines.create({"group_id": empty.id, "kind": "visitor", "visitor": "guest"})
        self.env.invalidate_all()
        self.assertEqual(self._find(guest_id=1).name, "Guests")
        # One step after another would claim twice; together they do not.
        page.write(
            {
                "scope_ids": [
                    Command.delete(line.id),
                    Command.create({"kind": "country", "country_id": self.env.ref("base.fr").id}),
                ]
            }
        )

    def test_another_channel_may_have_the_same_scope(self):
        other = self._create_channel(self.chen, main_account_id=self.owner.id)
        first = self._create_group("First", lines=[("visitor", "guest")])
        second = self._create_group("Second", lines=[("visitor", "guest")], channel_id=other.id)
        self.assertEqual(self._find(guest_id=1), first.sudo())
        self.assertEqual(other._find_dispatch_group(Buyer(guest_id=1)), second.sudo())

    def test_the_sequence_decides_between_equals_at_once(self):
        fr, de = self.env.ref("base.fr"), self.env.ref("base.de")
        french = self._create_group("A", lines=[("page", "/a"), ("country", fr.id)], sequence=1)
        both = self._create_group("B", lines=[("page", "/b"), ("country", fr.id)], sequence=2)
        buyer = {"page": "/a/b", "country_id": fr.id}
        self.assertEqual(self._find(**buyer), french.sudo())
        both.sequence = 0
        self.assertEqual(self._find(**buyer), both.sudo())
        self.assertFalse(self._find(page="/a/b", country_id=de.id))

    def test_a_line_needs_its_value_and_keeps_no_other(self):
        group = self._create_group()
        for vals in (
            {"kind": "page"},
            {"kind": "page", "page_pattern": ""},
            {"kind": "visitor", "page_pattern": "/a"},
            {"kind": "tag", "lang_id": self.env.ref("base.lang_en").id},
        ):
            with self.subTest(vals=vals), self._refused(ValidationError, "has no value"):
                group.scope_ids = [Command.create(vals)]
        both = {"kind": "visitor", "visitor": "guest", "page_pattern": "/a"}
        with self._refused(ValidationError, "has another value"):
            group.scope_ids = [Command.create(both)]
        group.scope_ids = [Command.create({"kind": "page", "page_pattern": "/a"})]
        group.scope_ids.write({"kind": "visitor", "visitor": "guest"})
        self.assertFalse(group.scope_ids.page_pattern)
        for vals in (
            {"kind": "nonsense"},
            {"kind": "visitor", "visitor": "ghost"},
            {"kind": "tag", "tag_id": 2**31},
            {"kind": "tag", "tag_id": 2**31 - 1},
            {"kind": "lang", "lang_id": "1"},
            {"kind": "page", "page_pattern": ["/a"]},
            {"kind": "page", "page_pattern": "a\0b"},
            {"kind": "page", "page_pattern": "a\ud800b"},
            {"kind": False},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                group.write({"scope_ids": [Command.create(vals)]})

    def test_a_pattern_that_is_none_is_refused(self):
        group = self._create_group()
        for pattern, message in (
            ("(", "not valid"),
            ("a{2,1}", "not valid"),
            ("[z-a]", "not valid"),
            (r"(a)\1", "back reference"),
            (r"\\(a+)\1+$", "back reference"),
            ("(?b)x", "option"),
            ("***=x", "option"),
            ("x" * 501, "at most 500"),
        ):
            with self.subTest(pattern=pattern), self._refused(ValidationError, message):
                group.write({"scope_ids": [Command.create(self._line("page", pattern))]})
        # An escaped backslash before a digit refers to nothing.
        group.scope_ids = [Command.create(self._line("page", r"C:\\1"))]
        self.assertEqual(self._find(page="C:\\1"), group.sudo())

    def test_no_pattern_keeps_a_buyer_waiting(self):
        """Its size bounds the work; `dev/bench decision` measures the dearest that are allowed."""
        page = "a" * 1999 + "!"
        self.env.cr.execute("SET LOCAL statement_timeout = 12345")
        refused = "takes too long"
        for pattern, answer in (
            ("(a+)+$", False),
            ("(a|a)*$", True),
            ("(a*)*b", False),
            ("^(([a-z])+.)+[A-Z]([a-z])+$", False),
            ("(((a{1,100}){1,100}){1,100}){1,100}$", refused),
            ("(a?){200}a{200}$", refused),
            ("(x+x+)+y", False),
            ("(?!.*(?=.*x)a)a", refused),
            (r"\y" * 20, refused),
        ):
            with self.subTest(pattern=pattern):
                if answer is refused:
                    with self._refused(ValidationError, refused):
                        self._create_group(pattern, lines=[("page", pattern)])
                else:
                    self.assertLessEqual(scope.measure_pattern(pattern), scope.PATTERN_SIZE_MAX)
                    group = self._create_group(pattern, lines=[("page", pattern)])
                    self.assertEqual(bool(self._find(page=page)), answer)
                    group.unlink()
        self.env.cr.execute("SHOW statement_timeout")
        self.assertEqual(self.env.cr.fetchone(), ("12345ms",))

    def test_a_bad_pattern_matches_nothing_and_the_others_still_do(self):
        good = self._create_group("Good", lines=[("page", "/good")])
        bad = self._create_group("Bad", lines=[("page", "/bad")])
        Scopes = self.env.registry["livechat.dispatch.scope"]
        # As from another version of PostgreSQL, or put in by hand: PostgreSQL is asked about both,
        # and then about each; never about one that is too large.
        large = "(((a{1,100}){1,100}){1,100}){1,100}$"
        for pattern, questions in (("(", [["(", "/good"], ["("], ["/good"]]), (large, [["/good"]])):
            with self.subTest(pattern=pattern):
                self.env.cr.execute(
                    "UPDATE livechat_dispatch_scope SET page_pattern = %s WHERE group_id = %s",
                    [pattern, bad.id],
                )
                self.env.invalidate_all()
                self.env.registry.clear_cache()
                asked = []
                run = Scopes._run_patterns

                def run_and_note(lines, patterns, page, asked=asked, run=run):
                    asked.append(sorted(patterns))
                    return run(lines, patterns, page)

                with patch.object(Scopes, "_run_patterns", run_and_note):
                    found = self._find(page="/good/" + "a" * 1900)
                self.assertEqual(found, good.sudo())
                self.assertCountEqual(asked, questions)

    def test_patterns_that_take_longer_than_anything_should_match_nothing(self):
        self._create_group("Good", lines=[("page", "/good")])
        Scopes = self.env.registry["livechat.dispatch.scope"]
        with (
            patch.object(Scopes, "_run_patterns", side_effect=QueryCanceled),
            self.assertLogs("odoo.addons.im_livechat_subaccount", "WARNING"),
        ):
            self.assertFalse(self._find(page="/good"))
            with self._refused(ValidationError, "takes too long"):
                self._create_group("Slow", lines=[("page", "/slow")])

    def test_a_hostile_page_is_no_error(self):
        self._create_group(lines=[("page", "/a"), ("visitor", "guest")])
        for page in ("a" * 10**6, "\0/a", "\ud800/a", None, 5, ["/a"], {}, "http://[::1/a", "//"):
            with self.subTest(page=str(page)[:20]):
                buyer = self.channel._describe_buyer(page=page)
                self.assertLessEqual(len(buyer.page), 2000)
                self.channel._find_dispatch_group(buyer)

    def test_a_buyer_is_described_from_the_server(self):
        tag = self.env["res.partner.category"].create({"name": "VIP"})
        buyer = new_test_user(self.env, login="buyer", groups="base.group_portal")
        buyer.partner_id.write({"category_id": tag.ids, "country_id": self.env.ref("base.fr").id})
        self._create_group(lines=[("tag", tag.id)])
        known = self.channel.with_user(buyer).sudo()._describe_buyer(page="/a", lang="zh_CN")
        self.assertEqual(
            (known.page, known.partner_id, known.lang, known.tag_ids, known.country_id),
            ("/a", buyer.partner_id.id, "zh_CN", tuple(tag.ids), self.env.ref("base.fr").id),
        )
        self.assertEqual(self.channel._find_dispatch_group(known).name, "After-sales")
        public = self.env.ref("base.public_user")
        guest = self.env["mail.guest"].create({"name": "Guest"})
        known = (
            self.channel.with_user(public).with_context(guest=guest).sudo()._describe_buyer("/a")
        )
        self.assertEqual((known.partner_id, known.guest_id), (None, guest.id))

    def test_the_country_is_the_contacts_or_where_the_request_comes_from(self):
        buyer = new_test_user(self.env, login="buyer", groups="base.group_portal")
        france, china = self.env.ref("base.fr"), self.env.ref("base.cn")
        channel = self.channel.with_user(buyer).sudo()
        for own, country in ((self.env["res.country"], china), (france, france)):
            buyer.country_id = own
            known = channel._describe_buyer(country_id=china.id)
            self.assertEqual(known.country_id, country.id)
            # And whoever dispatches the chat again knows it.
            chat = self._come(channel.with_context(livechat_dispatch_buyer=known), buyer)
            self.assertEqual(chat.country_id, country)
            self.assertEqual(chat._get_buyer().country_id, country.id)
            self._close(chat)

    def test_the_sheet_finds_the_group_of_another_variant_of_the_language(self):
        group = self._create_group(lines=[("lang", self.env.ref("base.lang_en").id)])
        british = self.env.ref("base.lang_en_GB")
        sheet = self.env["livechat.dispatch.test"].create(
            {"channel_id": self.channel.id, "lang_id": british.id}
        )
        self.assertEqual(sheet.group_id, group)

    def test_orders_count_for_a_number_of_days(self):
        for days in (0, -1, 3651, 2**31, "7", None, True):
            with self.subTest(days=days), self.assertRaises(ValidationError):
                self.channel.with_user(self.owner).write({"order_days": days})
        self.channel.with_user(self.owner).order_days = 7
        self.assertEqual(self.channel.order_days, 7)

    def test_the_test_page_answers_as_you_type_and_saves_nothing(self):
        self._create_group("Refunds", [self.chen], [("page", "/refund")])
        self._create_group("Guests", [self.omar], [("page", "/refund"), ("visitor", "guest")])
        action = self.channel.with_user(self.owner).action_test_dispatch_groups()
        Test = self.env["livechat.dispatch.test"].with_user(self.owner)
        before = Test.sudo().search_count([])
        form = Form(Test.with_context(**action["context"]))
        self.assertIn("default group", form.result)
        self.assertIn(self.sofie.id, form.agent_ids.ids)
        form.page = "https://shop.example.com/refund/1"
        self.assertEqual(form.result, "This buyer goes to Guests.")
        self.assertEqual(form.agent_ids.ids, self.omar.ids)
        form.visitor = "signed_in"
        self.assertEqual(form.group_id.name, "Refunds")
        self.assertEqual(Test.sudo().search_count([]), before)

    def test_the_test_page_tells_nothing_of_another_shop(self):
        self.Groups.with_user(self.rival).create(
            {
                "name": "Secret",
                "channel_id": self.foreign_channel.id,
                "user_ids": [Command.link(self.foreigner.id)],
                "scope_ids": [Command.create({"kind": "visitor", "visitor": "guest"})],
            }
        )
        spec = {"group_id": {"fields": {"display_name": {}}}, "result": {}, "agent_ids": {}}
        vals = {"channel_id": self.foreign_channel.id, "visitor": "guest"}
        Test = self.env["livechat.dispatch.test"]
        names = ["channel_id"]
        with self.assertRaises(AccessError):
            Test.with_user(self.owner).onchange(vals, names, {**spec, "channel_id": {}})
        told = Test.with_user(self.rival).onchange(vals, names, {**spec, "channel_id": {}})["value"]
        self.assertEqual(told["result"], "This buyer goes to Secret.", "the counter-check")

    def test_the_form_edits_a_line_of_each_kind(self):
        form = Form(self.Groups.with_context(default_channel_id=self.channel.id))
        form.name = "From the form"
        with form.scope_ids.new() as line:
            line.kind = "page"
            line.page_pattern = "/help"
        with form.scope_ids.new() as line:
            line.kind = "country"
            line.country_id = self.env.ref("base.fr")
        group = form.save()
        self.assertEqual(group.scope_summary, "Country: France; Page address: /help")
        with Form(group) as form, form.scope_ids.edit(0) as line:
            line.kind = "visitor"
            line.visitor = "guest"
        self.assertEqual(set(group.scope_ids.mapped("kind")), {"visitor", "page"})


@tagged("post_install", "-at_install")
class TestDispatchGroupTours(GroupCommon, PatientCase):
    """In a real browser."""

    def test_the_widget_tells_the_page_the_buyer_is_on(self):
        self.env["res.lang"]._activate_lang("en_US")
        self.chen.name = "Maria"
        self.chen.livechat_username = "Maria"
        self.channel.user_ids = self.chen
        self._create_group("Support page", [self.chen], [("page", "/im_livechat/support/")])
        seen = []

        def describe(channel, page="", *args, **kwargs):
            seen.append(page)
            return original(channel, page, *args, **kwargs)

        original = type(self.channel)._describe_buyer
        self.patch(type(self.channel), "_describe_buyer", describe)
        path = f"/im_livechat/support/{self.channel.id}?from=tour"
        self.start_tour(path, "im_livechat_subaccount.buyer_dispatch")
        self.assertEqual(set(seen), {self.base_url() + path})

    def test_the_owner_makes_a_group_and_tries_a_buyer(self):
        self.owner.password = "flagship-open"
        self._create_group("Top")
        self.start_tour(
            "/odoo/action-im_livechat_subaccount.livechat_dispatch_group_action",
            "im_livechat_subaccount.dispatch_group",
            login="flagship",
        )
        group = self.env["livechat.dispatch.group"].search([("name", "=", "Refunds")])
        self.assertEqual(group.scope_ids.page_pattern, "/refund")
        self.assertEqual(group.parent_id.name, "Top")
        self.assertEqual(group.channel_id, self.channel)


@tagged("post_install", "-at_install")
class TestDispatchGroupShop(GroupCommon, PatientCase):
    """With the modules of a shop."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not {"website_sale", "sale_stock"} <= cls.env["ir.module.module"]._installed().keys():
            cls.skipTest(cls, "website_sale and sale_stock are not installed; dev/test has them")
        Category = cls.env["product.public.category"]
        cls.kitchen = Category.create({"name": "Kitchen"})
        cls.kettles = Category.create({"name": "Kettles", "parent_id": cls.kitchen.id})
        cls.kettle, cls.pan = cls.env["product.template"].create(
            [
                {
                    "name": "Red Kettle",
                    "public_categ_ids": cls.kettles.ids,
                    "is_published": True,
                    "is_storable": True,
                },
                {"name": "Pan", "public_categ_ids": cls.kitchen.ids, "is_published": True},
            ]
        )
        cls.env["website"].search([]).company_id = cls.env.company
        cls.buyer = new_test_user(
            cls.env, login="buyer", password="sesame-open", groups="base.group_portal"
        )

    def _read(self, path):
        about = self.channel._read_page(path)
        return about["product_id"], set(about["category_ids"])

    def test_the_addresses_of_the_shop_name_products_and_categories(self):
        kettles, kitchen, kettle = self.kettles.id, self.kitchen.id, self.kettle.id
        slug = self.env["ir.http"]._slug
        base = self.channel.get_base_url()
        product = (kettle, {kettles, kitchen})
        for path, expected in (
            (self.kettle.website_url, product),
            (f"{base}{self.kettle.website_url}#attr=1", product),
            (f"{self.kettle.website_url}?search=tea", product),
            (f"/en{self.kettle.website_url}", product),
            (f"/shop/{slug(self.kettles)}/{slug(self.kettle)}", product),
            (f"/shop/product/{slug(self.kettle)}", product),
            (f"/shop/{kettle}", product),
            (f"/shop/{slug(self.kettle)}/document/1", product),
            (f"/shop/category/{slug(self.kettles)}", (None, {kettles, kitchen})),
            (f"/shop/category/{slug(self.kettles)}/page/2", (None, {kettles, kitchen})),
            (f"/shop/category/{slug(self.kitchen)}", (None, {kitchen})),
            ("/shop", (None, set())),
            ("/shop/cart", (None, set())),
            ("/shop/page/2", (None, set())),
            (f"/blog/{slug(self.kettle)}", (None, set())),
            (f"https://elsewhere.example.com{self.kettle.website_url}", (None, set())),
            ("/shop/gone-2147483647", (None, set())),
            ("/shop/x-99999999999999999999", (None, set())),
            ("/shop/x--5", (None, set())),
        ):
            with self.subTest(path=path):
                self.assertEqual(self._read(path), expected)

    def test_a_real_product_page_is_at_the_address_that_is_read(self):
        response = self.url_open(self.kettle.website_url)
        self.assertEqual(response.status_code, 200)
        self.assertIn("Red Kettle", response.text)
        self.assertEqual(self._read(response.url)[0], self.kettle.id)
        response = self.url_open(f"/shop/category/{self.env['ir.http']._slug(self.kettles)}")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self._read(response.url), (None, {self.kettles.id, self.kitchen.id}))

    def test_product_before_category_and_the_nearer_category_first(self):
        kitchen = self._create_group("Kitchen", lines=[("category", self.kitchen.id)], sequence=1)
        kettles = self._create_group("Kettles", lines=[("category", self.kettles.id)], sequence=2)
        path = self.kettle.website_url
        self.assertEqual(self._find(**self.channel._read_page(path)), kettles.sudo())
        pan = self.channel._read_page(self.pan.website_url)
        self.assertEqual(self._find(**pan), kitchen.sudo())
        kettle = self._create_group("Kettle", lines=[("product", self.kettle.id)], sequence=3)
        self.assertEqual(self._find(**self.channel._read_page(path)), kettle.sudo())
        self.assertEqual(kettle.scope_summary, "Product: Red Kettle")
        with self.assertRaises(ValidationError):
            kettle.scope_ids = [Command.create({"kind": "product", "record_id": 2**31 - 1})]

    def test_the_newest_order_tells_where_it_is(self):
        def state():
            self.env.flush_all()
            return self.channel.with_user(self.buyer).sudo()._describe_buyer().order_state

        self.assertIsNone(state(), "nobody asks, nothing is looked up")
        self._create_group(lines=[("order_state", "to_ship")])
        self.assertEqual(state(), "none")
        order = self.env["sale.order"].create(
            {
                "partner_id": self.buyer.partner_id.id,
                "order_line": [
                    Command.create(
                        {"product_id": self.kettle.product_variant_id.id, "product_uom_qty": 1}
                    )
                ],
            }
        )
        self.assertEqual(state(), "quotation")
        order.action_confirm()
        self.assertEqual(state(), "to_ship")
        picking = order.picking_ids
        picking.move_ids.quantity = 1
        picking.move_ids.picked = True
        picking.button_validate()
        self.assertEqual(state(), "shipped")
        wizard = Form(
            self.env["stock.return.picking"].with_context(
                active_id=picking.id, active_model="stock.picking"
            )
        ).save()
        wizard.product_return_moves.quantity = 1
        wizard.action_create_returns()
        self.assertEqual(state(), "return")
        order.date_order = fields.Datetime.subtract(fields.Datetime.now(), days=31)
        self.assertEqual(state(), "none")
        self.channel.order_days = 60
        self.assertEqual(state(), "return")
        public = self.env.ref("base.public_user")
        self.assertIsNone(self.channel.with_user(public).sudo()._describe_buyer().order_state)

    def test_the_route_describes_the_buyer_by_the_page_it_is_told(self):
        self._create_group("Kettle", lines=[("product", self.kettle.id)])
        seen = []

        def find(channel, **kwargs):
            seen.append(channel.env.context.get("livechat_dispatch_buyer"))
            return operator(channel, **kwargs)

        operator = type(self.channel)._get_operator_info
        self.patch(type(self.channel), "_get_operator_info", find)
        page = self.base_url() + self.kettle.website_url
        for params, headers, product_id in (
            ({"page_url": page}, {}, self.kettle.id),
            ({}, {"Referer": page}, self.kettle.id),
            ({"page_url": 5}, {"Referer": page}, self.kettle.id),
            ({"page_url": "\ud800" * 9999}, {}, None),
            ({"page_url": {"a": 1}}, {}, None),
            ({"context": {"livechat_dispatch_buyer": {"product_id": 1}}}, {}, None),
        ):
            with self.subTest(params=str(params)[:50], headers=headers):
                seen.clear()
                self._get_session(params, headers)
                self.assertIsInstance(seen[0], Buyer)
                self.assertEqual(seen[0].product_id, product_id)
        self.authenticate("buyer", "sesame-open")
        seen.clear()
        self._get_session({"page_url": page}, {})
        self.assertEqual(seen[0].partner_id, self.buyer.partner_id.id)
        self.channel.dispatch_mode = "native"
        seen.clear()
        self._get_session({"page_url": page}, {})
        self.assertEqual(seen, [None], "nothing is looked up for a native channel")

    def _get_session(self, params, headers):
        params = {"channel_id": self.channel.id, "persisted": False, **params}
        answer = self.url_open(
            "/im_livechat/get_session",
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json", **headers},
        )
        self.assertNotIn("error", answer.json())
