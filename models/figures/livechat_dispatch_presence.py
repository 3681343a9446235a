from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from odoo import api, fields, models

from ...tools import clock
from ...tools.here import IS_ONLINE, IS_PAUSED, IS_SET_AWAY, read_now
from ...tools.sent import without_defaults


class LivechatDispatchPresence(models.Model):
    """When agents came, went, paused and resumed: what is not yet in the hourly totals.

    Rows are only ever added by those who notice a change, and only taken away by the one who
    counts, so that neither waits for the other. The last row of an agent stays.
    """

    _name = "livechat.dispatch.presence"
    _description = "Presence of Agents"
    _order = "moment, id"
    _log_access = False

    user_id = fields.Many2one("res.users", required=True, index=True, ondelete="cascade")
    moment = fields.Datetime(required=True)
    state = fields.Selection(
        [("online", "Online"), ("paused", "Paused"), ("gone", "Gone")],
        required=True,
        help="From that moment on.",
    )
    counted_until = fields.Datetime(help="Up to when the time of this state is in the totals.")

    @api.model
    def _note(self, users, moment=None, is_gone=False):
        """Note that the state of these users may have changed.

        :param moment: when; now, if not given.
        :param is_gone: they were not here from then on, whatever their status says.
        """
        agents = users.filtered(lambda user: user._has_agent_group())
        if not agents:
            return
        moment = moment or read_now(self.env)
        # What a caller's context calls a default is no presence.
        clean = self.with_context(without_defaults(self.env.context))
        # sudo: livechat.dispatch.presence, res.users, mail.presence - only the server writes this
        clean.sudo().create(
            [
                {
                    "user_id": user.id,
                    "moment": moment,
                    "state": "gone" if is_gone else user._get_dispatch_presence(),
                }
                # sudo: res.users - as above: whether they are here and paused
                for user in agents.sudo()
            ]
        )

    @api.model
    def _count(self, sums, fresh_until):
        """Add the time agents were here to the sums; one at a time calls this.

        Whoever is still here is counted up to the last sign of life.

        :param sums: ``{key: Counter}`` of ``livechat.dispatch.total``.
        :param fresh_until: whose time was counted up to then or later waits until the next time.
        """
        self._note_forgotten()
        # Served by a scan: a row per agent, and the few that are new.
        self.env.cr.execute(
            """
            SELECT event.id, event.user_id, event.moment, event.state, event.counted_until,
                   presence.last_poll
              FROM livechat_dispatch_presence event
         LEFT JOIN mail_presence presence ON presence.user_id = event.user_id
          ORDER BY event.user_id, event.moment, event.id
            """
        )
        events = defaultdict(list)
        for event_id, user_id, *event in self.env.cr.fetchall():
            events[user_id].append((event_id, *event))
        spans, past, counted = [], [], []
        now = read_now(self.env)
        for user_id, rows in events.items():
            for (event_id, moment, state, until, _poll), (_id, end, *_rest) in pairwise(rows):
                past.append(event_id)
                spans.append((user_id, state, max(moment, until or moment), end))
            event_id, moment, state, until, last_poll = rows[-1]
            start, end = max(moment, until or moment), min(now, last_poll or moment)
            if state != "gone" and start < end and start <= fresh_until:
                spans.append((user_id, state, start, end))
                counted.append((event_id, end))
        self._add_spans(sums, spans)
        if past:
            # Served by livechat_dispatch_presence_pkey.
            self.env.cr.execute("DELETE FROM livechat_dispatch_presence WHERE id = ANY(%s)", [past])
        if counted:
            # Served by livechat_dispatch_presence_pkey.
            self.env.cr.execute_values(
                """
                UPDATE livechat_dispatch_presence event
                   SET counted_until = v.until::timestamp
                  FROM (VALUES %s) v (id, until)
                 WHERE event.id = v.id
                """,
                counted,
            )
        self.invalidate_model()

    def _note_forgotten(self):
        """Begin with those of whom nothing is known and who are here now."""
        # Served by scans of mail_presence, im_livechat_channel_im_user and the agents' events.
        self.env.cr.execute(
            f"""
            INSERT INTO livechat_dispatch_presence (user_id, moment, state)
            SELECT users.id, %(now)s, CASE WHEN {IS_PAUSED} THEN 'paused' ELSE 'online' END
              FROM mail_presence presence
              JOIN res_users users ON users.id = presence.user_id
             WHERE {IS_ONLINE}
               AND NOT {IS_SET_AWAY}
               AND users.id IN (SELECT user_id FROM im_livechat_channel_im_user)
               AND users.id NOT IN (SELECT user_id FROM livechat_dispatch_presence)
            """,
            {"now": read_now(self.env)},
        )

    def _add_spans(self, sums, spans):
        names = {"online": "online_seconds", "paused": "paused_seconds"}
        spans = [span for span in spans if span[1] in names and span[2] < span[3]]
        # sudo: res.users - whose agents they are
        users = self.env["res.users"].sudo().browse({user_id for user_id, *_span in spans})
        shops = {user.id: user._get_shop_of_figures().id or None for user in users}
        zones = self.env["res.users"]._read_zones(shops.values())
        for user_id, state, start, end in spans:
            for hour, seconds in split_by_hour(start, end, zones[shops[user_id]]):
                sums[hour, shops[user_id], None, None, user_id][names[state]] += seconds


def split_by_hour(start, end, zone):
    """Yield each hour of a zone between two moments, as its beginning, and how many seconds lie in
    it."""
    hour = clock.begin_hour(start, zone)
    while hour < end:
        following = hour + timedelta(hours=1)
        yield hour, int((min(end, following) - max(start, hour)).total_seconds())
        hour = following
