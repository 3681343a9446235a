from markupsafe import Markup

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import email_normalize, hash_sign, verify_hash_signed
from odoo.tools.urls import urljoin

from ...dispatch import ledger, policy
from ...dispatch.ledger import door
from ...tools import sent
from ...tools.attributes import SETTING, leave_to_core
from ...tools.sender import get_sender

# What a link is signed for that confirms where the pool's messages are told.
_POOL_EMAIL = "im_livechat_subaccount pool_email"


# What each page view of a buyer loads.
_LENGTHS = {
    "name": 200,
    "button_text": 200,
    "default_message": 2000,
    "header_background_color": 50,
    "title_color": 50,
    "button_background_color": 50,
    "button_text_color": 50,
    "review_link": 2000,
}


@leave_to_core
class ImLivechatChannel(sent.Guard, models.Model):
    _name = "im_livechat.channel"
    _inherit = ["im_livechat.channel", "livechat.field.mixin"]

    name = fields.Char(shop_may_set=True, shown="trees")
    button_text = fields.Char(shop_may_set=True)
    default_message = fields.Char(shop_may_set=True)
    header_background_color = fields.Char(shop_may_set=True)
    title_color = fields.Char(shop_may_set=True)
    button_background_color = fields.Char(shop_may_set=True)
    button_text_color = fields.Char(shop_may_set=True)
    review_link = fields.Char(shop_may_set=True)
    rule_ids = fields.One2many(shop_may_set=True)
    user_ids = fields.Many2many(
        frees_seats=True, logged="each", shop_may_set=True, shown=("trees", "bars")
    )
    max_sessions_mode = fields.Selection(**SETTING, shown=("trees", "bars"))
    max_sessions = fields.Integer(**SETTING, shown=("trees", "bars"))
    block_assignment_during_call = fields.Boolean(**SETTING, shown="trees")
    main_account_id = fields.Many2one(
        "res.users",
        "Main Account",
        index="btree_not_null",
        domain="[('share', '=', False), ('main_account_id', '=', False)]",
        help="The shop owner whose sub-accounts receive buyers here.",
        frees_seats=True,
        logged=True,
        shop_may_set=False,
        shown=("trees", "staff"),
    )
    dispatch_mode = fields.Selection(
        [
            ("native", "Odoo's own: least active agent, ties at random"),
            ("share", "Share: new chats in proportion to the weights"),
            ("least_load", "Least load: the lowest load for its weight"),
        ],
        string="Dispatch",
        default=lambda self: self.env["res.config.settings"]._get_dispatch_mode_default(),
        required=True,
        help="How the agent of a new buyer is chosen.",
        **SETTING,
        shown=("trees", "bars"),
    )
    main_account_participation = fields.Selection(
        [
            ("never", "Never"),
            ("fallback", "When nobody else can"),
            ("member", "Like any agent"),
        ],
        string="Main Account Takes Chats",
        default="never",
        required=True,
        help="When the shop's owner receives buyers, too.",
        **SETTING,
        shown="trees",
    )
    reception_partner_id = fields.Many2one(
        "res.partner",
        "Reception Desk",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Whom a buyer sees before an agent is chosen: the shop itself.",
    )
    prefers_suited_agents = fields.Boolean(
        "Prefer Language, Expertise and Country",
        default=True,
        help="Agents who speak the buyer's language, know what is asked or are in the buyer's "
        "country come first; among them the mode decides.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    sticky_hours = fields.Integer(
        "Returning Buyers (hours)",
        default=72,
        at_least=0,
        at_most=8760,
        help="So long a returning buyer gets the agent who answered last, if there is room; within "
        "24 hours even when that agent is paused. 0: never.",
        **SETTING,
    )
    queue_enabled = fields.Boolean(
        "Waiting Line",
        help="When everybody is busy, buyers wait in order and see their place.",
        **SETTING,
        shown="trees",
    )
    line_first_tag_id = fields.Many2one(
        "res.partner.category",
        "Goes First in Line",
        index="btree_not_null",
        ondelete="set null",
        help="Buyers with this tag stand in line as if they had come 10 minutes earlier, and the "
        "others are told; empty: nobody goes first.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
        shown="trees",
    )
    queue_limit = fields.Integer(
        "Places in Line",
        default=100,
        at_least=0,
        at_most=sent.MANY,
        help="Of each dispatch group; 0 for no limit. Beyond it, the rule for "
        "when nobody is here applies.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    offline_rule = fields.Selection(
        [
            ("native", "Odoo's own: the chat is not offered"),
            ("pool", "Message pool: keep the messages, hand them out later"),
            ("main_account", "Main account: takes the chats, present or not"),
            ("proxy", "Proxies: the named agents take the chats, present or not"),
        ],
        string="When Nobody Is Here",
        default="native",
        required=True,
        help="What becomes of buyers who come while no agent is here, or outside opening hours.",
        **SETTING,
    )
    proxy_user_ids = fields.Many2many(
        "res.users",
        "im_livechat_channel_proxy_rel",
        "channel_id",
        "user_id",
        string="Proxies",
        domain="[('id', 'in', user_ids)]",
        help="Agents of this channel who take chats while nobody is here.",
        **SETTING,
    )
    pool_email = fields.Char(
        "Tell by E-mail",
        help="Whom to tell when a buyer leaves a message in the pool. A mail asks whoever reads "
        "this address to confirm that it wants them.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    # The address whose reader has said that it wants the mails.
    pool_email_confirmed = fields.Char(copy=False, readonly=True, groups=fields.NO_ACCESS)
    pool_email_waits = fields.Boolean(compute="_compute_pool_email_waits")
    lacks_sender = fields.Boolean(compute="_compute_lacks_sender")
    asks_to_accept = fields.Boolean(
        "Accept or Decline",
        help="Whom dispatch gives a chat is asked whether to take it: who declines, or says "
        "nothing in time, loses it to the next agent. A first word accepts it, too.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    accept_seconds = fields.Integer(
        "Time to Accept (seconds)",
        default=20,
        at_least=10,
        at_most=600,
        help="So long an agent is asked; saying nothing counts as a miss, as with No Reply.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    no_reply_seconds = fields.Integer(
        "No Reply (seconds)",
        at_least=0,
        at_most=86400,
        help="A buyer who waits so long for a first answer goes to the next agent; after three "
        "such misses in a row the agent is paused. 0: never.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    silence_seconds = fields.Integer(
        "Silence (seconds)",
        at_least=0,
        at_most=86400,
        help="A buyer who waits so long for a later word of an agent who has already answered goes "
        "to the next agent; that pauses nobody. 0: never.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    close_after_hours = fields.Integer(
        "Close Silent Chats After (hours)",
        at_least=0,
        at_most=720,
        help="A chat in which nobody has written for so long after an agent's answer closes by "
        "itself. The buyer is told an hour before, and opens it again by writing. 0: never.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    first_question = fields.Selection(
        [("topic", "What it is about"), ("order", "The order number")],
        "Ask Before the Chat",
        help="What it is about: buyers choose among the dispatch groups that have a lamp. Nobody "
        "has to answer: who just writes is dispatched as ever. Empty: nothing is asked.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    mails_answers = fields.Boolean(
        "Offer Answers by E-mail",
        default=True,
        help="Who waits or leaves a message may say where an answer is mailed, with a link that "
        "opens the chat again, and where the shop may call.",
        frees_seats=False,
        logged=True,
        shop_may_set=True,
    )
    calendar_id = fields.Many2one(
        "resource.calendar",
        "Opening Hours",
        ondelete="restrict",
        help="Outside these hours the rule for when nobody is here applies; empty: always open.",
        **SETTING,
        shown="trees",
    )
    ramp_minutes = fields.Integer(
        "Calm Start (minutes)",
        at_least=0,
        at_most=480,
        help="The weight of an agent who comes grows to its full size in this time; 0: at once.",
        **SETTING,
    )
    _ramp_minutes_range = models.Constraint(
        "CHECK(ramp_minutes BETWEEN 0 AND 480)", "A calm start takes 0 to 480 minutes."
    )
    _sticky_hours_range = models.Constraint(
        "CHECK(sticky_hours BETWEEN 0 AND 8760)",
        "Returning buyers can be kept for 0 to 8760 hours (a year).",
    )
    _queue_limit_range = models.Constraint(
        "CHECK(queue_limit >= 0)", "The places in line cannot be fewer than 0."
    )
    _accept_seconds_range = models.Constraint(
        "CHECK(accept_seconds BETWEEN 10 AND 600)",
        "An agent has between 10 seconds and 10 minutes to accept a chat.",
    )
    _no_reply_seconds_range = models.Constraint(
        "CHECK(no_reply_seconds = 0 OR no_reply_seconds BETWEEN 10 AND 86400)",
        "An agent has between 10 seconds and a day to reply; 0 is for ever.",
    )
    _silence_seconds_range = models.Constraint(
        "CHECK(silence_seconds = 0 OR silence_seconds BETWEEN 10 AND 86400)",
        "An agent may be silent for 10 seconds to a day; 0 is for ever.",
    )
    _close_after_hours_range = models.Constraint(
        "CHECK(close_after_hours = 0 OR close_after_hours BETWEEN 2 AND 720)",
        "A silent chat closes after 2 to 720 hours (30 days); 0 is never.",
    )

    @api.constrains("offline_rule", "proxy_user_ids", "main_account_id", "user_ids")
    def _check_offline_rule(self):
        for channel in self:
            if channel.offline_rule == "main_account" and not channel.main_account_id:
                raise ValidationError(
                    self.env._("Choose a main account first: it is to take chats of this channel.")
                )
            if channel.offline_rule == "proxy" and not channel.proxy_user_ids & channel.user_ids:
                raise ValidationError(
                    self.env._("Name at least one agent of this channel as a proxy.")
                )

    @api.depends("pool_email", "pool_email_confirmed")
    def _compute_pool_email_waits(self):
        for channel in self:
            # sudo: im_livechat.channel - whether, not which
            confirmed = channel.sudo().pool_email_confirmed
            channel.pool_email_waits = bool(channel.pool_email) and channel.pool_email != confirmed

    @api.depends("main_account_id")
    @api.depends_context("company")
    def _compute_lacks_sender(self):
        for channel in self:
            channel.lacks_sender = not channel._get_sender()

    def _get_sender(self):
        """Return the address that the shop of this channel mails from; empty while it has none."""
        # sudo: res.users - whose company the shop is of
        return get_sender(self.sudo().main_account_id.company_id or self.env.company)

    @api.constrains(*_LENGTHS)
    def _check_lengths(self):
        sent.check_lengths(self, _LENGTHS)

    @api.constrains("pool_email")
    def _check_pool_email(self):
        for channel in self:
            if channel.pool_email and not email_normalize(channel.pool_email):
                raise ValidationError(
                    self.env._("%(email)s is no e-mail address.", email=channel.pool_email)
                )

    @api.model_create_multi
    def create(self, vals_list):
        channels = super().create(vals_list)
        channels._ask_pool_email()
        if channels.main_account_id:
            # Record rules are cached and depend on it.
            self.env.registry.clear_cache()
        channels._open_reception_desk()
        channels._dismiss_odoobot()
        return channels

    def write(self, vals):
        result = super().write(vals)
        if "main_account_id" in vals:
            # Record rules are cached and depend on it.
            self.env.registry.clear_cache()
            ledger.note_change(self.env.cr)
        if "dispatch_mode" in vals:
            self._open_reception_desk()
            self._dismiss_odoobot()
        if "pool_email" in vals:
            self._ask_pool_email()
        if "name" in vals:
            # sudo: res.partner - the desk is the channel's own and carries its name
            self.sudo().reception_partner_id.name = vals["name"]
        return result

    def action_ask_pool_email(self):
        """Mail the confirmation of where the pool's messages are told once more.

        :raise UserError: too many were mailed.
        """
        sent.expect_ids(self)
        self.check_access("write")
        if not self._ask_pool_email():
            raise UserError(self.env._("That was very often. Please wait a minute and try again."))
        return True

    def _ask_pool_email(self):
        """Ask whoever reads the pool's address whether it wants the mails: nothing else is mailed
        to an address that has not said so.

        :return: whether everybody was asked who is still to be.
        """
        is_done = True
        for channel in self.filtered("pool_email_waits"):
            shop = channel.main_account_id or channel
            sender = channel._get_sender() or self.env.user.email_formatted
            if not sender or not door.may_mail(self.env, "pool mail", str(channel), str(shop)):
                is_done = False
                continue
            # sudo: mail.mail - built here; whose address it is nobody knows yet
            self.env["mail.mail"].sudo().create(
                {
                    "email_to": channel.pool_email,
                    "email_from": sender,
                    "subject": self.env._("Messages of buyers for you?"),
                    "body_html": Markup("<p>{text}</p><p><a href='{url}'>{open}</a></p>").format(
                        text=self.env._(
                            "Somebody wants %(channel)s to mail you what buyers write while nobody "
                            "is there. If you want that, open this page within three days. If not, "
                            "do nothing.",
                            channel=channel.name,
                        ),
                        url=channel._get_pool_email_url(),
                        open=self.env._("Confirm this address"),
                    ),
                    "auto_delete": True,
                }
            )
        return is_done

    def _get_pool_email_url(self):
        # sudo: ir.config_parameter - the database's secret, to sign with
        token = hash_sign(
            self.env(su=True), _POOL_EMAIL, [self.id, self.pool_email], expiration_hours=72
        )
        return urljoin(self.get_base_url(), f"/livechat/confirm/{token}")

    @api.model
    def _find_by_pool_email_token(self, token):
        """Return the channel whose present address this confirms, with sudo; empty for none."""
        channels = self.sudo()  # sudo: im_livechat.channel - whoever has the link read the mail
        try:
            said = verify_hash_signed(self.env(su=True), _POOL_EMAIL, token)
        except (ValueError, TypeError):
            return channels
        if not said:
            return channels
        channel_id, email = said
        return channels.search([("id", "=", channel_id), ("pool_email", "=", email)])

    def _confirm_pool_email(self):
        """Let the pool's messages be mailed to the present address."""
        self.pool_email_confirmed = self.pool_email

    def _open_reception_desk(self):
        """Give each dispatched channel the partner that buyers see before an agent is chosen."""
        # sudo: res.partner, im_livechat.channel - whoever may configure the channel opens its desk;
        # archived, because it is nobody's contact; no "Contact created" that would tell other shops
        partners = self.env["res.partner"].sudo().with_context(tracking_disable=True)
        for channel in self.sudo():
            if channel.dispatch_mode != "native" and not channel.reception_partner_id:
                desk = partners.create({"name": channel.name, "active": False})
                channel.reception_partner_id = desk

    def _dismiss_odoobot(self):
        """Whoever creates a channel is its agent, and that of a website is created by Odoo itself,
        which answers nobody."""
        odoobot = self.env["res.users"].browse(SUPERUSER_ID)
        for channel in self.with_context(active_test=False):
            if channel.dispatch_mode != "native" and odoobot in channel.user_ids:
                channel.user_ids -= odoobot

    def _get_agents_of(self, partners):
        """Return the users whom these contacts are on this channel, one for each: a contact may
        have several, some of them archived. Who serves the channel comes before who does not, who
        is active before who is archived.
        """
        staff = self.user_ids | self.main_account_id

        def get_rank(user):
            return user not in staff, not user.active, user.id

        contacts = partners.with_context(active_test=False)
        return self.env["res.users"].union(
            *(contact.user_ids.sorted(get_rank)[:1] for contact in contacts)
        )

    def _read_dispatch_channel(self):
        """Return the :class:`ledger.Channel` by which a decision is taken, with one query."""
        self.ensure_one()
        if self == self._origin:
            self.flush_recordset()
            self.env["res.users"].flush_model(["dispatch_calendar_id"])
            self.env["ir.config_parameter"].flush_model(["key", "value"])
            if channel := ledger.read_channel(self.env.cr, self.id):
                return channel
        return self._get_dispatch_channel()

    def _get_dispatch_channel(self):
        """As :meth:`_read_dispatch_channel`, of a form being filled in as well; shifts may matter.

        :rtype: ledger.Channel
        """
        values = (self[name] for name in ledger.CHANNEL_FIELDS)
        return ledger.Channel(
            *(value._origin.id if isinstance(value, models.Model) else value for value in values),
            has_shifts=True,
            quiet_hold=repr(self.env["res.config.settings"]._get_dispatch_quiet_hold()),
            ticket_load=repr(self.env["res.config.settings"]._get_dispatch_ticket_load()),
            circle=None,
        )

    def _get_dispatch_rules(self, channel=None):
        """Return how this channel wants its buyers dispatched.

        :param ledger.Channel channel: what is stored, when that has just been read.
        :rtype: policy.Rules
        """
        channel = channel or self._get_dispatch_channel()
        return policy.Rules(
            mode=channel.dispatch_mode,
            max_sessions=(channel.max_sessions or 0)
            if channel.max_sessions_mode == "limited"
            else None,
            quiet_hold=policy.read_quiet_hold(channel.quiet_hold),
            ticket_load=policy.read_ticket_load(channel.ticket_load),
            block_during_call=bool(channel.block_assignment_during_call),
            main_account_participation=channel.main_account_participation,
            prefers_suited=bool(channel.prefers_suited_agents),
        )
