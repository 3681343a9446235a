from datetime import timedelta

from odoo import fields, models

from ...tools.here import read_now

# So long a buyer who was not happy is told of, and so many by name.
_UNHAPPY_SHOWN = timedelta(days=7)
_UNHAPPY_MAX = 5


class ImLivechatChannel(models.Model):
    """Who was not happy, for the owner of the shop."""

    _inherit = "im_livechat.channel"

    def _describe_today(self):
        return {"unhappy": self._describe_unhappy(), **super()._describe_today()}

    def _describe_unhappy(self):
        """Return which buyers of these channels were not happy in the last seven days.

        :return: ``{"count", "chats": [{"id", "name", "agent", "at" (UTC), "words"}]}``, the newest
            few; name and words are for who may read the chat.
        """
        since = read_now(self.env) - _UNHAPPY_SHOWN
        # Core's worst of three. Served by rating_rating__parent_consumed_idx: the last days' alone.
        unhappy = [
            ("res_model", "=", "discuss.channel"),
            ("parent_res_model", "=", "im_livechat.channel"),
            ("parent_res_id", "in", self.ids),
            ("rating_text", "=", "ko"),
            ("consumed", "=", True),
            # Core has an index of when they were last written: when that transaction began, which
            # is never long before they were given. Whatever was written to one since, such as that
            # its buyer is erased, does not make it new.
            ("write_date", ">=", since - timedelta(hours=1)),
            ("rated_on", ">=", since),
        ]
        # sudo: rating.rating - of channels that the caller may watch
        ratings = self.env["rating.rating"].sudo()
        count = ratings.search_count(unhappy)
        ratings = ratings.search(unhappy, order="rated_on desc, id desc", limit=_UNHAPPY_MAX)
        # sudo: discuss.channel - as above
        chats = self.env["discuss.channel"].sudo().browse(ratings.mapped("res_id"))
        titles = chats._get_titles(self.env.user._sees_contacts_masked())
        return {
            "count": count,
            "chats": [
                {
                    "id": chat.id,
                    "name": titles[chat.id],
                    "agent": rating.rated_partner_id.name or False,
                    "at": fields.Datetime.to_string(rating.rated_on),
                    "words": rating.feedback,
                }
                for rating, chat in zip(ratings, chats)
            ],
        }
