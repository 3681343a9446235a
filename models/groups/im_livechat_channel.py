from datetime import timedelta
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from odoo import api, fields, models, tools
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import request
from odoo.tools import SQL

from ...dispatch import scope as scopes
from ...dispatch.ledger import door
from ...tools.here import read_now
from ...tools.sent import is_record_id


class ImLivechatChannel(models.Model):
    """Which dispatch group of a channel a buyer belongs to."""

    _inherit = "im_livechat.channel"

    dispatch_group_ids = fields.One2many("livechat.dispatch.group", "channel_id", "Dispatch Groups")
    dispatch_group_count = fields.Integer(
        "Number of Dispatch Groups", compute="_compute_dispatch_group_count"
    )
    order_days = fields.Integer(
        "Orders of the Last (days)",
        default=30,
        at_least=1,
        at_most=3650,
        help="Older orders of a buyer do not count for the scopes of dispatch groups.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )

    @api.depends("dispatch_group_ids")
    def _compute_dispatch_group_count(self):
        # Not len(): whoever reads the channel may read no group.
        groups = self.env["livechat.dispatch.group"]
        counts = {}
        if groups.has_access("read"):
            counts = dict(
                groups._read_group([("channel_id", "in", self.ids)], ["channel_id"], ["__count"])
            )
        for channel in self:
            channel.dispatch_group_count = counts.get(channel._origin, 0)

    def write(self, vals):
        result = super().write(vals)
        if "user_ids" in vals:
            self.env["livechat.dispatch.group"]._release_former_agents()
        return result

    @api.ondelete(at_uninstall=False)
    def _keep_answers(self):
        # sudo: livechat.dispatch.group - they go with the channel, in the database
        self.env["mail.canned.response"]._leave_groups(self.sudo().dispatch_group_ids)

    def unlink(self):
        result = super().unlink()
        # The scopes of channels are cached.
        self.env.registry.clear_cache()
        return result

    def action_view_dispatch_groups(self):
        """Open the dispatch groups of this channel."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "im_livechat_subaccount.livechat_dispatch_group_action"
        )
        return {
            **action,
            "domain": [("channel_id", "=", self.id)],
            "context": {"default_channel_id": self.id},
        }

    def action_test_dispatch_groups(self):
        """Open the page that tells which dispatch group a buyer would go to."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test Scopes"),
            "res_model": "livechat.dispatch.test",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_channel_id": self.id},
        }

    @tools.ormcache("self.id")
    def _read_dispatch_scopes(self):
        """Return what the dispatch groups of this channel receive.

        Cached, so that a channel without groups asks the database nothing.

        :return: the :class:`scope.Scope` of each of its groups, those without lines as well.
        """
        # sudo: livechat.dispatch.group - a buyer does not see by what it is dispatched
        groups = self.env["livechat.dispatch.group"].sudo()
        return tuple(group._read_scope() for group in groups.search([("channel_id", "=", self.id)]))

    def _find_dispatch_group(self, buyer):
        """Return the group with the most specific scope that fits, empty for the default group.

        :type buyer: scope.Buyer
        """
        self.ensure_one()
        group_scopes = self._origin._read_dispatch_scopes()
        patterns = {
            pattern
            for scope in group_scopes
            for kind, values in scope.values
            if kind == "page"
            for pattern in values
        }
        lines = self.env["livechat.dispatch.scope"]
        pages = patterns and lines._find_matching_patterns(patterns, buyer.page)
        return self.env["livechat.dispatch.group"].browse(
            scopes.find_group(group_scopes, buyer, pages)
        )

    @api.model
    @tools.ormcache()
    def _read_lamps(self):
        """Return the groups that web pages show, in their order. All at once, so that whoever asks
        for channels that are not there asks the database nothing, and is not remembered.

        :return: ``{channel id: ((group id, name, whether to name who is here), …)}``.
        """
        # sudo: livechat.dispatch.group - what the shop wants everybody to see
        groups = self.env["livechat.dispatch.group"].sudo().search([("lamp", "!=", False)])
        return MappingProxyType(
            {
                channel.id: tuple((group.id, group.name, group.lamp == "names") for group in shown)
                for channel, shown in groups.grouped("channel_id").items()
            }
        )

    def _get_default_agents(self):
        """Return the agents of the default group: who is in no group that has a scope."""
        self.ensure_one()
        # sudo: livechat.dispatch.group - all groups of the channel count
        groups = self.env["livechat.dispatch.group"].sudo().browse(self._find_scoped_group_ids())
        return self.user_ids - groups.user_ids.sudo(self.env.su)

    def _get_default_agent_ids(self):
        """As :meth:`_get_default_agents`, the ids alone, as those of a group."""
        self.ensure_one()
        self.env["res.users"].flush_model(["active"])
        # Served by the primary keys of the relations and of res_users.
        self.env.cr.execute(
            """
            SELECT agent.user_id
              FROM im_livechat_channel_im_user agent
              JOIN res_users users ON users.id = agent.user_id AND users.active
             WHERE agent.channel_id = %s
               AND agent.user_id NOT IN (
                       SELECT res_users_id
                         FROM livechat_dispatch_group_res_users_rel
                        WHERE livechat_dispatch_group_id = ANY(%s)
                   )
            """,
            [self.id, self._find_scoped_group_ids()],
        )
        return {user_id for (user_id,) in self.env.cr.fetchall()}

    def _find_scoped_group_ids(self):
        return [scope.group_id for scope in self._origin._read_dispatch_scopes() if scope.values]

    # ------------------------------------------------------------
    # Buyers
    # ------------------------------------------------------------

    def _describe_buyer(self, page="", lang=None, accepted=(), country_id=None, wish=None):
        """Return what is known about the buyer whose request this is.

        All of it is found on the server, but the page and the languages, which the buyer's browser
        tells.

        :param page: address of the page; whatever else is ignored.
        :param lang: the language of the page, as pages name it.
        :param accepted: the languages that the browser asks for, the best first; they count when
            neither the page nor the buyer's contact has one.
        :param country_id: where the request comes from; a contact's own country goes before it.
        :param wish: the id of the group whose lamp was clicked; whatever else is ignored.
        :rtype: scope.Buyer
        """
        self.ensure_one()
        partner, guest = self._identify_buyer()
        asked = {kind for scope in self._read_dispatch_scopes() for kind, _values in scope.values}
        if asked & {"product", "category"}:
            about = self._read_page(page)
        else:
            about = {"page": scopes.clean_page(page)}
        if is_record_id(wish):
            about["wished_group_id"] = wish
        if "order_state" in asked:
            about["order_state"] = self._get_order_state(partner)
        lang, *others = self._find_langs(lang, accepted) or [None]
        about["other_langs"] = tuple(others)
        return self._make_buyer(partner, guest, lang, partner.country_id.id or country_id, **about)

    @api.model
    def _find_langs(self, lang, accepted):
        """Return the codes of the languages of whoever makes this request, the best first.

        :param lang: as of :meth:`_describe_buyer`, and so is ``accepted``.
        """
        partner, _guest = self._identify_buyer()
        lang = self._find_lang(lang) or partner.lang
        return [lang] if lang else list(filter(None, map(self._find_lang, accepted)))

    @api.model
    @tools.ormcache(cache="stable")
    def _read_langs(self):
        """Return all the languages Odoo knows, installed or not: shops say what they speak by them.

        :return: ``{code: (id, code in addresses)}``.
        :rtype: dict[str, tuple[int, str]]
        """
        # sudo: res.lang - their codes
        langs = self.env["res.lang"].sudo().with_context(active_test=False).search([])
        return MappingProxyType({lang.code: (lang.id, lang.url_code) for lang in langs})

    @api.model
    def _find_lang(self, name):
        """Return the code of the language that a page or a browser names, ``None`` for none.

        Of several that are as close it is the usual one: American English for ``en``.
        """
        # What is too long is not even remembered.
        if not isinstance(name, str) or len(name) > scopes.LANGUAGE_LENGTH_MAX:
            return None
        rates = {code: scopes.get_closeness(name, code) for code in self._read_langs()}
        found = {code: rate for code, rate in rates.items() if rate}
        usual = name.lower()
        return max(
            found,
            key=lambda code: (found[code], self._read_langs()[code][1].lower() == usual, code),
            default=None,
        )

    @api.model
    def _find_installed_lang(self, lang):
        """Return the code of the installed language that is closest to this one, ``None`` when that
        is another language altogether."""
        rates = {
            code: scopes.get_closeness(lang, code)
            for code, _name in self.env["res.lang"].get_installed()
        }
        closest = max(rates, key=rates.get)
        return closest if rates[closest] else None

    @api.model
    def _identify_buyer(self):
        """Return who makes this request.

        :return: the ``res.partner`` who is signed in, empty for nobody, and the ``mail.guest`` of
            the cookie or token, empty for none: who has signed in since is the same buyer.
        """
        user = self.env.user
        # sudo: res.partner - what the dispatch asks about whoever is signed in
        partner = self.env["res.partner"] if user._is_public() else user.sudo().partner_id
        return partner, self.env["mail.guest"]._get_guest_from_context()

    @api.model
    def _find_open_chats(self, partner, guest, domain=()):
        """Return the chats that a buyer has open: with the account, or as the guest. What an
        account has said is not shown to a guest, though that was the account's cookie.

        :param domain: which of them.
        :rtype: discuss.channel
        """
        is_open = Domain("livechat_end_dt", "=", False)
        return self._find_chats_of(partner, guest, Domain(domain) & is_open)

    def _find_chats_of(self, partner, guest, domain):
        """As :meth:`_find_open_chats`, and those that have ended.

        :rtype: discuss.channel
        """
        buyer = Domain.FALSE
        for name, person in (("partner_id", partner), ("guest_id", guest)):
            if person:
                buyer |= Domain(name, "=", person.id)
        # Served by the history's indexes on partner_id and guest_id.
        buyer &= Domain(scopes.IS_IN_CHAT)
        domain &= Domain("livechat_channel_member_history_ids", "any", buyer)
        # sudo: discuss.channel - the buyer's own
        chats = self.env["discuss.channel"].sudo()
        if "is_pending_chat_request" in chats._fields:
            # What an agent of the website has asked a visitor, core cancels for the visitor's own.
            domain &= Domain("is_pending_chat_request", "!=", True)
        return chats.search(domain, order="id desc") if partner or guest else chats

    def _is_welcome(self, what):
        """Count that whoever sends this request asks something of this channel, or of none, and
        tell whether that is not too often. The address is the one that Odoo sees, with its
        ``proxy_mode``.

        :param what: one of ``door.PER_ADDRESS``.
        """
        chats = self._read_address_chats()
        if not chats:
            return True
        asked, rush = [], None
        if address := self._read_caller_address():
            asked.append(door.find_limit(what, address, chats))
            rush = door.find_rush(what, address, chats, self.id or 0)
        partner, guest = self._identify_buyer()
        if what in door.PER_BUYER and (buyer := partner or guest):
            asked.append(door.Request(what, f"{buyer._name} {buyer.id}", door.PER_BUYER[what]))
        return door.admit(self.env, asked, self.id or 0, rush)

    def _expect_welcome(self, what):
        """As :meth:`_is_welcome`.

        :raise UserError: that is too often.
        """
        if not self._is_welcome(what):
            raise UserError(self._say_wait())

    @api.model
    def _is_too_much(self, channel_id, what):
        """Tell whether the address that sends this request asks for more than its share of a
        channel of which very many ask; asked before anything is done for it, and counted then.

        :param int channel_id: what a browser says is the channel.
        :param what: one of ``door.PER_ADDRESS_IN_RUSH``.
        """
        chats, address = self._read_address_chats(), self._read_caller_address()
        if not (chats and address):
            return False
        rush = door.find_rush(what, address, chats, channel_id)
        is_too_much = door.is_too_much(self.env, rush)
        if is_too_much:
            door.note_too_much(self.env, rush, what, channel_id)
        return is_too_much

    @api.model
    def _read_address_chats(self):
        """Return how many chats an address may open an hour, 0 for no limit."""
        # sudo: ir.config_parameter - a number that says nothing of anybody
        parameters = self.env["ir.config_parameter"].sudo()
        return door.read_address_chats(parameters.get_param("im_livechat_subaccount.address_chats"))

    @api.model
    def _read_caller_address(self):
        """Return where this request comes from, see ``door.read_address``."""
        return door.read_address(request.httprequest.remote_addr) if request else None

    @api.model
    def _say_wait(self):
        """Return what somebody is told who asks too often."""
        return self.env._("That was very often. Please wait a minute and try again.")

    @api.model
    def _match_open_to_caller(self, field="id"):
        """Return the domain of the channels whose shops have not blocked who makes this request;
        as part of a search that is made anyway it costs no query.

        :param field: the column of the table searched that holds the channel's id.
        :rtype: Domain
        """
        home = self.browse()
        if self.env.user._is_internal():
            # People who work here are managed as accounts.
            if not self.env["ir.rule"]._serves_staff():
                return Domain.TRUE
            home = self.env.user._get_home_channels()
        partner, guest = self._identify_buyer()
        address = door.find_address(request.httprequest.remote_addr) if request else None

        def to_sql(_model, alias, _query):
            # Served by the primary key of channels and the indexes of blocks on channel and shop.
            return SQL(
                """NOT EXISTS (
                    SELECT
                      FROM im_livechat_channel shop
                      JOIN livechat_dispatch_block block
                        ON block.livechat_channel_id = shop.id
                           OR block.main_account_id = shop.main_account_id
                     WHERE shop.id = %(channel)s
                       AND shop.id != ALL(%(home)s::integer[])
                       AND (block.until IS NULL OR block.until > %(now)s)
                       AND (block.partner_id = %(partner_id)s
                            OR block.guest_id = %(guest_id)s
                            OR block.address::inet >>= %(address)s::inet)
                )""",
                channel=SQL.identifier(alias, field),
                home=home.ids,
                now=read_now(self.env),
                partner_id=partner.id or None,
                guest_id=guest.id or None,
                address=address,
            )

        return Domain.custom(to_sql=to_sql)

    def _turn_away(self):
        """Count that somebody was turned away who is blocked here, and return what it is told."""
        door.note_blocked(self.env, self.id or 0)
        return self.env._("This chat is not open to you at present.")

    @api.model
    def _make_buyer(self, partner, guest, lang=None, country_id=None, **about):
        """Return the :class:`scope.Buyer` whom an account and a cookie or token both identify.

        :param partner: see :meth:`_identify_buyer`, and so is ``guest``.
        :param about: more fields of the buyer.
        """
        return scopes.Buyer(
            **about,
            lang=lang or None,
            country_id=country_id or None,
            partner_id=partner.id or None,
            guest_id=guest.id or None,
            tag_ids=tuple(partner.category_id.ids),
        )

    @api.model
    def _read_page(self, page):
        """Return what an address says: the page itself, and its product and product categories.

        :return: a dictionary of the fields of ``scope.Buyer`` that follow from it.
        """
        page = scopes.clean_page(page)
        about = {"page": page}
        if "product.public.category" not in self.env:
            return about
        product_id, category_id = self._read_shop_path(page)
        # sudo: product.template, product.public.category - what a public page is about; nothing of
        # it is shown
        product = self.env["product.template"].sudo().browse(product_id).exists()
        category = self.env["product.public.category"].sudo().browse(category_id).exists()
        categories = (category | product.public_categ_ids).parents_and_self
        return {
            **about,
            "product_id": product.id or None,
            "category_ids": tuple(categories.ids),
            "category_depths": tuple(
                (category.parent_path or "").count("/") for category in categories
            ),
        }

    @api.model
    def _read_shop_path(self, page):
        """Return the ids in an address of this server's shop: product and product category.

        The paths are those of ``website_sale``'s controller, with or without a language.
        """
        try:
            url = urlsplit(page)
        except ValueError:
            return None, None
        parts = [unquote(part) for part in url.path.split("/") if part]
        if parts and parts[0] != "shop" and self.env["res.lang"]._get_data(url_code=parts[0]):
            parts = parts[1:]
        if len(parts) < 2 or parts[0] != "shop" or not self._is_own_host(url.netloc):
            return None, None
        match parts[1:]:
            case ["category", category, *_rest]:
                return None, self._read_slug(category)
            case ["product", product, *_rest]:
                return self._read_slug(product), None
            case ["page", *_rest]:
                return None, None
            case [category, product, *_rest] if self._read_slug(product):
                return self._read_slug(product), self._read_slug(category)
            case [product, *_rest]:
                return self._read_slug(product), None

    @api.model
    def _read_slug(self, slug):
        """Return the id in ``kettle-12``."""
        _name, record_id = self.env["ir.http"]._unslug(slug)
        return record_id if is_record_id(record_id) else None

    @api.model
    def _is_own_host(self, host):
        """Tell whether this server answers under that name: another shop's ``/shop/kettle-12`` is
        not ours."""
        host = host.rpartition("@")[2].lower()
        if not host or (request and request.httprequest.host.lower() == host):
            return True
        if host == urlsplit(self.env["im_livechat.channel"].get_base_url()).netloc.lower():
            return True
        own = set()
        if "website" in self.env:
            # sudo: website - the domains of all websites of this server
            for domain in self.env["website"].sudo().search([("domain", "!=", False)]):
                own.add(urlsplit(domain.domain).netloc.lower() or domain.domain.lower())
        return host in own

    @api.model
    def _is_own_page(self, page):
        """Tell whether an address is that of a page of this server."""
        try:
            url = urlsplit(page)
        except ValueError:
            return False
        return url.scheme in ("http", "https") and self._is_own_host(url.netloc)

    @api.model
    def _read_cart_id(self):
        """Return the id of the order that is the cart of whoever makes this request, as the shop's
        website keeps it in the session; ``None`` for none."""
        if not request or "website_id" not in getattr(self.env.get("sale.order"), "_fields", ()):
            return None
        cart_id = request.session.get("sale_order_id")
        return cart_id if is_record_id(cart_id) else None

    def _get_order_state(self, partner):
        """Return where the newest order of a buyer's company is, as ``scope.Buyer`` names it.

        :return: ``None`` without the module *Sales*, and for a guest.
        """
        if "sale.order" not in self.env or not partner:
            return None
        since = read_now(self.env) - timedelta(days=self.order_days)
        domain = [
            ("partner_id", "child_of", partner.commercial_partner_id.id),
            ("state", "!=", "cancel"),
            ("date_order", ">=", since),
        ]
        # sudo: sale.order - the buyer's own; only its state goes on
        orders = self.env["sale.order"].sudo()
        order = orders.search(domain, order="date_order desc, id desc", limit=1)
        if not order:
            return "none"
        if order.state in ("draft", "sent"):
            return "quotation"
        if "delivery_status" in order._fields:
            pickings = order.picking_ids.filtered(lambda picking: picking.state != "cancel")
            if (pickings | pickings.return_ids).filtered("return_id"):
                return "return"
            if order.delivery_status:
                return "shipped" if order.delivery_status == "full" else "to_ship"
        delivered = all(
            line.qty_delivered >= line.product_uom_qty
            for line in order.order_line
            if not line.display_type
        )
        return "shipped" if delivered else "to_ship"
