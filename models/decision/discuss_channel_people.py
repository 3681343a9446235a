import logging
from datetime import timedelta

from markupsafe import escape

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.here import read_now
from ...tools.rights import READERS

_logger = logging.getLogger(__name__)

# Chats lose their buyers in portions, so that no transaction takes long.
_VACUUM_LIMIT = 200


class DiscussChannel(models.Model):
    """What a chat holds of its buyer, and how that goes while the chat stays."""

    _inherit = "discuss.channel"

    dispatch_erased_at = fields.Datetime(
        "Buyer Erased At",
        copy=False,
        readonly=True,
        groups=READERS,
        help="Since then nothing in this chat says who its buyer was.",
    )

    dispatch_contact_id = fields.Many2one(
        "res.partner",
        "Contact of the Guest",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="The contact that an agent made of what the guest of this chat wrote.",
    )
    # The cart that the buyer had last, an id of ``sale.order``, which need not be installed.
    dispatch_cart_id = fields.Integer(copy=False, readonly=True, groups=fields.NO_ACCESS)

    # Those whose guest may be due: found once a day.
    _dispatch_unerased_idx = models.Index(
        "(livechat_end_dt) WHERE livechat_end_dt IS NOT NULL AND dispatch_erased_at IS NULL"
    )

    @api.autovacuum
    def _gc_guests(self):
        """Erase the traces of guests whose chats ended longer ago than they are to be kept."""
        days = self.env["res.config.settings"]._get_dispatch_buyer_days()
        if not days:
            return 0, 0
        # Served by discuss_channel__dispatch_unerased_idx, and the index on the chat of histories.
        self.env.cr.execute(
            """
            SELECT chat.id
              FROM discuss_channel chat
             WHERE chat.livechat_end_dt < %s
               AND chat.dispatch_erased_at IS NULL
               AND chat.channel_type = 'livechat'
               AND EXISTS (
                       SELECT
                         FROM im_livechat_channel_member_history history
                        WHERE history.channel_id = chat.id
                          AND history.guest_id IS NOT NULL
                          AND history.livechat_member_type = 'visitor'
                   )
          ORDER BY chat.livechat_end_dt
             LIMIT %s
            """,
            [read_now(self.env) - timedelta(days=days), _VACUUM_LIMIT],
        )
        # sudo: discuss.channel - the cron cleans all shops
        chats = self.sudo().browse(row[0] for row in self.env.cr.fetchall())
        guests = chats.livechat_customer_guest_ids
        for guest in guests:
            chats.filtered(
                lambda chat, guest=guest: guest in chat.livechat_customer_guest_ids
            )._forget_buyer(guest)
        if chats:
            _logger.info(
                "Erased the traces of %s guests in %s chats that ended more than %s days ago",
                len(guests),
                len(chats),
                days,
            )
        return len(chats), len(chats) == _VACUUM_LIMIT

    # ------------------------------------------------------------
    # On somebody's wish
    # ------------------------------------------------------------

    def action_export_buyer(self):
        """Save all that the shop holds about the buyer of this chat as a file.

        :return: an action that loads it.
        :raise AccessError: not the caller's to export.
        """
        self._get_one_buyer()
        return self.env["livechat.personal.data"]._load("chat", self)

    def action_erase_buyer(self):
        """Erase the buyer of this chat from all its chats with the shop.

        :raise AccessError: not the caller's to erase.
        :raise UserError: the buyer has an open chat, or works here.
        """
        self.env["livechat.personal.data"]._erase_buyer(self._get_one_buyer())
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _export_personal_data(self):
        return self.env["livechat.personal.data"]._export_buyer(self._get_one_buyer())

    def _get_one_buyer(self):
        data = self.env["livechat.personal.data"]
        data._check_handler()
        if len(self) != 1:
            raise UserError(self.env._("Choose one conversation."))
        self.check_access("read")
        buyer = data._find_buyer(self)
        if not buyer:
            raise UserError(self.env._("This conversation has no buyer."))
        data._check_buyer(buyer)
        return buyer

    # ------------------------------------------------------------
    # What goes and what stays
    # ------------------------------------------------------------

    def _forget_buyer(self, person):
        """Put nobody in the place of a buyer in these chats, which have ended; with sudo.

        Its words, files, names, addresses and page go. That there was a buyer who wrote, waited and
        was answered stays: no figure changes.

        :param person: a ``res.partner`` or a ``mail.guest``.
        """
        if not self:
            return
        # Also who it was before it signed in.
        guests = self.dispatch_guest_id
        if person._name == "mail.guest":
            guests |= person
        names = {person.name, *guests.mapped("name")} - {False}
        persons = [person, *(guest for guest in guests if guest != person)]
        is_here = [("model", "=", "discuss.channel"), ("res_id", "in", self.ids)]
        messages = self.env["mail.message"].search(is_here)
        words = messages.filtered(
            lambda message: message.author_id == person or message.author_guest_id in guests
        )
        # What was put into a chat and sent with no message.
        files = self.env["ir.attachment"].search(
            [
                ("res_model", "=", "discuss.channel"),
                ("res_id", "in", self.ids),
                ("id", "not in", messages.attachment_ids.ids),
            ]
        )
        (files | words.attachment_ids).unlink()
        self._empty(words)
        reactions = messages.reaction_ids
        reactions.filtered(lambda one: one.partner_id == person or one.guest_id in guests).unlink()
        if person._name == "res.partner":
            self.env["mail.notification"].search(
                [("mail_message_id", "in", messages.ids), ("res_partner_id", "=", person.id)]
            ).unlink()
        self.chatbot_message_ids.filtered("user_raw_answer").user_raw_answer = False
        ratings = self.env["rating.rating"].search(
            [("res_model", "=", "discuss.channel"), ("res_id", "in", self.ids)]
        )
        for moment, rated in ratings.grouped("rated_on").items():
            rated.write({"feedback": False, "partner_id": False})
            # Core takes this for the moment at which the buyer said what it thinks.
            rated.rated_on = moment
        # What colleagues told each other about it, and that the shop turned it away.
        self.env["livechat.whisper"].search([("discuss_channel_id", "in", self.ids)]).unlink()
        self.env["livechat.dispatch.block"].search(
            [
                ("main_account_id", "in", self.livechat_channel_id.main_account_id.ids),
                "|",
                ("guest_id", "in", guests.ids),
                ("partner_id", "in", person.ids if person._name == "res.partner" else []),
            ]
        ).unlink()
        for name in names:
            self._forget_name(name, self.env._("Erased Buyer"))
        for one in persons:
            self._replace_person(one)
        values = {
            "dispatch_erased_at": read_now(self.env),
            "dispatch_guest_id": False,
            "dispatch_address": False,
            "dispatch_reply_email": False,
            "dispatch_order_number": False,
            "dispatch_page": False,
            "dispatch_contact_id": False,
            "dispatch_cart_id": False,
            "livechat_note": False,
            "description": False,
            "name": self.env._("Erased Buyer"),
        }
        if "livechat_visitor_id" in self._fields:
            values["livechat_visitor_id"] = False
        self.write(values)
        for guest in guests:
            guest._go_if_unused()

    @api.model
    def _empty(self, messages):
        """Empty messages; that they were written stays."""
        messages.message_link_preview_ids.unlink()
        self.env["mail.message.translation"].search([("message_id", "in", messages.ids)]).unlink()
        messages.write({"body": "", "subject": False, "email_from": False, "reply_to": False})

    def _forget_name(self, name, other):
        """Take somebody's name out of the names of these chats and of what Odoo itself wrote into
        them: who joined, who left."""
        for chat in self:
            # Core and dispatch name a chat "buyer agent", a website's visitors are named before a
            # comma.
            parts = (chat.name or "").split(", ")
            if name in parts:
                chat.name = ", ".join(other if part == name else part for part in parts)
            elif parts[-1].endswith(f" {name}"):
                chat.name = chat.name.removesuffix(name) + other
        self._empty(
            self.env["mail.message"].search(
                [
                    ("model", "=", "discuss.channel"),
                    ("res_id", "in", self.ids),
                    ("message_type", "=", "notification"),
                    ("body", "like", str(escape(name))),
                ]
            )
        )

    def _replace_person(self, person):
        """Put a guest without a name in the place of somebody who took part in these chats."""
        nobody = self.env["mail.guest"].create({"name": self.env._("Erased Buyer")})
        is_guest = person._name == "mail.guest"
        self.env.flush_all()
        # Core refuses to write whose a membership is.
        # Served by the indexes that these tables have on their chats.
        of_message = "model = 'discuss.channel' AND res_id"
        for table, chat, partner, guest in (
            ("discuss_channel_member", "channel_id", "partner_id", "guest_id"),
            ("im_livechat_channel_member_history", "channel_id", "partner_id", "guest_id"),
            ("mail_message", of_message, "author_id", "author_guest_id"),
        ):
            self.env.cr.execute(
                f"""
                UPDATE {table}
                   SET {partner} = NULL, {guest} = %s
                 WHERE {chat} = ANY(%s)
                   AND {guest if is_guest else partner} = %s
                """,
                [nobody.id, self.ids, person.id],
            )
        self.env.invalidate_all()
        # Core keeps a list of each chat's signed-in buyers beside them.
        self.livechat_channel_member_history_ids.modified(["partner_id", "guest_id"])
