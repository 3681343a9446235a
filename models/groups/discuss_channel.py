from odoo import fields, models
from odoo.fields import Domain
from odoo.tools.translate import code_translations

from ...tools.mask import mask_addresses
from ...tools.rights import READERS


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    dispatch_guest_id = fields.Many2one(
        "mail.guest",
        "Cookie of the Buyer",
        copy=False,
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="Who the signed-in buyer of this chat is without signing in.",
    )

    def _get_buyer(self):
        """Return the :class:`scope.Buyer` of this chat."""
        buyers = self.livechat_customer_history_ids
        return self.livechat_channel_id._make_buyer(
            buyers.partner_id[:1],
            self.dispatch_guest_id or buyers.guest_id[:1],
            lang=self.livechat_lang_id.code,
            country_id=self.country_id.id,
        )

    # ------------------------------------------------------------
    # What tells chats apart
    # ------------------------------------------------------------

    def _get_titles_for(self, target):
        """As :meth:`_get_titles`, for a page that is sent these chats.

        :param Store.Target target: who hears of them.
        """
        reader = target.get_user(self.env) or self.env.user
        # sudo: res.users, discuss.channel - in whose language, for who is sent the chats
        chats = self.sudo().with_context(lang=reader.sudo().lang)
        return chats._get_titles(is_masked=self._get_audience(target) != "all")

    def _get_titles(self, is_masked=True):
        """Return by what each of these chats is told from the others, in the language of the
        context: ``{chat id: "Ella · Desk lamp"}``; with sudo.

        :param is_masked: whether a buyer who is named by an e-mail address is named by less.
        """
        products = self._get_products()
        carts = self.filtered(lambda chat: not products.get(chat.id))._count_carts()
        titles = {}
        for chat in self:
            name = chat._get_buyers_own_name()
            about = products.get(chat.id)
            if not about and carts.get(chat.id):
                about = self.env._("cart %s", carts[chat.id])
            title = " · ".join(filter(None, (name, about)))
            titles[chat.id] = mask_addresses(title) if is_masked else title
        return titles

    def _get_buyers_own_name(self):
        """Return the name of the buyer; of a guest whom nobody has named, with a number."""
        buyers = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "visitor"
        )
        guest = buyers.guest_id[:1]
        if buyers.partner_id or not guest:
            return buyers.partner_id[:1].name or self._get_buyers_name()
        # As core names whoever comes, in the language of the page.
        unnamed = {
            code_translations.get_python_translations("im_livechat", lang).get("Visitor")
            for lang in (guest.lang, self.livechat_lang_id.code)
            if lang
        }
        return f"{guest.name} {guest.id}" if guest.name in {"Visitor", *unnamed} else guest.name

    def _get_products(self):
        """Return the names of the products on whose pages these chats began, as ``{chat id:
        name}``; with sudo."""
        ids = self._get_product_ids()
        products = self.env["product.template"].browse(set(ids.values())) if ids else []
        # What was asked for before is in memory; what is gone is not asked for one by one.
        unknown = [product.id for product in products if "name" not in product._cache]
        if unknown:
            known = products.filtered(lambda product: product.id not in unknown)
            asked = Domain("active", "in", (True, False)) & Domain("id", "in", unknown)
            products = known + products.search_fetch(asked, ["name"])
        names = {product.id: product.name for product in products}
        return {chat_id: names.get(product_id) for chat_id, product_id in ids.items()}

    def _get_product_ids(self):
        """Return ``{chat id: id of a product.template}`` of the chats that began on the page of
        one, which need not be there any more."""
        if "product.public.category" not in self.env:
            return {}
        channels = self.env["im_livechat.channel"]
        ids = {chat.id: channels._read_shop_path(chat.dispatch_page or "") for chat in self}
        return {
            chat_id: product_id for chat_id, (product_id, _category) in ids.items() if product_id
        }

    def _count_carts(self):
        """Return how many pieces are in the carts of these chats' buyers, as ``{chat id: pieces}``;
        with sudo."""
        carts = {chat.id: chat.dispatch_cart_id for chat in self if chat.dispatch_cart_id}
        if not carts or "sale.order.line" not in self.env:
            return {}
        counts = dict(
            self.env["sale.order.line"]._read_group(
                [
                    ("order_id", "in", list(carts.values())),
                    ("order_id.state", "=", "draft"),
                    ("display_type", "=", False),
                ],
                ["order_id"],
                ["product_uom_qty:sum"],
            )
        )
        pieces = {order.id: int(count) for order, count in counts.items()}
        return {chat_id: pieces.get(order_id, 0) for chat_id, order_id in carts.items()}

    def _get_buyers_name(self):
        buyers = self.livechat_customer_history_ids
        return buyers.partner_id[:1].name or buyers.guest_id[:1].name or self.name
