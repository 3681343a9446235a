from functools import cache
from urllib.parse import urlsplit

from odoo import models
from odoo.fields import Domain

from ...tools import sent
from ...tools.mask import mask_addresses

# So many answers are at hand in one chat, and of so many of one message it is noted that they were
# sent; the longest path of a page, in characters.
_AT_HAND, _NOTED, _PATH_LENGTH = 500, 10, 200


class DiscussChannel(models.Model):
    """Canned answers for the chat that somebody answers."""

    _inherit = "discuss.channel"

    def get_answers_at_hand(self):
        """Return the canned answers for this chat: of its shop, of its group and those above, and
        the caller's own, with what is known of the buyer in them; the most sent to buyers of the
        same page or product first.

        :return: ``False`` for who neither serves the chat nor manages its dispatch, else
            ``[{"id", "source", "substitution", "text", "here"}]``: the shortcut, its words as they
            were written and as they are to be sent, and how often they were sent to buyers of this
            page. Nobody is called by an address, and orders are those that the caller reads.
        :raise AccessError: for who may not read the chat.
        """
        chat = self._get_served()
        if not chat:
            return False
        group, owner = chat.dispatch_group_id, chat.livechat_channel_id.main_account_id
        for_group = Domain("dispatch_group_id", "=", False)
        if group:
            for_group |= Domain("dispatch_group_id", "parent_of", group.id)
        for_shop = Domain("main_account_id", "in", [False, owner.id])
        answers = self.env["mail.canned.response"].search(for_group & for_shop, limit=_AT_HAND)
        counts = self.env["livechat.answer.use"]._count(answers, chat._get_about())
        # Much of it is asked for only where an answer names it.
        sources = {
            "buyer": self._find_name_to_call,
            "product": self._find_product_to_name,
            "order": self._find_order_to_name,
            "agent": lambda _chat: self.env.user.livechat_username or self.env.user.name,
            "shop": lambda chat: chat.livechat_channel_id.name,
        }
        find = cache(lambda name: sources[name](chat))
        return [
            {
                "id": answer.id,
                "source": answer.source,
                "substitution": answer.substitution,
                "text": answer._fill(find),
                "here": counts[answer.id][0],
            }
            for answer in answers.sorted(
                lambda answer: (
                    *(-count for count in counts[answer.id]),
                    answer.source.lower(),
                    answer.id,
                )
            )
        ]

    def _get_about(self):
        """Return by what the uses of answers in this chat are counted; with sudo."""
        product_id = self._get_product_ids().get(self.id)
        if product_id:
            return f"product {product_id}"
        try:
            return urlsplit(self.dispatch_page or "").path[:_PATH_LENGTH]
        except ValueError:
            # What a browser said is no address.
            return ""

    def _find_name_to_call(self, chat):
        name = chat._get_given_name() or ""
        # Who is known by an address only is not called by it, masked or not.
        return mask_addresses(name) == name and name

    def _find_product_to_name(self, chat):
        page = self._describe_page(chat)
        return page and page.get("name", False)

    def _find_order_to_name(self, chat):
        known = chat._find_contact(chat._find_earlier_chats())
        # sudo: taken away - only what the caller's own rights reach
        contact = self.env["res.partner"].browse(known.ids)._filtered_access("read")
        orders = self._describe_orders(contact)
        return orders and orders[0]["name"]

    def _note_answers(self, answer_ids):
        """Note that the caller has sent these canned answers in this chat.

        :param answer_ids: what a browser says they are.
        """
        ids = sent.keep_ids(answer_ids, _NOTED)
        chat = self._get_served()
        if chat and ids:
            answers = self.env["mail.canned.response"].search([("id", "in", ids)])
            about = chat._get_about()
            # sudo: livechat.answer.use - nobody counts but by sending
            self.env["livechat.answer.use"].sudo().create(
                [{"response_id": answer.id, "about": about} for answer in answers]
            )
