"""What ``dispatch.route`` is told by the database."""

from functools import cached_property

from ...dispatch import ledger, route


class Tree(dict):
    """The groups above one, and the group itself, by id; each is read when it is asked for."""

    def __init__(self, group):
        """:param group: ``livechat.dispatch.group``; empty for the default group."""
        super().__init__()
        self._groups = group.browse()
        if group:
            self[group.id] = self.__missing__(group.id)

    def __missing__(self, group_id):
        group = self._groups.browse(group_id)
        self[group_id] = route.Group(group.parent_id.id or None, group.overflow_seconds, group_id)
        return self[group_id]


class Staff:
    """The agents of one channel, compared with one buyer; see ``route.Staff``."""

    def __init__(self, channel, query, get_complete):
        """
        :param ledger.Query query: all agents of the channel, and the buyer they are compared with.
        :param get_complete: returns a function that adds to agents what the ledger does not read.
        """
        self._channel, self._query, self._get_complete = channel, query, get_complete
        self._described = []

    @cached_property
    def _complete(self):
        return self._get_complete()

    def _ask_for(self, user_ids):
        if user_ids is None:
            return self._query
        return self._query._replace(user_ids=sorted(user_ids))

    def get_members(self, group_id):
        return self._channel._get_member_ids(group_id)

    def choose(self, user_ids, decide):
        query = self._ask_for(user_ids)
        # Before the lock is taken.
        complete = self._complete
        ascent = None

        def decide_and_keep(agents):
            nonlocal ascent
            ascent = decide(complete(agents))
            return ascent.decision

        if query.user_ids == []:
            decide_and_keep([])
            self._describe(ascent)
        else:
            with ledger.reserving(self._channel.env, query, decide_and_keep):
                # While PostgreSQL stores it.
                self._describe(ascent)
        return ascent

    def look(self, user_ids):
        self._channel.env.flush_all()
        query = self._ask_for(user_ids)
        return self._complete(ledger.read_agents(self._channel.env.cr, query, committed=True))

    def _describe(self, ascent):
        decisions = self._channel.env["livechat.dispatch.decision"]
        values = decisions._describe_decision(
            ascent.decision, ascent.agents, ascent.rules, ascent.regulars
        )
        self._described.append((ascent, values))

    def get_values(self, ascent):
        """Return what a decision record says of this choice."""
        return next(values for chosen, values in self._described if chosen is ascent)
