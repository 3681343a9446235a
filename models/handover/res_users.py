from datetime import timedelta

from odoo import models

from ...tools.here import GRACE, read_now
from ...tools.turn import OWED

# After so many buyers in a row without an answer an agent is paused.
_MISSES_TO_PAUSE = 3

# Odoo notes the activity of a browser once an hour.
_DEVICE_ACTIVE = timedelta(hours=1, minutes=5)

# As discuss.channel._is_dispatched, in a domain.
_IS_DISPATCHED = ("livechat_channel_id.dispatch_mode", "not in", (False, "native"))


class ResUsers(models.Model):
    _inherit = "res.users"

    def unlink(self):
        self.check_access("unlink")
        self._filter_known()._hand_over_chats()
        return super().unlink()

    def dispatch_away(self, until=False, reason_id=False):
        """Pause these agents and hand over each chat in which they owe a word: it goes to another
        agent, in line or into the pool, by the rules of its channel. Where these have nothing of
        that, it stays. Who is paused already and says nothing more of it stays paused as it is.

        :param until: as of :meth:`dispatch_pause`, and so is ``reason_id``.
        :return: ``{"handed_over", "kept"}``, how many chats went and how many stayed.
        :rtype: dict
        :raise AccessError: as for :meth:`dispatch_pause`.
        """
        self._check_pause()
        # sudo: res.users - whether they are paused, for who may pause them
        if until or reason_id or not all(user._is_paused() for user in self.sudo()):
            self.dispatch_pause(until, reason_id)
        # Who takes messages while nobody is here is not expected to answer soon.
        owed = [*OWED, ("dispatch_is_away", "=", False)]
        # sudo: res.users - checked above; as who logs out, nobody chooses who gets the chats
        chats = self.sudo()._hand_over_chats(
            only=owed, may_stay=True, reason=self.env._("Away by choice")
        )
        # sudo: res.users - as above
        partners = self.sudo().partner_id
        kept = chats.filtered(lambda chat: chat.dispatch_seat_partner_ids & partners)
        return {"handed_over": len(chats - kept), "kept": len(kept)}

    def _hand_over_chats(self, successor=None, only=(), **how):
        """Let ``successor`` take over the open chats of these users, or dispatch them again.

        :type successor: res.users
        :param only: a domain of the chats it is about.
        :param how: more for :meth:`models.handover.discuss_channel.DiscussChannel._hand_over`.
        :return: the chats it was about.
        :rtype: discuss.channel
        """
        concerned = self.env["discuss.channel"]
        self.env["discuss.channel"].flush_model(["dispatch_seat_partner_ids"])
        for user in self:
            domain = [("dispatch_seat_partner_ids", "in", user.partner_id.ids), *only]
            # sudo: res.users - whose sub-account it is
            if not user.sudo().main_account_id:
                # Of everybody else, what Odoo dispatches stays as Odoo leaves it.
                domain.append(_IS_DISPATCHED)
            # sudo: discuss.channel - whoever takes an agent away sees to its chats
            chats = self.env["discuss.channel"].sudo().search(domain)
            # A contact may have several users: while one of them is still an agent, it stays.
            # sudo: res.users - who else this is
            others = (user.sudo().partner_id.user_ids - self).filtered(
                lambda other: other._has_agent_group()
            )
            stays = chats.filtered(
                lambda chat, others=others: others & chat.livechat_channel_id.user_ids
            )
            (chats - stays)._hand_over(user, successor, leavers=self, **how)
            concerned |= (chats - stays).with_env(concerned.env)
        return concerned

    def _has_dispatched_chats(self):
        """Tell whether this user has a chat that dispatch gave: also of a channel where it is no
        agent any more."""
        domain = [("dispatch_seat_partner_ids", "in", self.partner_id.ids), _IS_DISPATCHED]
        # sudo: discuss.channel - whether there is one of its own
        return bool(self.env["discuss.channel"].sudo().search_count(domain, limit=1))

    def _leave_reception(self, identifier):
        """Give away the chats of somebody who logs out, and let no more come.

        :param identifier: of the session that ends; whoever has another one stays.
        """
        self.ensure_one()
        # sudo: res.users, mail.presence - one's own chats and presence
        user = self.sudo()
        channels = user._get_chat_channels().filtered(lambda row: row.dispatch_mode != "native")
        if not channels and not (user._has_agent_group() and user._has_dispatched_chats()):
            return
        elsewhere = user.device_ids.filtered(
            lambda device: (
                not device.revoked
                and device.session_identifier != identifier
                and device.last_activity >= read_now(self.env) - _DEVICE_ACTIVE
            )
        )
        if elsewhere:
            # The other browser is still there, and its presence says for how long.
            return
        user.presence_ids.filtered(lambda row: row.status != "offline").status = "offline"
        # Who logs out says so: no page is being loaded anew.
        user.presence_ids.livechat_offline_since = read_now(self.env) - GRACE
        self.env["livechat.announcement"]._seat_may_be_free(user._get_chat_channels())
        # Who takes messages while nobody is here is not expected to be: those it keeps.
        user._hand_over_chats(only=[("dispatch_is_away", "=", False)])

    def _end_pause(self):
        """Let an agent resume whose pause was to end by itself."""
        # Found a while ago: meanwhile it may have paused anew.
        agent = self.try_lock_for_update(allow_referencing=True)
        if agent.dispatch_paused and not agent._is_paused():
            with self.env["livechat.dispatch.log"]._by("dispatch"):
                agent.write({"dispatch_paused": False, "dispatch_paused_until": False})

    def _count_miss(self):
        """Count a buyer whom this agent left without an answer; pause it after three in a row."""
        self.ensure_one()
        misses = self.dispatch_miss_count + 1
        if misses < _MISSES_TO_PAUSE:
            self.dispatch_miss_count = misses
            return
        with self.env["livechat.dispatch.log"]._by("dispatch"):
            reason = "im_livechat_subaccount.livechat_pause_reason_missed"
            self.write(
                {
                    "dispatch_miss_count": 0,
                    "dispatch_paused": True,
                    "dispatch_pause_reason_id": self.env["ir.model.data"]._xmlid_to_res_id(
                        reason, raise_if_not_found=False
                    ),
                }
            )
        self._bus_send(
            "simple_notification",
            {
                "type": "warning",
                "sticky": True,
                "title": self.env._("You are paused"),
                "message": self.env._(
                    "Three buyers in a row got no answer from you and went to colleagues. Resume "
                    "when you are back."
                ),
            },
        )
