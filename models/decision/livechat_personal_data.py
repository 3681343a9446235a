from base64 import b64encode

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import html2plaintext

# What refers to a contact and says nothing of it beside our chats: whoever erases a person does not
# keep its name for these.
_OWN_TABLES = frozenset(
    {
        "discuss_channel_member",
        "im_livechat_channel_member_history",
        "mail_followers",
        "mail_message",
        "mail_message_reaction",
        "mail_message_res_partner_rel",
        "mail_message_res_partner_starred_rel",
        "mail_notification",
        "mail_presence",
        "rating_rating",
        "res_partner",
        "res_partner_res_partner_category_rel",
        "website_visitor",
    }
)
_ADDRESS = ("email", "phone", "street", "street2", "zip", "city", "state_id", "country_id", "vat")
_ADDRESS += ("website", "function", "comment", "image_1920", "ref", "company_name")


class LivechatPersonalData(models.AbstractModel):
    """What the live chat holds about a person: as one file, or erased.

    A buyer's own words, files, names and addresses go; chats, turns, decisions, ratings and all
    figures stay, as those of nobody, so that no total changes. Of a former agent the name goes;
    what it wrote to buyers is theirs as well and stays.
    """

    _name = "livechat.personal.data"
    _description = "Personal Data"

    # ------------------------------------------------------------
    # Whose data the caller handles
    # ------------------------------------------------------------

    @api.model
    def _check_handler(self):
        """Refuse whoever handles nobody's personal data.

        :raise AccessError:
        """
        user = self.env.user
        if not user._handles_personal_data_of(user._get_shop_owner()):
            raise AccessError(self.env._("You do not export or erase personal data."))

    @api.model
    def _load(self, kind, record):
        """Return an action that saves what is held about a person as a file.

        :param kind: as of the route.
        """
        return {
            "type": "ir.actions.act_url",
            "url": f"/livechat/personal_data/{kind}/{record.id}",
            "target": "self",
        }

    @api.model
    def _find_chats(self, person, member_type="visitor"):
        """Return the live chats of a person for which the caller answers: its shop's, or all.

        :param person: a ``res.partner`` or a ``mail.guest``.
        """
        field = "guest_id" if person._name == "mail.guest" else "partner_id"
        # sudo: im_livechat.channel.member.history - bounded to the shop right below
        histories = self.env["im_livechat.channel.member.history"].sudo()
        chats = histories.search(
            [(field, "in", person.ids), ("livechat_member_type", "=", member_type)]
        ).channel_id
        user = self.env.user
        if user._is_shop_staff():
            owner = user._get_shop_owner()
            chats = chats.filtered(lambda chat: chat.livechat_channel_id.main_account_id == owner)
        return chats.filtered(lambda chat: chat.channel_type == "livechat").sorted("id")

    @api.model
    def _find_buyer(self, chat):
        """Return who the buyer of a chat is: a contact or a guest."""
        # sudo: im_livechat.channel.member.history - of a chat that the caller may read
        histories = chat.sudo().livechat_customer_history_ids
        # A colleague who looked in is no buyer.
        partners = histories.partner_id.filtered(lambda partner: not partner._works_here())
        return partners[:1] or histories.guest_id[:1] or histories.partner_id[:1]

    @api.model
    def _check_buyer(self, person):
        """Return the chats of a buyer for which the caller answers.

        :raise AccessError: the caller does not handle personal data, or not this person's.
        :raise UserError: somebody who works here.
        """
        self._check_handler()
        chats = self._find_chats(person)
        if person._name == "res.partner" and person._works_here():
            raise UserError(
                self.env._("That is the contact of somebody who works here, and of no buyer.")
            )
        if not chats:
            raise AccessError(self.env._("That is no buyer of your shop."))
        return chats

    # ------------------------------------------------------------
    # A buyer
    # ------------------------------------------------------------

    @api.model
    def _export_buyer(self, person):
        """Return what is held about a buyer, as far as the caller answers for it, as JSON.

        :raise AccessError, UserError: see ``_check_buyer``.
        """
        chats = self._check_buyer(person)
        # sudo: res.partner, mail.guest - checked above
        person = person.sudo()
        self._note("export", chats, person)
        names = ("name", "email", "phone", "street", "street2", "zip", "city", "lang", "tz")
        names += ("timezone", "create_date")
        return {
            "person": {
                **{name: person[name] for name in names if name in person._fields},
                "country": person.country_id.name,
            },
            "chats": [self._describe_chat(chat) for chat in chats],
            "blocks": [
                {"until": block.until, "reason": block.reason, "address": block.address}
                for block in person.env["livechat.dispatch.block"].search(
                    [
                        (
                            "guest_id" if person._name == "mail.guest" else "partner_id",
                            "=",
                            person.id,
                        ),
                        ("main_account_id", "in", chats.livechat_channel_id.main_account_id.ids),
                    ]
                )
            ],
        }

    @api.model
    def _describe_files(self, files):
        return [
            {
                "name": file.name,
                "type": file.mimetype,
                "base64": b64encode(file.raw or b"").decode(),
            }
            for file in files
        ]

    @api.model
    def _describe_chat(self, chat, author=None):
        """Return a chat in words.

        :param author: whose messages alone are told; of all, if not given.
        """
        domain = [("model", "=", "discuss.channel"), ("res_id", "=", chat.id)]
        if author:
            domain.append(("author_id", "=", author.id))
        messages = chat.env["mail.message"].search(domain, order="id")
        ratings = chat.env["rating.rating"].search(
            [("res_model", "=", "discuss.channel"), ("res_id", "=", chat.id)]
        )
        described = {
            "id": chat.id,
            "channel": chat.livechat_channel_id.name,
            "began": chat.create_date,
            "ended": chat.livechat_end_dt,
            "agents": chat.livechat_agent_history_ids.partner_id.mapped("name"),
            "messages": [
                {
                    "date": message.date,
                    "author": message.author_id.name or message.author_guest_id.name,
                    "text": html2plaintext(message.body or "").strip(),
                    "files": self._describe_files(message.attachment_ids),
                }
                for message in messages
            ],
            "ratings": [
                {"date": rating.create_date, "rating": rating.rating} for rating in ratings
            ],
        }
        if author:
            return described
        return {
            **described,
            "name": chat.name,
            "country": chat.country_id.name,
            "language": chat.livechat_lang_id.name,
            "page": chat.dispatch_page,
            "contact": chat.dispatch_contact_id.email,
            "answers_to": chat.dispatch_reply_email,
            "order_named": chat.dispatch_order_number,
            # Sent, and in no message.
            "files": self._describe_files(
                chat.env["ir.attachment"].search(
                    [
                        ("res_model", "=", "discuss.channel"),
                        ("res_id", "=", chat.id),
                        ("id", "not in", messages.attachment_ids.ids),
                    ]
                )
            ),
            "whispers": [
                {"moment": one.moment, "by": one.user_id.name, "text": one.body}
                for one in chat.env["livechat.whisper"].search(
                    [("discuss_channel_id", "=", chat.id)]
                )
            ],
            "note": html2plaintext(chat.livechat_note or "").strip(),
            "answers to the bot": [
                html2plaintext(answer.user_raw_answer)
                for answer in chat.chatbot_message_ids
                if answer.user_raw_answer
            ],
            "words on ratings": [rating.feedback for rating in ratings if rating.feedback],
            "decisions": [self._describe_decision(one) for one in chat.dispatch_decision_ids],
        }

    @api.model
    def _describe_decision(self, decision):
        return {
            "moment": decision.moment,
            "kind": decision.kind,
            "rule": decision.rule,
            "agent": decision.user_id.name,
            "reason": decision.reason,
            "waited seconds": decision.waited_seconds,
            "answered after seconds": decision.answer_seconds,
        }

    @api.model
    def _erase_buyer(self, person):
        """Erase what is held about a buyer, as far as the caller answers for it.

        :return: how many chats it was.
        :raise AccessError, UserError: see ``_check_buyer``; or a chat is open.
        """
        chats = self._check_buyer(person)
        if not all(chats.mapped("livechat_end_dt")):
            raise UserError(self.env._("This buyer has an open chat; end it first."))
        self._note("erase", chats, person)
        # sudo: res.partner, mail.guest - checked above
        person = person.sudo()
        kept = chats.dispatch_contact_id
        chats._forget_buyer(person)
        for contact in kept:
            # An agent made it of what this guest wrote.
            if not self._is_needed(contact):
                self._forget_contact(contact, self.env._("Erased Buyer"))
        if person._name == "res.partner":
            agent = person.livechat_agent_id
            if agent and self.env.user._handles_personal_data_of(agent._get_shop_owner()):
                person.livechat_agent_id = False
            if not self.env.user._is_shop_staff() and not self._is_needed(person):
                self._forget_contact(person, self.env._("Erased Buyer"))
        return len(chats)

    @api.model
    def _is_needed(self, partner):
        """Tell whether something beside our chats names a contact: an account, an order, an
        invoice, a task, …"""
        if partner.with_context(active_test=False).user_ids or partner.child_ids:
            return True
        wizard = self.env["base.partner.merge.automatic.wizard"]
        self.env.flush_all()
        for table, column in wizard._get_fk_on("res_partner"):
            if table in _OWN_TABLES:
                continue
            # Served by the index of the column, where there is one: an administrator waits.
            self.env.cr.execute(
                f'SELECT 1 FROM "{table}" WHERE "{column}" = %s LIMIT 1', [partner.id]
            )
            if self.env.cr.fetchone():
                return True
        return False

    @api.model
    def _forget_contact(self, partner, name):
        """Empty a contact, with what its own history told."""
        # Core keeps former values in the history otherwise.
        silent = partner.with_context(
            tracking_disable=True, mail_notrack=True, mail_create_nolog=True
        )
        values = {field: False for field in _ADDRESS if field in partner._fields}
        silent.write({**values, "name": name})
        # sudo: mail.message - the history of a contact that is emptied
        self.env["mail.message"].sudo().search(
            [("model", "=", "res.partner"), ("res_id", "=", partner.id)]
        ).unlink()

    @api.model
    def _note(self, event, chats, person):
        """Log what the caller does, and with whose data, by a number."""
        kind = {"mail.guest": self.env._("Guest"), "res.partner": self.env._("Contact")}
        self.env["livechat.dispatch.log"]._note_personal_data(
            event, chats.livechat_channel_id.main_account_id, f"{kind[person._name]} {person.id}"
        )

    # ------------------------------------------------------------
    # A former agent
    # ------------------------------------------------------------

    @api.model
    def _export_agent(self, partner, shops):
        """Return what is held about an agent of shops as JSON; the caller has checked whose.

        :param partner: with sudo.
        """
        users = partner.with_context(active_test=False).user_ids
        # What stays of deleted accounts belongs to no shop any more: all that the contact has.
        users = users.filtered(lambda one: one.main_account_id & shops) or users
        user = users.filtered("main_account_id")[:1]
        self.env["livechat.dispatch.log"]._note_personal_data(
            "export", shops, f"{self.env._('Contact')} {partner.id}"
        )
        row = user._get_subaccount() if user else self.env["livechat.subaccount"]
        env = partner.env
        chats = self._find_chats(partner, "agent")
        decisions = env["livechat.dispatch.decision"].search(
            ["|", ("user_id", "in", users.ids), ("previous_user_id", "in", users.ids)], order="id"
        )
        totals = env["livechat.dispatch.total"]
        sums = list(totals._get_sums())
        log = env["livechat.dispatch.log"].search(
            ["|", ("user_id", "in", users.ids), ("agent_id", "in", users.ids)], order="id"
        )
        messages = env["mail.message"].search(
            [("model", "=", row._name), ("res_id", "in", row.ids)], order="id"
        )
        names = ("name", "login", "email", "phone", "lang", "livechat_username", "create_date")
        return {
            "person": {
                **{name: (user or partner)[name] for name in names if name in (user or partner)},
                "roles": row.role_ids.mapped("name"),
                "channels": user.livechat_channel_ids.mapped("name"),
                "weight": user.dispatch_weight,
                "activated": row.activated_on,
                "last login": user.login_date,
            },
            "account log": env["livechat.account.log"]._export_person(partner, shops),
            "messages about the account": [
                {"date": one.date, "text": html2plaintext(one.body or "").strip()}
                for one in messages
            ],
            "changes": [
                {
                    "moment": one.moment,
                    "by": one.who,
                    "of": one.subject,
                    "what": one.what,
                    "from": one.old_text,
                    "to": one.new_text,
                }
                for one in log
            ],
            "chats": [self._describe_chat(chat, partner) for chat in chats],
            "decisions": [
                {"chat": one.discuss_channel_id.id, **self._describe_decision(one)}
                for one in decisions
            ],
            "pauses": [
                {"from": one.began_at, "to": one.ended_at, "reason": one.reason}
                for one in env["livechat.dispatch.pause"].search([("user_id", "in", users.ids)])
            ],
            "presence": [
                {"moment": one.moment, "state": one.state}
                for one in env["livechat.dispatch.presence"].search([("user_id", "in", users.ids)])
            ],
            "figures": [
                {"hour": one.hour, **{name: one[name] for name in sums if one[name]}}
                for one in totals.search([("user_id", "in", users.ids)], order="hour")
            ],
        }

    @api.model
    def _erase_agent(self, partner, users, shops):
        """Take the name of a former agent out of what is held; the caller has checked whose.

        :param partner: with sudo.
        :param users: with sudo, whose accounts go now, or are what stayed of deleted ones.
        """
        name, other = partner.name, self.env._("Former Agent")
        log = self.env["livechat.dispatch.log"]
        log._note_personal_data("erase", shops, f"{self.env._('Contact')} {partner.id}")
        for shop in shops:
            log._forget_name(users, name, shop, other)
        chats = self._find_chats(partner, "agent")
        for known in {name, *users.mapped("livechat_username")} - {False}:
            chats._forget_name(known, other)
        self._forget_doer(name, other, shops)
        for user in users:
            user._delete_subaccount()
        # That the account went is logged by its name as well.
        for shop in shops:
            log._forget_name(users, name, shop, other)
        self.env["livechat.account.log"]._forget_person(partner, shops, other)
        for left in users.exists():
            left.write({"login": f"__erased_{left.id}", "signature": False})
            left.livechat_username = False
        self.env.flush_all()
        # Core keeps beside each message as whom it was sent.
        # Served by the index on author_id.
        self.env.cr.execute(
            "UPDATE mail_message SET email_from = NULL WHERE author_id = %s", [partner.id]
        )
        self.env["mail.message"].invalidate_model(["email_from"])
        self._forget_contact(partner, other)
        partner.active = False

    @api.model
    def _forget_doer(self, name, other, shops):
        """Put another name in the place of who did something with chats of shops by hand, as it was
        written down in whatever language."""
        langs = [code for code, _name in self.env["res.lang"].get_installed()]
        said = {self.with_context(lang=lang).env._("By %s", name) for lang in langs}
        # sudo: livechat.dispatch.decision - nobody writes these but the server
        decisions = self.env["livechat.dispatch.decision"].sudo()
        # Served by the index on main_account_id.
        decisions = decisions.search(
            [("main_account_id", "in", shops.ids), ("reason", "in", list(said))]
        )
        decisions.reason = self.env._("By %s", other)
