from contextlib import suppress
from datetime import timedelta

from psycopg2.errors import UniqueViolation

from odoo import api, models
from odoo.tools import mute_logger

from odoo.addons.mail.models.mail_presence import AWAY_TIMER

from ...tools.here import read_now, to_shared_clock

# Several pages of one person give signs of life; what comes so soon after another tells nothing.
_SIGN_EVERY = timedelta(seconds=20)


class MailPresence(models.Model):
    _inherit = "mail.presence"

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._share_clock(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._share_clock(vals))

    def _share_clock(self, vals):
        """Return values with the last sign of life by the clock that all nodes share; core tells it
        by this machine's."""
        if not vals.get("last_poll"):
            return vals
        return {**vals, "last_poll": to_shared_clock(self.env, vals["last_poll"])}

    @api.model
    def _give_sign(self, user_or_guest, inactivity=0):
        """Note that a page of this user or guest is alive.

        Core's pages tell the server only when they connect and when somebody comes or stops to use
        them. An idle page does not change what a page in use has said.

        :param inactivity: for how many milliseconds nobody has used the page.
        """
        # sudo: mail.presence - one's own
        presence = user_or_guest.sudo().presence_ids
        is_idle = inactivity > 1000 * AWAY_TIMER
        if presence.status == "online" or (presence.status == "away" and is_idle):
            now = read_now(self.env)
            if not presence.last_poll or presence.last_poll <= now - _SIGN_EVERY:
                presence.last_poll = now
        else:
            # The first sign of another page, or of this one's connection, may come as it does.
            with suppress(UniqueViolation), self.env.cr.savepoint(), mute_logger("odoo.sql_db"):
                self._update_presence(user_or_guest, inactivity)
