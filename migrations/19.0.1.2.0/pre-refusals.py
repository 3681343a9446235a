"""Refusals are counted by hour and channel: a shop's page tells of its own, for its own day."""

from odoo.tools import sql


def migrate(cr, version):
    if not sql.column_exists(cr, "livechat_dispatch_refusal", "day"):
        return
    cr.execute(
        """
        ALTER TABLE livechat_dispatch_refusal RENAME day TO hour;
        ALTER TABLE livechat_dispatch_refusal
            ALTER hour TYPE timestamp,
            ADD channel_id integer NOT NULL DEFAULT 0,
            DROP CONSTRAINT livechat_dispatch_refusal_pkey,
            ADD PRIMARY KEY (hour, what, channel_id);
        ALTER TABLE livechat_dispatch_refusal ALTER channel_id DROP DEFAULT
        """
    )
