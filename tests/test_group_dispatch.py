from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.mail.tests.common import freeze_all_time

from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestGroupDispatch(DispatchCommon):
    """Buyers of a scope go to its group, then up the tree, then into its own line."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.french = cls.env.ref("base.lang_fr")
        cls.french.active = True
        cls.specialist, cls.senior, cls.other = (
            cls._create_agent(login, weight)
            for login, weight in (("specialist", 100), ("senior", 300), ("other", 100))
        )
        cls.channel = cls._create_channel(
            cls.specialist | cls.senior | cls.other,
            max_sessions_mode="limited",
            max_sessions=1,
            # The ladder would already prefer who speaks French.
            prefers_suited_agents=False,
        )
        cls.senior.dispatch_weight = 100
        Groups = cls.env["livechat.dispatch.group"]
        cls.head = Groups.create(
            {
                "name": "Head",
                "channel_id": cls.channel.id,
                "user_ids": [Command.set(cls.senior.ids)],
            }
        )
        cls.paris = Groups.create(
            {
                "name": "Paris",
                "channel_id": cls.channel.id,
                "parent_id": cls.head.id,
                "overflow_seconds": 60,
                "user_ids": [Command.set(cls.specialist.ids)],
                "scope_ids": [Command.create({"kind": "lang", "lang_id": cls.french.id})],
            }
        )

    def _come_from_paris(self):
        return self._come(self.channel, lang="fr_FR")

    def test_a_scope_sends_to_its_group_and_everybody_else_to_the_others(self):
        french = self._come_from_paris()
        self.assertEqual(self._agent_of(french), self.specialist)
        self.assertEqual(french.dispatch_group_id, self.paris)
        self.assertEqual(french.dispatch_decision_ids.group_id, self.paris)
        # The default group: who is in no group with a scope.
        rest = [self._agent_of(self._come(self.channel)) for _buyer in range(2)]
        self.assertEqual(set(rest), {self.senior, self.other})
        self.assertFalse(self._come(self.channel))

    def test_whom_a_decision_asks_for_are_the_agents_of_the_group(self):
        self.head.user_ids |= self.other
        for change in (
            lambda: None,
            lambda: self.senior.write({"active": False}),
            lambda: self.channel.write({"user_ids": [Command.unlink(self.specialist.id)]}),
        ):
            change()
            for group in (self.head, self.paris):
                self.assertEqual(group._get_agent_ids(), set(group._get_agents().ids))
            self.assertEqual(
                self.channel._get_default_agent_ids(), set(self.channel._get_default_agents().ids)
            )
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(self.channel._get_member_ids(self.head.id), {self.other.id})
        self.assertTrue(self.channel._get_member_ids(None))
        self.assertNotIn("user_ids", self.channel._cache, "a channel may have a thousand agents")

    def test_without_a_line_the_parents_agents_join_at_once(self):
        self._come_from_paris()
        second = self._come_from_paris()
        self.assertEqual(self._agent_of(second), self.senior)
        self.assertEqual(second.dispatch_decision_ids.kind, "overflow")
        self.assertEqual(second.dispatch_group_id, self.paris)
        self.assertFalse(self._come_from_paris())

    def test_with_a_line_the_parents_agents_join_after_the_time(self):
        self.channel.queue_enabled = True
        first, second = self._come_from_paris(), self._come_from_paris()
        self.assertEqual(self._agent_of(first), self.specialist)
        self.assertEqual(second.dispatch_state, "queued")
        second.dispatch_queued_at -= timedelta(seconds=30)
        self.channel._drain()
        self.assertEqual(second.dispatch_state, "queued")
        second.dispatch_queued_at -= timedelta(seconds=31)
        self.channel._drain()
        self.assertEqual(self._agent_of(second), self.senior)
        self.assertEqual(second.dispatch_decision_ids.sorted("id")[-1].kind, "overflow")

    def test_a_buyer_waits_for_the_parent_when_the_own_group_is_away(self):
        self.channel.queue_enabled = True
        self._set_online(self.specialist, "offline")
        chat = self._come_from_paris()
        self.assertEqual(chat.dispatch_state, "queued")
        chat.dispatch_queued_at -= timedelta(seconds=61)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.senior)

    def test_a_buyer_whom_nobody_answers_reaches_the_parents_agents_in_time(self):
        self.channel.write({"queue_enabled": True, "no_reply_seconds": 60})
        self.paris.overflow_seconds = 150
        colleague = self._create_agent("colleague")
        self.channel.user_ids = [Command.link(colleague.id)]
        self.paris.user_ids = [Command.link(colleague.id)]
        guest = self._create_guest()
        start = fields.Datetime.now()
        agents = []
        for seconds in (0, 61, 122, 183):
            with freeze_all_time(start + timedelta(seconds=seconds)):
                self._set_online(self.specialist | colleague | self.senior)
                if not seconds:
                    chat = self._come(self.channel, guest, lang="fr_FR")
                    self._say(chat, guest, "Il y a quelqu'un ?")
                self.env["discuss.channel"]._reassign_unanswered()
                self.env.flush_all()
                agents.append(self._agent_of(chat))
        self.assertCountEqual(agents[:2], [self.specialist, colleague])
        self.assertIn(agents[2], agents[:2])
        self.assertEqual(agents[3], self.senior)

    def test_a_buyer_whose_only_agent_does_not_answer_reaches_the_parents_agents(self):
        self.channel.write({"queue_enabled": True, "no_reply_seconds": 60})
        self.paris.overflow_seconds = 120
        guest = self._create_guest()
        start = fields.Datetime.now()
        agents = []
        for seconds in (0, 61, 122):
            with freeze_all_time(start + timedelta(seconds=seconds)):
                self._set_online(self.specialist | self.senior)
                if not seconds:
                    chat = self._come(self.channel, guest, lang="fr_FR")
                    self._say(chat, guest, "Il y a quelqu'un ?")
                self.env["discuss.channel"]._reassign_unanswered()
                self.env.flush_all()
                agents.append(self._agent_of(chat))
        self.assertEqual(agents, [self.specialist, self.specialist, self.senior])

    def test_a_chat_that_was_handed_over_holds_up_nobody_whom_the_parents_agents_may_take(self):
        self.channel.queue_enabled = True
        colleague = self._create_agent("colleague")
        self.channel.user_ids = [Command.link(colleague.id)]
        self.paris.user_ids = [Command.link(colleague.id)]
        given = [self._come_from_paris() for _buyer in range(2)]
        (handed_over,) = (chat for chat in given if self._agent_of(chat) == colleague)
        queued = [self._come_from_paris() for _buyer in range(3)]
        for chat, waited in zip(queued, (70, 65, 10), strict=True):
            chat.dispatch_queued_at -= timedelta(seconds=waited)
        colleague._leave_reception("elsewhere")
        self.assertEqual(handed_over.dispatch_state, "queued")
        self.assertEqual(handed_over._get_wait()["place"], 1)
        self.channel._drain()
        self.assertEqual(self._agent_of(queued[0]), self.senior)
        self.assertEqual(
            [chat.dispatch_state for chat in (handed_over, *queued[1:])], ["queued"] * 3
        )

    def test_a_buyer_who_is_moved_to_another_line_has_waited_no_less(self):
        self.channel.queue_enabled = True
        self.paris.overflow_seconds = 86400
        for lang in ("fr_FR", None, None):
            self._come(self.channel, lang=lang)
        moved, french = self._come(self.channel), self._come_from_paris()
        self.assertEqual((moved | french).mapped("dispatch_state"), ["queued", "queued"])
        moved.dispatch_queued_at -= timedelta(seconds=900)
        french.dispatch_queued_at -= timedelta(seconds=60)
        since = moved.dispatch_queued_at
        manager = new_test_user(
            self.env, login="manager", groups="im_livechat.im_livechat_group_manager"
        )
        moved.with_user(manager).transfer("wrong_group", group_id=self.paris.id)
        self.assertEqual(moved.dispatch_queued_at, since)
        self.assertEqual(self.channel._get_line(self.paris), moved | french)
        self.assertGreaterEqual(moved._get_waited_seconds(), 900)

    def test_the_lines_of_two_groups_are_served_side_by_side(self):
        self.channel.queue_enabled = True
        self.paris.overflow_seconds = 86400
        french = [self._come_from_paris() for _buyer in range(3)]
        others = [self._come(self.channel) for _buyer in range(4)]
        self.assertEqual([chat.dispatch_state for chat in french[1:]], ["queued"] * 2)
        self.assertEqual([chat.dispatch_state for chat in others[2:]], ["queued"] * 2)
        self.assertEqual(french[1]._get_wait()["place"], 1)
        self.assertEqual(others[2]._get_wait()["place"], 1)
        # The French came first and cannot be served; that is no reason for the others to wait.
        self._close(others[0])
        self.channel._drain()
        self.assertEqual(others[2].dispatch_state, "assigned")
        self.assertEqual(french[1].dispatch_state, "queued")
        self._close(french[0])
        self.channel._drain()
        self.assertEqual(self._agent_of(french[1]), self.specialist)

    def test_a_group_may_ask_for_a_permission(self):
        permission = self.env["livechat.permission"].create(
            {"name": "Refund by Hand", "group_xmlids": "base.group_partner_manager"}
        )
        self.paris.required_permission_id = permission
        chat = self._come_from_paris()
        self.assertFalse(chat)
        self.specialist.group_ids = [Command.link(self.env.ref("base.group_partner_manager").id)]
        chat = self._come_from_paris()
        self.assertEqual(self._agent_of(chat), self.specialist)
        # The parent's agents help out with what they may do only.
        self.assertFalse(self._come_from_paris())

    def test_a_handed_over_chat_stays_with_its_group(self):
        colleague = self._create_agent("colleague")
        self.paris.user_ids = [Command.link(colleague.id)]
        colleague.dispatch_paused = True
        chat = self._come_from_paris()
        colleague.dispatch_paused = False
        self.assertEqual(self._agent_of(chat), self.specialist)
        self.specialist._hand_over_chats()
        self.assertEqual(self._agent_of(chat), colleague)

    def test_who_leaves_the_group_is_nobodys_regular_there(self):
        guest = self._create_guest()
        chat = self._come(self.channel, guest, lang="fr_FR")
        self._say(chat, guest)
        self._say(chat, self.specialist, "Bonjour")
        self._close(chat)
        self.assertEqual(
            self._agent_of(self._come(self.channel, guest, lang="fr_FR")), self.specialist
        )
        colleague = self._create_agent("colleague")
        self.paris.user_ids = [Command.set(colleague.ids)]
        again = self._come(self.channel, guest, lang="fr_FR")
        self.assertEqual(self._agent_of(again), colleague)
        self.assertEqual(again.dispatch_decision_ids.rule, "share")

    def test_moving_an_agent_moves_no_running_chat(self):
        chat = self._come_from_paris()
        self.paris.user_ids = [Command.set(self.other.ids)]
        self.assertEqual(self._agent_of(chat), self.specialist)

    def test_a_chat_is_transferred_to_a_group(self):
        chat = self._come(self.channel)
        (agent,) = self._agent_of(chat)
        answer = chat.with_user(agent).transfer("language", group_id=self.paris.id)
        self.assertEqual(answer["agent"], self.specialist.name)
        self.assertEqual(self._agent_of(chat), self.specialist)
        self.assertEqual(chat.dispatch_group_id, self.paris)
        decision = chat.dispatch_decision_ids.sorted("id")[-1]
        self.assertEqual((decision.kind, decision.group_id), ("transfer", self.paris))

    def test_a_chat_is_transferred_into_a_groups_line(self):
        self.channel.queue_enabled = True
        busy = self._come_from_paris()
        chat = self._come(self.channel)
        (agent,) = self._agent_of(chat)
        answer = chat.with_user(agent).transfer("language", group_id=self.paris.id)
        self.assertEqual(answer, {"state": "queued", "agent": False})
        self.assertFalse(self._agent_of(chat))
        self.assertFalse(chat.livechat_end_dt)
        self._close(busy)
        self.channel._drain()
        self.assertEqual(self._agent_of(chat), self.specialist)

    def test_a_transfer_that_cannot_be_changes_nothing(self):
        self._come_from_paris()
        self.senior.dispatch_paused = True
        chat = self._come(self.channel)
        other_channel = self._create_channel(self.other)
        foreign = self.env["livechat.dispatch.group"].create(
            {"name": "Foreign", "channel_id": other_channel.id}
        )
        for group, text in ((self.paris, "Nobody in Paris"), (foreign, "does not belong")):
            with (
                self.subTest(group=group.name),
                self.assertRaisesRegex(UserError, text),
                self.env.cr.savepoint(),
            ):
                chat.with_user(self.other).transfer("language", group_id=group.id)
            self.assertEqual(self._agent_of(chat), self.other)
            self.assertFalse(chat.dispatch_group_id)

    def test_a_group_with_a_shift_is_closed_outside_it(self):
        calendar = self.env["resource.calendar"].create(
            {"name": "Never", "tz": "UTC", "attendance_ids": [Command.clear()]}
        )
        self.paris.calendar_id = calendar
        chat = self._come_from_paris()
        self.assertEqual(self._agent_of(chat), self.senior)
        self.assertEqual(chat.dispatch_decision_ids.excluded[str(self.specialist.id)], "off_shift")

    def test_with_a_line_the_main_account_stands_in_after_the_parent(self):
        owner = self._create_agent("owner")
        self.channel.write(
            {
                "main_account_id": owner.id,
                "main_account_participation": "fallback",
                "queue_enabled": True,
            }
        )
        _first, second = self._come_from_paris(), self._come_from_paris()
        self.assertEqual(second.dispatch_state, "queued")
        self.senior.dispatch_paused = True
        second.dispatch_queued_at -= timedelta(seconds=61)
        self.channel._drain()
        self.assertEqual(self._agent_of(second), owner)

    def test_a_chat_of_a_group_is_not_given_to_who_lacks_its_permission(self):
        permission = self.env["livechat.permission"].create(
            {"name": "Refund by Hand", "group_xmlids": "base.group_partner_manager"}
        )
        self.specialist.group_ids = [Command.link(self.env.ref("base.group_partner_manager").id)]
        self.paris.required_permission_id = permission
        chat = self._come_from_paris()
        chat = chat.with_user(self.specialist)
        with self.assertRaisesRegex(UserError, "lacks the permission"):
            chat.transfer("asked", user_id=self.other.id)
        with self.assertRaisesRegex(UserError, "lacks the permission"):
            chat.add_members(partner_ids=self.other.partner_id.ids)
        self.assertEqual(chat.get_transfer_targets()["agents"], [])

    def test_the_main_account_stands_in_after_the_whole_tree(self):
        owner = self._create_agent("owner")
        self.channel.write({"main_account_id": owner.id, "main_account_participation": "fallback"})
        agents = [self._agent_of(self._come_from_paris()) for _buyer in range(3)]
        self.assertEqual(agents, [self.specialist, self.senior, owner])
