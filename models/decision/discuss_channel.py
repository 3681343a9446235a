from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.line import LONGEST_WAIT, WAITING
from ...dispatch.words import RULES
from ...tools import phrase, sent
from ...tools.attributes import leave_to_core
from ...tools.here import read_now
from ...tools.rights import READERS
from ...tools.turn import UNANSWERED


@leave_to_core
class DiscussChannel(sent.Reader, models.Model):
    _name = "discuss.channel"
    _inherit = ["discuss.channel", "livechat.field.mixin"]

    # What pages let an agent say of a live chat. All else core works out or notes with sudo: by
    # hand an agent would have room while its buyer waits, open again what is over, hide what no
    # clock finds then, and say itself how it went.
    name = fields.Char(shop_may_set=True, shown="lines")
    description = fields.Text(shop_may_set=True)
    image_128 = fields.Image(shop_may_set=True)
    livechat_conversation_tag_ids = fields.Many2many(shop_may_set=True)
    livechat_expertise_ids = fields.Many2many(shop_may_set=True)
    livechat_note = fields.Html(shop_may_set=True)
    livechat_status = fields.Selection(shop_may_set=True)

    livechat_channel_id = fields.Many2one(
        frees_seats=True, shown="lines", falsy_value_label=phrase.NO_CHANNEL
    )
    livechat_agent_partner_ids = fields.Many2many(falsy_value_label=phrase.NOBODY)
    livechat_outcome = fields.Selection(falsy_value_label=phrase.NO_OUTCOME)
    rating_last_text = fields.Selection(falsy_value_label=phrase.NO_RATING)
    livechat_end_dt = fields.Datetime(shown="lines")
    livechat_failure = fields.Selection(shown="lines")
    dispatch_state = fields.Selection(
        [("queued", "Waiting in line"), ("assigned", "Assigned"), ("pool", "In the message pool")],
        copy=False,
        readonly=True,
        groups=READERS,
        help="Where dispatch has sent this chat; empty when it came to nobody through dispatch.",
        shown="lines",
        falsy_value_label=phrase.NOT_DISPATCHED,
    )
    dispatch_group_id = fields.Many2one(
        "livechat.dispatch.group",
        "Dispatch Group",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="The group whose scope this buyer fits; empty for the agents in no such group.",
        shown="lines",
        falsy_value_label=phrase.OTHER_BUYERS,
    )
    dispatch_decision_ids = fields.One2many(
        "livechat.dispatch.decision",
        "discuss_channel_id",
        "Dispatch Decisions",
        readonly=True,
        groups=READERS,
    )
    dispatch_queued_at = fields.Datetime(
        "In Line Since",
        copy=False,
        readonly=True,
        groups=READERS,
        shown="lines",
    )
    dispatch_put_first = fields.Integer(
        "Put First",
        copy=False,
        readonly=True,
        aggregator=None,
        groups=READERS,
        help="Put in front of the others by hand: the greater, the further in front; 0: not.",
        shown="lines",
    )
    # Of who waits no more it tells the replay of a past day how it stood in line.
    dispatch_goes_first = fields.Boolean(
        "Goes First",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Has the tag that the channel lets go first in line.",
        shown="lines",
    )
    dispatch_gone_at = fields.Datetime(
        "Gone At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="When the page of its buyer, who waited in line, was found to be gone.",
    )
    dispatch_assigned_at = fields.Datetime("Assigned At", copy=False, readonly=True, groups=READERS)
    dispatch_asked_at = fields.Datetime(
        "Asked At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="When the buyer wrote first after an agent's last word; empty: the last word is an "
        "agent's.",
    )
    # When dispatch began to wait for the buyer's first word; empty as soon as it came.
    dispatch_wordless_since = fields.Datetime(
        "Without a Word Since", copy=False, readonly=True, groups=READERS
    )
    dispatch_answered_at = fields.Datetime(
        "Answered At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="When the present agent wrote first since the chat is theirs.",
    )
    dispatch_regular_id = fields.Many2one(
        "res.users",
        "Buyer's Own Agent",
        copy=False,
        readonly=True,
        ondelete="set null",
        groups=READERS,
        help="Whose regular this buyer is; that agent may have room when the others have none.",
    )
    dispatch_is_away = fields.Boolean(
        copy=False,
        readonly=True,
        groups=READERS,
        help="Given by the rule for when nobody is here: the agent is not expected to answer soon.",
    )
    dispatch_rule = fields.Selection(
        RULES,
        "Dispatched By",
        copy=False,
        readonly=True,
        groups=READERS,
        help="What decided who got this chat last.",
    )
    dispatch_wait_count = fields.Integer(
        "Number of Waits",
        copy=False,
        readonly=True,
        groups=READERS,
        help="How often the buyer stood in line or in the pool; who waits now is not counted yet.",
    )
    dispatch_waited_seconds = fields.Integer(
        "Waited (seconds)",
        copy=False,
        readonly=True,
        groups=READERS,
        help="In line and in the pool, until somebody took the chat or the buyer left; of each "
        "time, a day at most.",
    )
    dispatch_transfer_count = fields.Integer(
        "Number of Transfers", copy=False, readonly=True, groups=READERS
    )
    dispatch_has_left = fields.Boolean(
        "Left the Line",
        copy=False,
        readonly=True,
        groups=READERS,
        help="The buyer left before anybody took the chat.",
    )
    dispatch_page = fields.Char(
        "From Page",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Where the buyer was when the chat began, as its browser said.",
    )
    dispatch_by_wish = fields.Boolean(
        "Asked for the Group",
        copy=False,
        readonly=True,
        groups=READERS,
        help="The buyer chose the group by its lamp on a web page.",
    )
    # Where the buyer of an open chat is, as ``door.read_address`` knows it, so that it can be
    # blocked; nobody reads it, and it goes when the chat ends.
    dispatch_address = fields.Char(copy=False, readonly=True, groups=fields.NO_ACCESS)
    dispatch_order_number = fields.Char(
        "Order Named",
        copy=False,
        readonly=True,
        groups=READERS,
        help="The order that the buyer named before the chat. Nobody has checked whose it is.",
    )
    # Where answers are mailed to a buyer who has gone; nobody reads it.
    dispatch_reply_email = fields.Char(copy=False, readonly=True, groups=fields.NO_ACCESS)
    dispatch_is_told = fields.Boolean(
        copy=False,
        readonly=True,
        groups=READERS,
        help="A mail has told the shop of this message.",
    )

    # Those who wait, in order; a shop has few of them among all its chats. None of them has ended,
    # which the reconciler asks here.
    _dispatch_waiting_idx = models.Index(
        "(livechat_channel_id, dispatch_queued_at, id) WHERE dispatch_state IN ('queued', 'pool')"
    )
    # Those whose buyer has not said a word: none but for moments.
    _dispatch_wordless_idx = models.Index(
        "(dispatch_wordless_since) "
        "WHERE dispatch_wordless_since IS NOT NULL AND livechat_end_dt IS NULL"
    )
    # The last chats that were served say how long one takes.
    _dispatch_service_idx = models.Index(
        "(livechat_channel_id, livechat_end_dt DESC) "
        "WHERE dispatch_assigned_at IS NOT NULL AND livechat_end_dt IS NOT NULL"
    )
    # Those who wait for a word of their agent: of each channel in turn.
    _dispatch_unanswered_idx = models.Index(
        "(livechat_channel_id, dispatch_asked_at) WHERE dispatch_state = 'assigned' "
        "AND dispatch_asked_at IS NOT NULL AND livechat_end_dt IS NULL"
    )

    @api.model_create_multi
    def create(self, vals_list):
        sent.expect_rows(self.env, vals_list)
        for vals in vals_list:
            self._refuse_dispatch_values(vals)
        known = self.env["im_livechat.channel"]._get_known_values()
        vals_list = [{**vals, **known} for vals in vals_list]
        # sudo: discuss.channel, im_livechat.channel - dispatch itself says where the chat goes
        chats = super().create(vals_list)
        chats._know_asked_buyers()
        for chat in chats.sudo():
            if chat.channel_type == "livechat":
                outcome = chat.livechat_channel_id._take_outcome()
                if outcome and outcome.state == chat.dispatch_state:
                    # Who has just come has not waited, whatever second it is.
                    chat._record({"waited_seconds": 0, **outcome.values}, outcome.group)
                    # sudo: res.users - its own figures follow
                    chat._follow_agents(outcome.agent.sudo())
        return chats

    def write(self, vals):
        reopened = self.browse()
        if not vals.get("livechat_end_dt", True):
            # sudo: discuss.channel - what dispatch notes about it
            reopened = self.sudo().filtered(lambda chat: chat.livechat_end_dt)
        self._refuse_dispatch_values(vals)
        result = super().write(vals)
        if "channel_member_ids" in vals:
            self._know_asked_buyers()
        if reopened:
            # Its bot starts again; the agent has gone, and dispatch begins anew as well.
            reopened.write(
                {
                    "dispatch_state": False,
                    "dispatch_assigned_at": False,
                    "dispatch_queued_at": False,
                    "dispatch_asked_at": False,
                    "dispatch_answered_at": False,
                    "dispatch_wordless_since": False,
                }
            )
        return result

    def unlink(self):
        # sudo: discuss.channel - who is seated, whoever deletes it
        chats = self.sudo().filtered(lambda chat: chat.channel_type == "livechat")
        self.env["livechat.announcement"]._look_again(chats, "lines")
        agents = chats.dispatch_seat_partner_ids.user_ids
        result = super().unlink()
        if chats:
            chats.browse()._follow_seats(agents)
        return result

    def _message_post_after_hook(self, message, msg_vals):
        # sudo: discuss.channel - core notes as the author that an agent has answered, which nobody
        # says by hand
        chat = self.sudo() if self.channel_type == "livechat" else self
        return super(DiscussChannel, chat)._message_post_after_hook(message, msg_vals)

    def _refuse_dispatch_values(self, vals):
        """Refuse what only dispatch itself notes about a chat.

        Core lets internal users change any channel they are in, whatever a form calls read-only.

        :raise AccessError:
        """
        if not self.env.su and any(name.startswith("dispatch_") for name in vals):
            raise AccessError(self.env._("Only dispatch itself says where a chat goes."))

    def _keep_others_out(self):
        """Wait until nobody else changes this chat, and let nobody until this transaction ends.

        Whoever writes into a chat has it before what hangs on it, such as its histories: who would
        change those first, and then the chat, has to have it before as well, or both would wait for
        each other.
        """
        self.flush_recordset()
        self.env.cr.execute(
            "SELECT FROM discuss_channel WHERE id = %s FOR NO KEY UPDATE", [self.id]
        )

    def _follow_seats(self, agents):
        """Follow that these agents have lost chats: they may take others where they serve."""
        self._follow_agents(agents)
        self.env["livechat.announcement"]._seat_may_be_free(agents._get_chat_channels())

    def _follow_agents(self, agents):
        """Follow that these agents have got or lost chats, and let them know."""
        # Few have set a limit.
        if limited := agents.filtered(
            lambda agent: agent.dispatch_pause_above or agent.dispatch_overloaded
        ):
            limited._follow_load()
        announcement = self.env["livechat.announcement"]
        announcement._look_again(agents, "agents")
        if any(chat._is_dispatched() for chat in self):
            announcement._look_again(agents, "bars")

    # ------------------------------------------------------------
    # Records
    # ------------------------------------------------------------

    def _record(self, values, group=None, **more):
        """Write down a decision about this chat.

        :param values: of the record, as ``livechat.dispatch.decision._describe_decision`` says.
        :param group: the ``livechat.dispatch.group`` it was taken for, if not the chat's.
        """
        self.ensure_one()
        group = self.dispatch_group_id if group is None else group
        values = {"waited_seconds": self._get_waited_seconds(), **values, **more}
        if self.dispatch_state in WAITING and (
            values.get("user_id") or values["kind"] in ("leave", "nobody")
        ):
            # One wait, from the first moment in line or in the pool to this one.
            values["has_waited"] = True
        decision = self.livechat_channel_id._record_decision(
            group, {"discuss_channel_id": self.id, **values}
        )
        # sudo: discuss.channel - dispatch's own notes
        self.sudo()._note_decision(decision)
        return decision

    def _note_decision(self, decision):
        """Keep on the chat what reports tell of it longer than its decision records stay."""
        values = {}
        if decision.user_id or decision.kind == "leave":
            values["dispatch_rule"] = decision.rule
            values["dispatch_has_left"] = decision._is_buyer_gone()
        if decision.has_waited:
            values.update(self._count_wait(decision))
        if decision.kind == "transfer":
            values["dispatch_transfer_count"] = self.dispatch_transfer_count + 1
        values = {name: value for name, value in values.items() if self[name] != value}
        if values:
            self.write(values)

    def _count_wait(self, decision, sign=1):
        """Return the chat's figures with the wait that a decision has ended.

        :param sign: ``-1`` for those without it.
        """
        seconds = min(decision.waited_seconds, LONGEST_WAIT)
        return {
            "dispatch_wait_count": self.dispatch_wait_count + sign,
            "dispatch_waited_seconds": self.dispatch_waited_seconds + sign * seconds,
        }

    def _forget_wait(self, decision):
        """Let the wait that a decision had ended, and that goes on, be counted once it is over."""
        if decision.has_waited:
            self.write(self._count_wait(decision, sign=-1))
        # What is part of the hourly totals stays there.
        if not decision.is_counted:
            decision.has_waited = False

    def _get_waited_seconds(self):
        """Return for how many seconds the buyer has waited: in line, or for an answer, however many
        agents had the chat meanwhile."""
        since = self.dispatch_queued_at or self.dispatch_assigned_at
        if since and self.filtered_domain(UNANSWERED):
            since = min(since, self.dispatch_asked_at)
        return int((read_now(self.env) - since).total_seconds()) if since else 0

    def _note_word(self, message):
        """Note whose the last word is: that of a buyer or of an agent who is seated here. What a
        bot or the desk says is no answer, and what a colleague who looks in says is none either."""
        now = read_now(self.env)
        if message.author_id in self.dispatch_seat_partner_ids:
            if not self.dispatch_answered_at:
                self._note_first_answer(now)
            if self.dispatch_asked_at:
                self.dispatch_asked_at = False
        elif self._is_buyers(message):
            # Whoever has put something into the cart while the chat goes on.
            cart_id = self.livechat_channel_id._read_cart_id()
            if cart_id and cart_id != self.dispatch_cart_id:
                self.dispatch_cart_id = cart_id
            if not self.dispatch_asked_at:
                self.dispatch_asked_at = now

    def _note_first_answer(self, moment):
        """Note the first word of the present agent's turn, and how long the buyer waited for it
        in this turn."""
        self.dispatch_answered_at = moment
        asked = [self.dispatch_asked_at, self.dispatch_assigned_at]
        asked = max(filter(None, asked), default=moment)
        # What gave the agent the chat. Served by livechat_dispatch_decision's index on
        # discuss_channel_id.
        turn = self.env["livechat.dispatch.decision"].search(
            [("discuss_channel_id", "=", self.id), ("user_id", "!=", False)],
            order="moment desc, id desc",
            limit=1,
        )
        turn.answer_seconds = (moment - asked).total_seconds()

    def _is_buyer(self, guest_or_partner):
        """Tell whether this guest or contact is the buyer of this chat."""
        buyers = self.livechat_customer_history_ids
        return guest_or_partner in (
            buyers.guest_id if guest_or_partner._name == "mail.guest" else buyers.partner_id
        )

    def _is_buyers(self, message):
        """Tell whether the buyer of this chat has written this message."""
        return self._is_buyer(message.author_guest_id or message.author_id)

    def _get_givers(self):
        """Return the users who transferred this chat, or from whom it was transferred.

        :rtype: res.users
        """
        return self.dispatch_decision_ids.filtered(
            lambda decision: decision.kind == "transfer"
        ).previous_user_id

    def _get_seated(self, partners=None):
        """Return the users who are seated here, one for each contact.

        :param partners: these contacts instead of those who are seated.
        :rtype: res.users
        """
        partners = self.dispatch_seat_partner_ids if partners is None else partners
        return self.livechat_channel_id._get_agents_of(partners)

    # ------------------------------------------------------------
    # Chatbots
    # ------------------------------------------------------------

    def _get_human_operator(self, users, chatbot_script_step):
        # sudo: im_livechat.channel - a buyer's bot may ask for an agent
        channel = self.livechat_channel_id.sudo()
        if channel.dispatch_mode == "native":
            return super()._get_human_operator(users, chatbot_script_step)
        if users is not None and not users:
            return self.env["res.users"]
        outcome = channel._dispatch(
            self.sudo()._get_buyer(),  # sudo: discuss.channel - who the buyer is
            chat=self.sudo(),
            users=users,
            offline=users is None,
            expertises=chatbot_script_step.operator_expertise_ids
            if chatbot_script_step
            else self.env["im_livechat.expertise"],
        )
        if users is None or outcome.agent:
            # A bot that asks for certain people, as one that makes a lead for a sales team, takes
            # whoever the chat is then with for one of them: with nobody it goes on by itself.
            channel._keep_outcome(outcome)
        return outcome.agent

    # ------------------------------------------------------------
    # Line and pool
    # ------------------------------------------------------------

    def _let_desk_go(self):
        """Take the desk out of the chat, and out of who was ever in it: core's reports count the
        time to answer from a bot's last message, and the desk, which they take for one, says
        nothing.

        For each record that is deleted core looks through four tables for what is about it, which
        nothing is about the desk in a chat, and forgets all that was read: of each buyer who is
        served that would be the dearest part.
        """
        desk = self.livechat_channel_id.reception_partner_id
        members, histories = (
            records.filtered(lambda record: record.partner_id == desk)
            for records in (self.channel_member_ids, self.livechat_channel_member_history_ids)
        )
        # Who has no contact is a guest, and not the desk of a channel that has none.
        if not (desk and (members or histories)):
            return
        for records in (members, histories):
            for field in records._fields.values():
                self.env.remove_to_compute(field, records)
            records.flush_recordset()
        # Served by the primary keys.
        self.env.cr.execute(
            """
            WITH history AS (
                DELETE FROM im_livechat_channel_member_history WHERE id = ANY(%s)
            )
            DELETE FROM discuss_channel_member WHERE id = ANY(%s)
            """,
            [histories.ids, members.ids],
        )
        members.invalidate_recordset(flush=False)
        histories.invalidate_recordset(flush=False)
        desk.invalidate_recordset(["channel_ids"], flush=False)
        # Whatever else is known of the chat follows from who is in it, or is a column of its own.
        self.invalidate_recordset(
            [
                name
                for name, field in self._fields.items()
                if not field.column_type or not field.store
            ],
            flush=False,
        )
        self.env.add_to_compute(self._fields["livechat_bot_partner_ids"], self)
        self._send_left(members)

    def _get_bots(self):
        """Return the contacts of the bots that are in this chat, without the desk."""
        bots = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "bot"
        ).partner_id
        return bots - self.livechat_channel_id.reception_partner_id

    def _seat(self, agent):
        """Let this agent be the one who answers the chat, and open it in its Discuss.

        What decided that is written down before, see :meth:`_record`.
        """
        now = read_now(self.env)
        values = {
            "livechat_operator_id": agent.partner_id.id,
            "dispatch_state": "assigned",
            "dispatch_assigned_at": now,
            # However long the buyer has waited: for this agent the chat begins now, and is not
            # quiet, nor forgotten, before it has answered.
            "last_interest_dt": now,
            "dispatch_answered_at": False,
            "dispatch_queued_at": False,
            "dispatch_put_first": 0,
            "dispatch_gone_at": False,
            "dispatch_is_away": self.dispatch_rule == "offline",
            "dispatch_is_told": False,
        }
        buyers = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "visitor"
        )
        buyer = buyers.partner_id[:1].display_name or buyers.guest_id[:1].name
        if buyer:
            values["name"] = f"{buyer} {agent.livechat_username or agent.name}"
        if self.livechat_failure == "no_agent":
            values["livechat_failure"] = "no_answer"
        is_new = agent.partner_id not in self.dispatch_seat_partner_ids
        takes_over = bool(self.livechat_agent_history_ids.partner_id - agent.partner_id)
        # Before it comes: its page is told of the chat once, and all that is true from now on.
        self.write(values)
        # Nobody has invited it: its page is told who the buyer is instead.
        # sudo: discuss.channel - dispatch seats whom it has chosen
        if not is_new or not self.with_user(agent).sudo()._add_members(
            users=agent,
            create_member_params={"livechat_member_type": "agent"},
            post_joined_message=False,
        ):
            # It was there.
            self._broadcast(agent.partner_id.ids)
        if is_new:
            self._announce(agent, takes_over)
        self._follow_agents(agent)

    def _announce(self, agent, takes_over):
        """Tell the buyer in one line, in its language, who answers from now on.

        :param takes_over: whether somebody else did before.
        """
        env = self._get_buyers_env()
        name = agent.livechat_username or agent.name
        self._say_as_desk(
            env._("%s takes over", name) if takes_over else env._("%s is with you now", name)
        )

    def _get_buyers_env(self):
        """Return the environment in which the buyer's language is spoken."""
        return self.with_context(lang=self._get_buyers_lang()).env

    def _say_as_desk(self, words):
        """Say something in one line, as the shop: core takes any word of an agent for an answer,
        this one as well."""
        desk = self.livechat_channel_id.reception_partner_id or self.env.ref("base.partner_root")
        self.with_user(SUPERUSER_ID)._post_line(words, desk)

    def _get_buyers_lang(self):
        """Return the code of the installed language in which the buyer is told something."""
        spoken = self.livechat_lang_id.code
        closest = spoken and self.env["im_livechat.channel"]._find_installed_lang(spoken)
        return closest or self.env.lang

    def _post_line(self, words, author):
        """Say something in one line of this chat, to all who are in it.

        :param author: the ``res.partner`` who says it.
        """
        # Pages begin such a line with its author's name, unless that is in it.
        name = author.user_livechat_username or author.name
        self.message_post(
            author_id=author.id,
            body=Markup('<div class="o_mail_notification" title="%s">%s</div>') % (name, words),
            message_type="notification",
            subtype_xmlid="mail.mt_comment",
        )

    def _leave(self, partners):
        """Take these partners out of the chat without ending it, as core's way to leave would
        end the chat of whoever was its last agent. Open pages are told the same, and first, so
        that nothing sent later shows who left."""
        left = self.channel_member_ids.filtered(lambda member: member.partner_id in partners)
        if not left:
            return
        left.unlink()
        for partner in partners:
            Store(bus_channel=partner).add(
                self, {"close_chat_window": True, "isLocallyPinned": False}
            ).bus_send()
        self._send_left(left)

    def _send_left(self, left):
        """Tell open pages who is in the chat no more."""
        Store(bus_channel=self).add(
            self,
            [Store.Many("channel_member_ids", [], mode="DELETE", value=left), "member_count"],
        ).bus_send()

    def get_dispatch_reason(self):
        """Return why this chat has its agent, in the words of the reader.

        :return: ``{"text", "decision_id"}`` of the last decision that gave the chat to the reader
            whose it is, to others of the last that gave it to anybody, as far as they read the
            decisions of others; ``False`` where there is none, and while it waits for an agent.
        :rtype: dict | bool
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: discuss.channel - whose it is
        chat = self.sudo()
        decisions = self.env["livechat.dispatch.decision"]
        if chat.dispatch_state in WAITING or not decisions.has_access("read"):
            return False
        given = decisions.search([("discuss_channel_id", "=", self.id), ("user_id", "!=", False)])
        is_mine = self.env.user.partner_id in chat.dispatch_seat_partner_ids
        own = given.filtered(lambda row: is_mine and row.user_id == self.env.user)
        decision = own[:1] or given[:1]
        if not decision or not decision.sentence:
            return False
        if decision.user_id == self.env.user:
            text = decision.sentence
        else:
            # sudo: res.users - the name of a colleague in a decision that may be read
            name = decision.user_id.sudo().name
            text = self.env._("Came to %(name)s: %(why)s", name=name, why=decision.sentence)
        return {"text": text, "decision_id": decision.id}

    # ------------------------------------------------------------
    # From one agent to another
    # ------------------------------------------------------------

    def _add_members(self, *, partners=None, users=None, **kwargs):
        if not self.env.su:
            for chat in self:
                chat._check_invited((partners or self.env["res.partner"]), users)
        members = super()._add_members(partners=partners, users=users, **kwargs)
        self._know_asked_buyers()
        return members

    def _know_asked_buyers(self):
        """Let whom an agent of the website has asked into a chat be its buyer: core takes everybody
        who does not come by the chat window for an agent."""
        if "is_pending_chat_request" not in self._fields:
            return
        # sudo: discuss.channel - who is whom in a chat that the caller has just made or changed
        for chat in self.sudo():
            if chat.is_pending_chat_request and chat._is_dispatched():
                chat.channel_member_ids.filtered(
                    lambda member, agent=chat.livechat_operator_id: (
                        member.partner_id != agent and member.livechat_member_type == "agent"
                    )
                ).livechat_member_type = "visitor"

    def _check_invited(self, partners, users):
        """Let only agents with the right to receive buyers be brought into a dispatched chat.

        :raise UserError: naming who may not.
        """
        # sudo: im_livechat.channel, res.users - who may be an agent here
        chat = self.sudo()
        if not chat._is_dispatched():
            return
        # sudo: res.users - what rights the invited have
        invited = [*(users or self.env["res.users"]).sudo()]
        invited += [partner.user_ids for partner in partners.sudo()]
        for accounts in invited:
            # A contact may have several users: one of them is enough.
            refusals = [
                chat._refuse_agent(user) for user in accounts.filtered(lambda user: not user.share)
            ]
            if refusals and all(refusals):
                raise UserError(refusals[0])

    def _refuse_agent(self, user):
        """Return in one sentence why this user may not be brought into the chat, if so."""
        channel, group = self.livechat_channel_id, self.dispatch_group_id
        staff = channel.user_ids | channel.main_account_id
        if not user._has_agent_group() or (channel.main_account_id and user not in staff):
            return self.env._("%s may not receive buyers of this channel.", user.display_name)
        if user.id in channel._find_lacking(group, user):
            return self.env._(
                "%(agent)s lacks the permission that %(group)s asks for.",
                agent=user.display_name,
                group=group.name,
            )
        return None

    # ------------------------------------------------------------
    # Transfer
    # ------------------------------------------------------------

    def _say_why_not(self, agent, outcome):
        """Return in one sentence why this agent cannot take the chat."""
        texts = self.env["livechat.dispatch.decision"]._get_reason_texts()
        code = outcome.values["excluded"].get(str(agent.id))
        reason = texts.get(code, self.env._("cannot take the chat now"))
        # sudo: res.users - the name of a colleague
        return self.env._("%(agent)s %(reason)s.", agent=agent.sudo().name, reason=reason)
