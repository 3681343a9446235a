from datetime import timedelta
from functools import partial

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain

from odoo.addons.mail.tools.discuss import Store

from ..dispatch import policy
from ..dispatch.scope import Buyer
from .im_livechat_channel_dispatch import get_regular
from .im_livechat_channel_queue import WAITING, estimate_wait
from .livechat_dispatch_decision import RULES
from .livechat_dispatch_scope import is_storable
from .livechat_dispatch_total import LONGEST_WAIT
from .res_users import READERS

# An agent whose browser is gone for so long has left; shorter absences are a lost connection.
GRACE = timedelta(seconds=60)

# A phone that was put away for a moment keeps its place in line so long.
BUYER_GRACE = timedelta(minutes=5)

# In the context of core's daily cleaning: it leaves out the chats that wait, however long.
NOT_WAITING = object()

# The longest note that goes with a transfer, in characters.
_NOTE_LENGTH = 500


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    dispatch_state = fields.Selection(
        [("queued", "Waiting in line"), ("assigned", "Assigned"), ("pool", "In the message pool")],
        copy=False,
        readonly=True,
        groups=READERS,
        help="Where dispatch has sent this chat; empty when it came to nobody through dispatch.",
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
    )
    dispatch_decision_ids = fields.One2many(
        "livechat.dispatch.decision",
        "discuss_channel_id",
        "Dispatch Decisions",
        groups=READERS,
    )
    dispatch_queued_at = fields.Datetime("In Line Since", copy=False, readonly=True, groups=READERS)
    dispatch_assigned_at = fields.Datetime("Assigned At", copy=False, readonly=True, groups=READERS)
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
        "Number of Transfers",
        copy=False,
        readonly=True,
        groups=READERS,
    )
    dispatch_has_left = fields.Boolean(
        "Left the Line",
        copy=False,
        readonly=True,
        groups=READERS,
        help="The buyer left before anybody took the chat.",
    )
    dispatch_is_told = fields.Boolean(
        copy=False,
        readonly=True,
        groups=READERS,
        help="A mail has told the shop of this message.",
    )

    # Those who wait, in order; a shop has few of them among all its chats.
    _dispatch_waiting_idx = models.Index(
        "(livechat_channel_id, dispatch_queued_at, id) "
        "WHERE dispatch_state IN ('queued', 'pool') AND livechat_end_dt IS NULL"
    )
    # The last chats that were served say how long one takes.
    _dispatch_service_idx = models.Index(
        "(livechat_channel_id, livechat_end_dt DESC) "
        "WHERE dispatch_assigned_at IS NOT NULL AND livechat_end_dt IS NOT NULL"
    )
    # Serves the search for those who wait for a first answer.
    _dispatch_unanswered_idx = models.Index(
        "(dispatch_assigned_at) WHERE dispatch_state = 'assigned' "
        "AND livechat_failure = 'no_answer' AND livechat_end_dt IS NULL"
    )

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._refuse_dispatch_values(vals)
        # sudo: discuss.channel, im_livechat.channel - dispatch itself says where the chat goes
        chats = super().create(vals_list)
        for chat in chats.sudo():
            if chat.channel_type == "livechat":
                outcome = chat.livechat_channel_id._take_outcome()
                if outcome and outcome.state == chat.dispatch_state:
                    # Who has just come has not waited, whatever second it is.
                    chat._record({"waited_seconds": 0, **outcome.values}, outcome.group)
                    if outcome.agent:
                        # sudo: res.users - its own figures follow
                        chat._follow_agents(outcome.agent.sudo())
                    else:
                        # A seat may have become free while others were waiting.
                        chat.env["im_livechat.channel"]._drain_soon()
                    if outcome.state == "queued":
                        chat.livechat_channel_id._send_line()
        return chats

    def write(self, vals):
        ending = vals.get("livechat_end_dt") and self.filtered(
            lambda chat: chat.channel_type == "livechat" and not chat.livechat_end_dt
        )
        reopened = self.browse()
        if not vals.get("livechat_end_dt", True):
            # sudo: discuss.channel - what dispatch notes about it
            reopened = self.sudo().filtered(lambda chat: chat.livechat_end_dt)
        self._refuse_dispatch_values(vals)
        result = super().write(vals)
        if reopened:
            # Its bot starts again; the agent has gone, and dispatch begins anew as well.
            reopened.write(
                {
                    "dispatch_state": False,
                    "dispatch_assigned_at": False,
                    "dispatch_queued_at": False,
                }
            )
        if ending:
            # sudo: discuss.channel, res.users - whoever ends a chat ends its wait and frees seats
            ending = ending.sudo()
            ending._leave_line()
            agents = ending.livechat_channel_member_history_ids.partner_id.user_ids
            ending._follow_seats(agents)
        return result

    @api.model
    def _search(self, domain, *args, **kwargs):
        if self.env.context.get("livechat_dispatch_states") is NOT_WAITING:
            domain = Domain(domain) & Domain("dispatch_state", "not in", WAITING)
        return super()._search(domain, *args, **kwargs)

    @api.autovacuum
    def _gc_bot_only_ongoing_sessions(self):
        # What only the desk took part in waits for an agent.
        model = self.with_context(livechat_dispatch_states=NOT_WAITING)
        return super(DiscussChannel, model)._gc_bot_only_ongoing_sessions()

    def _refuse_dispatch_values(self, vals):
        """Refuse what only dispatch itself notes about a chat.

        Core lets internal users change any channel they are in, whatever a form calls read-only.

        :raise AccessError:
        """
        if not self.env.su and any(name.startswith("dispatch_") for name in vals):
            raise AccessError(self.env._("Only dispatch itself says where a chat goes."))

    def _follow_seats(self, agents):
        """Follow that these agents have lost chats."""
        self._follow_agents(agents)
        self.env["im_livechat.channel"]._drain_soon()

    def _follow_agents(self, agents):
        """Follow that these agents have got or lost chats, and let them know."""
        agents._follow_load()
        if any(chat.livechat_channel_id.dispatch_mode not in (False, "native") for chat in self):
            agents._send_dispatch_status()

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
            values["dispatch_has_left"] = decision.kind == "leave"
        if decision.has_waited:
            values["dispatch_wait_count"] = self.dispatch_wait_count + 1
            values["dispatch_waited_seconds"] = self.dispatch_waited_seconds + min(
                decision.waited_seconds, LONGEST_WAIT
            )
        if decision.kind == "transfer":
            values["dispatch_transfer_count"] = self.dispatch_transfer_count + 1
        values = {name: value for name, value in values.items() if self[name] != value}
        if values:
            self.write(values)

    def _get_waited_seconds(self):
        """Return for how many seconds the buyer has waited: in line, or for the first answer,
        however many agents had the chat meanwhile."""
        since = self.dispatch_queued_at or self.dispatch_assigned_at
        if since and self.dispatch_state == "assigned" and self.livechat_failure == "no_answer":
            since = min([since, *self.livechat_agent_history_ids.mapped("create_date")])
        return int((fields.Datetime.now() - since).total_seconds()) if since else 0

    def _get_buyer(self):
        """Return what is known about the buyer of this chat.

        :rtype: scope.Buyer
        """
        buyers = self.livechat_channel_member_history_ids.filtered(
            lambda history: history.livechat_member_type == "visitor"
        )
        return Buyer(
            partner_id=buyers.partner_id[:1].id or None,
            guest_id=buyers.guest_id[:1].id or None,
            lang=self.livechat_lang_id.code or None,
            country_id=self.country_id.id or None,
            tag_ids=tuple(buyers.partner_id[:1].category_id.ids),
        )

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
            expertises=chatbot_script_step.operator_expertise_ids
            if chatbot_script_step
            else self.env["im_livechat.expertise"],
        )
        channel._keep_outcome(outcome)
        return outcome.agent

    def _forward_human_operator(self, chatbot_script_step=None, users=None):
        message = super()._forward_human_operator(chatbot_script_step, users)
        # sudo: im_livechat.channel, discuss.channel - what dispatch has decided for this chat
        chat = self.sudo()
        outcome = chat.livechat_channel_id._take_outcome()
        if outcome and outcome.state == "assigned" and outcome.agent != self.env.user:
            chat.write(
                {
                    "dispatch_state": "assigned",
                    "dispatch_assigned_at": fields.Datetime.now(),
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

    # ------------------------------------------------------------
    # Line and pool
    # ------------------------------------------------------------

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
        self._leave(self._get_desk_and_bots())
        self._forget_desk()
        self._seat(agent)
        Store(bus_channel=self).add(self, {"dispatch_wait": False}).bus_send()

    def _forget_desk(self):
        """Take the desk out of who was ever in the chat: core's reports count the time to answer
        from a bot's last message, and the desk, which they take for one, says nothing."""
        desk = self.livechat_channel_id.reception_partner_id
        self.livechat_channel_member_history_ids.filtered(
            lambda history: history.partner_id == desk
        ).unlink()

    def _get_desk_and_bots(self):
        return self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "bot"
        ).partner_id

    def _seat(self, agent):
        """Let this agent be the one who answers the chat, and open it in its Discuss.

        What decided that is written down before, see :meth:`_record`.
        """
        if agent.partner_id not in self.dispatch_seat_partner_ids:
            # The desk invites: core takes any word of an agent for an answer, "invited" as well.
            desk = self.livechat_channel_id.reception_partner_id
            self.with_user(SUPERUSER_ID)._add_members(
                users=agent,
                create_member_params={"livechat_member_type": "agent"},
                inviting_partner=desk or self.env.ref("base.partner_root"),
            )
        values = {
            "livechat_operator_id": agent.partner_id.id,
            "dispatch_state": "assigned",
            "dispatch_assigned_at": fields.Datetime.now(),
            "dispatch_queued_at": False,
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
        self.write(values)
        self._broadcast(agent.partner_id.ids)
        self._follow_agents(agent)

    def _leave(self, partners):
        """Take these partners out of the chat without ending it, as core's way to leave would
        end the chat of whoever was its last agent. Open pages are told the same, and first, so
        that nothing sent later shows who left."""
        left = self.channel_member_ids.filtered(lambda member: member.partner_id in partners)
        if not left:
            return
        left.unlink()
        self._follow_seats(partners.user_ids)
        for partner in partners:
            Store(bus_channel=partner).add(
                self, {"close_chat_window": True, "isLocallyPinned": False}
            ).bus_send()
        Store(bus_channel=self).add(
            self,
            [Store.Many("channel_member_ids", [], mode="DELETE", value=left), "member_count"],
        ).bus_send()

    def _enter_line(self, values):
        """Let this chat wait, at the place that the time of its arrival gives it."""
        self._greet_with_desk()
        self.write(
            {
                "dispatch_state": "queued",
                "dispatch_queued_at": self.dispatch_queued_at or fields.Datetime.now(),
                "dispatch_regular_id": get_regular(values),
            }
        )
        self._record({**values, "kind": "queue"})
        # sudo: im_livechat.channel - the line is the server's
        self.livechat_channel_id.sudo()._send_places(self.dispatch_group_id)
        # A seat may have become free since the decision.
        self.env["im_livechat.channel"]._drain_soon()

    def _enter_pool(self, values):
        """Keep this chat until somebody comes."""
        self._greet_with_desk()
        self.write(
            {
                "dispatch_state": "pool",
                "dispatch_queued_at": self.dispatch_queued_at or fields.Datetime.now(),
            }
        )
        self._record({**values, "kind": "pool"})
        Store(bus_channel=self).add(self, {"dispatch_wait": {"state": "pool"}}).bus_send()
        self._tell_of_messages()
        # Somebody may have come since the decision.
        self.env["im_livechat.channel"]._drain_soon()

    def _greet_with_desk(self):
        """Put the reception desk where the agent was."""
        # sudo: res.partner - the desk is the shop itself
        desk = self.livechat_channel_id.sudo().reception_partner_id
        if desk and self.livechat_operator_id != desk:
            self.livechat_operator_id = desk

    def _leave_line(self):
        """Take chats that have ended out of the line and the pool."""
        lines = set()
        for chat in self.filtered(lambda chat: chat.dispatch_state in WAITING):
            if chat.dispatch_state == "queued":
                lines.add((chat.livechat_channel_id, chat.dispatch_group_id))
            chat._record({"kind": "leave", "rule": "nobody"})
            chat.dispatch_state = False
        for channel, group in lines:
            channel._send_places(group)

    @api.model
    def _remove_absent_buyers(self):
        """Take buyers whose browser is gone out of the line: what they wrote goes to the pool, who
        wrote nothing has left."""
        for chat in self._find_absent_buyers():
            self.env["im_livechat.channel"]._attempt(chat._leave_absently)

    @api.model
    def _find_absent_buyers(self, chats=None):
        """Return the chats in line whose buyer's browser has been gone for ``BUYER_GRACE``.

        :param chats: only of these.
        """
        self.flush_model(["dispatch_state", "livechat_end_dt"])
        self.env["mail.presence"].flush_model(["status", "livechat_offline_since"])
        # Served by discuss_channel__dispatch_waiting_idx and the unique indexes on mail_presence.
        self.env.cr.execute(
            """
            SELECT chat.id
              FROM discuss_channel chat
              JOIN im_livechat_channel_member_history buyer ON buyer.channel_id = chat.id
         LEFT JOIN res_users users ON users.partner_id = buyer.partner_id
         LEFT JOIN mail_presence presence
                ON presence.guest_id = buyer.guest_id OR presence.user_id = users.id
             WHERE chat.dispatch_state = 'queued'
               AND chat.livechat_end_dt IS NULL
               AND buyer.livechat_member_type = 'visitor'
               AND coalesce(presence.status, 'offline') = 'offline'
               AND coalesce(presence.livechat_offline_since, chat.dispatch_queued_at)
                   <= %(gone_before)s
               AND (%(chat_ids)s::integer[] IS NULL OR chat.id = ANY(%(chat_ids)s))
          ORDER BY chat.id
            """,
            {
                "gone_before": fields.Datetime.now() - BUYER_GRACE,
                "chat_ids": None if chats is None else chats.ids,
            },
        )
        return self.browse(chat_id for (chat_id,) in self.env.cr.fetchall())

    def _leave_absently(self):
        # Found a while ago: meanwhile it may have got an agent, or its buyer have come back.
        if not (self.try_lock_for_update() and self._find_absent_buyers(self)):
            return
        if self._has_buyer_written():
            self._leave_message()
        else:
            self.livechat_end_dt = fields.Datetime.now()

    def _send_wait(self, place, estimate):
        """Tell the buyer's page the place in line and, if it is known, the wait in seconds."""
        wait = {"state": "queued", "place": place, "estimate": estimate and list(estimate)}
        Store(bus_channel=self).add(self, {"dispatch_wait": wait}).bus_send()

    def _get_wait(self):
        """Return what the buyer is told about its wait, ``False`` when it does not wait.

        :rtype: dict | bool
        """
        self.ensure_one()
        if self.livechat_end_dt or self.dispatch_state not in WAITING:
            return False
        if self.dispatch_state == "pool":
            return {"state": "pool"}
        channel = self.livechat_channel_id
        if not channel:
            return False
        line = channel._get_line(self.dispatch_group_id)
        place = line.ids.index(self.id) + 1 if self in line else len(line) + 1
        estimate = estimate_wait(place, channel._get_pace(self.dispatch_group_id))
        return {"state": "queued", "place": place, "estimate": estimate and list(estimate)}

    def _to_store_defaults(self, target):
        attributes = super()._to_store_defaults(target)
        if target.is_internal(self.env):
            attributes.append(
                Store.Attr(
                    "dispatch_transferable",
                    value=True,
                    # sudo: im_livechat.channel - whether dispatch gives its chats to agents
                    predicate=lambda chat: (
                        chat.channel_type == "livechat"
                        and chat.sudo().livechat_channel_id.dispatch_mode not in (False, "native")
                    ),
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
        ]

    def get_dispatch_reason(self):
        """Return why this chat has its agent, in the words of the reader.

        :return: ``{"text", "decision_id"}`` of the last decision that gave the chat to the reader,
            or to anybody for who reads the decisions of others; ``False`` where there is none.
        :rtype: dict | bool
        """
        self.ensure_one()
        self.check_access("read")
        decisions = self.env["livechat.dispatch.decision"]
        if not decisions.has_access("read"):
            return False
        given = decisions.search([("discuss_channel_id", "=", self.id), ("user_id", "!=", False)])
        decision = given.filtered(lambda row: row.user_id == self.env.user)[:1] or given[:1]
        if not decision or not decision.sentence:
            return False
        if decision.user_id == self.env.user:
            text = self.env._("Came to you: %s", decision.sentence)
        else:
            # sudo: res.users - the name of a colleague in a decision that may be read
            name = decision.user_id.sudo().name
            text = self.env._("Came to %(name)s: %(why)s", name=name, why=decision.sentence)
        return {"text": text, "decision_id": decision.id}

    def _leave_message(self):
        """Move a chat from the line to the pool: its buyer will not wait."""
        self.ensure_one()
        if self.dispatch_state != "queued":
            return
        self._enter_pool({"rule": "nobody"})
        self.livechat_channel_id._send_places(self.dispatch_group_id)

    # ------------------------------------------------------------
    # From one agent to another
    # ------------------------------------------------------------

    def _hand_over(self, leaver, successor=None, leavers=None, may_stay=False):
        """Let another agent take over these chats.

        With nobody free the chat waits in line or in the pool; it does not end because its agent
        left.

        :param leaver: the user who leaves the chats.
        :param successor: the user who takes them all; without one each is dispatched again.
        :param leavers: all the users who leave at the same time; none of them gets a chat.
        :param may_stay: the leaver is merely absent, and keeps a chat that nobody else takes.
        """
        for chat in self:
            others = chat.dispatch_seat_partner_ids - leaver.partner_id
            outcome = None
            if not successor and not others:
                outcome = chat._dispatch_again(leaver, (leavers or leaver).ids)
            agent = successor or (outcome and outcome.agent)
            waits = outcome and outcome.state in WAITING
            if may_stay and not (agent or others or waits):
                continue
            chat._leave(leaver.partner_id)
            if agent:
                values = outcome.values if outcome else {"user_id": agent.id, "rule": "by_hand"}
                chat._record(values, kind="hand_over", previous_user_id=leaver.id)
                chat._seat(agent)
            elif others:
                chat.livechat_operator_id = others[0]
            elif not outcome or chat.livechat_channel_id.dispatch_mode == "native":
                chat.livechat_status = "need_help"
            elif outcome.state == "queued":
                chat._enter_line({**outcome.values, "previous_user_id": leaver.id})
            else:
                if outcome.state != "pool":
                    # The shop keeps no pool for those who come; this buyer was promised an answer.
                    chat.livechat_status = "need_help"
                chat._enter_pool({**outcome.values, "previous_user_id": leaver.id})

    def _dispatch_again(self, leaver, declined=(), offline=True):
        """Choose another agent for this chat than the one who leaves it.

        :param declined: ids of the users who do not get it either.
        :param offline: whether the rule for when nobody is here may choose.
        :rtype: im_livechat_channel_dispatch.Outcome | None
        """
        self.ensure_one()
        channel = self.livechat_channel_id
        if not channel:
            return None
        if channel.dispatch_mode == "native":
            agent = channel._get_operator(
                lang=self.livechat_lang_id.code,
                country_id=self.country_id.id,
                expertises=self.livechat_expertise_ids,
                users=channel.user_ids - leaver - leaver.browse(declined),
            )
            return channel._make_outcome(agent)
        # A decision reads what is committed; that somebody leaves is about to be.
        return channel._dispatch(
            self._get_buyer(),
            chat=self,
            declined={leaver.id, *declined},
            expertises=self.livechat_expertise_ids,
            offline=offline,
        )

    def _get_tried_agents(self):
        """Return the users who have been this chat's agents."""
        return (
            self.livechat_channel_member_history_ids.filtered(
                lambda history: history.livechat_member_type == "agent"
            )
            .partner_id.with_context(active_test=False)
            .user_ids
        )

    @api.model
    def _reassign_unanswered(self):
        """Give chats whose agents do not answer to the next agents; see ``no_reply_seconds``.

        Late is as good as in time: what counts is what is true when this runs.
        """
        now = fields.Datetime.now()
        for channel in self.env["im_livechat.channel"].search(
            [("no_reply_seconds", ">", 0), ("dispatch_mode", "!=", "native")]
        ):
            overdue = [
                ("livechat_channel_id", "=", channel.id),
                ("dispatch_state", "=", "assigned"),
                ("livechat_failure", "=", "no_answer"),
                ("livechat_end_dt", "=", False),
                ("dispatch_is_away", "=", False),
                ("dispatch_assigned_at", "<=", now - timedelta(seconds=channel.no_reply_seconds)),
            ]
            for chat in self.search(overdue, order="dispatch_assigned_at, id"):
                self.env["im_livechat.channel"]._attempt(partial(chat._reassign_if, overdue))

    def _reassign_if(self, overdue):
        """Give this chat to the next agent if it is still overdue, and its buyer has written.

        :param overdue: the domain it was found by, a while ago.
        """
        # An agent who is just answering writes the same row: one of the two is first.
        if (
            self.try_lock_for_update()
            and self.filtered_domain(overdue)
            and self._has_buyer_written()
        ):
            self._reassign()

    def _has_buyer_written(self):
        return any(
            history.livechat_member_type == "visitor" and history.message_count
            for history in self.livechat_channel_member_history_ids
        )

    def _reassign(self):
        """Give this chat, which its agent has not answered, to the next one."""
        self.ensure_one()
        agent = self.dispatch_seat_partner_ids.with_context(active_test=False).user_ids[:1]
        tried = self._get_tried_agents()
        # No agent loses a chat to one who is not here; who has gone, _leave_absent_agents sees to.
        offline = not agent
        outcome = self._dispatch_again(agent, declined=tried.ids, offline=offline)
        if not outcome:
            return
        if not outcome.agent and len(tried) > 1:
            # All have been tried: once more from the beginning, but not the same at once.
            outcome = self._dispatch_again(agent, offline=offline)
        if not outcome.agent:
            # Nobody else: it stays where it is, and the clock starts again.
            self.dispatch_assigned_at = fields.Datetime.now()
            return
        if agent:
            agent._count_miss()
        self._leave(self.dispatch_seat_partner_ids)
        self._record(outcome.values, kind="reassign", previous_user_id=agent.id)
        self._seat(outcome.agent)

    @api.model
    def _leave_absent_agents(self):
        """Dispatch the unanswered chats of agents whose browser has been gone for ``GRACE``.

        The answered ones wait for the buyer's next message.
        """
        for chat, agent in self._find_absent_agents():
            self.env["im_livechat.channel"]._attempt(partial(chat._hand_over_if_absent, agent))

    @api.model
    def _find_absent_agents(self, chats=None):
        """Return the unanswered chats whose agents have been gone for ``GRACE``, with the agents.

        :param chats: only of these.
        :rtype: list[tuple[discuss.channel, res.users]]
        """
        self.flush_model(
            [
                "dispatch_state",
                "dispatch_is_away",
                "dispatch_seat_partner_ids",
                "livechat_failure",
                "livechat_end_dt",
            ]
        )
        self.env["mail.presence"].flush_model(["status", "livechat_offline_since"])
        # Served by discuss_channel__dispatch_unanswered_idx and the unique index on mail_presence.
        self.env.cr.execute(
            """
            SELECT chat.id, users.id
              FROM discuss_channel chat
              JOIN livechat_dispatch_seat seat ON seat.discuss_channel_id = chat.id
              JOIN im_livechat_channel channel ON channel.id = chat.livechat_channel_id
              JOIN res_users users ON users.partner_id = seat.partner_id
         LEFT JOIN mail_presence presence ON presence.user_id = users.id
             WHERE chat.dispatch_state = 'assigned'
               AND chat.livechat_failure = 'no_answer'
               AND chat.livechat_end_dt IS NULL
               AND channel.dispatch_mode != 'native'
               AND chat.dispatch_is_away IS NOT TRUE
               AND coalesce(presence.status, 'offline') = 'offline'
               AND coalesce(presence.livechat_offline_since, chat.create_date) <= %(gone_before)s
               AND (%(chat_ids)s::integer[] IS NULL OR chat.id = ANY(%(chat_ids)s))
          ORDER BY chat.id, users.id
            """,
            {
                "gone_before": fields.Datetime.now() - GRACE,
                "chat_ids": None if chats is None else chats.ids,
            },
        )
        users = self.env["res.users"]
        return [
            (self.browse(chat_id), users.browse(user_id))
            for chat_id, user_id in self.env.cr.fetchall()
        ]

    def _hand_over_if_absent(self, agent):
        # Found a while ago: meanwhile the agent may have answered, or come back.
        if self.try_lock_for_update() and (self, agent) in self._find_absent_agents(self):
            self._hand_over(agent, may_stay=True)

    def _message_post_after_hook(self, message, msg_vals):
        result = super()._message_post_after_hook(message, msg_vals)
        if self.channel_type == "livechat" and message.message_type == "comment":
            # sudo: discuss.channel, res.users - dispatch follows every message, whoever wrote it
            self.sudo()._follow_message(message.sudo())
        return result

    def _follow_message(self, message):
        """Follow what a message means for dispatch."""
        if self.livechat_end_dt:
            return
        if self.dispatch_state == "pool":
            self._tell_of_messages()
        if self.dispatch_state != "assigned":
            return
        agents = self.dispatch_seat_partner_ids
        if message.author_id in agents:
            author = message.author_id.user_ids.filtered("dispatch_miss_count")
            if author:
                author.dispatch_miss_count = 0
            return
        if self.livechat_channel_id.dispatch_mode == "native" or not agents:
            return
        since = fields.Datetime.now() - GRACE
        users = agents.with_context(active_test=False).user_ids
        absent = users.filtered(
            lambda agent: (
                not agent.active
                or (
                    agent.presence_ids.status in (False, "offline")
                    and (agent.presence_ids.livechat_offline_since or since) <= since
                )
            )
        )
        if self.dispatch_is_away:
            return
        if self.livechat_failure == "no_failure" and agents <= absent.partner_id:
            self._hand_over(absent[0], leavers=absent, may_stay=True)

    def _tell_of_messages(self):
        """Mail what a buyer has left in the pool to whom the channel names, once each time it comes
        to wait there: what was written since an agent's last answer."""
        address = self.livechat_channel_id.pool_email
        if not address or self.dispatch_is_told:
            return
        histories = self.livechat_channel_member_history_ids
        buyers = histories.filtered(lambda history: history.livechat_member_type == "visitor")
        messages = self.env["mail.message"]
        for message in self.message_ids.sorted("id"):
            if message.message_type != "comment":
                continue
            if (message.author_guest_id or message.author_id) in (
                *buyers.guest_id,
                *buyers.partner_id,
            ):
                messages |= message
            elif message.author_id in self.livechat_agent_history_ids.partner_id:
                messages = messages.browse()
        if not messages:
            return
        self.dispatch_is_told = True
        # The mail queue sends it; a buyer does not wait for a mail server.
        self.env["mail.mail"].create(
            {
                "email_to": address,
                "subject": self.env._(
                    "%(channel)s: a message of %(buyer)s waits",
                    channel=self.livechat_channel_id.name,
                    buyer=messages[0].author_guest_id.name or messages[0].author_id.name,
                ),
                "body_html": Markup("<br/>").join(messages.mapped("body")),
                "auto_delete": True,
            }
        )

    def _add_members(self, *, partners=None, users=None, **kwargs):
        if not self.env.su:
            for chat in self:
                chat._check_invited((partners or self.env["res.partner"]), users)
        return super()._add_members(partners=partners, users=users, **kwargs)

    def _check_invited(self, partners, users):
        """Let only agents with the right to receive buyers be brought into a dispatched chat.

        :raise UserError: naming who may not.
        """
        # sudo: im_livechat.channel, res.users - who may be an agent here
        chat = self.sudo()
        channel = chat.livechat_channel_id
        if chat.channel_type != "livechat" or channel.dispatch_mode in (False, "native"):
            return
        staff = channel.user_ids | channel.main_account_id
        # sudo: res.users - what rights the invited have
        invited = (users or self.env["res.users"]).sudo() | partners.sudo().user_ids
        for user in invited.filtered(lambda user: not user.share):
            if not user._has_agent_group() or (channel.main_account_id and user not in staff):
                raise UserError(
                    self.env._("%s may not receive buyers of this channel.", user.display_name)
                )
            if user.id in channel._find_lacking(chat.dispatch_group_id, user):
                raise UserError(
                    self.env._(
                        "%(agent)s lacks the permission that %(group)s asks for.",
                        agent=user.display_name,
                        group=chat.dispatch_group_id.name,
                    )
                )

    def action_take(self):
        """Take chats that wait, by hand, as far as one's capacity goes."""
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
            waiting.lock_for_update()
            outcome = channel._dispatch_to(user, waiting.dispatch_group_id)
            if not outcome.agent:
                raise UserError(waiting._say_why_not(user, outcome))
            waiting._assign(outcome._replace(values={**outcome.values, "rule": "by_hand"}))
        return True

    # ------------------------------------------------------------
    # Transfer
    # ------------------------------------------------------------

    def _check_transfer(self):
        """Refuse whoever may not give this chat away.

        :raise AccessError: for others than its agents and the managers of its shop's dispatch.
        """
        self.ensure_one()
        self.check_access("read")
        user = self.env.user
        # sudo: discuss.channel - who is seated
        chat = self.sudo()
        if chat.channel_type != "livechat" or chat.livechat_end_dt:
            raise UserError(self.env._("Only an open live chat can be transferred."))
        if chat.livechat_channel_id.dispatch_mode in (False, "native"):
            raise UserError(self.env._("This channel is dispatched by Odoo itself."))
        if user._manages_dispatch_of(chat.livechat_channel_id.main_account_id):
            return
        if user.partner_id not in chat.dispatch_seat_partner_ids:
            raise AccessError(self.env._("Only the agent of a chat can transfer it."))
        if user._is_shop_staff() and not user.has_group(
            "im_livechat_subaccount.group_transfer_chats"
        ):
            raise AccessError(self.env._("Your role does not let you transfer chats."))

    def get_transfer_targets(self):
        """Return to whom this chat can be transferred.

        :return: ``{"agents": [{"id", "name", "online", "paused", "load", "capacity", "free"}],
            "groups": [{"id", "name", "free"}]}``, the free ones first. ``free`` is how many chats
            fit, ``None`` for no limit.
        :rtype: dict
        """
        self._check_transfer()
        # sudo: im_livechat.channel - an agent sees its colleagues' load, which is what this is for
        channel = self.sudo().livechat_channel_id
        rules = channel._get_dispatch_rules()
        here = self.sudo().dispatch_seat_partner_ids.user_ids
        facts = [
            agent
            for agent in channel._read_dispatch_agents(channel.user_ids | channel.main_account_id)
            if agent.enabled and agent.permitted and agent.user_id not in here.ids
        ]
        # sudo: discuss.channel, res.users - the group's permission, and the names of colleagues
        lacking = channel._find_lacking(self.sudo().dispatch_group_id)
        facts = [agent for agent in facts if agent.user_id not in lacking]
        colleagues = self.env["res.users"].sudo().browse([agent.user_id for agent in facts])
        users = {user.id: user for user in colleagues}
        agents = []
        for agent in facts:
            limit = policy.capacity(rules.max_sessions, agent.weight)
            load = policy.load(agent, rules.quiet_hold)
            user = users[agent.user_id]
            agents.append(
                {
                    "id": user.id,
                    "name": user.livechat_username or user.name,
                    "online": agent.online,
                    "paused": agent.paused or agent.overloaded,
                    "load": load,
                    "capacity": limit,
                    "free": limit and max(0, int(limit - load)),
                }
            )
        agents.sort(key=lambda agent: (not agent["online"], agent["paused"], agent["name"]))
        able = {agent.user_id for agent in facts if not policy.exclusion(agent, rules)}
        groups = [
            {
                "id": group.id,
                "name": group.name,
                "free": len(able & set(group._get_agents().ids)),
            }
            for group in channel.dispatch_group_ids
        ]
        return {"agents": agents, "groups": groups}

    def transfer(self, reason, user_id=False, group_id=False, note=""):
        """Give this chat to a colleague, or to whom dispatch chooses in another group.

        :param reason: one of :meth:`_get_transfer_reasons`.
        :param user_id: the colleague, an agent of the channel with the right to receive buyers.
        :param group_id: the ``livechat.dispatch.group``, when no colleague is named.
        :param note: more about the reason, at most 500 characters.
        :return: ``{"state": "assigned" | "queued" | "pool", "agent": name}``.
        :raise UserError: when the colleague cannot take the chat now; nothing has changed then.
        """
        self._check_transfer()
        reasons = dict(self._get_transfer_reasons())
        if not isinstance(reason, str) or reason not in reasons:
            raise ValidationError(self.env._("Choose a reason for the transfer."))
        note = note.strip() if isinstance(note, str) else ""
        if len(note) > _NOTE_LENGTH or not is_storable(note):
            raise ValidationError(
                self.env._("The note is too long: at most %s characters.", _NOTE_LENGTH)
            )
        if reason == "other" and not note:
            raise ValidationError(self.env._("Write down the reason for the transfer."))
        values = {
            "kind": "transfer",
            "reason": f"{reasons[reason]}: {note}" if note else reasons[reason],
        }
        # sudo: discuss.channel - checked above; who may be an agent is checked below
        chat = self.sudo()
        was_in_line, line = chat.dispatch_state == "queued", chat.dispatch_group_id
        if type(user_id) is int and user_id:
            result = chat._transfer_to_agent(user_id, values, self.env.user)
        elif type(group_id) is int and group_id:
            result = chat._transfer_to_group(group_id, values)
        else:
            raise ValidationError(self.env._("Choose a colleague or a group."))
        if was_in_line:
            chat.livechat_channel_id._send_places(line)
        return result

    @api.model
    def _get_transfer_reasons(self):
        """:rtype: list[tuple[str, str]]"""
        return [
            ("wrong_group", self.env._("Another group's matter")),
            ("knowledge", self.env._("A colleague knows more about it")),
            ("language", self.env._("Another language")),
            ("shift_end", self.env._("My shift ends")),
            ("asked", self.env._("The buyer asked for it")),
            ("other", self.env._("Other")),
        ]

    @api.model
    def get_transfer_reasons(self):
        """Return the short list of reasons, as ``[[code, text], …]``."""
        return [list(reason) for reason in self._get_transfer_reasons()]

    def _transfer_to_agent(self, user_id, values, giver):
        channel = self.livechat_channel_id
        agent = self.env["res.users"].browse(user_id)
        if agent not in channel.user_ids | channel.main_account_id:
            raise UserError(self.env._("This colleague is no agent of the channel."))
        if agent.partner_id in self.dispatch_seat_partner_ids:
            raise UserError(self.env._("This colleague already has the chat."))
        above = giver._manages_dispatch_of(channel.main_account_id)
        outcome = channel._dispatch_to(agent, self.dispatch_group_id, ignore_capacity=above)
        if not outcome.agent:
            raise UserError(self._say_why_not(agent, outcome))
        return self._transfer(agent, {**outcome.values, **values, "rule": "by_hand"}, giver)

    def _say_why_not(self, agent, outcome):
        """Return in one sentence why this agent cannot take the chat."""
        texts = self.env["livechat.dispatch.decision"]._get_reason_texts()
        code = outcome.values["excluded"].get(str(agent.id))
        reason = texts.get(code, self.env._("cannot take the chat now"))
        # sudo: res.users - the name of a colleague
        return self.env._("%(agent)s %(reason)s.", agent=agent.sudo().name, reason=reason)

    def _transfer_to_group(self, group_id, values):
        channel = self.livechat_channel_id
        group = channel.dispatch_group_ids.filtered(lambda group: group.id == group_id)
        if not group:
            raise UserError(self.env._("This group does not belong to the channel."))
        givers = self.dispatch_seat_partner_ids.user_ids
        self.write({"dispatch_group_id": group.id})
        outcome = channel._dispatch(self._get_buyer(), chat=self, declined=givers.ids)
        if outcome.agent:
            return self._transfer(outcome.agent, {**outcome.values, **values}, self.env.user)
        if outcome.state not in WAITING:
            raise UserError(
                self.env._("Nobody in %(group)s can take the chat now.", group=group.name)
            )
        giver = givers[:1] or self.env.user
        self._record({**outcome.values, **values}, previous_user_id=giver.id)
        self._leave(givers.partner_id)
        if outcome.state == "queued":
            self._enter_line(outcome.values)
        else:
            self._enter_pool(outcome.values)
        return {"state": outcome.state, "agent": False}

    def _transfer(self, agent, values, giver):
        givers = self.dispatch_seat_partner_ids.user_ids
        self._record(values, previous_user_id=givers[:1].id or giver[:1].id)
        was_waiting = self.dispatch_state in WAITING
        self._leave(givers.partner_id | self._get_desk_and_bots())
        self._forget_desk()
        self._seat(agent)
        if was_waiting:
            Store(bus_channel=self).add(self, {"dispatch_wait": False}).bus_send()
        return {"state": "assigned", "agent": agent.livechat_username or agent.name}
