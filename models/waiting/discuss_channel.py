from datetime import datetime, timedelta
from functools import partial

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.ledger import FORGOTTEN_AFTER
from ...dispatch.line import (
    HEAD_START,
    IS_IN_LINE_SQL,
    IS_WAITING,
    ORDER_BY,
    WAITING,
    Waiting,
    estimate_wait,
)
from ...dispatch.scope import IS_IN_CHAT
from ...tools import sent
from ...tools.here import gone_since, read_now
from ...tools.mask import mask_addresses
from ...tools.rights import READERS
from ...tools.turn import RESTS, UNANSWERED
from ...tools.word import SURELY_HELD, match_given_up

# A phone that was put away for a moment keeps its place in line so long.
BUYER_GRACE = timedelta(minutes=5)

# So long the place of a buyer who has gone is kept, if its page comes back.
PLACE_KEPT = timedelta(hours=1)

# In the context of core's daily cleaning: it leaves out the chats that wait, however long.
NOT_WAITING = object()

# A chat that waits: in line, in the pool, for the first word of the agent whose turn it is, or for
# an end of its own.
WAITS = Domain("dispatch_state", "in", WAITING) | Domain(UNANSWERED) | Domain(RESTS)


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    # Its buyer stood in line, and has chosen to leave a message instead.
    dispatch_gave_up_line = fields.Boolean(copy=False, readonly=True, groups=fields.NO_ACCESS)
    dispatch_may_take = fields.Boolean(
        compute="_compute_dispatch_may_take",
        groups=READERS,
        help="Whether the reader is an agent of the channel, and not the buyer.",
    )

    @api.depends("livechat_channel_id")
    @api.depends_context("uid")
    def _compute_dispatch_may_take(self):
        user = self.env.user
        serves = user._get_chat_channels()
        for chat in self:
            # sudo: discuss.channel - whether the reader is its buyer
            is_buyer = chat.sudo()._is_buyer(user.partner_id)
            chat.dispatch_may_take = chat.livechat_channel_id in serves and not is_buyer

    def write(self, vals):
        sent.expect_values(self.env, vals)
        ending = vals.get("livechat_end_dt") and self.filtered(
            lambda chat: chat.channel_type == "livechat" and not chat.livechat_end_dt
        )
        result = super().write(vals)
        if ending:
            # sudo: discuss.channel, res.users - whoever ends a chat ends its wait and frees seats
            ending = ending.sudo()
            # Nobody needs it any more.
            ending.filtered("dispatch_address").dispatch_address = False
            ending._leave_line()
            agents = ending.livechat_channel_member_history_ids.partner_id.user_ids
            ending._follow_seats(agents)
        return result

    @api.model
    def _search(self, domain, *args, **kwargs):
        if self.env.context.get("livechat_dispatch_states") is NOT_WAITING:
            domain = Domain(domain) & ~WAITS
        return super()._search(domain, *args, **kwargs)

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        order = super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        if field_name == "dispatch_state" and alias == self._table:
            # Those who wait in the same way stand in the order in which they are served.
            order = SQL("%s, %s", order, SQL(ORDER_BY))
        return order

    @api.autovacuum
    def _gc_bot_only_ongoing_sessions(self):
        # What only the desk took part in, or an agent who has not come yet, is not over.
        model = self.with_context(livechat_dispatch_states=NOT_WAITING)
        return super(DiscussChannel, model)._gc_bot_only_ongoing_sessions()

    def _forward_human_operator(self, chatbot_script_step=None, users=None):
        message = super()._forward_human_operator(chatbot_script_step, users)
        # sudo: im_livechat.channel, discuss.channel - what dispatch has decided for this chat
        chat = self.sudo()
        outcome = chat.livechat_channel_id._take_outcome()
        if outcome and not chat._has_buyer_written():
            chat.dispatch_wordless_since = read_now(self.env)
        if outcome and outcome.state in WAITING and chatbot_script_step:
            # As core notes of who gets an agent at once: whom this buyer waits for.
            chat.livechat_expertise_ids |= chatbot_script_step.operator_expertise_ids
        if outcome and outcome.state == "assigned" and outcome.agent != self.env.user:
            chat.write(
                {
                    "dispatch_state": "assigned",
                    "dispatch_assigned_at": read_now(self.env),
                    "dispatch_answered_at": False,
                    "dispatch_is_away": outcome.values["rule"] == "offline",
                }
            )
            chat._record(outcome.values)
        elif outcome and outcome.state == "queued":
            chat._enter_line(outcome.values)
        elif outcome and outcome.state == "pool":
            chat._enter_pool(outcome.values)
        elif outcome and not outcome.agent and chat.livechat_channel_id._may_record_nobody():
            chat._record(outcome.values)
        return message

    def _get_waiting(self):
        """Return how this chat waits."""
        self.ensure_one()
        came = self.dispatch_queued_at or datetime.max
        goes_first = self.dispatch_goes_first and self.dispatch_queued_at
        return Waiting(
            is_pooled=self.dispatch_state == "pool",
            is_new=-self.dispatch_put_first or not self.dispatch_assigned_at,
            since=came - HEAD_START if goes_first else came,
            number=self.id,
            group_id=self.dispatch_group_id.id or 0,
            regular_id=self.dispatch_regular_id.id or None,
            came=came,
        )

    def _assign(self, outcome):
        """Give a chat that waits to the agent dispatch has chosen."""
        self.ensure_one()
        agent = outcome.agent
        values = {"kind": "assign", **outcome.values}
        if self.dispatch_assigned_at:
            # It had an agent before it waited: the buyer is no new one.
            values["kind"] = "hand_over"
            given = self.dispatch_decision_ids.filtered("previous_user_id")[:1]
            values["previous_user_id"] = given.previous_user_id.id
        self._record(values)
        self._leave(self._get_bots())
        self._let_desk_go()
        self._seat(agent)
        Store(bus_channel=self).add(self, {"dispatch_wait": False}).bus_send()

    def _enter_line(self, values):
        """Let this chat wait, at the place that the time of its arrival gives it."""
        regular_id = self.env["livechat.dispatch.decision"]._get_regular(values)
        values = {**values, "kind": "queue"}
        if not self._wait("queued", values, dispatch_regular_id=regular_id):
            return
        # sudo: im_livechat.channel - the line is the server's
        self.livechat_channel_id.sudo()._send_places(self.dispatch_group_id, self)

    def _keep_for_later(self, outcome):
        """Keep this chat, which nobody takes now, for who comes. Its buyer was promised an answer
        also where the shop keeps no messages of those who come: there it looks for help as well.

        :param Outcome outcome: what dispatch has decided.
        """
        if outcome.state != "pool":
            self.livechat_status = "need_help"
        self._enter_pool(outcome.values)

    def _enter_pool(self, values, **more):
        """Keep this chat until somebody comes."""
        if not self.dispatch_state:
            # The buyer has just come.
            decisions = self.env["livechat.dispatch.decision"]
            more["dispatch_regular_id"] = decisions._get_regular(values)
        if not self._wait("pool", {**values, "kind": "pool"}, **more):
            return
        self._send_pool()
        self.livechat_channel_id._tell_of_messages()

    def livechat_join_channel_needing_help(self):
        joined = super().livechat_join_channel_needing_help()
        # sudo: discuss.channel - who has joined takes a chat that waits; who may join is checked
        chat = self.sudo()
        if joined and chat.dispatch_state in WAITING:
            chat._assign(chat.livechat_channel_id._make_outcome(self.env.user))
        elif joined:
            Store(bus_channel=chat).add(chat, {"dispatch_wait": False}).bus_send()
        return joined

    def _wait(self, state, values, **more):
        """Let this chat wait with the desk.

        :return: False for one that has no place before its buyer's first word.
        """
        # sudo: res.partner - the desk is the shop itself, and greets where the agent was
        desk = self.livechat_channel_id.sudo().reception_partner_id
        if desk and self.livechat_operator_id != desk:
            self.livechat_operator_id = desk
        if self.dispatch_wordless_since:
            self.dispatch_state = False
            return False
        since = self.dispatch_queued_at or read_now(self.env)
        first = self.livechat_channel_id.line_first_tag_id
        self.write(
            {
                "dispatch_state": state,
                "dispatch_queued_at": since,
                "dispatch_goes_first": bool(first) and first.id in self._get_buyer().tag_ids,
                "dispatch_gone_at": False,
                "dispatch_gave_up_line": False,
                **more,
            }
        )
        self._record(values)
        # Since the decision.
        self.env["livechat.announcement"]._seat_may_be_free(self.livechat_channel_id)
        return True

    def _note_word(self, message):
        super()._note_word(message)
        # Only a buyer's word begins to be asked.
        if self.dispatch_wordless_since and self.dispatch_asked_at:
            self._hear_first_word()

    def _hear_first_word(self):
        """Keep the seat for a buyer who has written, or let it take a place now."""
        since = self.dispatch_wordless_since
        self.dispatch_wordless_since = False
        if self.dispatch_state == "assigned":
            if read_now(self.env) - since < SURELY_HELD:
                return
            # Its seat may be another's by now.
            self._leave(self.dispatch_seat_partner_ids)
            self.write({"dispatch_state": False, "dispatch_assigned_at": False})
        outcome = self.livechat_channel_id._dispatch(
            self._get_buyer(), chat=self, expertises=self.livechat_expertise_ids
        )
        if outcome.agent:
            self._assign(outcome)
        elif outcome.state == "queued":
            self._enter_line(outcome.values)
        elif outcome.state != "pool" and self.livechat_channel_id._is_pool_full():
            self._record(outcome.values)
            self._end(
                self._get_buyers_env()._(
                    "Nobody is here, and no more messages can be taken. Please come again later."
                )
            )
        else:
            # If nobody is here any more, the chat was offered.
            self._keep_for_later(outcome)

    @api.model
    def _end_wordless(self):
        """End the chats whose buyers have opened them without a word, and gone."""
        given_up = match_given_up(read_now(self.env))
        for chat in self.search(given_up):
            self.env["im_livechat.channel"]._attempt(partial(chat._end_if, given_up))

    @api.model
    def _end_deserted(self):
        """End the chats whose buyers have been deleted, as a contact or as a guest: there is nobody
        to answer. Those of agents in which nobody has written for a day hold nothing and wait for
        the night: what piles up is not looked at each minute."""
        channels = self.env["im_livechat.channel"].search([])
        self._end_deserted_of(Domain(IS_WAITING))
        self._end_deserted_of(
            Domain("livechat_channel_id", "in", channels.ids)
            & Domain("last_interest_dt", ">=", read_now(self.env) - FORGOTTEN_AFTER)
        )

    @api.autovacuum
    def _gc_deserted(self):
        self._end_deserted_of(Domain.TRUE)

    @api.model
    def _end_deserted_of(self, domain):
        """As :meth:`_end_deserted`.

        :param Domain domain: which chats are looked at.
        """
        # Served by discuss_channel__dispatch_waiting_idx, discuss_channel__dispatch_quiet_idx, the
        # open chats, and im_livechat_channel_member_history's index on channel_id.
        deserted = domain & Domain("channel_type", "=", "livechat")
        deserted &= Domain("livechat_end_dt", "=", False) & Domain("dispatch_state", "!=", False)
        deserted &= Domain("livechat_channel_member_history_ids", "not any", Domain(IS_IN_CHAT))
        for chat in self.search(deserted):
            self.env["im_livechat.channel"]._attempt(chat._close_livechat_session)

    def _end_if(self, given_up):
        # The buyer may be just writing.
        if self.try_lock_for_update() and self.filtered_domain(given_up):
            # Nobody was kept waiting.
            self.livechat_failure = "no_failure"
            self._close_livechat_session()

    def _note_regulars(self):
        """Note whose regulars those who wait are by now: an agent of their own may have room when
        nobody else has."""
        for chat in self:
            regulars = chat.livechat_channel_id._find_regulars(chat._get_buyer())
            chat.dispatch_regular_id = regulars[0].user_id if regulars else False

    def _leave_line(self, **values):
        """Take chats that have ended out of the line and the pool.

        :param values: more of the decision record.
        """
        lines = set()
        for chat in self.filtered(lambda chat: chat.dispatch_state in WAITING):
            if chat.dispatch_state == "queued":
                lines.add((chat.livechat_channel_id, chat.dispatch_group_id))
            chat._record({"kind": "leave", "rule": "nobody", **values})
            chat.dispatch_state = False
        for channel, group in lines:
            channel._send_places(group)

    @api.model
    def _remove_absent_buyers(self):
        """Take buyers whose browser is gone out of the line: what they wrote goes to the pool."""
        for chat in self._find_absent_buyers():
            self.env["im_livechat.channel"]._attempt(chat._leave_absently)

    @api.model
    def _find_absent_buyers(self, chats=None):
        """Return the chats in line whose buyer was seen, and has been gone for ``BUYER_GRACE``: as
        a guest and with each account of the buyer's contact.

        :param chats: only of these.
        """
        self.env.flush_all()
        now = read_now(self.env)
        # Served by discuss_channel__dispatch_waiting_idx, im_livechat_channel_member_history's
        # index on channel_id, res_users' on partner_id and the unique indexes on mail_presence.
        self.env.cr.execute(
            f"""
            SELECT chat.id
              FROM discuss_channel chat,
                   LATERAL (
                       SELECT {gone_since("chat.dispatch_queued_at")} AS gone_since
                         FROM im_livechat_channel_member_history buyer
                    LEFT JOIN res_users users ON users.partner_id = buyer.partner_id
                         JOIN mail_presence presence
                           ON presence.guest_id = buyer.guest_id OR presence.user_id = users.id
                        WHERE buyer.channel_id = chat.id
                          AND buyer.livechat_member_type = 'visitor'
                   ) buyer
             WHERE {IS_IN_LINE_SQL}
               AND buyer.gone_since <= %(gone_before)s
               AND (%(chat_ids)s::integer[] IS NULL OR chat.id = ANY(%(chat_ids)s))
          ORDER BY chat.id
            """,
            {
                "now": now,
                "gone_before": now - BUYER_GRACE,
                "chat_ids": None if chats is None else chats.ids,
            },
        )
        return self.browse(chat_id for (chat_id,) in self.env.cr.fetchall())

    def _leave_absently(self):
        # Found a while ago: meanwhile it may have got an agent, or its buyer have come back.
        if not (self.try_lock_for_update() and self._find_absent_buyers(self)):
            return
        self._leave_message(dispatch_gone_at=read_now(self.env))

    def _come_back(self):
        """Let a buyer whose page was gone wait in line again, as who comes now, but at its old
        place if it was not gone for long."""
        locked = self.try_lock_for_update()
        # Another page of this buyer may have come before.
        self.invalidate_recordset(["dispatch_state", "dispatch_gone_at", "livechat_end_dt"])
        is_kept = self.dispatch_state == "pool" and not self.livechat_end_dt
        if not (locked and self.dispatch_gone_at and is_kept):
            return
        now = read_now(self.env)
        if now - self.dispatch_gone_at > PLACE_KEPT:
            self.dispatch_queued_at = now
        self.dispatch_gone_at = False
        # Nobody is overtaken: while others wait, the line is served in its order.
        outcome = self.livechat_channel_id._dispatch_but(self._get_givers(), self, arrives=True)
        if outcome.agent:
            self._assign(outcome)
        elif outcome.state == "queued":
            self._enter_line(outcome.values)

    def _send_pool(self):
        """Tell the buyer's page that its words are kept for who comes."""
        Store(bus_channel=self).add(self, {"dispatch_wait": self._describe_pool()}).bus_send()

    def _send_wait(self, place, estimate):
        """Tell the buyer's page the place in line and, if it is known, the wait in seconds."""
        wait = self._describe_wait(place, estimate)
        Store(bus_channel=self).add(self, {"dispatch_wait": wait}).bus_send()

    def _get_wait(self):
        """Return what the buyer is told about its wait, ``False`` when it does not wait."""
        self.ensure_one()
        if self.livechat_end_dt or self.dispatch_state not in WAITING:
            return False
        if self.dispatch_state == "pool":
            return self._describe_pool()
        channel = self.livechat_channel_id
        if not channel:
            return False
        places = channel._get_places(self.dispatch_group_id)
        place = places.get(self.id, len(places) + 1)
        estimate = estimate_wait(place, channel._get_pace(self.dispatch_group_id))
        return self._describe_wait(place, estimate)

    def _describe_pool(self):
        """Return what the buyer is told whose words are kept for who comes, or for who has the chat
        and is away, and when the shop opens."""
        calendars = self.livechat_channel_id.calendar_id | self.dispatch_group_id.calendar_id
        wait = {"state": "pool", **self._describe_reach()}
        if self.dispatch_gone_at:
            return {**wait, "has_gone": True}
        if self.dispatch_gave_up_line:
            wait["has_left"] = True
        return wait | calendars._describe_opening(read_now(self.env))

    def _describe_wait(self, place, estimate):
        """Return what the buyer in line is told; ``others_first`` tells why somebody who came later
        may be served before."""
        wait = {"state": "queued", "place": place, "estimate": estimate and list(estimate)}
        wait.update(self._describe_reach())
        if self.livechat_channel_id.line_first_tag_id and place > 1:
            wait["others_first"] = not self.dispatch_goes_first
        return wait

    def _to_store_defaults(self, target):
        attributes = super()._to_store_defaults(target)
        if target.is_internal(self.env):
            attributes.append(
                Store.Attr(
                    "dispatch_transferable",
                    value=True,
                    predicate=lambda chat: chat._is_dispatched(),
                )
            )
            titles = {}

            def get_title(chat):
                if not titles:
                    # Of all of them at once.
                    chats = self.filtered(lambda one: one._is_dispatched())
                    titles.update(chats._get_titles_for(target))
                return titles[chat.id]

            attributes.append(
                Store.Attr(
                    "dispatch_title",
                    get_title,
                    predicate=lambda chat: chat._is_dispatched(),
                )
            )
        return [
            *attributes,
            Store.Attr(
                "dispatch_wait",
                # sudo: discuss.channel - a buyer may know how long the wait is
                lambda chat: chat.sudo()._get_wait(),
                predicate=lambda chat: (
                    chat.channel_type == "livechat" and chat.sudo().dispatch_state in WAITING
                ),  # sudo: as above
            ),
            self._get_away_to_store(
                lambda chat: chat.channel_type == "livechat" and chat.sudo().dispatch_is_away
            ),  # sudo: as above
        ]

    def _get_away_to_store(self, predicate):
        return Store.Attr(
            "dispatch_away",
            # sudo: discuss.channel - a buyer may know that nobody answers soon
            lambda chat: chat.sudo()._is_with_away() and chat.sudo()._describe_pool(),
            predicate=predicate,
        )

    def _list_waiting_to_store(self):
        """Return all by which the page of a buyer tells whether somebody is there for it."""
        return [
            {"dispatch_wait": self._get_wait()},
            self._get_away_to_store(lambda chat: True),
            "livechat_end_dt",
        ]

    def _sync_field_names(self):
        names = super()._sync_field_names()
        # Its buyer's page hears of it when who was away answers, or somebody else has the chat.
        names[None].append(self._get_away_to_store(lambda chat: chat.channel_type == "livechat"))
        return names

    def _is_with_away(self):
        """Tell whether this is the open chat of an agent who was away when it came, and has not
        answered: what its buyer writes is kept for that one."""
        return bool(
            self.dispatch_is_away and not self.dispatch_answered_at and not self.livechat_end_dt
        )

    def _leave_message(self, **more):
        """Move a chat from the line to the pool: its buyer will not wait.

        :param more: of the chat.
        """
        self.ensure_one()
        if self.dispatch_state != "queued":
            return
        self._enter_pool({"rule": "nobody"}, **more)
        self.livechat_channel_id._send_places(self.dispatch_group_id)

    def _close_livechat_session(self, **kwargs):
        # sudo: discuss.channel - how the buyer's own chat stands
        chat = self.sudo()
        if self.self_member_id.livechat_member_type == "visitor" and chat._is_message():
            # Whoever closes the window has left a message, and was promised an answer.
            return
        agents = chat._find_unheard_agents()
        super()._close_livechat_session(**kwargs)
        for agent in agents:
            Store(bus_channel=agent).add(chat, "livechat_end_dt").bus_send()

    def _find_unheard_agents(self):
        """Return to whom the end of this chat is told directly: the page of who has just got a chat
        does not listen to it yet."""
        agents = self.dispatch_seat_partner_ids
        return agents if self._is_unheard() else agents.browse()

    def _end(self, words=""):
        """End this chat as the shop, for its buyer as well.

        :param words: what all who are in it read, in one line, in the buyer's language; that the
            shop has ended it, if there is nothing more to say.
        """
        self.ensure_one()
        listeners = [self, *self._find_unheard_agents()]
        self.livechat_end_dt = read_now(self.env)
        for listener in listeners:
            # As core, when a buyer ends it.
            Store(bus_channel=listener).add(self, "livechat_end_dt").bus_send()
        self._say_as_desk(words or self._get_buyers_env()._("The shop has ended the chat"))

    def _is_message(self):
        """Tell whether the buyer's words are kept for who comes: in the pool, or with an agent who
        takes messages while away and has not answered."""
        return not self.livechat_end_dt and bool(
            self.dispatch_state == "pool"
            or (self._is_with_away() and self.filtered_domain(UNANSWERED))
        )

    def _is_unheard(self):
        """Tell whether this is an open dispatched chat in which no agent has answered yet."""
        return self._is_dispatched() and not (self.livechat_end_dt or self.dispatch_answered_at)

    def _go_on_as(self, partner, guest):
        """Let the guest of this chat, who has signed in, go on as an account: from here on it is
        the account's, and not the next one's of the same browser."""
        self._add_members(
            partners=partner,
            create_member_params={"livechat_member_type": "visitor"},
            post_joined_message=False,
        )
        member = self.channel_member_ids.filtered(lambda member: guest and member.guest_id == guest)
        member.unlink()
        Store(bus_channel=self).add(
            self,
            [Store.Many("channel_member_ids", [], mode="DELETE", value=member), "member_count"],
        ).bus_send()
        # Pages of agents call it by the guest they knew.
        self._broadcast(self.dispatch_seat_partner_ids.ids)

    def _has_buyer_written(self):
        return any(self.livechat_customer_history_ids.mapped("message_count"))

    def _find_untold(self):
        """Return what the buyer has written since an agent's last answer: what an agent who comes
        has to read first."""
        messages = self.env["mail.message"]
        for message in self.message_ids.sorted("id"):
            if message.message_type != "comment":
                continue
            if self._is_buyers(message):
                messages |= message
            elif message.author_id in self.livechat_agent_history_ids.partner_id:
                messages = messages.browse()
        # What was taken back is nobody's to read.
        return messages - messages._filter_empty()

    def _describe_untold(self, messages, is_masked):
        """Return for a mail who has written, from where and what, and where it is answered.

        :param is_masked: whether its reader is not to see how to reach the buyer.
        """
        author = messages[0].author_id or messages[0].author_guest_id
        buyer = author.display_name
        email = author.email_formatted if author._name == "res.partner" else author.email
        if is_masked:
            # A contact without a name goes by its address.
            buyer, email = mask_addresses(buyer), mask_addresses(email)
        link = f"{self.get_base_url()}/odoo/discuss?active_id=discuss.channel_{self.id}"
        names = [
            self.env._("Attached: %s", name) for name in messages.attachment_ids.mapped("name")
        ]
        return Markup(
            "<p><b>{buyer}</b> {email}<br/>{page}</p>{words}{names}"
            "<p><a href='{link}'>{open}</a></p>"
        ).format(
            buyer=buyer,
            email=email or "",
            page=self.dispatch_page or "",
            words=Markup("<br/>").join(messages.mapped("body")),
            names=Markup("").join(Markup("<p>{}</p>").format(name) for name in names),
            link=link,
            open=self.env._("Open the conversation"),
        )

    def action_take(self):
        """Take chats that wait, by hand, as far as one's capacity goes."""
        sent.expect_ids(self)
        for chat in self:
            chat.check_access("read")
            user = self.env.user
            # sudo: discuss.channel, im_livechat.channel - who may take it is checked here
            waiting = chat.sudo()
            channel = waiting.livechat_channel_id
            if waiting.dispatch_state not in WAITING or waiting.livechat_end_dt:
                raise UserError(self.env._("This buyer does not wait any more."))
            if user not in channel.user_ids | channel.main_account_id:
                raise UserError(self.env._("You are no agent of this channel."))
            if waiting._is_buyer(user.partner_id):
                raise UserError(self.env._("Nobody answers their own chat."))
            waiting.lock_for_update()
            outcome = channel._dispatch_to(user, waiting.dispatch_group_id)
            if not outcome.agent:
                raise UserError(waiting._say_why_not(user, outcome))
            waiting._assign(outcome._replace(values={**outcome.values, "rule": "by_hand"}))
        return True

    def _get_managed_waits(self):
        """Return these chats, for who manages the dispatch of their shop while they wait.

        :raise AccessError: for anybody else.
        :raise UserError: one does not wait any more.
        """
        chats = self._get_managed()
        chats.lock_for_update()
        if any(chat.dispatch_state not in WAITING or chat.livechat_end_dt for chat in chats):
            raise UserError(self.env._("This buyer does not wait any more."))
        return chats

    def action_put_first(self):
        """Let who waits be the next to be served, before all others of its line or of the pool.

        :raise AccessError: for others than the managers of the shop's dispatch.
        """
        for chat in self._get_managed_waits():
            channel = chat.livechat_channel_id
            chat._go_before_all()
            reason = self.env._("By %s", self.env.user.name)
            chat._record({"kind": "first", "rule": "by_hand", "reason": reason})
            channel._send_places(chat.dispatch_group_id)
        return True

    def _go_before_all(self):
        """Let this chat, which waits, be the next."""
        channel = self.livechat_channel_id
        waiting = channel._search_waiting(channel)
        self.dispatch_put_first = max(waiting.mapped("dispatch_put_first")) + 1

    def action_end_wait(self):
        """End the chats of who waits: a message that nobody has to answer, a joke.

        :raise AccessError: for others than the managers of the shop's dispatch.
        """
        self._get_managed_waits()._end_by_hand()
        return True

    def _end_by_hand(self):
        """End chats as who manages dispatch decides."""
        self._leave_line(rule="by_hand", reason=self.env._("By %s", self.env.user.name))
        for chat in self:
            chat._end()

    def _get_managed(self):
        """Return these chats with sudo, for who manages the dispatch of their shop.

        :raise AccessError: for anybody else.
        """
        sent.expect_ids(self)
        # sudo: discuss.channel, im_livechat.channel - whose they are and how they wait
        chats = self.sudo()
        for channel in chats.livechat_channel_id or [chats.livechat_channel_id]:
            if not self.env.user._manages_dispatch_of(channel.main_account_id):
                raise AccessError(self.env._("Who manages dispatch decides about who waits."))
        return chats
