import pytz

from odoo import api, models
from odoo.tools import SQL

from ...tools import clock
from ...tools.here import read_now


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.ondelete(at_uninstall=False)
    def _count_before_unlink(self):
        # sudo: livechat.dispatch.total - decisions are counted while they still name the agent
        self.env["livechat.dispatch.total"].sudo()._count(wait=True)

    def write(self, vals):
        result = super().write(vals)
        if {"dispatch_paused", "manual_im_status"} & vals.keys():
            # sudo: res.users - of those who have a page open, when they paused
            there = self.sudo().filtered(lambda user: user._get_livechat_status() != "offline")
            self.env["livechat.dispatch.presence"]._note(there)
        if {"dispatch_paused", "dispatch_pause_reason_id"} & vals.keys():
            self.env["livechat.dispatch.pause"]._note(self)
        return result

    def _get_dispatch_presence(self):
        """Return what this agent does now, as in ``livechat.dispatch.presence``."""
        self.ensure_one()
        if self._get_livechat_status() != "online":
            return "gone"
        return "paused" if self._is_paused() else "online"

    def _get_shop_of_figures(self):
        """Return in whose figures the time of this agent belongs: its main account, or the one
        whose channels it serves, if there is just one."""
        self.ensure_one()
        owners = self._get_shop_owner() or self.livechat_channel_ids.main_account_id
        return owners if len(owners) == 1 else owners.browse()

    @api.model
    def _read_zones(self, owner_ids):
        """Return whose clocks the hours of figures are of, by main account, UTC for ``None``:
        ``{user id: zone}``."""
        owner_ids = set(owner_ids)
        # sudo: res.users - where a shop is
        owners = self.sudo().browse(owner_ids - {None}).exists()
        zones = dict.fromkeys(owner_ids, pytz.utc)
        zones.update((owner.id, pytz.timezone(owner.tz)) for owner in owners if owner.tz)
        return zones

    @api.model
    def get_my_dispatch_figures(self):
        """Return an agent's own figures, ``False`` for whoever is none.

        :return: ``{"today": figures, "week": figures}``, since midnight and since midnight six days
            before, in the agent's time zone. Figures are ``{"received", "entitled", "served",
            "difference", "share", "online_seconds", "median_answer_seconds"}``: chats, the share
            between 0 and 1, and ``None`` for a median of nothing.
        """
        user = self.env.user
        if not user._has_agent_group():
            return False
        # sudo: livechat.dispatch.total - to count changes nothing that anybody decides
        self.env["livechat.dispatch.total"].sudo()._count(fresh=True)
        now = read_now(self.env)
        return {
            name: user._get_dispatch_figures(clock.get_midnight(now, self.env.tz, days))
            for name, days in (("today", 0), ("week", -6))
        }

    def _get_dispatch_figures(self, since):
        """Return the figures of :meth:`get_my_dispatch_figures` since a moment in UTC."""
        names = ("received", "entitled", "served", "difference", "share", "online_seconds")
        # Served by livechat_dispatch_total__user_hour_idx and
        # livechat_dispatch_decision__user_moment_idx.
        # sudo: livechat.dispatch.total, livechat.dispatch.decision - one's own figures
        totals = self.env["livechat.dispatch.total"].sudo()
        turns = self.env["livechat.dispatch.decision"].sudo()
        ((*sums,),) = totals._read_group(
            [("user_id", "=", self.id), ("hour", ">=", since)],
            aggregates=[f"{name}:{totals._fields[name].aggregator}" for name in names],
        )
        # Of each chat that the agent got, whoever has it now.
        query = turns._search([("user_id", "=", self.id), ("moment", ">=", since)])
        median = SQL("percentile_cont(0.5) WITHIN GROUP (ORDER BY answer_seconds)")
        ((seconds,),) = self.env.execute_query(query.select(median))
        return {
            **{name: value or 0 for name, value in zip(names, sums, strict=True)},
            "median_answer_seconds": None if seconds is None else round(seconds),
        }
