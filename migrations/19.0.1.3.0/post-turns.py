"""End the turns of late that went on for ever: those of agents who ended a chat by leaving it."""


def migrate(cr, version):
    # Served by livechat_dispatch_decision's indexes on moment and on its key, and
    # discuss_channel_pkey. A chat that lay silent for a day was ended by core's cleaning.
    cr.execute(
        """
        UPDATE livechat_dispatch_decision turn
           SET ended_at = row.ended_at,
               handling_seconds = greatest(0, extract(epoch FROM row.ended_at - turn.moment))
          FROM (SELECT decision.id,
                       least(
                           lead(decision.moment) OVER (
                               PARTITION BY decision.discuss_channel_id ORDER BY decision.id
                           ),
                           CASE WHEN chat.last_interest_dt
                                     <= chat.livechat_end_dt - interval '1 day'
                                THEN chat.last_interest_dt
                                ELSE chat.livechat_end_dt END
                       ) AS ended_at
                  FROM livechat_dispatch_decision decision
                  JOIN discuss_channel chat ON chat.id = decision.discuss_channel_id
                 WHERE decision.moment >= now() AT TIME ZONE 'UTC' - interval '8 days'
                   AND decision.user_id IS NOT NULL
                   AND chat.livechat_end_dt IS NOT NULL) row
         WHERE row.id = turn.id
           AND turn.ended_at IS NULL
        """
    )
