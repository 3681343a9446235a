from odoo import models


class ResUsers(models.Model):
    """Whose tickets are dispatched again, and when."""

    _inherit = "res.users"

    def unlink(self):
        self.check_access("unlink")
        self._filter_known()._hand_over_tickets()
        return super().unlink()

    def _hand_over_tickets(self, channel=None, group=None, successor=None, may_stay=False):
        """Dispatch the open tickets of these users again: those that dispatch has given, and those
        in the helpdesk teams of the groups of their channels. Whom nobody else can take is left to
        its team.

        :param channel: only what was dispatched on this ``im_livechat.channel``.
        :param group: only what was dispatched for this ``livechat.dispatch.group``.
        :param successor: the user who takes them all, as far as it may handle them.
        :param may_stay: these users go on handling tickets, and keep what nobody else takes.
        """
        helpdesk = self.env["livechat.helpdesk"]
        if not self or helpdesk._get_tickets() is None:
            return
        for ticket, source, team_group in self._find_tickets_to_hand_over(channel, group):
            user = ticket.user_id
            team = helpdesk._get_team(ticket)
            able = successor and helpdesk._filter_handlers(successor, team)
            if not able:
                source._give_ticket(ticket, team_group, user | self, may_stay)
                continue
            helpdesk._give(ticket, able.id)
            given = {"user_id": able.id, "rule": "by_hand", "kind": "hand_over"}
            given |= {"previous_user_id": user.id, "group_id": team_group.id}
            self.env["livechat.ticket.decision"]._record(ticket, source, given)

    def _find_tickets_to_hand_over(self, channel, group):
        """Yield each ticket of :meth:`_hand_over_tickets`, with sudo, and the channel and the group
        by whose rules it goes on.

        :rtype: Iterator[tuple[models.Model, im_livechat.channel, livechat.dispatch.group]]
        """
        helpdesk = self.env["livechat.helpdesk"]
        tickets = helpdesk._find_open([("user_id", "in", self.ids)])
        if not tickets:
            return
        # sudo: livechat.ticket.decision, livechat.dispatch.group, im_livechat.channel - whoever
        # takes an agent away sees to its tickets
        decisions = self.env["livechat.ticket.decision"].sudo()
        # Served by livechat_ticket_decision's index on ticket_id.
        last = {
            row.ticket_id: row
            for row in decisions.search([("ticket_id", "in", tickets.ids)], order="id")
        }
        # sudo: as above
        known = self.sudo().with_context(active_test=False)
        channels = channel.sudo() if channel else known.livechat_channel_ids
        # Of several groups with the same team rather one that is theirs.
        groups = channels.dispatch_group_ids.sorted(lambda row: not row.user_ids & known)
        by_team = {row._get_helpdesk_team(): row for row in reversed(groups)}
        for ticket in tickets:
            row = last.get(ticket.id)
            source = row and row.livechat_channel_id.exists()
            if source:
                found = row.group_id.exists()
            else:
                team = helpdesk._get_team(ticket)
                found = by_team.get(team) if team else None
                source = found and found.channel_id
            if source and (not channel or source == channel) and (not group or found == group):
                yield ticket, source, found
