import time
from datetime import timedelta

from odoo import api, fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .test_reception import ReceptionCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestReceptionTours(WalkCase, ReceptionCommon):
    """The page *Reception* in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._open_chat(cls.channel, cls.maria)

    def _start(self, tour, user=None, url="/odoo/livechat-reception"):
        self.start_tour(url, f"im_livechat_subaccount.{tour}", login=(user or self.owner).login)

    @walk
    def test_arrows_keys_and_typing_change_weights_within_the_limits(self):
        self._start("reception_weight")

        self.assertEqual(
            (self.maria | self.omar | self.sofie).mapped("dispatch_weight"), [220, 90, 10]
        )

    @walk
    def test_newcomer_is_led_through_the_reception(self):
        before = sum(self.channel.user_ids.mapped("dispatch_weight"))
        self.start_tour("/odoo", "livechat_reception_guide", login=self.owner.login)
        self.assertEqual(sum(self.channel.user_ids.mapped("dispatch_weight")), before + 10)

    def test_refused_weight_is_taken_back_and_told(self):
        def refuse(users, weight):
            raise UserError("Not on a Monday")

        self.patch(self.env.registry["res.users"], "dispatch_set_weight", refuse)

        self._start("reception_refused")

        self.assertEqual(self.maria.dispatch_weight, 200)

    @walk
    def test_switch_pauses_and_resumes_and_those_who_wait_are_told_why(self):
        self._wait(dispatch_queued_at=fields.Datetime.now())

        self._start("reception_switch", self.planner)

        self.assertEqual(
            (self.maria | self.omar).mapped("dispatch_paused"),
            [False, True],
        )

    @walk
    def test_who_waits_is_put_first_given_to_an_agent_and_ended(self):
        now = fields.Datetime.now()
        first, second, third = (
            self._wait(name=name, dispatch_queued_at=now - timedelta(minutes=minutes))
            for name, minutes in (("First", 3), ("Second", 2), ("Third", 1))
        )

        self._start("reception_waiting")

        self.assertEqual(third._get_wait()["place"], 1)
        self.assertEqual(self._agent_of(first), self.omar)
        self.assertTrue(second.livechat_end_dt)

    @walk
    def test_who_waits_is_blocked_and_the_block_is_lifted(self):
        noisy = self._wait(name="Noisy")
        self._wait(name="Quiet")
        guest = self._create_guest("Noisy guest")
        noisy._add_members(guests=guest, create_member_params={"livechat_member_type": "visitor"})

        self._start("reception_block")

        self.assertTrue(noisy.livechat_end_dt)
        self.assertFalse(self.env["livechat.dispatch.block"].search([]))

    @walk
    def test_agents_are_moved_by_dragging_and_by_a_menu(self):
        self._start("reception_move")

        self.assertEqual(self.returns.user_ids, self.omar)

    def test_a_move_that_is_taken_back_leaves_every_group_as_it_was(self):
        exchanges = self.env["livechat.dispatch.group"].create(
            {
                "name": "Exchanges",
                "channel_id": self.channel.id,
                "user_ids": self.omar.ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/exchanges"})],
            }
        )
        self.returns.user_ids |= self.omar
        exchanges.with_user(self.owner).set_agent_paused(self.omar.id, True)

        self._start("reception_move_back")

        self.assertEqual(self.returns.user_ids, self.omar | self.sofie)
        self.assertFalse(exchanges.user_ids)

    def test_a_pause_that_ends_another_day_says_which(self):
        self.omar.dispatch_pause(fields.Datetime.now() + timedelta(days=40))

        self._start("reception_long_pause")
        self._start("own_long_pause", self.omar, "/odoo/discuss")

    def test_an_open_card_follows_what_its_agent_does(self):
        chat, _waiting = self._let_ada_and_bea_come()
        row = {"id": chat.id, "name": "Ada", "page": False, "words": "Hello", "limit": 0}
        since = fields.Datetime.to_string(fields.Datetime.now() - timedelta(minutes=5))
        answers = [None, [{**row, "asked_at": since}], [{**row, "asked_at": False}]]

        @api.model
        def get_agent_chats(chats, user_id):
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if answer is None:
                raise UserError("Not now")
            return answer

        self.patch(self.env.registry["discuss.channel"], "get_agent_chats", get_agent_chats)

        self._start("reception_card_follows")

    def test_the_open_card_of_who_waits_follows_what_is_written(self):
        self._let_ada_and_bea_come()
        answers = [["Do you ship to Malta?"], ["Do you ship to Malta?", "Or to Gozo?"]]

        def get_waiting_words(chats):
            words = answers.pop(0) if len(answers) > 1 else answers[0]
            return {"page": False, "words": words}

        self.patch(self.env.registry["discuss.channel"], "get_waiting_words", get_waiting_words)

        self._start("reception_buyer_card_follows")

    @walk
    def test_a_sub_account_of_a_shop_without_a_channel_is_told_who_asks_for_one(self):
        owner = self._create_main_account("owner_without_channel")
        groups = "im_livechat_subaccount.group_dispatch_manager"

        self._start("reception_no_channel_of_shop", self._hire(owner, "Early", 100, groups))

    @walk
    def test_one_line_says_what_costs_buyers_and_hints_stand_at_their_group(self):
        self._hire(self.owner, "Nadia", 60)
        idris = self._hire(self.owner, "Idris", 100)
        idris.active = False
        self._set_online(self.sofie, "offline")
        self._wait(dispatch_group_id=self.returns.id)
        self.env["livechat.dispatch.group"].create(
            {
                "name": "Empty desk",
                "channel_id": self.channel.id,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/empty"})],
            }
        )

        self._start("reception_faults")

        self.assertIn("Nadia", self.channel.user_ids.mapped("name"))

    @walk
    def test_a_shop_that_is_open_with_nobody_here_is_told(self):
        self._set_online(self.maria | self.omar | self.sofie, "offline")

        self._start("reception_nobody")

    @walk
    def test_a_shop_whose_people_went_home_by_a_pause_is_told_when_it_is_open(self):
        self._set_online(self.maria | self.omar | self.sofie, "offline")
        (self.maria | self.omar | self.sofie).dispatch_paused = True

        self._start("reception_nobody")

    def test_a_shop_that_is_open_while_all_have_other_shifts_is_told(self):
        agents = self.maria | self.omar | self.sofie
        self._set_online(agents, "offline")
        never = self.env["resource.calendar"].create(
            {"name": "Never", "attendance_ids": [Command.clear()]}
        )
        agents.dispatch_calendar_id = never
        self.channel.calendar_id = never.create(
            {
                "name": "Always",
                "tz": "UTC",
                "attendance_ids": [
                    Command.clear(),
                    *(
                        Command.create(
                            {"name": day, "dayofweek": day, "hour_from": 0, "hour_to": 24}
                        )
                        for day in "0123456"
                    ),
                ],
            }
        )

        self._start("reception_nobody")

    def test_a_group_that_nobody_serves_is_told_while_the_owner_who_helps_out_is_away(self):
        self.channel.main_account_participation = "fallback"
        self.returns.user_ids = False

        # Who is here to look stands in.
        self._start("reception_empty_group", self.auditor)

    def test_a_shop_that_is_closed_is_no_fault(self):
        self._set_online(self.maria | self.omar | self.sofie, "offline")
        self.channel.calendar_id = self.env["resource.calendar"].create(
            {"name": "Never", "attendance_ids": [Command.clear()]}
        )

        self._start("reception_night")

    def test_the_keyboard_reaches_the_first_agent_with_few_tabs(self):
        self._start("reception_keyboard")

    def test_few_tabs_lead_to_the_first_agent_past_all_that_may_stand_above(self):
        (self.omar | self.sofie).dispatch_paused = True
        self._rate(self.channel, self.maria, 1)
        self._set_online(self.sofie, "offline")
        self._wait(dispatch_group_id=self.returns.id)
        for number in range(7):
            self._wait(name=f"Visitor {number}")

        self._start("reception_keyboard_line")

    def test_a_group_without_a_scope_has_no_share_and_says_why(self):
        self.env["livechat.dispatch.group"].create(
            {"name": "Head", "channel_id": self.channel.id, "user_ids": self.maria.ids}
        )

        self._start("reception_no_scope")

    @walk
    def test_auditor_looks_and_changes_nothing(self):
        chat = self._wait()
        chat._record({"kind": "queue", "rule": "nobody"})

        self._start("reception_auditor", self.auditor)

    @walk
    def test_without_a_dispatched_channel_the_page_says_what_to_do(self):
        self.channel.dispatch_mode = "native"

        self._start("reception_menu")

    @walk
    def test_who_cannot_choose_a_mode_is_told_that_odoo_itself_dispatches(self):
        self.channel.dispatch_mode = "native"

        self._start("reception_native", self.auditor)

    @walk
    def test_channel_without_agents_offers_to_add_some(self):
        self.returns.user_ids = False
        self.channel.write({"user_ids": False, "offline_rule": "pool"})
        guest = self._create_guest("Bea")
        chat = self._come(self.channel, guest, has_words=False)
        self._say(chat, guest, "Do you ship to Malta?")
        self.assertEqual(chat.dispatch_state, "pool")
        chat.name = "Bea"

        self._start("reception_no_agents")

    def _let_ada_and_bea_come(self):
        """Maria has Ada's chat and Bea waits; then everybody pauses."""
        self.channel.max_sessions = 2
        self.maria.dispatch_weight = 100
        self.omar.dispatch_paused = True
        ada, bea = self._create_guest("Ada"), self._create_guest("Bea")
        chat = self._come(self.channel, ada)
        self._say(chat, ada, "Where is my parcel?")
        waiting = self._come(self.channel, bea, has_words=False)
        self._say(waiting, bea, "Do you ship to Malta?")
        self.maria.dispatch_paused = True
        self.assertEqual((chat.dispatch_state, waiting.dispatch_state), ("assigned", "queued"))
        waiting.name = "Bea"
        return chat, waiting

    @walk
    def test_an_agents_chats_are_one_click_away_and_the_agent_is_whispered_to(self):
        chat, _waiting = self._let_ada_and_bea_come()

        self._start("reception_see")

        (whisper,) = chat.with_user(self.maria).get_whispers()
        self.assertEqual(whisper["text"], "Offer him ten percent off")

    @walk
    def test_an_agents_chats_are_taken_over_and_ended_and_its_state_is_set_from_its_card(self):
        (self.omar | self.sofie).dispatch_paused = True
        chats = {}
        for name in ("Ada", "Cleo"):
            guest = self._create_guest(name)
            chats[name] = self._come(self.channel, guest)
            self._say(chats[name], guest)
        (self.omar | self.sofie).dispatch_paused = False
        self._set_online(self.owner)

        self._start("reception_steer")

        self.assertEqual(self._agent_of(chats["Ada"]), self.owner)
        self.assertTrue(chats["Cleo"].livechat_end_dt)
        self.assertEqual(
            chats["Cleo"].dispatch_decision_ids.sorted("id").mapped("kind"), ["assign", "end"]
        )
        self.assertFalse(self.maria.dispatch_paused)
        self.assertFalse(self.returns.has_paused)

    @walk
    def test_a_buyer_is_read_and_given_to_an_agent_with_two_clicks(self):
        _chat, waiting = self._let_ada_and_bea_come()
        self.omar.dispatch_paused = False

        self._start("reception_give")

        self.assertEqual(self._agent_of(waiting), self.omar)

    @walk
    def test_who_cannot_take_a_buyer_is_not_offered(self):
        self._let_ada_and_bea_come()
        # Maria has no room, and who manages dispatch gives above it; Omar is paused.
        self.maria.dispatch_paused = False
        self.omar.dispatch_paused_until = fields.Datetime.now() + timedelta(minutes=15)

        self._start("reception_offered")

    @walk
    def test_what_is_done_to_who_waits_is_seen_at_once(self):
        """However long the page rests after it has asked."""

        def get_lines(channels):
            time.sleep(0.5)
            return get(channels)

        now = fields.Datetime.now()
        for name, minutes in (("First", 3), ("Second", 2), ("Third", 1)):
            self._wait(name=name, dispatch_queued_at=now - timedelta(minutes=minutes))
        channels = self.env.registry["im_livechat.channel"]
        get = channels.get_reception_lines
        self.patch(channels, "get_reception_lines", api.model(get_lines))

        self._start("reception_at_once")

    def test_a_buyer_is_dragged_onto_an_agent(self):
        _chat, waiting = self._let_ada_and_bea_come()
        self.omar.dispatch_paused = False

        self._start("reception_drag_buyer")

        self.assertEqual(self._agent_of(waiting), self.omar)

    @walk
    def test_a_buyer_who_was_given_by_mistake_is_taken_back(self):
        _chat, waiting = self._let_ada_and_bea_come()
        # Of the other group.
        self.sofie.dispatch_paused = False

        self._start("reception_take_back")

        self.assertEqual(waiting.dispatch_state, "queued")
        self.assertFalse(waiting.dispatch_seat_partner_ids)

    @walk
    def test_what_is_saved_is_said_and_can_be_taken_back(self):
        lunch = self.env.ref("im_livechat_subaccount.livechat_pause_reason_lunch")
        self.sofie.dispatch_pause(reason_id=lunch.id)

        self._start("reception_undo")

        # Taken back once, and then left for longer than that can be done.
        self.assertEqual(self.maria.dispatch_weight, 210)
        self.assertTrue(self.sofie.dispatch_paused)
        self.assertEqual(self.sofie.dispatch_pause_reason_id, lunch)
        self.assertFalse(self.omar.dispatch_paused)
        self.assertFalse(self.returns.user_ids & self.omar)

    def test_a_page_that_is_left_open_over_midnight_says_the_new_day(self):
        looks = []

        def tell_lines(channels, lines):
            answer = tell(channels, lines)
            if looks:
                for name in ("now", "next_day"):
                    moment = fields.Datetime.to_datetime(answer[name]) + timedelta(days=1)
                    answer[name] = fields.Datetime.to_string(moment)
            else:
                # The day is over in a moment.
                answer["next_day"] = answer["now"]
            looks.append(answer)
            return answer

        channels = self.env.registry["im_livechat.channel"]
        tell = channels._tell_lines
        self.patch(channels, "_tell_lines", tell_lines)

        self._start("reception_midnight")

    def test_who_was_unhappy_is_read_with_the_transcript(self):
        (self.omar | self.sofie).dispatch_paused = True
        self._rate(self.channel, self.maria, 1)

        self._start("reception_unhappy")

    def test_all_unhappy_buyers_are_found_as_they_are_counted(self):
        (self.omar | self.sofie).dispatch_paused = True
        for days in (0, 0, 0, 0, 0, 0, 9):
            rating = self._rate(self.channel, self.maria, 1).rating_ids
            rating.rated_on = fields.Datetime.now() - timedelta(days=days)

        self._start("reception_all_unhappy")

    @walk
    def test_groups_with_traffic_come_first_and_who_is_gone_last_and_dimmed(self):
        exchanges = self.env["livechat.dispatch.group"].create(
            {
                "name": "Exchanges",
                "channel_id": self.channel.id,
                "user_ids": self._hire(self.owner, "Nils", 100).ids,
                "scope_ids": [Command.create({"kind": "page", "page_pattern": "/exchanges"})],
            }
        )
        aaron = self._hire(self.owner, "Aaron", 100)
        self.channel.user_ids |= aaron | exchanges.user_ids
        # Maria has a chat, Nils is here, and of the returns nobody.
        self._set_online(aaron | self.sofie, "offline")

        self._start("reception_order")

    def test_the_clock_of_a_wait_has_the_colour_of_its_part_of_the_shops_limit(self):
        self.channel.write({"no_reply_seconds": 1200, "max_sessions": 9})
        endless = self._create_channel(
            self.maria, name="Endless", main_account_id=self.owner.id, no_reply_seconds=0
        )
        (self.omar | self.sofie).dispatch_paused = True
        for name, minutes, channel in (
            ("Ada", 2, self.channel),
            ("Bea", 9, self.channel),
            ("Cleo", 15, self.channel),
            ("Dora", 15, endless),
        ):
            guest = self._create_guest(name)
            chat = self._come(channel, guest)
            self._say(chat, guest)
            asked = fields.Datetime.now() - timedelta(minutes=minutes)
            chat.write({"dispatch_asked_at": asked, "dispatch_assigned_at": asked})

        self._start("reception_clock")

    @walk
    def test_a_main_account_without_a_channel_reads_whom_to_ask(self):
        self._start("reception_no_channel", self._create_main_account("lost_reception"))
