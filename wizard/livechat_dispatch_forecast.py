from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

from ..dispatch import policy
from ..tools import phrase, sent
from ..tools.here import read_now

_DAYS = timedelta(days=30)
_ROWS_MAX = 100
# Further away nobody plans, and there would be many occurrences to walk through.
_HORIZON = timedelta(days=3 * 366)


class LivechatDispatchForecast(sent.Guard, models.TransientModel):
    """Tells, while it is being filled in, what is in force at some moment and by which change."""

    _name = "livechat.dispatch.forecast"
    _description = "What Is in Force When"

    channel_id = fields.Many2one(
        "im_livechat.channel",
        "Channel",
        required=True,
        default=lambda self: self._find_first_channel(),
    )
    moment = fields.Datetime("At", required=True, default=lambda self: read_now(self.env))
    change_id = fields.Many2one(
        "livechat.dispatch.change", "As If Planned", help="A draft that is to be looked at."
    )
    forecast = fields.Html(compute="_compute_forecast", sanitize=False)

    @api.model
    def _find_first_channel(self):
        return self.env["im_livechat.channel"].search([("dispatch_mode", "!=", "native")], limit=1)

    @api.depends("moment")
    def _compute_display_name(self):
        self.display_name = self.env._("What Is in Force When")

    @api.depends("channel_id", "moment", "change_id")
    def _compute_forecast(self):
        for form in self:
            # A form names whatever it likes.
            channel = form.channel_id._origin._filtered_access("read")
            # sudo: im_livechat.channel - whose it is
            owner = channel.sudo().main_account_id
            if (
                not channel
                or not form.moment
                or abs(form.moment - read_now(self.env)) > _HORIZON
                or not self.env.user._reads_dispatch_of(owner)
            ):
                form.forecast = False
                continue
            draft = form.change_id._origin._filtered_access("read").filtered_domain(
                [("channel_id", "=", channel.id), ("state", "=", "draft")]
            )
            form.forecast = self.env["ir.qweb"]._render(
                "im_livechat_subaccount.dispatch_forecast",
                # sudo: im_livechat.channel, livechat.dispatch.change - whoever reads the dispatch
                # of the channel may know what will be in force there
                self._forecast(channel.sudo(), form.moment, draft.sudo()),
                minimal_qcontext=True,
            )

    @api.model
    def _forecast(self, channel, moment, draft):
        """Return what is in force on a channel at a moment, as far as it is known now.

        :param draft: a ``livechat.dispatch.change`` that counts as if it were planned.
        :return: ``mode``, ``capacity``, ``agents``, ``occurrences`` and ``bars``, for the template.
        """
        changes = draft.search(
            [
                ("state", "in", ("planned", "running")),
                "|",
                ("channel_id", "=", channel.id),
                ("line_ids.user_id", "in", channel.user_ids.ids),
            ]
        )
        changes |= draft
        values = self._find_values(changes, moment)

        def get(record, name):
            if (record, name) in values:
                return values[record, name]
            return record[name], False

        mode, mode_by = get(channel, "dispatch_mode")
        limited, limited_by = get(channel, "max_sessions_mode")
        sessions, sessions_by = get(channel, "max_sessions")
        sessions = sessions if limited == "limited" else None
        modes = dict(channel._fields["dispatch_mode"]._description_selection(self.env))
        return {
            "moment": format_datetime(self.env, moment, dt_format="short"),
            "mode": phrase.name_choice(modes.get(mode, "")),
            "mode_by": mode_by,
            "native": mode == "native",
            "capacity": sessions,
            "capacity_by": limited_by or sessions_by,
            "agents": self._describe_agents(channel, mode, sessions, get),
            **self._describe_occurrences(changes, channel, moment),
        }

    @api.model
    def _find_values(self, changes, moment):
        """Return ``{(record, field): (value, name of the change)}`` of what is not, at that moment,
        what it is now, or is it because of a change."""
        values = {}
        for change in changes.sorted(lambda change: change.state != "running"):
            name = change.with_env(self.env)._get_name()
            in_force = next(change._get_occurrences(moment, moment + timedelta(seconds=1)), None)
            if change.state == "running":
                runs_on = in_force and in_force.start == change.next_start
                for kept in (change.replaced or {}).get("values", ()):
                    # sudo: res.users, im_livechat.channel - a value that is in force
                    record = self.env[kept["model"]].sudo().browse(kept["id"])
                    if not record.exists():
                        continue
                    field = kept["field"]
                    if runs_on:
                        values[record, field] = record[field], name
                    elif moment >= change.next_stop and record[field] == kept["new"]:
                        old = bool(kept["old"]) if field == "dispatch_paused" else kept["old"]
                        values[record, field] = old, False
                if runs_on:
                    continue
            if in_force:
                for record, wanted in change._get_wanted().items():
                    for field, value in wanted.items():
                        values[record, field] = value, name
        return values

    @api.model
    def _describe_agents(self, channel, mode, sessions, get):
        user_ids = [agent.user_id for agent in channel._get_dispatch_staff()]
        # sudo: res.users - the agents of a channel that the reader may see
        staff = self.env["res.users"].sudo().browse(user_ids)
        known = [
            (agent, *get(agent, "dispatch_weight"), *get(agent, "dispatch_paused"))
            for agent in staff
        ]
        shares = channel._describe_shares(
            {agent.id: weight for agent, weight, _by, _paused, _paused_by in known},
            paused={agent.id for agent, _weight, _by, *pause in known if all(pause)},
        )
        native = mode == "native"
        return [
            {
                "name": agent.name,
                "weight": weight,
                "was": agent.dispatch_weight if weight != agent.dispatch_weight else False,
                "share": "–" if native else shares.get(agent.id, "–"),
                "capacity": sessions if native else policy.capacity(sessions, weight),
                "paused": paused,
                "by": phrase.join(
                    self.env, dict.fromkeys(name for name in (by, paused_by) if name)
                ),
            }
            for agent, weight, by, paused, paused_by in known
        ]

    @api.model
    def _describe_occurrences(self, changes, channel, moment):
        """Return when these changes are in force in the thirty days from a moment."""
        before = moment + _DAYS
        found, bars = [], []
        for change in changes:
            times = list(change._get_occurrences(moment, before))
            if not times:
                continue
            # What is only about other channels' capacity or about its agents.
            name, summary = change.with_env(self.env)._get_name(), change.summary
            if change.channel_id != channel:
                readable = change.with_env(self.env)._filtered_access("read")
                name = f"{name} ({change.channel_id.name})" if readable else name
                summary = summary if readable else ""
            found += [(time.start, time.stop, name, summary, change) for time in times]
            bars.append(
                {
                    "name": name,
                    "spans": [
                        {
                            "left": _percent(max(time.start, moment) - moment),
                            "width": _percent(min(time.stop, before) - max(time.start, moment)),
                        }
                        for time in times
                    ],
                }
            )
        found.sort(key=lambda row: row[:2])
        return {
            "bars": bars,
            "last_day": format_datetime(self.env, before, dt_format="short"),
            "more": max(0, len(found) - _ROWS_MAX),
            "occurrences": [
                {
                    "start": format_datetime(self.env, start, dt_format="short"),
                    "stop": format_datetime(self.env, stop, dt_format="short"),
                    "name": name,
                    "summary": summary,
                    "draft": change.state == "draft",
                    "running": start <= moment,
                }
                for start, stop, name, summary, change in found[:_ROWS_MAX]
            ],
        }


def _percent(duration):
    return f"{100 * duration / _DAYS:.2f}"
