"""Odoo itself is no agent of a channel that is dispatched."""

from odoo import SUPERUSER_ID


def migrate(cr, version):
    # Served by the primary key of the relation.
    cr.execute(
        """
        DELETE FROM im_livechat_channel_im_user agent
              USING im_livechat_channel channel
              WHERE channel.id = agent.channel_id
                AND channel.dispatch_mode != 'native'
                AND agent.user_id = %s
        """,
        [SUPERUSER_ID],
    )
