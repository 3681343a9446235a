import hashlib
import re
from datetime import timedelta
from functools import partial

from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import email_normalize, hash_sign, verify_hash_signed
from odoo.tools.urls import urljoin

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.ledger import door
from ...dispatch.scope import IS_IN_CHAT
from ...tools import sent
from ...tools.here import read_now
from ...tools.names import fold_typed, say_in_one_line
from ...tools.rights import READERS

# What a link is signed for that leads a buyer back to its chat, and for how long.
_RETURN = "im_livechat_subaccount return"
_RETURN_HOURS = 7 * 24

# An agent who is writing says more than one word: they go in one mail.
_MAIL_AFTER = timedelta(minutes=2)

# So many of the last words stand in a mail.
_WORDS_MAX = 50

_EMAIL_LENGTH = 254
_PHONE_LENGTH = 40
_PHONE = re.compile(r"\+?[0-9 ()/.\-]{5,30}")
_PHONE_DIGITS = range(5, 16)


def _read_mailbox(said):
    """Return the one address that somebody typed, ``False`` for what is none."""
    mailbox = fold_typed(said) if sent.is_text(said, _EMAIL_LENGTH) else ""
    return len(mailbox.split()) == 1 and email_normalize(mailbox)


def _read_number(said):
    """Return the telephone number that somebody typed, ``False`` for what is none."""
    number = fold_typed(said).strip() if sent.is_text(said, _PHONE_LENGTH) else ""
    is_number = _PHONE.fullmatch(number) and sum(map(str.isdecimal, number)) in _PHONE_DIGITS
    return bool(is_number) and number


class DiscussChannel(models.Model):
    """How a buyer is reached who does not wait on the page: by mail, with a link back to the
    chat."""

    _inherit = "discuss.channel"

    dispatch_mails_turn = fields.Boolean(
        copy=False,
        readonly=True,
        groups=READERS,
        help="The buyer is told by e-mail when an agent has come.",
    )
    dispatch_mail_at = fields.Datetime(
        copy=False,
        readonly=True,
        groups=READERS,
        help="When what the buyer has not seen is mailed.",
    )
    dispatch_mailed_id = fields.Integer(
        copy=False,
        readonly=True,
        aggregator=None,
        groups=READERS,
        help="The last message that was mailed to the buyer.",
    )

    # Few answers wait to be mailed.
    _dispatch_mail_idx = models.Index("(dispatch_mail_at) WHERE dispatch_mail_at IS NOT NULL")

    def _describe_reach(self):
        """Return what the page of the buyer is told about mails: ``{"mails": whether it has said
        where to, "takes_email": whether the shop can mail}`` while it may, else nothing."""
        channel = self.livechat_channel_id
        if not (self._is_dispatched() and channel.mails_answers):
            return {}
        takes_email = bool(channel._get_sender())
        # The shop calls who has left a message only.
        if not takes_email and not self._is_message():
            return {}
        return {"mails": bool(self.dispatch_reply_email), "takes_email": takes_email}

    def _take_reach(self, email, phone):
        """Keep where the buyer of this chat is reached, which waits or is with who is away; with
        sudo, asked by the buyer.

        :param email: where answers are mailed; its turn as well, of who stands in line.
        :param phone: where the shop may call: it stands in the chat, as the buyer's word.
        :raise ValidationError: that is no address, or no number; or neither was given.
        :raise UserError: the chat does not wait any more.
        """
        self.ensure_one()
        env = self._get_buyers_env()
        has_email, has_phone = (said not in (None, False, "") for said in (email, phone))
        mailbox = has_email and _read_mailbox(email)
        number = has_phone and _read_number(phone)
        if has_email and not mailbox:
            raise ValidationError(env._("This is no e-mail address."))
        if has_phone and not number:
            raise ValidationError(env._("This is no telephone number."))
        if not (mailbox or number):
            raise ValidationError(env._("Say where you can be reached."))
        is_in_line = self.dispatch_state == "queued" and not self.livechat_end_dt
        if not (is_in_line or self._is_message()):
            raise UserError(env._("You do not wait any more: write here."))
        if mailbox and not self.livechat_channel_id._get_sender():
            raise UserError(env._("The shop cannot send e-mails at present."))
        if mailbox:
            _partner, guest = self._identify_buyer()
            if guest and (not guest.email or guest.email == self.dispatch_reply_email):
                # Agents read it as any buyer's, as far as their roles say; also who has mistyped it
                # here before.
                guest.email = mailbox
            self.dispatch_reply_email = mailbox
            self.dispatch_mails_turn = is_in_line
            self._say_as_desk(env._("Answers are also mailed to you"))
        if number:
            # Words from right to left would show its groups in reverse.
            shown = Markup('<span dir="ltr">%s</span>') % number
            self._post_as_buyer(env._("My telephone number: %s", shown))
        # Of who is away its page is told by what is noted.
        if wait := self._get_wait():
            Store(bus_channel=self).add(self, {"dispatch_wait": wait}).bus_send()

    def _post_as_buyer(self, words):
        buyer = self.livechat_customer_history_ids.filtered("member_id")[:1]
        author = (
            {"author_id": buyer.partner_id.id}
            if buyer.partner_id
            else {"author_guest_id": buyer.guest_id.id, "author_id": False}
        )
        self.message_post(
            body=words, message_type="comment", subtype_xmlid="mail.mt_comment", **author
        )

    # ------------------------------------------------------------
    # Mails
    # ------------------------------------------------------------

    def _seat(self, agent):
        result = super()._seat(agent)
        if self.dispatch_mails_turn:
            self.dispatch_mails_turn = False
            env = self._get_buyers_env()
            name = agent.livechat_username or agent.name
            self._mail_buyer(env._("%s is with you now", name), self.message_ids.browse())
        return result

    def _note_answer(self):
        """An agent has written to a buyer who wants mails."""
        if not self.dispatch_mail_at:
            self.dispatch_mail_at = read_now(self.env) + _MAIL_AFTER

    @api.model
    def _mail_answers(self):
        """Mail what agents have answered to buyers who have gone."""
        due = [("dispatch_mail_at", "<=", read_now(self.env))]
        for chat in self.search(due, order="dispatch_mail_at, id"):
            self.env["im_livechat.channel"]._attempt(partial(chat._mail_answer_if, due))

    def _mail_answer_if(self, due):
        if not (self.try_lock_for_update() and self.filtered_domain(due)):
            return
        self.dispatch_mail_at = False
        answers = self._find_unseen()
        if answers and self.dispatch_reply_email:
            env = self._get_buyers_env()
            subject = env._("%s has answered", self.livechat_channel_id.name)
            if self._mail_buyer(subject, answers):
                self.dispatch_mailed_id = max(answers.ids)
            else:
                self.dispatch_mail_at = read_now(self.env) + timedelta(hours=1)

    def _find_unseen(self):
        """Return what agents have said that no page has shown to the buyer, and no mail."""
        buyers = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "visitor"
        )
        seen = max([self.dispatch_mailed_id, *buyers.seen_message_id.ids])
        agents = self.livechat_agent_history_ids.partner_id
        return self._find_words().filtered(
            lambda message: message.id > seen and message.author_id in agents
        )

    def _find_words(self):
        """Return what was said last in this chat, and is not deleted, in order."""
        words = (
            self.env["mail.message"]
            .search(
                [
                    ("model", "=", "discuss.channel"),
                    ("res_id", "=", self.id),
                    ("message_type", "=", "comment"),
                ],
                order="id desc",
                limit=_WORDS_MAX,
            )
            .sorted("id")
        )
        return words - words._filter_empty()

    def _mail_buyer(self, subject, answers):
        """Mail the buyer of this chat, with a link back to it.

        :param answers: the messages it has not seen; without any, nothing of what was said.
        :return: whether the shop can mail, and neither it nor that mailbox has had too many.
        """
        email, channel = self.dispatch_reply_email, self.livechat_channel_id
        if not email or not channel.mails_answers:
            return True
        if not (sender := channel._get_sender()):
            return False
        mailbox = hashlib.sha256(email.encode()).hexdigest()
        if not door.may_mail_buyer(self.env, mailbox, str(channel.main_account_id or channel)):
            return False
        # sudo: ir.qweb, mail.mail - built here, for the buyer's own mailbox, by no person
        env = self._get_buyers_env()(user=SUPERUSER_ID, su=True)
        lines = self._find_words() if answers else answers
        body = env["ir.qweb"]._render(
            "im_livechat_subaccount.answer_mail",
            {
                "subject": subject,
                "url": self._get_return_url(),
                "answers": self._describe_words(answers, env),
                "lines": self._describe_words(lines, env),
            },
        )
        env["mail.mail"].create(
            {
                "email_to": email,
                "email_from": sender,
                # Odoo's own would be a mailbox that refuses what answers no document.
                "reply_to": sender,
                "author_id": False,
                "subject": say_in_one_line(subject),
                "body_html": body,
                "auto_delete": True,
            }
        )
        return True

    def _describe_words(self, messages, env):
        return [
            {
                "author": env._("You")
                if self._is_buyers(message)
                else message.author_id.user_livechat_username or message.author_id.name,
                "body": message.body,
                "files": message.attachment_ids.mapped("name"),
            }
            for message in messages
        ]

    # ------------------------------------------------------------
    # The way back
    # ------------------------------------------------------------

    def _get_return_url(self):
        """Return the link by which the buyer of this chat comes back to it."""
        buyer = self.livechat_customer_history_ids.filtered("member_id")[:1]
        said = [self.id, buyer.partner_id.id or 0, buyer.guest_id.id or 0]
        # sudo: ir.config_parameter - the database's secret, to sign with
        token = hash_sign(self.env(su=True), _RETURN, said, expiration_hours=_RETURN_HOURS)
        return urljoin(self.get_base_url(), f"/livechat/return/{token}")

    @api.model
    def _find_by_return_token(self, token):
        """Return the chat to which this leads back, with sudo, and its buyer: ``(chat, partner,
        guest)``, empty for a link that is wrong or too old, or of somebody who has been erased."""
        # sudo: discuss.channel, mail.guest - whoever has the link read the buyer's mail
        chats = self.sudo()
        nobody = chats.browse(), self.env["res.partner"], self.env["mail.guest"]
        try:
            said = verify_hash_signed(self.env(su=True), _RETURN, token)
        except (ValueError, TypeError):
            return nobody
        if not said:
            return nobody
        chat_id, partner_id, guest_id = said
        person = Domain("partner_id", "=", partner_id) if partner_id else Domain.TRUE
        if guest_id:
            person &= Domain("guest_id", "=", guest_id)
        person &= Domain(IS_IN_CHAT)
        had = Domain("livechat_channel_member_history_ids", "any", person)
        chat = chats.search(Domain("id", "=", chat_id) & had)
        if not chat.livechat_channel_id:
            return nobody
        buyers = chat.livechat_customer_history_ids
        partner = buyers.partner_id.filtered(lambda one: one.id == partner_id)
        return chat, partner, buyers.guest_id.filtered(lambda one: one.id == guest_id)
