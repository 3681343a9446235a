from odoo import api, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.mail.tools.discuss import Store

from ...tools.layers import lay_over_all_models
from ...tools.mask import mask, mask_addresses
from ...tools.sent import is_record_id, read_domain

# Fields by which somebody can be reached.
_CONTACT = (
    "email",
    "email_formatted",
    "email_normalized",
    "mobile",
    "phone",
    "phone_mobile_search",
    "phone_sanitized",
)
_LEAD = ("email_cc", "email_domain_criterion", "email_from", "partner_email", "partner_phone")

# {model: the fields by which somebody can be reached}
_FIELDS = {
    "crm.lead": {*_CONTACT, *_LEAD},
    "helpdesk.ticket": {"email_cc", "partner_email", "partner_phone"},
    "mail.guest": {"email"},
    "mail.message": {
        "email_from",
        "incoming_email_cc",
        "incoming_email_to",
        "outgoing_email_to",
        "reply_to",
    },
    "mail.notification": {"mail_email_address"},
    "mail.template.preview": {"email_cc", "email_to"},
    "res.partner": {*_CONTACT},
    "res.users": {*_CONTACT, "login"},
    "sms.composer": {"recipient_single_number", "recipient_single_number_itf"},
    "website.visitor": {"email", "mobile"},
}
# Odoo names somebody of whom it knows no more than an e-mail address by that address.
_NAMES = frozenset(
    {"commercial_company_name", "complete_name", "display_name", "name", "partner_name"}
)
_NAMED = ("helpdesk.ticket", "mail.guest", "res.partner", "res.users")
# So many strangers follow an order, and are told of a word about it.
_WRITTEN_TO_MAX = 5
# A shop pays for each that goes out.
_PAID = ("sms.composer", "snailmail.letter")
# Dialogs look up by themselves how somebody is reached.
_DIALOGS = ("mail.template.preview", "sms.composer")


class ContactDataMask(models.AbstractModel):
    """E-mail addresses and phone numbers of strangers are masked for a shop's staff without the
    permission *See contact data*, on every way out of the server, and found by nobody of them.

    The server itself goes on with what is stored: values are masked where they leave, and are not
    there in queries, so that neither search nor order nor groups tell them. Of colleagues and
    oneself, and for whoever is nobody's staff, all is as without us.
    """

    _register = False
    _description = "Base"

    @api.model
    def _masks_contacts(self):
        """Tell whether the caller, other than the server itself, sees contact data masked."""
        return not self.env.su and self.env["res.users"]._sees_contacts_masked()

    @api.model
    def _is_contact(self, name):
        """Tell whether a field holds by what somebody can be reached."""
        return self._find_contact_path(name) is not None

    @api.model
    def _find_contact_path(self, name):
        """Return over which relations such a field is that of another record; ``None`` for any
        other field."""
        field = self._fields.get(name)
        if field is None:
            return None
        if name in _FIELDS.get(self._name, ()):
            return ()
        if field.related and not field.store:
            *path, last = field.related.split(".")
            model = self
            for step in path:
                model = self.env[model._fields[step].comodel_name]
            further = model._find_contact_path(last)
            return None if further is None else (*path, *further)
        return None

    def _is_masked(self, name):
        """Tell whether this field of a record is that of a stranger.

        :param name: of a field for which ``_is_contact`` is true, or of a name.
        """
        if not self._origin and self._name not in _DIALOGS:
            # Somebody is typing it, unless it came with the contact who was chosen.
            # sudo: res.partner - whose contact it is
            contact = self.sudo().partner_id if "partner_id" in self._fields else ()
            return any(one._is_stranger() for one in contact)
        # sudo: these models - whose contact it is
        owner = self.sudo()
        for step in self._find_contact_path(name) or ():
            owner = owner[step]
        return any(one._is_stranger() for one in owner)

    def _is_stranger(self):
        """Tell whether this is the contact of nobody who works here."""
        return True

    def _mask(self, name, value):
        """Return what the caller is shown of a value of this record."""
        if self._is_contact(name):
            return mask(value) if self._is_masked(name) else value
        is_name = name in _NAMES and self._name in _NAMED
        return mask_addresses(value) if is_name and self._is_masked(name) else value

    # ------------------------------------------------------------
    # What leaves the server
    # ------------------------------------------------------------

    def _read_format(self, fnames, load="_classic_read"):
        rows = super()._read_format(fnames, load)
        if self._masks_contacts():
            names = [name for name in fnames if name in _NAMES or self._is_contact(name)]
            for row in rows if names else ():
                record = self.browse([row["id"]])
                for name in names:
                    row[name] = record._mask(name, row[name])
        return rows

    def _export_rows(self, fields, *, _is_toplevel_call=True):
        if not self._masks_contacts():
            return super()._export_rows(fields, _is_toplevel_call=_is_toplevel_call)
        columns = {
            number: path[0]
            for number, path in enumerate(fields)
            if len(path) == 1 and (path[0] in _NAMES or self._is_contact(path[0]))
        }
        rows = []
        # One after the other: a record may take several rows, and its own values are in the first.
        for record in self:
            own = super(ContactDataMask, record)._export_rows(
                fields, _is_toplevel_call=_is_toplevel_call
            )
            for number, name in columns.items():
                own[0][number] = record._mask(name, own[0][number])
            rows += own
        return rows

    def _hide_in_store(self, target, fields):
        """Return what is to be sent to a page of these records, for those who may see it.

        :param fields: as of ``Store.add``.
        """
        audience = self._get_audience(target)
        if audience == "all":
            return fields
        shown = []
        for field in _list_attributes(fields):
            is_attribute = isinstance(field, Store.Attr)
            name = field.field_name if is_attribute else field
            is_contact = isinstance(name, str) and self._is_contact(name)
            is_name = name in _NAMES if isinstance(name, str) else False
            if is_contact and audience == "chat":
                # Buyers and colleagues alike hear it; who may see it was told when it opened.
                continue
            if not is_contact and not is_name:
                shown.append(field)
                continue
            given = field if is_attribute else Store.Attr(name)
            shown.append(_MaskedAttr(name, given.value, predicate=given.predicate, sudo=given.sudo))
        return shown

    def _get_audience(self, target):
        """Return who gets what is sent there: ``masked`` who sees contact data masked, ``chat`` all
        who are in a shop's chat, ``all`` whoever may see it."""
        listener = target.channel
        if listener is None:
            return "masked" if self.env["res.users"]._sees_contacts_masked() else "all"
        # sudo: res.users, discuss.channel - who listens, and whose chat it is
        listener = listener.sudo()
        if listener._name == "discuss.channel":
            return "chat" if listener.livechat_channel_id.main_account_id else "all"
        if listener._name == "discuss.channel.member":
            listener = listener.partner_id
        users = listener.user_ids if listener._name == "res.partner" else listener
        if users._name == "res.users" and any(
            user.with_user(user)._sees_contacts_masked() for user in users
        ):
            return "masked"
        return "all"

    def _message_get_suggested_recipients(self, *args, **kwargs):
        recipients = super()._message_get_suggested_recipients(*args, **kwargs)
        if not self._masks_contacts():
            return recipients
        # Whom Odoo knows by an address only, a masked one would not reach.
        return [
            {**one, "email": mask(one["email"]), "name": mask_addresses(one.get("name"))}
            for one in recipients
            if one.get("partner_id")
        ]

    # ------------------------------------------------------------
    # What comes back
    # ------------------------------------------------------------

    @api.model
    def default_get(self, fields):
        return self._read_masked(super().default_get(fields))

    @api.model_create_multi
    def create(self, vals_list):
        if self._name in _PAID:
            self._check_writes_to_many()
        return super().create([self._read_masked(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._read_masked(vals))

    @api.model
    def _read_masked(self, vals):
        """Return values without those that a form was shown masked and sends back: nobody means
        them. With a contact that is chosen come the contact's own."""
        own = _FIELDS.get(self._name)
        if not own or not self._masks_contacts():
            return vals
        own = own | {"partner_name"} if self._name in _NAMED else own
        masked = [name for name in own & vals.keys() if "***" in str(vals[name])]
        if not masked:
            return vals
        contact = vals.get("partner_id")
        # sudo: res.partner - the server itself goes on with what is stored
        contact = self.env["res.partner"].sudo().browse(contact if is_record_id(contact) else ())
        known = {}
        if contact := contact.exists():
            for name in masked:
                part = next((part for part in ("email", "name") if part in name), "phone")
                known[name] = contact[part]
        return {name: value for name, value in vals.items() if name not in masked} | known

    @api.model
    def _check_writes_to_many(self):
        """Refuse who is not shown how buyers are reached to reach all of them at once, or by what
        costs the shop money.

        :raise AccessError:
        """
        if self._masks_contacts():
            raise AccessError(
                self.env._("Without See contact data you write to one at a time, and by mail.")
            )

    # ------------------------------------------------------------
    # What is asked of the database
    # ------------------------------------------------------------

    @api.model
    def _search(self, domain, *args, **kwargs):
        if self._masks_contacts():
            domain = self._blind(read_domain(self.env, domain))
        return super()._search(domain, *args, **kwargs)

    @api.model
    def _search_display_name(self, operator, value):
        domain = super()._search_display_name(operator, value)
        # Odoo asks with sudo where a relation says so, whoever chose it.
        if self.env["res.users"]._sees_contacts_masked():
            domain = self._blind(Domain(domain))
        return domain

    @api.model
    def _blind(self, domain):
        """Return a domain in which no condition on contact data holds for anybody."""

        def blind(condition):
            model, *path = self, *condition.field_expr.split(".")
            for number, name in enumerate(path):
                if model is None or name not in model._fields:
                    return condition
                if model._is_contact(name):
                    return Domain.FALSE
                model = self.env.get(model._fields[name].comodel_name or "")
                if number + 1 == len(path) and model is not None:
                    value = condition.value
                    if "any" in condition.operator and isinstance(value, (Domain, list, tuple)):
                        inner = model._blind(read_domain(self.env, value))
                        return Domain(condition.field_expr, condition.operator, inner)
            return condition

        return domain.map_conditions(blind)

    def _field_to_sql(self, alias, field_expr, query=None):
        if self._masks_contacts() and self._is_contact(field_expr):
            return SQL("NULL::varchar")
        return super()._field_to_sql(alias, field_expr, query)

    def _fetch_query(self, query, fields):
        own = _FIELDS.get(self._name)
        hidden = [field for field in fields if field.name in own] if own else ()
        if not hidden or not self._masks_contacts():
            return super()._fetch_query(query, fields)
        # sudo: these models - what the server itself goes on with; who may read is in the query
        super(ContactDataMask, self.sudo())._fetch_query(query, hidden)
        return super()._fetch_query(query, [field for field in fields if field not in hidden])


class _MaskedAttr(Store.Attr):
    """What a page is sent of a field, masked."""

    def _get_value(self, record):
        return record._mask(self.field_name, super()._get_value(record))


def _list_attributes(fields):
    """Yield what is to be sent to a page one by one."""
    for field in fields:
        if isinstance(field, dict):
            yield from (Store.Attr(name, value) for name, value in field.items())
        else:
            yield field


class IrRule(models.Model):
    _inherit = "ir.rule"

    def _post_model_setup__(self):
        super()._post_model_setup__()
        lay_over_all_models(self.env.registry, ContactDataMask)


class ResPartner(models.Model):
    """Contact data of buyers."""

    _inherit = "res.partner"

    def _is_stranger(self):
        # sudo: res.partner - whose contact it is
        partner = self.sudo()
        return partner.partner_share and not partner.livechat_main_account_id

    def _compute_display_name(self):
        super()._compute_display_name()
        # Odoo asks with sudo for the names of what a record refers to.
        if self.env["res.users"]._sees_contacts_masked():
            for partner in self:
                if partner._is_stranger():
                    partner.display_name = mask_addresses(partner.display_name)

    def _to_store(self, store, fields):
        store.add_records_fields(self, self._hide_in_store(store.target, fields))

    def _build_vcard(self):
        card = super()._build_vcard()
        if card and self._masks_contacts() and self._is_stranger():
            for name in ("email", "tel"):
                if name in card.contents:
                    del card.contents[name]
        return card

    def copy_data(self, default=None):
        copies = super().copy_data(default)
        if not self._masks_contacts():
            return copies
        return [
            {
                name: partner._mask(name, value)
                for name, value in copy.items()
                if not partner._hides(name)
            }
            for partner, copy in zip(self, copies, strict=True)
        ]

    def _hides(self, name):
        return self._is_contact(name) and self._is_stranger()


class MailGuest(models.Model):
    """Contact data of guests."""

    _inherit = "mail.guest"

    def _to_store(self, store, fields):
        store.add_records_fields(self, self._hide_in_store(store.target, fields))


class MailMessage(models.Model):
    """Contact data of who wrote a message."""

    _inherit = "mail.message"

    def _to_store(self, store, fields, **kwargs):
        super()._to_store(store, self._hide_in_store(store.target, fields), **kwargs)


class MailNotification(models.Model):
    """Mails of one message to all whom it names, and to all who follow what it is about."""

    _inherit = "mail.notification"

    @api.model_create_multi
    def create(self, vals_list):
        notifications = super().create(vals_list)
        # Asked of the user: Odoo notes with sudo who is told what somebody has written.
        if self.env["res.users"]._sees_contacts_masked():
            told = notifications.sudo().res_partner_id
            if len(told.filtered(lambda partner: partner._is_stranger())) > _WRITTEN_TO_MAX:
                raise AccessError(
                    self.env._(
                        "Without See contact data you write to %s people at once at most.",
                        _WRITTEN_TO_MAX,
                    )
                )
        return notifications


class MailComposeMessage(models.TransientModel):
    """Mails to whoever there is."""

    _inherit = "mail.compose.message"

    def _action_send_mail_mass_mail(self, res_ids, auto_commit=False):
        self._check_writes_to_many()
        return super()._action_send_mail_mass_mail(res_ids, auto_commit)

    def _action_send_mail_comment(self, res_ids):
        if len(res_ids) > 1:
            self._check_writes_to_many()
        return super()._action_send_mail_comment(res_ids)


class MailTemplate(models.Model):
    """Mails what is written already, to whoever there is."""

    _inherit = "mail.template"

    def send_mail_batch(self, res_ids, *args, **kwargs):
        if len(res_ids) > 1:
            self._check_writes_to_many()
        return super().send_mail_batch(res_ids, *args, **kwargs)


class DiscussChannel(models.Model):
    """Mails to addresses that somebody names."""

    _inherit = "discuss.channel"

    def invite_by_email(self, emails):
        self._check_writes_to_many()
        return super().invite_by_email(emails)


class MailTrackingValue(models.Model):
    """What a contact was before tells how to reach somebody as well."""

    _inherit = "mail.tracking.value"

    def _filter_has_field_access(self, env):
        trackings = super()._filter_has_field_access(env)
        if not env["base"]._masks_contacts():
            return trackings
        return trackings.filtered(
            lambda tracking: not env[tracking.field_id.model]._is_contact(tracking.field_id.name)
        )
