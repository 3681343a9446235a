"""Give the stars that fell on the buyer itself, or on nobody, to the agent who served."""


def migrate(cr, version):
    # Core rated whoever came into the chat first, which was a signed-in buyer who had waited; and a
    # chat that ended without an answer seated nobody any more when it was rated. What the first
    # statement has mended it does not find again.
    # Served by rating_rating's index on res_model, discuss_channel_pkey, im_livechat_channel_-
    # member_history's index on channel_id and mail_message's on (model, res_id, id).
    cr.execute(
        """
        WITH served AS (
            SELECT rating.id,
                   chat.id AS channel_id,
                   coalesce(answer.author_id, holder.partner_id) AS partner_id
              FROM rating_rating rating
              JOIN discuss_channel chat ON chat.id = rating.res_id
         LEFT JOIN im_livechat_channel_member_history buyer
                ON buyer.channel_id = chat.id
               AND buyer.partner_id = rating.rated_partner_id
               AND buyer.livechat_member_type = 'visitor'
         LEFT JOIN im_livechat_channel_member_history holder
                ON holder.channel_id = chat.id
               AND holder.partner_id = chat.livechat_operator_id
               AND holder.livechat_member_type = 'agent'
         LEFT JOIN LATERAL (
                       SELECT message.author_id
                         FROM mail_message message
                         JOIN im_livechat_channel_member_history agent
                           ON agent.channel_id = chat.id
                          AND agent.partner_id = message.author_id
                          AND agent.livechat_member_type = 'agent'
                        WHERE message.model = 'discuss.channel'
                          AND message.res_id = chat.id
                          AND message.message_type = 'comment'
                     ORDER BY message.date DESC, message.id DESC
                        LIMIT 1
                   ) answer ON TRUE
             WHERE rating.res_model = 'discuss.channel'
               AND (chat.dispatch_rule IS NOT NULL OR chat.dispatch_state IS NOT NULL)
               AND (buyer.id IS NOT NULL OR rating.rated_partner_id IS NULL)
        ),
        given AS (
            UPDATE rating_rating rating
               SET rated_partner_id = served.partner_id
              FROM served
             WHERE served.id = rating.id
               AND served.partner_id IS DISTINCT FROM rating.rated_partner_id
         RETURNING rating.id, served.channel_id, served.partner_id
        )
        UPDATE im_livechat_channel_member_history agent
           SET rating_id = given.id
          FROM given
         WHERE agent.channel_id = given.channel_id
           AND agent.partner_id = given.partner_id
        """
    )
