"""Note whose turn it is in the chats that are open, and of late when agents answered first and how
long their turns took."""


def migrate(cr, version):
    # Served by discuss_channel's index on chats that have not ended, im_livechat_channel_member_-
    # history's on channel_id and mail_message's on (model, res_id, id).
    cr.execute(
        """
        UPDATE discuss_channel chat
           SET dispatch_asked_at = turn.asked_at, dispatch_answered_at = turn.answered_at
          FROM (SELECT chat.id,
                       min(word.date) FILTER (
                           WHERE word.livechat_member_type = 'visitor'
                             AND (word.last_answer IS NULL OR word.id > word.last_answer)
                       ) AS asked_at,
                       min(word.date) FILTER (
                           WHERE word.is_seated AND word.date >= chat.dispatch_assigned_at
                       ) AS answered_at
                  FROM discuss_channel chat,
                       LATERAL (
                           SELECT message.id,
                                  message.date,
                                  author.livechat_member_type,
                                  author.livechat_member_type = 'agent'
                                  AND author.member_id IS NOT NULL AS is_seated,
                                  max(message.id) FILTER (
                                      WHERE author.livechat_member_type = 'agent'
                                  ) OVER () AS last_answer
                             FROM mail_message message
                             JOIN im_livechat_channel_member_history author
                               ON author.channel_id = chat.id
                              AND (author.partner_id = message.author_id
                                   OR author.guest_id = message.author_guest_id)
                            WHERE message.model = 'discuss.channel'
                              AND message.res_id = chat.id
                              AND message.message_type = 'comment'
                       ) word
                 WHERE chat.livechat_end_dt IS NULL
                   AND chat.dispatch_state IS NOT NULL
              GROUP BY chat.id) turn
         WHERE chat.id = turn.id
        """
    )
    # Served by livechat_dispatch_decision's index on moment and im_livechat_channel_member_-
    # history's on channel_id. Core measures the first turn of each agent in a chat.
    cr.execute(
        """
        UPDATE livechat_dispatch_decision decision
           SET answer_seconds = round(3600 * agent.response_time_hour)
          FROM im_livechat_channel_member_history agent, res_users users
         WHERE decision.moment >= now() AT TIME ZONE 'UTC' - interval '8 days'
           AND users.id = decision.user_id
           AND agent.channel_id = decision.discuss_channel_id
           AND agent.partner_id = users.partner_id
           AND agent.livechat_member_type = 'agent'
           AND agent.response_time_hour IS NOT NULL
           AND decision.id = (
                   SELECT min(first.id)
                     FROM livechat_dispatch_decision first
                    WHERE first.discuss_channel_id = decision.discuss_channel_id
                      AND first.user_id = decision.user_id
               )
        """
    )
    # Served by livechat_dispatch_decision's indexes on moment and on discuss_channel_id. A chat
    # that lay silent for a day was ended by core's cleaning.
    cr.execute(
        """
        UPDATE livechat_dispatch_decision turn
           SET ended_at = row.ended_at,
               handling_seconds = greatest(0, extract(epoch FROM row.ended_at - turn.moment))
          FROM (SELECT decision.id,
                       coalesce(
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
                 WHERE decision.moment >= now() AT TIME ZONE 'UTC' - interval '8 days') row
         WHERE row.id = turn.id
           AND turn.user_id IS NOT NULL
           AND row.ended_at IS NOT NULL
        """
    )
