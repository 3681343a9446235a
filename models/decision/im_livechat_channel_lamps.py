import time
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...dispatch import ledger, policy

# For so many seconds a server process answers with what it has seen, and for so many caches on the
# way do. With the quarter of a minute after which pages ask again, a lamp is right within half a
# minute.
LOOK_LASTS = 10
ANSWER_LASTS = 5

# So many names a lamp shows; how many more are here is not told.
NAMES_MAX = 6


class Look(NamedTuple):
    """What a server process has seen of a channel's lamps."""

    taken_at: float
    """By the clock of the process that never goes back, in seconds."""
    shown: tuple
    """The groups that had lamps, as ``_read_lamps`` says it: with others the look is void."""
    answer: dict
    """See ``_get_lamps``."""


# ``{(database, channel id): Look}``. There are no more of them than channels with lamps.
_looks = {}


class ImLivechatChannel(models.Model):
    """The lamps that web pages show: which of a channel's groups is there for buyers."""

    _inherit = "im_livechat.channel"

    lamps_embed = fields.Char("Lamps", compute="_compute_lamps_embed")

    def _compute_lamps_embed(self):
        for channel in self:
            channel_id = channel._origin.id
            channel.lamps_embed = bool(channel_id) and (
                f'<div class="o_livechat_lamps" data-channel-id="{channel_id}"></div>'
            )

    @api.model
    def get_lamp_channels(self):
        """Return the channels that have lamps, for who puts a building block on a page: to people
        of a shop those of that shop.

        :return: ``[{"id": …, "name": …}]``.
        :raise AccessError: for others than those who edit web pages or set channels up.
        """
        user = self.env.user
        if not (
            user.has_group("website.group_website_restricted_editor")
            or self.env["livechat.dispatch.group"].has_access("write")
        ):
            raise AccessError(self.env._("Lamps are put on pages by those who edit them."))
        domain = [("id", "in", list(self._read_lamps())), ("dispatch_mode", "!=", "native")]
        if owner := user._get_shop_owner():
            domain.append(("main_account_id", "=", owner.id))
        # sudo: im_livechat.channel - the names of what every page may show, of the own shop
        channels = self.sudo().search(domain, order="name, id")
        return [{"id": channel.id, "name": channel.name} for channel in channels]

    def _get_lamps(self):
        """Return what every page may show of this channel's groups. It is asked on page views: what
        was seen within ``LOOK_LASTS`` seconds costs no query.

        :return: ``{"open": whether a buyer who came now would get a chat, "lamps": [{"id": …,
            "name": …, "lit": whether an agent of the group is here, "agents": [names]}]}``; nothing
            but what the shop has put on its pages.
        """
        shown = self._read_lamps().get(self.id)
        if not shown:
            return {"open": False, "lamps": []}
        key, now = (self.env.cr.dbname, self.id), time.monotonic()
        look = _looks.get(key)
        if not look or look.shown != shown or now - look.taken_at >= LOOK_LASTS:
            look = _looks[key] = Look(now, shown, self._look_at_lamps(shown))
        return look.answer

    def _look_at_lamps(self, shown):
        """As :meth:`_get_lamps`, as it is now.

        :param shown: the groups, see ``_read_lamps``.
        """
        settings = self._read_settings()
        if settings.rules.mode == "native":
            return {"open": False, "lamps": []}
        group_ids, _names, _with_names = zip(*shown, strict=True)
        groups = self.env["livechat.dispatch.group"].browse(group_ids)
        members = [set(group._get_agents().ids) for group in groups]
        query = settings.query._replace(user_ids=sorted(set().union(*members)))
        self.env.flush_all()
        # In one statement, whatever groups there are.
        agents = ledger.read_agents(self.env.cr, query) if query.user_ids else []
        # Records of all at once, so that their names are read at once.
        users = {user.id: user for user in self.env["res.users"].browse(query.user_ids)}
        lamps = []
        for group, (_id, name, with_names), user_ids in zip(groups, shown, members, strict=True):
            complete = self._complete_facts(group, (), settings)
            here = [
                users[agent.user_id]
                for agent in complete(agent for agent in agents if agent.user_id in user_ids)
                if policy.is_at_work(agent, settings.rules)
            ]
            names = self._get_names_for_buyers(here) if with_names else []
            lamps.append({"id": group.id, "name": name, "lit": bool(here), "agents": names})
        return {"open": self._is_livechat_available(), "lamps": lamps}

    def _get_names_for_buyers(self, agents):
        """Return the names of agents as buyers read them in chats, the first ``NAMES_MAX``."""
        return sorted(agent.livechat_username or agent.name for agent in agents)[:NAMES_MAX]
