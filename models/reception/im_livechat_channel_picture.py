from datetime import datetime, timedelta
from typing import NamedTuple

from odoo import api, fields, models

from ...dispatch.weights import WEIGHT_MAX, WEIGHT_MIN
from ...tools import sent
from ...tools.here import read_now

# A page asks about so many agents at once at most; a browser could send any number.
_ASKED_MAX = 1000

# No browser asks for what is older than a day, in seconds.
_AGE_MAX = 24 * 60 * 60

# Nobody is shown what was seen longer ago than so many seconds.
_PICTURE_LASTS = 10


class Picture(NamedTuple):
    """What a server process has seen of some channels: all of *Reception* that is the same for
    everybody who may watch just these."""

    taken_at: datetime
    """What was committed before this moment is on it; by the database's clock."""
    channels: list[dict]
    """See ``_describe_reception_channel``."""
    agents: list[dict]
    """See ``_describe_agents``."""
    lines: dict
    """See ``_describe_lines``."""


# ``{(database, channel ids, language, time zone, company ids, whether contact data is masked):
# Picture}``: whatever else a picture could depend on is taken away before it is taken.
_pictures: dict[tuple, Picture] = {}


class ImLivechatChannel(models.Model):
    """What the page *Reception* asks.

    What is seen of channels does not depend on who looks, and pages that ask at about the same time
    share it. What does is added for each of them: which channels those are, what may be changed,
    and the names of buyers.
    """

    _inherit = "im_livechat.channel"

    @api.model
    def get_reception(self, max_age=0):
        """Return all that the page *Reception* shows, in a constant number of queries.

        :param max_age: what was seen for somebody else less than so many seconds ago will do.
        :return: ``{"channels": […], "agents": […], "waiting": […], "figures": {…}, "refused": {…},
            "unhappy": {…}, "now", "next_day", "weight_min", "weight_max", "may_add_channels",
            "has_channels" (if only such as Odoo itself dispatches), "may_read_chats"}``; see
            ``_describe_reception_channel`` (and ``may_manage``), ``_describe_agents`` (and
            ``may_weigh``, ``may_pause``), ``_describe_waiting`` and ``_describe_unhappy`` (with
            false for names and words in chats that the caller may not read),
            ``_get_today_figures`` (with text keys, ``"0"`` for all) and ``door.count_refused``.
            Times are UTC.
        :raise AccessError: for who neither manages dispatch nor audits.
        """
        is_number = isinstance(max_age, int | float) and not isinstance(max_age, bool)
        sent.expect(self.env, is_number and 0 <= max_age <= _AGE_MAX)
        channels = self._search_reception()
        picture = channels._get_picture(max_age)
        user = self.env.user
        owners = {channel.id: channel.main_account_id for channel in channels}
        has_channels = bool(channels or self._search_reception([]))
        return {
            "channels": [
                {**row, "may_manage": user._manages_dispatch_of(owners[row["id"]])}
                for row in picture.channels
            ],
            "agents": self._tell_agents(picture.agents),
            **self._tell_lines(picture.lines),
            "weight_min": WEIGHT_MIN,
            "weight_max": WEIGHT_MAX,
            "may_add_channels": self.has_access("create")
            or (has_channels and user._manages_some_dispatch()),
            "has_channels": has_channels,
            "may_read_chats": user._has_agent_group() or user._is_reader_of_chats(),
        }

    @api.model
    def get_reception_agents(self, user_ids):
        """Return what is true of these agents now, as far as the caller may watch them.

        :param user_ids: ids of ``res.users``.
        :return: ``{"agents": […], "members": [[channel id, group id, member], …]}``; a member is as
            in ``_describe_reception_channel``.
        """
        sent.expect(self.env, isinstance(user_ids, list) and len(user_ids) <= _ASKED_MAX)
        sent.expect(self.env, all(map(sent.is_record_id, user_ids)))
        channels = self._search_reception()
        staff = channels._read_staff(set(user_ids))
        members = [
            [channel.id, group_id, member]
            for channel in channels
            for group_id, group_members in channel._describe_members(staff).items()
            for member in group_members
        ]
        agents = self._tell_agents(self._describe_agents(staff.facts))
        return {"agents": agents, "members": members}

    @api.model
    def get_reception_lines(self):
        """Return who waits now and today's figures, as in :meth:`get_reception`."""
        return self._tell_lines(self._search_reception()._describe_lines())

    # ------------------------------------------------------------
    # What does not depend on who looks
    # ------------------------------------------------------------

    def _get_picture(self, max_age):
        """Return what is to be seen of these channels, which the caller may watch.

        :param max_age: how many seconds old it may be; 0: what this transaction sees.
        """
        env = self.env
        # As old as what this transaction sees, or older.
        now = env.cr.now()
        masks, zone = env["res.users"]._sees_contacts_masked(), str(env.tz)
        key = (env.cr.dbname, self._ids, env.lang, zone, env.companies._ids, masks)
        picture = _pictures.get(key)
        if picture and now - picture.taken_at < timedelta(seconds=min(max_age, _PICTURE_LASTS)):
            return picture
        # Of a browser's context nothing but this.
        channels = self.with_context({"lang": env.lang, "tz": zone})
        staff = channels._read_staff()
        picture = Picture(
            now,
            [channel._describe_reception_channel(staff) for channel in channels],
            channels._describe_agents(staff.facts),
            channels._describe_lines(),
        )
        if max_age > 0:
            # Others have asked meanwhile: nothing is taken out but what is too old for anybody.
            for other, seen in list(_pictures.items()):
                if now - seen.taken_at > timedelta(seconds=_PICTURE_LASTS):
                    _pictures.pop(other, None)
            _pictures[key] = picture
        return picture

    def _describe_lines(self):
        """Return who waits and today's figures, with the names of all buyers."""
        return {"waiting": self._describe_waiting(), **self._describe_today()}

    # ------------------------------------------------------------
    # What does
    # ------------------------------------------------------------

    @api.model
    def _tell_agents(self, rows):
        """Return what was seen of agents, and which of them the caller may change."""
        # sudo: res.users - of channels that the caller may watch
        users = self.env["res.users"].sudo().with_context(active_test=False)
        users = users.search_fetch([("id", "in", [row["id"] for row in rows])], ["main_account_id"])
        may_weigh, may_pause = (set(those.ids) for those in users._find_manageable(self.env.user))
        return [
            {**row, "may_weigh": row["id"] in may_weigh, "may_pause": row["id"] in may_pause}
            for row in rows
        ]

    @api.model
    def _tell_lines(self, lines):
        """Return what was seen of lines: only who may read a conversation learns who the buyer is
        and what that one wrote."""
        unhappy = lines["unhappy"]
        ids = {row["id"] for row in (*lines["waiting"], *unhappy["chats"])}
        # Of the caller, not with sudo. One may have been deleted since it was seen.
        chats = self.env["discuss.channel"].browse(ids).exists()
        readable = set(chats._filtered_access("read").ids)

        def tell(row):
            if row["id"] in readable:
                return row
            return {**row, **{name: False for name in ("name", "words") if name in row}}

        return {
            **lines,
            "waiting": [tell(row) for row in lines["waiting"]],
            "unhappy": {**unhappy, "chats": [tell(row) for row in unhappy["chats"]]},
            "now": fields.Datetime.to_string(read_now(self.env)),
        }
