from datetime import datetime, timedelta

from odoo import api, fields, models

from ..dispatch import policy
from ..dispatch.credit import charge
from .im_livechat_channel_dispatch import Outcome

# The hours of a day at which buyers come; the evening is the busy time.
_HOURS = (9.2, 10.1, 11.5, 14.0, 15.3, 16.8, 20.0, 20.05, 20.1, 20.2)
_DAYS = 7
# Who sits at the desks when: the third comes at noon, the fourth leaves at six.
_SHIFTS = ((8, 22), (8, 22), (12, 22), (8, 18))

_QUESTIONS = (
    ("Is the blue one in stock?", "Yes, we can send it today."),
    ("When will my parcel arrive?", "It is on its way and arrives tomorrow."),
    ("Can I change my address?", "Of course. Which one shall I use?"),
)


class ImLivechatChannel(models.Model):
    """The week that the demo shop has behind it, so that no page of it is empty."""

    _inherit = "im_livechat.channel"

    @api.model
    def _load_demo_history(self):
        """Let buyers have come to the demo shop in the last days; called by the demo data, once."""
        channel = self.env.ref("im_livechat_subaccount.im_livechat_channel_flagship")
        today = fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        credits = dict.fromkeys(channel.user_ids.ids, 0)
        number = 0
        for days in range(_DAYS, 0, -1):
            channel._add_demo_presence(today - timedelta(days=days))
            for hour in _HOURS:
                moment = today - timedelta(days=days) + timedelta(hours=hour)
                channel._add_demo_chat(number, moment, credits)
                number += 1
        self.env.flush_all()

    def _add_demo_presence(self, day):
        """Note that the agents came and went on that day."""
        self.env["livechat.dispatch.presence"].create(
            [
                {"user_id": user.id, "moment": day + timedelta(hours=hour), "state": state}
                for user, shift in zip(self.user_ids.sorted("login"), _SHIFTS, strict=False)
                for hour, state in zip(shift, ("online", "gone"), strict=True)
            ]
        )

    def _add_demo_chat(self, number, moment, credits):
        """Add a chat that came and ended then; who got it is the policy's decision.

        :param number: of the chat; each buyer differs a little from the others.
        :param datetime moment: when the buyer came, UTC.
        :param credits: of the agents, in ``1 / CHAT`` chat; charged with this chat.
        """
        rules = self._get_dispatch_rules()._replace(max_sessions=None)
        desks = self.user_ids.sorted("login")
        agents = [
            policy.Agent(
                user_id=user.id,
                weight=user.dispatch_weight,
                enabled=True,
                permitted=user._has_agent_group(),
                online=index < len(_SHIFTS) and _is_within(moment, _SHIFTS[index]),
                paused=False,
                in_call=False,
                is_main_account=False,
                credit=credits[user.id],
            )
            for index, user in enumerate(desks)
        ]
        decision = policy.decide(agents, rules)
        for user_id, change in charge(decision.shares, decision.winner).items():
            credits[user_id] += change
        agent = desks.browse(decision.winner)
        values = self.env["livechat.dispatch.decision"]._describe_decision(decision, agents, rules)
        # Of the evening's buyers the last ones wait a little.
        waited = 40 * (number % len(_HOURS) - 7) if number % len(_HOURS) > 7 else 0
        guest = self.env["mail.guest"].create({"name": f"Visitor #{number + 1}"})
        buyer = self.with_user(self.env.ref("base.public_user")).with_context(guest=guest)
        # sudo: im_livechat.channel - as core's route does for a buyer
        shop = buyer.sudo()
        group = self.env["livechat.dispatch.group"]
        values |= {
            "kind": "assign",
            "moment": moment + timedelta(seconds=waited),
            "waited_seconds": waited,
        }
        shop._keep_outcome(Outcome(agent, "assigned", group, values))
        chat = (
            shop.env["discuss.channel"]
            .create(
                shop._get_livechat_discuss_channel_vals(
                    agent=agent, operator_partner=agent.partner_id, operator_model="res.users"
                )
            )
            .with_env(self.env)
        )
        answered = moment + timedelta(seconds=waited + 15 + 7 * (number % 5))
        self._say_in_demo_chat(chat, number, guest, agent, moment, answered)
        ended = answered + timedelta(minutes=3 + number % 9)
        if waited:
            full = [agent._replace(lively_chats=99) for agent in agents]
            limited = self._get_dispatch_rules()
            nobody = policy.decide(full, limited)
            values = self.env["livechat.dispatch.decision"]._describe_decision(
                nobody, full, limited
            )
            chat._record({**values, "kind": "queue", "moment": moment, "waited_seconds": 0})
        chat.write({"livechat_end_dt": ended, "livechat_failure": "no_failure"})
        chat.flush_recordset()
        self.env.cr.execute(
            "UPDATE discuss_channel SET create_date = %s, last_interest_dt = %s,"
            " dispatch_assigned_at = %s WHERE id = %s",
            [moment, ended, moment + timedelta(seconds=waited), chat.id],
        )
        chat.invalidate_recordset()

    def _say_in_demo_chat(self, chat, number, guest, agent, asked, answered):
        question, answer = _QUESTIONS[number % len(_QUESTIONS)]
        for moment, body, author in (
            (asked, question, {"author_guest_id": guest.id, "author_id": False}),
            (answered, answer, {"author_id": agent.partner_id.id}),
        ):
            message = chat.message_post(
                body=body, message_type="comment", subtype_xmlid="mail.mt_comment", **author
            )
            message.flush_recordset()
            # The reports go by when it was written down.
            self.env.cr.execute(
                "UPDATE mail_message SET date = %s, create_date = %s WHERE id = %s",
                [moment, moment, message.id],
            )
            message.invalidate_recordset()


def _is_within(moment: datetime, hours):
    start, end = hours
    return start <= moment.hour < end
