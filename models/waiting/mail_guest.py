import re

from odoo import models

# As many digits as are sure to fit PostgreSQL's integer.
_GUEST_ID = re.compile(r"[0-9]{1,9}")


class MailGuest(models.Model):
    _inherit = "mail.guest"

    def _get_guest_from_token(self, token=""):
        """As core's, but what cannot be a token is nobody's, not a server error: the public live
        chat routes take it from the browser."""
        if not (isinstance(token, str) and token.isascii()):
            return self.env["mail.guest"]
        guest_id, _separator, _access_token = token.partition(self._cookie_separator)
        if not _GUEST_ID.fullmatch(guest_id):
            return self.env["mail.guest"]
        return super()._get_guest_from_token(token)
