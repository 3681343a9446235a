import math

from odoo import fields, models
from odoo.exceptions import AccessError

from ..dispatch import replay
from ..dispatch.weights import WEIGHT_DEFAULT, WEIGHT_MAX, WEIGHT_MIN
from ..tools import sent


class LivechatDispatchWhatifLine(sent.Guard, models.TransientModel):
    """One agent on a sheet."""

    _name = "livechat.dispatch.whatif.line"
    _description = "Agent on a What-if Sheet"
    _order = "id"

    whatif_id = fields.Many2one("livechat.dispatch.whatif", required=True, ondelete="cascade")
    user_id = fields.Many2one("res.users", "Agent", required=True, ondelete="cascade")
    weight = fields.Integer(
        default=WEIGHT_DEFAULT, required=True, at_least=WEIGHT_MIN, at_most=WEIGHT_MAX
    )
    presence = fields.Selection(
        [
            ("as_was", "As it was"),
            ("always", "The whole period"),
            ("never", "Not at all"),
            ("hours", "These hours"),
        ],
        "Takes Buyers",
        default="as_was",
        required=True,
        help="An agent who is to take buyers at some time is present and not paused then.",
    )
    hour_from = fields.Float("From", default=9, at_least=0, at_most=24)
    hour_to = fields.Float(
        "To", default=18, at_least=0, at_most=24, help="Before the first hour: on the next day."
    )
    group_ids = fields.Many2many("livechat.dispatch.group", string="Groups")
    channel_id = fields.Many2one(related="whatif_id.channel_id")

    def write(self, vals):
        """Change agents on sheets.

        :raise AccessError: an agent or a group that is not the caller's.
        """
        self.whatif_id._store({"is_stale": True})
        return super().write(vals)

    def _may_say(self, name):
        # A line stays on its sheet.
        return super()._may_say(name) and not (self and name == "whatif_id")

    def _read_sent(self, vals_list, form=False, new=False):
        read = super()._read_sent(vals_list, form=form, new=new)
        sheets = self.env["livechat.dispatch.whatif"]
        for vals in read:
            sheet = vals.get("whatif_id")
            channel_id = sheet.get("channel_id") if isinstance(sheet, dict) else None
            if channel_id:
                # The form around the line may say another one than is saved.
                channels = [sheets._search_channels([("id", "=", channel_id)])]
            else:
                sheet_id = sheet["id"] if isinstance(sheet, dict) else sheet
                named = sheets.browse(sheet_id) if sheet_id else self.whatif_id
                channels = [one._find_channel() for one in named or [named]]
            for channel in channels:
                self._check_choice(vals, channel)
        return read

    def _check_choice(self, vals, channel):
        """Refuse agents and groups of other channels.

        :param channel: the ``im_livechat.channel`` of the sheet, if it is the caller's.
        :raise AccessError:
        """
        # sudo: im_livechat.channel - who its agents and groups are; the caller manages it
        channel = channel.sudo()
        user_id = vals.get("user_id")
        if user_id and user_id not in (channel.user_ids | channel.main_account_id).ids:
            raise AccessError(self.env._("Only agents of the channel can be on its sheet."))
        groups = sent.get_chosen(channel.dispatch_group_ids, vals.get("group_ids") or [])
        if groups - channel.dispatch_group_ids:
            raise AccessError(self.env._("Only groups of the channel can be chosen."))

    def _get_plan(self, past):
        """Return what this line says of its agent, as :class:`replay.Plan`.

        :type past: models.decision.past.Past
        """
        self.ensure_one()
        sheet = self.whatif_id
        whole = (sheet.date_to - sheet.date_from).total_seconds()
        presence = {"as_was": None, "always": ((0, math.inf),), "never": ()}.get(self.presence, ())
        due = ()
        if self.presence == "hours":
            hours = self.hour_from, self.hour_to + 24 * (self.hour_to <= self.hour_from)
            for day in sheet._get_days():
                moments = (sheet._to_utc(day, hour) - sheet.date_from for hour in hours)
                start, end = (moment.total_seconds() for moment in moments)
                if end > 0 and start < whole:
                    presence += ((max(0, start), end),)
                midnight = (sheet._to_utc(day, 0) - sheet.date_from).total_seconds()
                if start > 0 and midnight < whole:
                    due += ((max(0, midnight), start),)
        recorded = past.weights.get(self.user_id.id)
        weight = None if self.weight == recorded else self.weight
        return replay.Plan(weight, presence, due)
