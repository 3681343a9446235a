"""Who may have room for chats that are to go on to somebody else."""

from functools import cached_property

from ...dispatch import policy


class Vacancies:
    """Who of a channel may have room, as far as a run of the timers has found out.

    A chat that nobody takes stays with its agent and is looked at again each minute. A decision
    about each of them, for as long as all are full, would let nothing else be done.
    """

    def __init__(self, channel):
        """:param channel: ``im_livechat.channel``."""
        self._channel = channel
        self._left = {}
        """``{group: user ids}``: who may have room for another chat of the group, where one was
        tried and stayed."""

    @cached_property
    def _roomy(self):
        """The user ids of who may have room, and of who has some for buyers of its own alone."""
        # Once for all chats: more than a decision about any of them would choose from.
        agents = self._channel._read_dispatch_agents()
        rules = self._channel._get_dispatch_rules()
        able = {agent.user_id for agent in agents if not policy.exclusion(agent, rules)}
        return able, policy.find_roomy(agents, rules) - able

    def offer(self, chats, give):
        """Give these chats to others, those who wait for longest first: for them agents of groups
        above may have joined.

        :param chats: ``discuss.channel`` of this channel.
        :param give: called with each that somebody may take; returns whether it went, ``None`` if
            that was not tried.
        """
        for chat in chats.sorted(lambda chat: chat._get_waited_seconds(), reverse=True):
            # What was done for those before is committed: meanwhile it may have been deleted.
            if not chat.exists() or not self._may_be_taken(chat):
                continue
            went = []
            self._channel._attempt(lambda chat=chat, went=went: went.append(give(chat)))
            if went == [False]:
                group = chat.dispatch_group_id
                # Nobody gets its own chat, which says nothing of others'.
                unasked = self._get_agent(chat) | self._channel._find_users_of(chat._get_buyer())
                self._left[group] = self._left.get(group, self._roomy[0]) & set(unasked.ids)

    def _may_be_taken(self, chat):
        agent = self._get_agent(chat)
        if not agent:
            # The rule for when nobody is here may choose as well.
            return True
        able, of_own = (user_ids - set(agent.ids) for user_ids in self._roomy)
        if able & self._left.get(chat.dispatch_group_id, able):
            return True
        return bool(of_own) and any(
            regular.user_id in of_own for regular in self._channel._find_regulars(chat._get_buyer())
        )

    def _get_agent(self, chat):
        """Return the user whose chat this is, empty if it is nobody's."""
        return chat._get_seated(chat.dispatch_seat_partner_ids & chat.livechat_operator_id)
