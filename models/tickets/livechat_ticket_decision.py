from odoo import fields, models

from ...dispatch.credit import CHAT
from ...tools import sent


class LivechatTicketDecision(models.Model):
    """Why a ticket went to whom it went: a record like those of chats, of which no figure of chats
    knows."""

    _name = "livechat.ticket.decision"
    _inherit = "livechat.dispatch.decision"
    _description = "Ticket Decision"

    # The chat's own list has its decisions; an id of ``helpdesk.ticket`` that need not be there.
    ticket_id = fields.Integer("Id of the Ticket", readonly=True, aggregator=None, index=True)
    ticket_name = fields.Char("Ticket", readonly=True)

    def _record(self, ticket, channel, values, chat=None):
        """Write down who got a ticket.

        :param channel: the ``im_livechat.channel`` whose rules it went by.
        :param values: those of ``im_livechat.channel._dispatch_ticket``.
        :param chat: of which it was made, if it was.
        """
        # What a caller's context calls a default is no record of a decision.
        clean = self.with_context(sent.without_defaults(self.env.context))
        # sudo: livechat.ticket.decision - nobody writes these but dispatch
        return clean.sudo().create(
            {
                **values,
                "discuss_channel_id": chat and chat.id,
                "livechat_channel_id": channel.id,
                "main_account_id": channel.main_account_id.id,
                "ticket_id": ticket.id,
                # Its title may name the buyer.
                "ticket_name": self.env["livechat.helpdesk"]._get_number(ticket),
                # The hourly totals are of chats.
                "is_counted": True,
                "is_turn_counted": True,
            }
        )

    def _get_reason_texts(self):
        return {
            **super()._get_reason_texts(),
            "at_capacity": self.env._("has no room for another ticket"),
            "declined": self.env._("leaves its tickets"),
            "missing_permission": self.env._(
                "may not handle tickets, or is in another helpdesk team"
            ),
        }

    def _describe_room(self, values):
        return self.env._("has no room: %(open)s of %(capacity)s tickets", **values)

    def _describe(self):
        if self.rule == "exclusive":
            return self.env._("The agent of the chat")
        if self.rule == "nobody":
            return self.env._("Nobody could take the ticket")
        return super()._describe()

    def _describe_turn(self, winner, is_mine):
        if self.candidate_count == 1:
            return super()._describe_turn(winner, is_mine)
        if self.rule == "least_load":
            return self.env._(
                "Fewest tickets for the weight: %(load)s at weight %(weight)s",
                load=f"{winner['load']:g}",
                weight=winner["weight"],
            )
        behind = f"{winner['credit'] / CHAT:.1f}"
        if float(behind) <= 0:
            return super()._describe_turn(winner, is_mine)
        return self.env._("Next by share: %(behind)s tickets behind it", behind=behind)
