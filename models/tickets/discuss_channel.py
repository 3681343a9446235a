import logging
from datetime import timedelta
from functools import partial

from markupsafe import Markup, escape

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import email_normalize

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.line import IS_IN_POOL
from ...tools import phrase, sent
from ...tools.here import read_now
from ...tools.mask import mask_addresses

_logger = logging.getLogger(__name__)

# The longest word that the buyer is told, in characters.
_WORD_LENGTH = 500
# What an agent writes for the number of the ticket, which is not known before there is one.
_NUMBER = "{ticket}"
_COMMAND = "/ticket"

# A message that was left is complete when its buyer has said nothing more for so long.
_COMPLETE_AFTER = timedelta(minutes=5)

# What the helpdesk has refused is tried each minute for so long, and so often from then on.
_TRIED_EVERY = timedelta(hours=1)

# What may become a ticket: a message that nobody has taken.
_BECOMES_TICKET = [*IS_IN_POOL, ("dispatch_ticket_id", "=", False)]


class DiscussChannel(models.Model):
    """A chat that goes on as a ticket of the helpdesk."""

    _inherit = "discuss.channel"

    # An id of ``helpdesk.ticket``, which need not be installed.
    dispatch_ticket_id = fields.Integer(copy=False, readonly=True, groups=fields.NO_ACCESS)
    dispatch_ticket_name = fields.Char(
        compute="_compute_dispatch_ticket_name", groups=fields.NO_ACCESS
    )
    # When the helpdesk refused last to make a ticket of this message.
    dispatch_ticket_tried_at = fields.Datetime(copy=False, readonly=True, groups=fields.NO_ACCESS)
    # Why the ticket went to whom, an id of ``livechat.ticket.decision``.
    dispatch_ticket_why_id = fields.Integer(
        compute="_compute_dispatch_ticket_name", groups=fields.NO_ACCESS
    )

    @api.depends("dispatch_ticket_id")
    def _compute_dispatch_ticket_name(self):
        self.dispatch_ticket_name = self.dispatch_ticket_why_id = False
        with_ticket = self.filtered("dispatch_ticket_id")
        ids = with_ticket.mapped("dispatch_ticket_id")
        found = with_ticket and self.env["livechat.helpdesk"]._find_tickets(ids)
        names = {ticket.id: ticket.display_name for ticket in found or ()}
        # Served by livechat_ticket_decision's index on discuss_channel_id.
        why = self.env["livechat.ticket.decision"].search(
            [("discuss_channel_id", "in", with_ticket.ids), ("ticket_id", "in", list(names))]
        )
        records = {row.ticket_id: row.id for row in why}
        for chat in with_ticket:
            chat.dispatch_ticket_name = names.get(chat.dispatch_ticket_id)
            chat.dispatch_ticket_why_id = records.get(chat.dispatch_ticket_id)

    def _get_ticket_to_store(self):
        return Store.Attr(
            "dispatch_ticket",
            # sudo: discuss.channel - which ticket its chat has gone on as, colleagues may know
            lambda chat: chat.sudo()._describe_ticket(),
            predicate=lambda chat: chat._is_dispatched(),
        )

    def _describe_ticket(self):
        name = self.dispatch_ticket_name
        return bool(name) and {
            "id": self.dispatch_ticket_id,
            "name": name,
            "why_id": self.dispatch_ticket_why_id,
        }

    # ------------------------------------------------------------
    # What agents do
    # ------------------------------------------------------------

    def execute_command_ticket(self, **kwargs):
        """Make a ticket of this chat; what follows the command is its title. See ``make_ticket``.

        Agents read its name, with a link, and the buyer nothing.
        """
        body = kwargs.get("body")
        title = body.strip().removeprefix(_COMMAND) if isinstance(body, str) else ""
        self.make_ticket(title)

    def get_ticket_draft(self):
        """Return what the dialog proposes for a ticket of this chat.

        :return: ``{"title", "word"}``, the word in the buyer's language.
        :raise UserError, AccessError: as of :meth:`make_ticket`.
        """
        chat = self._get_chat_for_ticket()
        # In the language of the buyer, who reads it.
        words = chat.with_context(lang=chat._get_buyers_lang()).env._(
            "We keep your request as ticket %s and will come back to you.", _NUMBER
        )
        title = self._get_ticket_title(chat)[: sent.TEXT_LENGTH_MAX]
        return {"title": title, "word": words}

    def make_ticket(self, title="", word="", end=False):
        """Make a ticket of this chat: with its buyer, page, product, orders and transcript, for the
        team of its dispatch group. The ticket leads to the chat and the chat to the ticket.

        :param title: of the ticket; without one it is named by the chat.
        :param word: what the buyer is told in the name of the caller, at most 500 characters; in it
            ``{ticket}`` stands for the number.
        :param end: whether the chat ends with that.
        :return: ``{"id", "name"}`` of the ticket, ``"why_id"`` of the record why it went to whom.
        :raise AccessError: for others than the chat's agents and who manages its dispatch, and for
            who may handle no tickets.
        :raise UserError: no helpdesk, or a ticket already.
        :raise ValidationError: a text that is too long, or is none.
        """
        chat = self._get_chat_for_ticket()
        title, word = title or "", word or ""
        for text, maximum in ((title, sent.TEXT_LENGTH_MAX), (word, _WORD_LENGTH)):
            if not sent.is_text(text, maximum):
                raise ValidationError(
                    self.env._("Title and word are texts of at most %s characters.", maximum)
                )
        sent.expect(self.env, isinstance(end, bool))
        if word.strip() and chat.livechat_end_dt:
            raise UserError(self.env._("This chat has ended: its buyer reads nothing any more."))
        # Of two who make a ticket at the same time the second waits for the first, begins again, as
        # Odoo does with whatever cannot be serialized, and finds that of the first.
        chat._keep_others_out()
        if chat.dispatch_ticket_name:
            raise UserError(
                self.env._("This chat has a ticket already: %s", chat.dispatch_ticket_name)
            )
        agent = chat._get_seated()[:1] or self.env.user
        ticket = self._go_on_as_ticket(chat, title.strip(), agent)
        self.env.user._bus_send_transient_message(
            chat, self.env._("Ticket: %s", ticket._get_html_link())
        )
        if word.strip():
            number = self.env["livechat.helpdesk"]._get_number(ticket)
            chat._tell_of_ticket(word.strip().replace(_NUMBER, number))
        if end and not chat.livechat_end_dt:
            chat._end_by_hand()
        return chat._describe_ticket()

    def _go_on_as_ticket(self, chat, title="", agent=None):
        """Make a ticket of a chat in the name of the caller, who was found to be allowed to.

        :param chat: this one, with sudo.
        :param agent: the ``res.users`` who has the chat; without one it is a message that was left,
            and goes to an agent who need not be here.
        :return: the ticket, with sudo.
        """
        helpdesk = self.env["livechat.helpdesk"].with_context(
            sent.without_defaults(self.env.context)
        )
        group, channel = chat.dispatch_group_id, chat.livechat_channel_id
        team = group._get_helpdesk_team()
        assigned = channel._dispatch_ticket(group, team, agent, even_absent=not agent)
        ticket = helpdesk._make_ticket(
            {
                **self._get_ticket_values(chat, title),
                # Said even of nobody: a helpdesk may give a ticket to whoever makes it.
                "user_id": assigned["user_id"],
                # Without one the helpdesk's own default is as good.
                **({"team_id": team.id} if team else {}),
            }
        )
        self.env["livechat.ticket.decision"]._record(ticket, channel, assigned, chat)
        chat.dispatch_ticket_id = ticket.id
        link = Markup(
            '<a href="#" class="o_channel_redirect" data-oe-model="discuss.channel"'
            ' data-oe-id="%s">%s</a>'
        ) % (chat.id, chat._get_titles()[chat.id])
        ticket.message_post(
            body=self.env._("Made of the chat %s", link), subtype_xmlid="mail.mt_note"
        )
        Store(bus_channel=chat, bus_subchannel="internal_users").add(
            chat, [chat._get_ticket_to_store()]
        ).bus_send()
        return ticket

    def _get_chat_for_ticket(self):
        """Return this chat with sudo, for who may make a ticket of it.

        :raise UserError, AccessError: see :meth:`make_ticket`.
        """
        chat = self._get_served()
        if not chat:
            raise AccessError(self.env._("Only a chat's agent can make a ticket of it."))
        self.env["livechat.helpdesk"]._check_handles_tickets()
        if not chat.livechat_channel_id:
            raise UserError(self.env._("The channel of this chat has been deleted."))
        return chat

    def _tell_of_ticket(self, word):
        """Tell the buyer something in the name of the caller."""
        self.message_post(
            author_id=self.env.user.partner_id.id,
            body=word,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )

    # ------------------------------------------------------------
    # Messages that become tickets
    # ------------------------------------------------------------

    @api.model
    def _make_tickets_of_messages(self):
        """Make tickets of the messages that are kept for that, once their buyers have said nothing
        more for a while."""
        if self.env["livechat.helpdesk"]._get_tickets() is None:
            return
        channels = self.env["im_livechat.channel"].search([("offline_rule", "=", "ticket")])
        now = read_now(self.env)
        # Served by discuss_channel__dispatch_waiting_idx. However late the timer comes, and however
        # long a message was kept before the shop wanted tickets, it is tried once at once.
        due = [
            *_BECOMES_TICKET,
            ("livechat_channel_id", "in", channels.ids),
            ("last_interest_dt", "<=", now - _COMPLETE_AFTER),
            *("|", ("dispatch_ticket_tried_at", "=", False)),
            *("|", ("dispatch_ticket_tried_at", "<=", now - _TRIED_EVERY)),
            ("last_interest_dt", ">", now - _TRIED_EVERY),
        ]
        for chat in self.search(due) if channels else ():
            self.env["im_livechat.channel"]._attempt(partial(chat._become_ticket_if, due))

    def _become_ticket_if(self, due):
        # Its buyer may be just writing, or an agent taking it.
        if self.try_lock_for_update() and self.filtered_domain(due):
            self._become_ticket_or_wait()

    def _become_ticket_or_wait(self):
        """Become a ticket; what the helpdesk refuses now stays a message, and is tried again by the
        timers. Its buyer can do nothing about it."""
        try:
            with self.env.cr.savepoint():
                self._become_ticket()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Odoo calls again.
            raise
        except Exception:
            _logger.exception("%s could not become a ticket", self)
            self.dispatch_ticket_tried_at = read_now(self.env)

    def _become_ticket(self):
        """Let a message that was left go on as a ticket: its buyer is told the number."""
        # Whoever closes a window makes no ticket in its own name: it is the shop's, and of its
        # company, where its people read it.
        owner = self.livechat_channel_id.main_account_id
        chat = self.with_user(SUPERUSER_ID).with_company(owner.company_id)
        chat = chat.with_context(lang=owner.lang or self.env.lang)
        ticket = chat._go_on_as_ticket(chat)
        number = self.env["livechat.helpdesk"]._get_number(ticket)
        chat._say_as_desk(
            chat._get_buyers_env()._(
                "We keep your request as ticket %s and will come back to you.", number
            )
        )
        reason = phrase.label(chat.env, chat.env._("Ticket"), number)
        chat._leave_line(reason=reason)
        chat.livechat_end_dt = read_now(self.env)
        Store(bus_channel=chat).add(chat, "livechat_end_dt").bus_send()

    # ------------------------------------------------------------
    # What a ticket says
    # ------------------------------------------------------------

    def _get_ticket_title(self, chat):
        return phrase.label(self.env, self.env._("Chat"), chat._get_titles()[chat.id])

    def _get_ticket_values(self, chat, title):
        """Return the values of a ticket of this chat.

        Reaching the buyer stands in fields, which are masked as the role of each reader says; what
        the description says everybody reads who may read the ticket.

        :param chat: this one, with sudo.
        """
        _partner, guest = chat._identify_buyer()
        contact = chat._find_contact(chat._find_earlier_chats())
        return {
            "name": title or self._get_ticket_title(chat),
            "description": self._describe_for_ticket(chat, contact),
            "partner_id": contact.id,
            "partner_name": mask_addresses(contact.name or chat._get_buyers_own_name()),
            "partner_email": contact.email
            or email_normalize(guest.email)
            or chat.dispatch_reply_email
            or "",
        }

    def _describe_for_ticket(self, chat, contact):
        """Return page, product, orders and transcript of a chat, as far as the caller's rights
        reach.

        :rtype: markupsafe.Markup
        """
        # sudo: taken away - of contacts, products and orders only what the caller's rights reach
        known = self.env["res.partner"].browse(contact.ids)._filtered_access("read")
        about = self._describe_page(chat) or {}
        # Of a message that was left nobody knows yet who may read the orders.
        orders = [] if self.env.su else [one["name"] for one in self._describe_orders(known)]
        page = about.get("page") or about.get("url") or ""
        if page.startswith(("https://", "http://")):
            page = Markup('<a href="%s">%s</a>') % (page, page)
        lines = [
            (self.env._("Page"), page),
            (self.env._("Product"), about.get("name")),
            (self.env._("Orders"), phrase.join(self.env, orders)),
        ]
        described = [
            Markup("<p><b>%s</b><br/>%s</p>") % (label, value) for label, value in lines if value
        ]
        transcript = chat._get_channel_history()
        # Whoever is named by an address is shown masked, as everywhere.
        buyers = chat.livechat_customer_history_ids
        for name in {*buyers.partner_id.mapped("name"), *buyers.guest_id.mapped("name")}:
            if name and "@" in name:
                transcript = transcript.replace(escape(name), escape(mask_addresses(name)))
        return Markup("").join(
            [*described, Markup("<h3>%s</h3>") % self.env._("Transcript"), transcript]
        )


class ChatBesideHelpdesk(models.Model):
    """What a chat does beside a helpdesk. It is laid over the others where there is one, so that
    elsewhere no chat asks; see ``livechat.helpdesk``."""

    _register = False
    _inherit = ["discuss.channel"]

    def _to_store_defaults(self, target):
        attributes = super()._to_store_defaults(target)
        if target.is_internal(self.env):
            attributes.append(self._get_ticket_to_store())
        return attributes

    def _close_livechat_session(self, **kwargs):
        # sudo: discuss.channel - how the buyer's own chat stands
        chat = self.sudo()
        if (
            self.self_member_id.livechat_member_type == "visitor"
            and chat.livechat_channel_id.offline_rule == "ticket"
            and chat.filtered_domain(_BECOMES_TICKET)
        ):
            # Whoever closes the window has said all.
            chat._become_ticket_or_wait()
            return
        super()._close_livechat_session(**kwargs)
