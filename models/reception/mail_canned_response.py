import re

from odoo import fields, models

# What an answer may name, also in Chinese, and what is said instead.
_VARIABLES = {
    "buyer": "buyer",
    "product": "product",
    "order": "order",
    "agent": "agent",
    "shop": "shop",
    "买家": "buyer",
    "商品": "product",
    "订单": "order",
    "客服": "agent",
    "店铺": "shop",
}
# Spaces are begun with at the first of them only: else many in a row would take minutes.
_VARIABLE = re.compile(r"(?<![ \t])([ \t]*)\{[ \t]*(\w{1,40})[ \t]*\}")
# What is left of a place where nothing is said.
_EMPTY = re.compile(r"(?<![ \t])[ \t]*(?:\([ \t]*\)|（[ \t]*）)")
_BEGINNING = re.compile(r"^[ \t,，、:：]+", re.MULTILINE)


class MailCannedResponse(models.Model):
    _inherit = "mail.canned.response"

    use_count = fields.Integer("Times Sent", compute="_compute_use_count")

    def _compute_use_count(self):
        counts = self.env["livechat.answer.use"]._count(self, None)
        for answer in self:
            answer.use_count = counts.get(answer.id, (0, 0))[1]

    def _fill(self, find):
        """Return the words of this answer with its variables said. One of which nothing is known
        is left out, with the space before it; nothing in the words is evaluated.

        :param find: a function of a variable's name.
        """
        left_out = False

        def say(match):
            nonlocal left_out
            name = _VARIABLES.get(match[2])
            value = name and find(name)
            left_out |= not value
            return f"{match[1]}{value}" if value else ""

        words = _VARIABLE.sub(say, self.substitution)
        if left_out:
            words = _BEGINNING.sub("", _EMPTY.sub("", words))
        return words
