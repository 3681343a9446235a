import json

from odoo import api, models


class LivechatDispatchLog(models.Model):
    """Who handled personal data is logged, and a former agent's name is taken out of the log."""

    _inherit = "livechat.dispatch.log"

    @api.model
    def _get_whats(self):
        exported = self.env._("Personal data exported")
        erased = self.env._("Personal data erased")
        return [
            *super()._get_whats(),
            ("personal_data.export", exported),
            ("personal_data.erase", erased),
        ]

    @api.model
    def _note_personal_data(self, event, shops, subject):
        """Log that the caller exports or erases what shops hold about a person.

        :param event: ``export`` or ``erase``.
        :param shops: main accounts; none for channels that are nobody's.
        :param str subject: whom it is about, without a name.
        """
        self._add_rows(
            [
                {"main_account_id": shop, "subject": subject, "what": f"personal_data.{event}"}
                for shop in shops.ids or [False]
            ]
        )

    @api.model
    def _forget_name(self, users, name, shop, other):
        """Put another name in the place of that of a former agent, in what its shop has logged.

        :param users: whose name it is; none if they are deleted.
        """
        self.flush_model()
        # Served by the index on main_account_id.
        self.env.cr.execute(
            """
            UPDATE livechat_dispatch_log
               SET user_name = CASE WHEN user_id = ANY(%(users)s)
                                      OR (user_id IS NULL AND user_name = %(name)s)
                                    THEN %(other)s
                                    ELSE user_name
                                END,
                   subject = CASE WHEN subject = %(name)s
                                  THEN %(other)s
                                  WHEN starts_with(subject, %(name)s || ' – ')
                                  THEN %(other)s || substr(subject, length(%(name)s) + 1)
                                  ELSE subject
                              END,
                   old_value = replace(
                       replace(old_value::text, %(quoted)s, %(quoted_other)s),
                       %(start)s,
                       %(start_other)s
                   )::jsonb,
                   new_value = replace(
                       replace(new_value::text, %(quoted)s, %(quoted_other)s),
                       %(start)s,
                       %(start_other)s
                   )::jsonb
             WHERE main_account_id = %(shop)s
            """,
            {
                "users": users.ids,
                "shop": shop.id,
                "name": name,
                "other": other,
                # As names stand in a text of JSON, alone and before what was said of an agent.
                "quoted": _quote(name),
                "quoted_other": _quote(other),
                "start": f"{_quote(name)[:-1]} – ",
                "start_other": f"{_quote(other)[:-1]} – ",
            },
        )
        self.invalidate_model()


def _quote(text):
    return json.dumps(text, ensure_ascii=False)
