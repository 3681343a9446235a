from odoo import api, models

# The second part of the bus channels of open Reception pages; the first is whose shop it is.
RECEPTION = "livechat_reception"

# Where a transaction gathers what open pages have to look at again.
_MARKS = "livechat_reception_marks"


class LivechatAnnouncement(models.AbstractModel):
    """Open Reception pages and agents' bars follow what changes.

    What a transaction has changed is gathered, so that several changes become one message, and
    nothing is looked up before the transaction ends: nothing while a decision holds the lock.
    """

    _inherit = "livechat.announcement"

    @api.model
    def _look_again(self, records, part):
        super()._look_again(records, part)
        if not self.env.registry.ready:
            # Modules are being loaded, after which Odoo tells open pages to load anew.
            return
        # sudo: any - whose pages they are, whoever changed something
        part, records = _find_shown(records.sudo(), part)
        if records:
            self._get_reception_marks()[part].update(records.ids)

    @api.model
    def _get_reception_marks(self):
        """Return what this transaction has changed so far: ``{part: ids}``."""
        precommit = self.env.cr.precommit
        if _MARKS not in precommit.data:
            precommit.data[_MARKS] = {
                part: set() for part in ("agents", "partners", "staff", "lines", "trees", "bars")
            }
            # sudo: any - whose pages look again, whoever changed something
            precommit.add(self.sudo()._send_reception_marks)
        return precommit.data[_MARKS]

    def _send_reception_marks(self):
        marks = self.env.cr.precommit.data.pop(_MARKS)
        for user in self.env["res.users"].browse(marks["bars"]).exists():
            user._bus_send("livechat_dispatch/status", {})
        messages = {}
        for part, record_id, owner_id in self._find_watchers(marks):
            message = messages.setdefault(owner_id, {"agents": [], "lines": False, "tree": False})
            if part == "agents":
                message["agents"].append(record_id)
            else:
                message[part] = True
        if marks["trees"] or any(message["tree"] for message in messages.values()):
            # A shop that is new is not yet listened to by those who see them all.
            messages.setdefault(None, {"agents": [], "lines": False})["tree"] = True
        for owner_id, message in messages.items():
            owner = self.env["res.users"].browse(owner_id)
            # _sendone: channel is safe (a record and a word, which no page can ask for itself)
            self.env["bus.bus"]._sendone(
                (owner if owner_id else self._get_shopless_target(), RECEPTION),
                "livechat_dispatch/reception",
                message,
            )

    @api.model
    def _find_watchers(self, marks):
        """Return whose pages have to look again: ``(part, record id, main account id)``."""
        # Served by the primary keys, res_users' indexes on partner_id and im_livechat_channel's on
        # main_account_id, im_livechat_channel_im_user's on user_id.
        self.env.cr.execute(
            """
            WITH agent AS (
                SELECT id, main_account_id, id = ANY(%(staff)s) AS is_changed
                  FROM res_users
                 WHERE id = ANY(%(agents)s) OR id = ANY(%(staff)s)
                    OR partner_id = ANY(%(partners)s)
            ),
            served (user_id, is_changed, main_account_id) AS (
                SELECT agent.id, agent.is_changed, channel.main_account_id
                  FROM agent
                  JOIN im_livechat_channel_im_user serves ON serves.user_id = agent.id
                  JOIN im_livechat_channel channel ON channel.id = serves.channel_id
                 WHERE channel.dispatch_mode != 'native'
                 UNION
                SELECT agent.id, agent.is_changed, channel.main_account_id
                  FROM agent
                  JOIN im_livechat_channel channel ON channel.main_account_id = agent.id
                 WHERE channel.dispatch_mode != 'native'
            )
            SELECT 'agents', user_id, main_account_id FROM served WHERE NOT is_changed
             UNION
            SELECT 'tree', 0, main_account_id FROM served WHERE is_changed
             UNION
            SELECT 'tree', 0, main_account_id
              FROM agent
             WHERE is_changed AND main_account_id IS NOT NULL
             UNION
            SELECT 'lines', 0, main_account_id
              FROM im_livechat_channel
             WHERE id = ANY(%(lines)s) AND dispatch_mode != 'native'
             UNION
            SELECT 'tree', 0, main_account_id FROM im_livechat_channel WHERE id = ANY(%(trees)s)
            """,
            {part: list(ids) for part, ids in marks.items()},
        )
        return self.env.cr.fetchall()

    @api.model
    def _get_reception_bus_channels(self):
        """Return on which bus channels the caller's page hears of changes.

        :rtype: list[tuple]
        """
        user = self.env.user
        if not user._reads_all_dispatch():
            return []
        if not user._watches_every_reception():
            return [(owner, RECEPTION) for owner in user._get_shop_owner()]
        # sudo: im_livechat.channel - whose shops there are, for who sees them all
        channels = self.env["im_livechat.channel"].sudo()
        owners = channels.search([("main_account_id", "!=", False)]).main_account_id
        return [(target, RECEPTION) for target in (*owners, self._get_shopless_target())]

    @api.model
    def _get_shopless_target(self):
        """Return what stands for the channels that are nobody's shop."""
        return self.env["res.groups"].browse(
            self.env["ir.model.data"]._xmlid_to_res_id("im_livechat.im_livechat_group_manager")
        )


def _find_shown(records, part):
    """Return which part of pages looks again, and at which records: those the marks hold."""
    match part, records._name:
        case "agents" | "bars", "res.partner":
            # Core asks as well whose contacts they are when one is renamed.
            return "partners", records.filtered(
                lambda partner: any(user._has_agent_group() for user in partner.user_ids)
            )
        case "seats", "discuss.channel.member":
            agents = records.filtered(lambda member: member.livechat_member_type == "agent")
            return "partners", agents.partner_id
        case "served", "res.users":
            return "staff", records | records.main_account_id
        case "staff", "res.users":
            records = records._filter_known()
            return part, records | records.main_account_id
        case "staff", "res.groups":
            return part, records.all_user_ids._filter_known()
        case "staff", "im_livechat.channel":
            return part, records.main_account_id
        case "lines", "discuss.channel":
            chats = records.filtered(lambda chat: chat.channel_type == "livechat")
            return part, chats.livechat_channel_id
        case "trees", "livechat.dispatch.group":
            return part, records.channel_id
        case "bars", "im_livechat.channel":
            return part, records.user_ids | records.main_account_id
    return part, records
