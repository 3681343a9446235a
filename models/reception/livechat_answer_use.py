from odoo import api, fields, models

# So many answers and pages are added up in one go.
_BATCH = 1000


class LivechatAnswerUse(models.Model):
    """How often a canned answer was sent to buyers of a page.

    A row for each answer that is sent, so that nobody waits for another who sends the same; at
    night they are added up.
    """

    _name = "livechat.answer.use"
    _description = "Use of a Canned Answer"
    _log_access = False

    response_id = fields.Many2one(
        "mail.canned.response",
        "Canned Answer",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    about = fields.Char(
        readonly=True, help="The product, or the path of the page, from which the buyer came."
    )
    uses = fields.Integer("Times Sent", default=1, readonly=True)

    @api.model
    def _count(self, answers, about):
        """Return how often these answers were sent to buyers of a page, and of any.

        :rtype: dict[int, tuple[int, int]]
        """
        # Served by the index on response_id.
        sent = [("response_id", "in", answers.ids)]
        # sudo: livechat.answer.use - of answers that the caller reads, and nothing but counts
        rows = self.sudo()._read_group(sent, ["response_id", "about"], ["uses:sum"])
        counts = dict.fromkeys(answers.ids, (0, 0))
        for answer, page, uses in rows:
            here, everywhere = counts[answer.id]
            counts[answer.id] = (here + uses * (page == about), everywhere + uses)
        return counts

    @api.autovacuum
    def _gc_add_up(self):
        parts = self._read_group(
            [],
            ["response_id", "about"],
            ["uses:sum", "id:recordset"],
            having=[("__count", ">", 1)],
            limit=_BATCH,
        )
        for _answer, _page, uses, rows in parts:
            rows[0].uses = uses
            rows[1:].unlink()
        return len(parts), len(parts) == _BATCH
