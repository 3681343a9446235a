"""What a chat says of its dispatch, for the chats that were there before it was said.

The chats that are open have an agent who may leave and a buyer who must not be forgotten then. Of
those that have ended the records of decisions tell what the reports show.
"""

from odoo.tools import sql

STATE = {"dispatch_state": "varchar", "dispatch_assigned_at": "timestamp"}
NOTES = {
    "dispatch_rule": "varchar",
    "dispatch_has_left": "boolean",
    "dispatch_wait_count": "int4",
    "dispatch_waited_seconds": "int4",
    "dispatch_transfer_count": "int4",
}


def migrate(cr, version):
    if not sql.column_exists(cr, "discuss_channel", "dispatch_state"):
        _add_columns(cr, "discuss_channel", STATE)
        assign_open_chats(cr)
    elif not sql.column_exists(cr, "discuss_channel", "dispatch_wait_count"):
        _add_columns(cr, "discuss_channel", NOTES)
        _add_columns(cr, "livechat_dispatch_decision", {"has_waited": "boolean"})
        note_decisions(cr)


def _add_columns(cr, table, kinds):
    # Not with the helper of core: that gives a boolean a default, which the ORM does not.
    columns = ", ".join(f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in kinds.items())
    cr.execute(f"ALTER TABLE {table} {columns}")


def assign_open_chats(cr):
    # Served by a scan of livechat_dispatch_seat (the agents of open chats only),
    # discuss_channel_pkey, im_livechat_channel_pkey and the history's index on its channel.
    cr.execute(
        """
        UPDATE discuss_channel chat
           SET dispatch_state = 'assigned',
               dispatch_assigned_at = date_trunc('second', seated.since)
          FROM (SELECT seat.discuss_channel_id AS id, max(history.create_date) AS since
                  FROM livechat_dispatch_seat seat
                  JOIN im_livechat_channel_member_history history
                    ON history.channel_id = seat.discuss_channel_id
                   AND history.partner_id = seat.partner_id
              GROUP BY seat.discuss_channel_id) seated,
               im_livechat_channel channel
         WHERE chat.id = seated.id
           AND channel.id = chat.livechat_channel_id
           AND channel.dispatch_mode != 'native'
        """
    )


def note_decisions(cr):
    # Every decision says for itself whether it ended a wait; of each wait a day counts at most.
    # Served by scans of the decisions and discuss_channel_pkey.
    cr.execute(
        """
        UPDATE livechat_dispatch_decision
           SET has_waited = kind IN ('assign', 'overflow', 'leave') AND waited_seconds > 0;
        UPDATE discuss_channel chat
           SET dispatch_rule = coalesce(told.last_one ->> 'rule', chat.dispatch_rule),
               dispatch_has_left = coalesce(told.last_one ->> 'kind' = 'leave', false),
               dispatch_wait_count = told.waits,
               dispatch_waited_seconds = told.waited_seconds,
               dispatch_transfer_count = told.transfers
          FROM (SELECT discuss_channel_id AS id,
                       count(*) FILTER (WHERE has_waited) AS waits,
                       coalesce(
                           sum(least(waited_seconds, 24 * 3600)) FILTER (WHERE has_waited), 0
                       ) AS waited_seconds,
                       count(*) FILTER (WHERE kind = 'transfer') AS transfers,
                       (array_agg(jsonb_build_object('rule', rule, 'kind', kind) ORDER BY id DESC)
                        FILTER (WHERE user_id IS NOT NULL OR kind = 'leave'))[1] AS last_one
                  FROM livechat_dispatch_decision
                 WHERE discuss_channel_id IS NOT NULL
              GROUP BY discuss_channel_id) told
         WHERE chat.id = told.id
        """
    )
