import re
from itertools import groupby

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_datetime
from odoo.tools.translate import code_translations

from ...dispatch.ledger import FORGOTTEN_AFTER
from ...tools import clock, said, sent
from ...tools.here import to_shared_clock
from ...tools.mask import mask_addresses
from ...tools.rights import READERS
from ...tools.turn import MISSED

# A transcript shows so many messages at most, the last ones.
_SHOWN_MAX = 1000


class DiscussChannel(models.Model):
    """The turns of agents, which end with the chat, what *Conversations* shows, and how chats are
    told apart."""

    _inherit = "discuss.channel"

    livechat_words = fields.Char(
        "Words",
        store=False,
        readonly=True,
        search="_search_livechat_words",
        copy=False,
        groups=READERS,
        help="Finds the chats in which these words were said.",
    )
    dispatch_is_missed = fields.Boolean(
        "Missed: Ended Unanswered",
        store=False,
        readonly=True,
        search="_search_dispatch_is_missed",
        copy=False,
        groups=READERS,
    )
    livechat_buyer = fields.Char(
        "Buyer",
        compute="_compute_livechat_buyer",
        search="_search_livechat_buyer",
        groups=READERS,
        help="Who wrote; in the name of a chat is its agent as well.",
    )
    livechat_transcript = fields.Html(
        "Transcript", compute="_compute_livechat_transcript", sanitize=False, groups=READERS
    )

    # The chats of a channel since a moment: neither all that there were of it, nor those of all
    # shops of the database meanwhile.
    _dispatch_began_idx = models.Index(
        "(livechat_channel_id, create_date) WHERE livechat_channel_id IS NOT NULL"
    )

    @api.model_create_multi
    def create(self, vals_list):
        chats = super().create(vals_list)
        # sudo: im_livechat.channel.member.history - nobody has spent any time on what has just
        # begun, which needs no look at turns and words that are not there
        begun = chats.filtered(lambda chat: chat.channel_type == "livechat").sudo()
        begun.filtered("dispatch_state").livechat_agent_history_ids.session_duration_hour = 0
        return chats

    def write(self, vals):
        # Core tells them by this machine's clock, and when a chat began is told by another.
        vals = {
            name: to_shared_clock(self.env, value)
            if name in ("livechat_end_dt", "last_interest_dt")
            else value
            for name, value in vals.items()
        }
        if end := fields.Datetime.to_datetime(vals.get("livechat_end_dt")):
            # sudo: discuss.channel - whoever ends a chat ends the turn of its agent
            for chat in self.sudo():
                if chat.channel_type == "livechat" and not chat.livechat_end_dt:
                    chat._end_turns(chat.dispatch_seat_partner_ids, chat._get_last_moment(end))
        return super().write(vals)

    def _get_last_moment(self, end):
        """Return until when this chat, which ends now, was handled: of one that lay silent for a
        day, and that core's cleaning ends, until the last word."""
        last = self.last_interest_dt
        return last if last and last <= end - FORGOTTEN_AFTER else end

    def _end_turns(self, partners, moment):
        """Note that these agents no longer have this chat, and how long they had it."""
        # sudo: livechat.dispatch.decision - nobody writes these but dispatch
        turns = self.env["livechat.dispatch.decision"].sudo()
        turns = turns.search(
            [
                ("discuss_channel_id", "=", self.id),
                ("user_id", "in", partners.with_context(active_test=False).user_ids.ids),
                ("ended_at", "=", False),
            ]
        )
        for turn in turns:
            seconds = max(0, (moment - turn.moment).total_seconds())
            turn.write({"ended_at": moment, "handling_seconds": seconds})
        histories = self.livechat_agent_history_ids.filtered(
            lambda history: history.partner_id in partners
        )
        self.env.add_to_compute(histories._fields["session_duration_hour"], histories)

    @api.model
    def _count_turns(self, sums, limit):
        """Add turns that are over and were not counted yet to ``{key: Counter}``, and mark them.

        :return: how many, ``limit`` at most.
        """
        # Served by livechat_dispatch_decision__uncounted_turns_idx: those which ended lately.
        self.env.cr.execute(
            """
            WITH uncounted AS (
                SELECT id
                  FROM livechat_dispatch_decision
                 WHERE ended_at IS NOT NULL
                   AND is_turn_counted IS NOT TRUE
              ORDER BY id
                 LIMIT %s
            )
            UPDATE livechat_dispatch_decision turn
               SET is_turn_counted = true
              FROM uncounted
             WHERE turn.id = uncounted.id
         RETURNING moment,
                   main_account_id,
                   livechat_channel_id,
                   group_id,
                   user_id,
                   answer_seconds,
                   handling_seconds
            """,
            [limit],
        )
        rows = self.env.cr.fetchall()
        zones = self.env["res.users"]._read_zones(row[1] for row in rows)
        for moment, owner_id, *key, answer_seconds, handling_seconds in rows:
            sum_ = sums[(clock.begin_hour(moment, zones[owner_id]), owner_id, *key)]
            sum_["handled"] += 1
            sum_["handling_seconds"] += handling_seconds
            if answer_seconds is not None:
                sum_["answered"] += 1
                sum_["answer_seconds"] += answer_seconds
        self.env["livechat.dispatch.decision"].invalidate_model(["is_turn_counted"])
        return len(rows)

    # ------------------------------------------------------------
    # Conversations
    # ------------------------------------------------------------

    def _message_create(self, values_list):
        # What people and bots say in a live chat is found by its words.
        if any(chat.channel_type == "livechat" for chat in self):
            values_list = [
                {**values, "is_said_in_livechat": True}
                if values.get("message_type") == "comment"
                else values
                for values in values_list
            ]
        return super()._message_create(values_list)

    def _get_message_create_valid_field_names(self):
        # Core refuses what is not on this list; a word too many in the index shows nothing.
        return super()._get_message_create_valid_field_names() | {"is_said_in_livechat"}

    @api.model
    def _search_livechat_words(self, operator, value):
        """Find chats by what was said in them; of those, the caller's rules leave what it may read.

        :raise AccessError: for who reads nothing of dispatch.
        :raise UserError: for what is no text.
        """
        self._check_field_access(self._fields["livechat_words"], "read")
        if operator == "in" and len(value) == 1:
            (value,) = value
        elif operator not in ("ilike", "like", "=ilike", "=like"):
            return NotImplemented
        if not isinstance(value, str) or not sent.is_text(value[: said.TEXT_MAX], said.TEXT_MAX):
            raise UserError(self.env._("Write the words to look for."))
        statement = said.list_chats(value)
        if statement is None:
            return Domain.FALSE
        self.env["mail.message"].flush_model(["body", "res_id", "is_said_in_livechat"])
        return Domain("channel_type", "=", "livechat") & Domain("id", "in", SQL("(%s)", statement))

    @api.model
    def _search_dispatch_is_missed(self, operator, value):
        self._check_field_access(self._fields["dispatch_is_missed"], "read")
        if operator != "in" or set(value) != {True}:
            return NotImplemented
        return Domain("channel_type", "=", "livechat") & Domain(MISSED)

    def _compute_livechat_outcome(self):
        # Core gives all of them the outcome of the last.
        for chat in self:
            super(DiscussChannel, chat)._compute_livechat_outcome()

    @api.depends("name", "channel_member_ids", "livechat_channel_member_history_ids")
    @api.depends_context("uid")
    def _compute_livechat_buyer(self):
        # sudo: res.partner, mail.guest - who the buyer is of a chat that may be read
        names = self.sudo()._name_buyers(self.env["res.users"]._sees_contacts_masked())
        for chat in self:
            chat.livechat_buyer = names[chat.id]

    def _search_livechat_buyer(self, operator, value):
        if operator != "ilike" or not isinstance(value, str):
            return NotImplemented
        guest = Domain("name", "ilike", value)
        # Whom nobody has named is shown with a number.
        if numbered := re.fullmatch(r"(.*?)\s*#?(\d{1,9})", value.strip()):
            name, number = numbered.groups()
            guest |= Domain("id", "=", int(number)) & Domain("name", "ilike", name)
        partner = Domain("name", "ilike", value)
        if self.env["res.users"]._sees_contacts_masked():
            # An address that is a name is shown masked, and not to be guessed letter by letter.
            guest &= Domain("name", "not like", "@")
            partner &= Domain("name", "not like", "@")
        # Whoever reads a chat is shown its buyer's name, also of a contact that it may not read.
        found = Domain("livechat_customer_partner_ids", "any!", partner)
        return found | Domain("livechat_channel_member_history_ids.guest_id", "any", guest)

    @api.depends("message_ids", "dispatch_decision_ids")
    @api.depends_context("lang", "tz", "uid")
    def _compute_livechat_transcript(self):
        for chat in self:
            chat.livechat_transcript = chat.channel_type == "livechat" and self.env[
                "ir.qweb"
            ]._render(
                "im_livechat_subaccount.livechat_transcript",
                chat._describe_transcript(),
                minimal_qcontext=True,
            )

    def _describe_transcript(self):
        """Return what was said and decided in this chat, in order of time, as far as the caller may
        read it.

        :return: ``{"days": [(day, lines)], "earlier": how many messages are not shown}``; lines are
            ``{"kind": "said" | "noted" | "decided", "time", "author", "body", "is_buyer",
            "attachments"}`` or, of decisions, ``{"kind", "time", "title", "sentence", "url"}``.
        """
        self.ensure_one()
        domain = [("model", "=", "discuss.channel"), ("res_id", "=", self.id)]
        messages = self.env["mail.message"].search(domain, limit=_SHOWN_MAX + 1, order="id desc")
        earlier = 0
        if len(messages) > _SHOWN_MAX:
            messages = messages[:_SHOWN_MAX]
            earlier = self.env["mail.message"].search_count(domain) - _SHOWN_MAX
        # sudo: res.partner, mail.guest - who speaks in a chat that may be read
        agents = self.sudo().livechat_channel_member_history_ids.filtered(
            lambda history: history.livechat_member_type != "visitor"
        )
        staff, masks = agents.partner_id, self.env["res.users"]._sees_contacts_masked()
        lines = []
        for message in messages:
            # sudo: res.partner, mail.guest, ir.attachment - as above
            public = message.sudo()
            if not (public.body or public.attachment_ids):
                continue
            author = public.author_id or public.author_guest_id
            name = author.name or ""
            lines.append(
                (
                    message.date,
                    0,
                    message.id,
                    {
                        "kind": "said" if message.message_type == "comment" else "noted",
                        "author": author._mask("name", name) if masks else name,
                        "body": public.body,
                        "is_buyer": public.author_id not in staff,
                        "attachments": [
                            (f"/web/content/{attachment.id}", attachment.name)
                            for attachment in public.attachment_ids
                        ],
                    },
                )
            )
        kinds = dict(
            self.env["livechat.dispatch.decision"]._fields["kind"]._description_selection(self.env)
        )
        for decision in self.env["livechat.dispatch.decision"].search(
            [("discuss_channel_id", "=", self.id)], limit=_SHOWN_MAX
        ):
            # sudo: res.users - the name of a colleague in a decision that may be read
            name = decision.sudo().user_id.name
            kind = kinds[decision.kind]
            lines.append(
                (
                    decision.moment,
                    1,
                    decision.id,
                    {
                        "kind": "decided",
                        "title": self.env._("%(kind)s: %(name)s", kind=kind, name=name)
                        if name
                        else kind,
                        "sentence": decision.sentence,
                        "url": f"/odoo/livechat-decisions/{decision.id}",
                    },
                )
            )
        lines.sort(key=lambda line: line[:3])
        for moment, *_order, line in lines:
            line["time"] = format_datetime(self.env, moment, dt_format="HH:mm")
        return {
            "days": [
                (
                    format_date(self.env, day, date_format="long"),
                    [line for *_order, line in rows],
                )
                for day, rows in groupby(lines, lambda line: clock.get_day(line[0], self.env.tz))
            ],
            "earlier": earlier,
        }

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

    def _name_buyers(self, is_masked):
        """Return what the buyers of these chats are called: ``{chat id: name}``; with sudo.

        :param is_masked: whether a buyer who is named by an e-mail address is named by less.
        """
        names = {chat.id: chat._get_buyers_own_name() for chat in self}
        return {id_: mask_addresses(name) for id_, name in names.items()} if is_masked else names

    def _get_buyers_own_name(self):
        """Return the name of the buyer; of a guest whom nobody has named, with a number."""
        return self._find_buyers_name()[0]

    def _get_given_name(self):
        """Return the name of the buyer; ``False`` of a guest whom nobody has named."""
        name, is_given = self._find_buyers_name()
        return is_given and name

    def _find_buyers_name(self):
        """Return the name of the buyer, and whether somebody has given it."""
        buyers = self.channel_member_ids.filtered(
            lambda member: member.livechat_member_type == "visitor"
        )
        guest = buyers.guest_id[:1]
        if buyers.partner_id or not guest:
            partner, guest = self._identify_buyer()
            name = buyers.partner_id[:1].name or partner.name or guest.name or self.name
            return name, bool(buyers.partner_id)
        # As core names whoever comes, in the language of the page.
        unnamed = {
            code_translations.get_python_translations("im_livechat", lang).get("Visitor")
            for lang in (guest.lang, self.livechat_lang_id.code)
            if lang
        }
        if guest.name in {"Visitor", *unnamed}:
            return f"{guest.name} {guest.id}", False
        # A website names whoever comes by a number, in any language.
        return guest.name, not re.search(r"#\d+$", guest.name or "")

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
