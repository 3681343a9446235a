from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import email_normalize, email_split, format_amount

from ...tools import sent
from ...tools.mask import mask, mask_addresses

# So many orders and earlier chats are shown, the newest first.
_ORDERS_SHOWN, _CHATS_SHOWN = 3, 5
# An address is looked for in so many of a buyer's last messages.
_WORDS_SEARCHED = 20


class DiscussChannel(models.Model):
    """Who the buyer of a chat is, for the agent who answers it."""

    _inherit = "discuss.channel"

    # ------------------------------------------------------------
    # The card
    # ------------------------------------------------------------

    def get_buyer_card(self):
        """Return who the buyer of this chat is, as far as the caller may know it: of orders and
        contacts what the caller's own rights reach, of the chat itself what its agent needs.

        :return: ``False`` for who neither serves the chat nor manages its dispatch, else ``{
            "title": by what the chat is told from others,
            "about": {"name", "url", "image", "price"} of the product, ``{"page", "url"}`` of any
                other page, ``False`` without; ``url`` is false for another site's,
            "cart": {"count", "id", "total"} or ``False``; ``id`` for who may open it,
            "orders": [{"id", "name", "date", "state", "delivery", "total", "pickings": [id, …],
                "return_id", "refund_id"}], the newest first; the ids are false for who may not,
            "named": {"number", "order": as in orders or ``False``, "is_own"}, the order that the
                buyer named before the chat, or ``False``; ``is_own`` says that it is the contact's,
            "contact": {"id", "name", "email", "phone"}, masked as the role says; ``id`` is false
                for a guest,
            "offer": the address, masked as well, of which a contact could be made, or ``False``,
            "language", "country": {"code", "name"}, "timezone", "group": texts or ``False``,
            "waited": seconds in line and in the pool,
            "last": {"agent", "moment"} of the newest chat before this one, or ``False``,
            "earlier": {"count", "chats": [{"id", "moment", "agent"}]} of those the caller reads}``;
            moments are UTC.
        :raise AccessError: for who may not read the chat.
        """
        chat = self._get_served()
        if not chat:
            return False
        _partner, guest = chat._identify_buyer()
        earlier = chat._find_earlier_chats()
        known = chat._find_contact(earlier)
        # sudo: taken away - of contacts and orders only what the caller's own rights reach
        contact = self.env["res.partner"].browse(known.ids)._filtered_access("read")
        country = contact.country_id or chat.country_id
        return {
            "title": chat._get_titles(self.env.user._sees_contacts_masked())[chat.id],
            "about": self._describe_page(chat),
            "cart": self._describe_cart(chat, contact),
            "orders": self._describe_orders(contact),
            "named": self._describe_named(chat, contact),
            "contact": self._describe_contact(contact, chat, guest),
            "offer": not known and self._find_offer(chat, guest),
            "language": chat.livechat_lang_id.name or False,
            "country": bool(country) and {"code": country.code, "name": country.name},
            "timezone": contact.tz or guest.timezone or False,
            "group": chat.dispatch_group_id.name or False,
            "waited": chat.dispatch_waited_seconds,
            **self._describe_earlier(earlier),
        }

    def _get_served(self):
        """Return this chat with sudo for its agents and who manages its dispatch; none for others.

        :raise AccessError: for who may not read it.
        """
        sent.expect_ids(self)
        sent.expect(self.env, len(self) == 1)
        self.check_access("read")
        user = self.env.user
        # sudo: discuss.channel - for those alone
        chat = self.sudo().exists()
        if not user._is_internal() or chat.channel_type != "livechat":
            return chat.browse()
        return chat if chat._is_run_by(user) else chat.browse()

    def _find_contact(self, earlier):
        """Return the contact of the buyer of this chat: its account's, or what an agent made of the
        guest; with sudo.

        :param earlier: see :meth:`_find_earlier_chats`.
        """
        partner, _guest = self._identify_buyer()
        return partner or self.dispatch_contact_id or earlier.dispatch_contact_id[:1]

    def _find_earlier_chats(self):
        """Return the chats that the buyer of this one had with its shop before, the newest first;
        with sudo."""
        partner, guest = self._identify_buyer()
        guest = guest or self.dispatch_guest_id
        buyer = Domain.OR(
            [
                Domain(name, "=", person.id)
                for name, person in (("partner_id", partner), ("guest_id", guest))
                if person
            ]
        )
        if buyer.is_false():
            return self.browse()
        channel = self.livechat_channel_id
        owner = channel.main_account_id
        shop = (
            Domain("livechat_channel_id.main_account_id", "=", owner.id)
            if owner
            else Domain("livechat_channel_id", "=", channel.id)
        )
        visitor = buyer & Domain("livechat_member_type", "=", "visitor")
        # Served by the history's indexes on partner_id and guest_id.
        had = Domain("livechat_channel_member_history_ids", "any", visitor)
        if guest:
            had |= Domain("dispatch_guest_id", "=", guest.id)
        earlier = Domain("id", "<", self.id) & Domain("channel_type", "=", "livechat")
        return self.search(earlier & shop & had, order="id desc")

    def _describe_earlier(self, earlier):
        # sudo: taken away - the transcripts that the caller may read
        readable = self.browse(earlier.ids)._filtered_access("read")
        # Who had a chat and said nothing is nobody whom the buyer knows.
        served = next(filter(self._was_answered, earlier), None)
        return {
            "last": bool(served)
            and {
                "agent": served._name_serving(),
                "moment": fields.Datetime.to_string(served.last_interest_dt or served.create_date),
            },
            "earlier": {
                "count": len(readable),
                "chats": [
                    {
                        "id": chat.id,
                        "moment": fields.Datetime.to_string(chat.create_date),
                        "agent": chat._name_serving(),
                    }
                    for chat in earlier.browse(readable[:_CHATS_SHOWN].ids)
                ],
            },
        }

    @staticmethod
    def _was_answered(chat):
        return any(chat.livechat_agent_history_ids.mapped("message_count"))

    def _name_serving(self):
        serving = self._get_serving_partner() or self.livechat_operator_id
        return serving.user_livechat_username or serving.name

    def action_open_earlier(self):
        """Open the list of the chats that the buyer of this one had with its shop before, as far as
        the caller may read them.

        :raise AccessError: for others than the chat's agents and who manages its dispatch.
        """
        chat = self._get_served()
        if not chat:
            raise AccessError(self.env._("Only a chat's agent sees what its buyer had before."))
        # sudo: taken away - the transcripts that the caller may read
        readable = self.browse(chat._find_earlier_chats().ids)._filtered_access("read")
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "im_livechat_subaccount.livechat_conversation_action"
            ),
            "domain": [("id", "in", readable.ids)],
        }

    def _describe_page(self, chat):
        page = chat.dispatch_page
        if not page:
            return False
        is_own = self.env["im_livechat.channel"]._is_own_page(page)
        about = {"page": page, "url": is_own and page}
        product_id = chat._get_product_ids().get(chat.id)
        product = product_id and self.env["product.template"].search([("id", "=", product_id)])
        if not product:
            return about
        return {
            "name": product.name,
            "url": page,
            "image": f"/web/image/product.template/{product.id}/image_128",
            "price": format_amount(self.env, product.list_price, product.currency_id),
        }

    def _describe_cart(self, chat, contact):
        count = chat._count_carts().get(chat.id)
        orders = self._get_readable_orders()
        cart = orders
        if orders is not None and "website_id" in orders._fields:
            cart_id = chat.dispatch_cart_id
            is_buyers = (
                Domain("id", "=", cart_id) if count else Domain("partner_id", "=", contact.id)
            )
            if count or contact:
                is_cart = Domain("state", "=", "draft") & Domain("website_id", "!=", False)
                cart = orders.search(is_buyers & is_cart, order="date_order desc, id desc", limit=1)
        if not cart:
            return bool(count) and {"count": count, "id": False, "total": False}
        if not count:
            lines = cart.order_line.filtered(lambda line: not line.display_type)
            count = int(sum(lines.mapped("product_uom_qty")))
        return bool(count) and {
            "count": count,
            "id": cart.id,
            "total": format_amount(self.env, cart.amount_total, cart.currency_id),
        }

    def _get_readable_orders(self):
        """Return the model of orders, ``None`` without *Sales* and for who may read none."""
        return self.env["sale.order"] if self._may("sale.order", "read") else None

    def _describe_orders(self, contact):
        orders = self._get_readable_orders()
        if orders is None or not contact:
            return []
        # A cart is shown by itself.
        is_order = Domain("state", "!=", "draft")
        if "website_id" in orders._fields:
            is_order |= Domain("website_id", "=", False)
        # sudo: res.partner - to whose company the buyer belongs
        company = contact.sudo().commercial_partner_id
        newest = orders.search(
            Domain("partner_id", "child_of", company.id) & is_order,
            order="date_order desc, id desc",
            limit=_ORDERS_SHOWN,
        )
        return [self._describe_order(order) for order in newest]

    def _describe_named(self, chat, contact):
        number = chat.dispatch_order_number
        if not number:
            return False
        orders = self._get_readable_orders()
        # Phones begin with a small letter.
        names = [number, number.upper()]
        order = orders is not None and orders.search([("name", "in", names)], limit=1)
        # sudo: res.partner - whether it is the company of the buyer
        company = contact.sudo().commercial_partner_id
        return {
            "number": number,
            "order": bool(order) and self._describe_order(order),
            # sudo: res.partner - as above; the order is one that the caller reads
            "is_own": bool(order and company)
            and order.sudo().partner_id.commercial_partner_id == company,
        }

    def _describe_order(self, order):
        def get_label(name):
            return dict(order._fields[name]._description_selection(self.env)).get(order[name])

        pickings, returnable, refundable = [], [], []
        if "picking_ids" in order._fields and self._may("stock.picking", "read"):
            pickings = order.picking_ids._filtered_access("read")
            if self._may("stock.return.picking", "create"):
                returnable = pickings.filtered(
                    lambda picking: (
                        picking.state == "done" and picking.picking_type_id.code == "outgoing"
                    )
                )
        if self._may("account.move", "create") and self._may("account.move.reversal", "create"):
            refundable = order.invoice_ids._filtered_access("read").filtered(
                lambda move: move.state == "posted" and move.move_type == "out_invoice"
            )
        has_delivery = "delivery_status" in order._fields
        return {
            "id": order.id,
            "name": order.name,
            "date": fields.Datetime.to_string(order.date_order),
            "state": get_label("state"),
            "delivery": (has_delivery and get_label("delivery_status")) or False,
            "total": format_amount(self.env, order.amount_total, order.currency_id),
            "pickings": [picking.id for picking in pickings],
            "return_id": max((picking.id for picking in returnable), default=False),
            "refund_id": max((move.id for move in refundable), default=False),
        }

    def _may(self, model, operation):
        return model in self.env and self.env[model].has_access(operation)

    def _describe_contact(self, contact, chat, guest):
        if contact:
            # Masked where it leaves the server.
            (row,) = contact.read(["name", "email", "phone"])
            return {name: row[name] for name in ("id", "name", "email", "phone")}
        name, email = chat._get_buyers_own_name(), guest.email
        masks = self.env["res.users"]._sees_contacts_masked()
        return {
            "id": False,
            "name": mask_addresses(name) if masks else name,
            "email": mask(email) if masks else email,
            "phone": False,
        }

    # ------------------------------------------------------------
    # A guest becomes a contact
    # ------------------------------------------------------------

    def _find_offer(self, chat, guest):
        """Return the address by which the guest could become a contact, as the caller sees it."""
        address = guest and chat._find_written_address()
        masks = self.env["res.users"]._sees_contacts_masked()
        return (mask(address) if masks else address) or False

    def _find_written_address(self):
        """Return the last e-mail address that the guest of this chat wrote; with sudo."""
        words = self._read_buyers_words(newest=True, count=_WORDS_SEARCHED)[self.id]
        for text in reversed(words):
            for address in reversed(email_split(text)):
                if email := email_normalize(address):
                    return email
        _partner, guest = self._identify_buyer()
        return email_normalize(guest.email) or False

    def action_make_contact(self):
        """Make a contact of the guest of this chat, of the address that the guest wrote, and say so
        in the chat. It is a new one whoever else has that address: what somebody types proves
        nothing, and shows nobody's orders.

        :return: as :meth:`get_buyer_card`.
        :raise AccessError: for others than the chat's agents and who manages its dispatch.
        :raise UserError: there is a contact already, or no address.
        """
        chat = self._get_served()
        if not chat:
            raise AccessError(self.env._("Only a chat's agent can make a contact of its guest."))
        _partner, guest = chat._identify_buyer()
        if chat._find_contact(chat._find_earlier_chats()) or not guest:
            raise UserError(self.env._("This buyer is a contact already."))
        address = chat._find_written_address()
        if not address:
            raise UserError(self.env._("This guest has written no e-mail address."))
        # sudo: res.partner - of this one guest, of what the guest itself has said
        contact = chat.env["res.partner"].with_context(sent.without_defaults(self.env.context))
        chat.dispatch_contact_id = contact.create(
            {
                "name": chat._get_buyers_own_name(),
                "email": address,
                "lang": guest.lang
                and self.env["im_livechat.channel"]._find_installed_lang(guest.lang),
                "country_id": chat.country_id.id,
                "tz": guest.timezone,
            }
        )
        name = self.env.user.livechat_username or self.env.user.name
        # In the language of the buyer, who reads it.
        words = chat._get_buyers_env()._("%s keeps your e-mail address as a contact", name)
        chat._post_line(words, self.env.user.partner_id)
        return self.get_buyer_card()
