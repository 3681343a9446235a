from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.mail.tools.discuss import Store

from ...dispatch.ledger import QUIET_AFTER
from ...tools import sent
from ...tools.here import read_now
from ...tools.mask import mask_addresses
from ...tools.sentinels import TOLD_LATER

# What says who somebody is in a chat.
_WHO_IS_WHO = {
    "agent_expertise_ids",
    "chatbot_script_id",
    "livechat_member_history_ids",
    "livechat_member_type",
}


class DiscussChannel(models.Model):
    _inherit = "discuss.channel"

    # A relation that only open chats have rows in, so that counting an agent's chats does not read
    # every chat there ever was. `dispatch.ledger` makes the table and counts its rows.
    dispatch_seat_partner_ids = fields.Many2many(
        "res.partner",
        "livechat_dispatch_seat",
        "discuss_channel_id",
        "partner_id",
        string="Seated Agents",
        compute="_compute_dispatch_seat_partner_ids",
        context={"active_test": False},
        store=True,
        groups="im_livechat.im_livechat_group_user",
        help="The agents in this chat while it is open; each of them has one seat less to give.",
    )

    # Lets a decision find the open chats of a shop that have gone quiet without visiting the table.
    _dispatch_quiet_idx = models.Index(
        "(livechat_channel_id, last_interest_dt, id)"
        " WHERE livechat_end_dt IS NULL AND channel_type = 'livechat'"
    )

    @api.depends_context("lang", "uid")
    def _compute_display_name(self):
        super()._compute_display_name()
        chats = self.filtered(lambda chat: chat.channel_type == "livechat" and chat.id)
        if not chats or not self.env["ir.rule"]._serves_staff():
            return
        # sudo: taken away - Odoo shows what a many-to-one refers to with sudo, such as the chat of
        # a decision, and only who may read a conversation learns who its buyer is
        readable = chats.sudo(False)._filtered_access("read")
        is_masked = self.env["res.users"]._sees_contacts_masked()
        for chat in chats:
            if chat not in readable:
                chat.display_name = self.env._("Chat")
            elif is_masked:
                chat.display_name = mask_addresses(chat.display_name)

    @api.model_create_multi
    def create(self, vals_list):
        self._check_parents(vals_list)
        chats = super().create(vals_list)
        if any(chat.channel_type == "livechat" for chat in chats):
            self._refuse_shop_staff()
        chats._check_groups()
        return chats

    def write(self, vals):
        if not self.env.su and self.env["ir.rule"]._serves_staff():
            self._check_set_by_shop(vals)
        woken = self._find_quiet() if "last_interest_dt" in vals else self.browse()
        result = super().write(vals)
        # They weigh more from now on.
        # sudo: discuss.channel - who is seated, to tell those who may know
        agents = woken.sudo().dispatch_seat_partner_ids
        self.env["livechat.announcement"]._look_again(agents, "agents")
        if "group_ids" in vals:
            self._check_groups()
        return result

    def _check_set_by_shop(self, vals):
        """Refuse a shop's staff what core and dispatch note about live chats, of which pages let an
        agent say little; and all of it about the chats that it has elsewhere, as a buyer.

        :raise AccessError:
        """
        may_be_set = all(self._says(name, "shop_may_set") for name in vals)
        for chat in self:
            if "livechat" in (chat.channel_type, vals.get("channel_type")) and (
                not may_be_set or chat._takes_caller_for_buyer()
            ):
                self._refuse_shop_staff()

    @api.model
    def _check_parents(self, vals_list):
        """Refuse a shop's staff a thread in what it cannot read: core makes whoever begins a thread
        a member of the group around it, with sudo.

        :raise AccessError:
        """
        if self.env.su or not self.env["ir.rule"]._serves_staff():
            return
        named = [self.env.context.get("default_parent_channel_id")]
        named += [vals.get("parent_channel_id") for vals in vals_list]
        for parent_id in filter(None, named):
            parent = self.browse(parent_id if sent.is_record_id(parent_id) else ())
            if not parent.exists()._filtered_access("read"):
                raise AccessError(self.env._("You cannot begin a thread there."))

    def _keep_what_was_said(self):
        """Refuse to change or delete what belongs to a live chat among these, some of which may be
        deleted.

        :raise AccessError:
        """
        # sudo: discuss.channel - what kind they are
        if "livechat" in self.sudo().exists().mapped("channel_type"):
            raise AccessError(self.env._("What was said in a live chat stays as it was said."))

    def _check_groups(self):
        """Refuse a shop's staff a channel of Discuss that all people of an access group are put
        into, other shops' and administrators as well.

        :raise AccessError:
        """
        if self.env.su or not self.env["ir.rule"]._serves_staff():
            return
        # sudo: discuss.channel - whom core puts into it
        if any(channel.group_ids for channel in self.sudo()):
            raise AccessError(self.env._("You bring people into a channel one by one."))

    def _find_quiet(self):
        quiet_before = read_now(self.env) - QUIET_AFTER
        return self.filtered(
            lambda chat: (
                chat.channel_type == "livechat"
                and chat.last_interest_dt
                and chat.last_interest_dt < quiet_before
            )
        )

    def _refuse_shop_staff(self):
        """Refuse a shop's staff what would put a chat into a shop, or into another one.

        Core lets internal users make and change any channel they are in.
        """
        if not self.env.su and self.env.user._is_shop_staff():
            raise AccessError(self.env._("Buyers open live chats, and dispatch chooses the agent."))

    def _find_or_create_persona_for_channel(self, *args, **kwargs):
        # Whoever reads a chat knows the link that invites to it; core's page then adds with sudo.
        if self.channel_type == "livechat" and not self.self_member_id:
            user = self.env.user
            if user._is_shop_staff() or user._is_reader_of_chats():
                raise UserError(self.env._("Colleagues bring each other into live chats."))
        persona = super()._find_or_create_persona_for_channel(*args, **kwargs)
        if self.env.user.share:
            self._seat_nobody_by_link(*persona)
        return persona

    def _is_dispatched(self):
        """Tell whether dispatch gives this chat to agents, and not Odoo itself."""
        # sudo: im_livechat.channel - how a chat's channel is dispatched is no secret
        return self.channel_type == "livechat" and (
            self.sudo().livechat_channel_id.dispatch_mode not in (False, "native")
        )

    def _is_colleague(self, partners):
        """Tell whether one of these contacts works where this live chat is had, or did."""
        # sudo: res.partner, im_livechat.channel - whose accounts they have, and whose chat it is
        users = partners.sudo().with_context(active_test=False).user_ids
        channel = self.sudo().livechat_channel_id
        return any(channel._is_home_of(user) for user in users)

    def _is_run_by(self, user):
        """Tell whether a user is an agent of this live chat, which may have ended, or manages the
        dispatch of its shop; with sudo."""
        members = self.channel_member_ids.filtered(lambda row: row.partner_id == user.partner_id)
        return "agent" in members.mapped("livechat_member_type") or (
            user._manages_dispatch_of(self.livechat_channel_id.main_account_id)
        )

    def _takes_caller_for_buyer(self):
        """Tell whether who asks is asked here what buyers are: whoever does not work where this
        live chat is had; of what is no live chat, who works nowhere."""
        user = self.env.user
        if self.channel_type != "livechat" or not self.env["ir.rule"]._serves_staff():
            return not user._is_internal()
        # sudo: im_livechat.channel - whose chat it is
        return not self.sudo().livechat_channel_id._is_home_of(user)

    def _seat_nobody_by_link(self, partner, guest):
        """Let a stranger who has come by the link of a chat be a buyer there: to core whoever does
        not come by the chat window is an agent, whose words are answers."""
        # sudo: discuss.channel, discuss.channel.member - who has just come
        chat = self.sudo()
        if chat._is_dispatched():
            chat.channel_member_ids.filtered(
                lambda member: (
                    (member.partner_id == partner if partner else member.guest_id == guest)
                    and member.livechat_member_type == "agent"
                )
            ).livechat_member_type = "visitor"

    @api.depends(
        "channel_member_ids",
        "livechat_channel_member_history_ids.livechat_member_type",
        "livechat_channel_member_history_ids.member_id",
        "livechat_end_dt",
    )
    def _compute_dispatch_seat_partner_ids(self):
        for chat in self:
            if chat.channel_type != "livechat" or chat.livechat_end_dt:
                chat.dispatch_seat_partner_ids = False
                continue
            chat.dispatch_seat_partner_ids = chat.livechat_channel_member_history_ids.filtered(
                lambda history: history.livechat_member_type == "agent" and history.member_id
            ).partner_id

    def channel_pin(self, pinned=False):
        # The module of the website deletes what somebody unpins before a word was said in it, such
        # as what an agent has asked a visitor for nothing.
        # sudo: discuss.channel - what would be deleted
        chat = self.sudo()
        deletes = "is_pending_chat_request" in chat._fields and not chat.is_pending_chat_request
        if deletes and not (pinned or self.env.su or chat.message_ids) and chat._is_dispatched():
            if self.env.user.share or self.env["ir.rule"]._serves_staff():
                raise AccessError(
                    self.env._("A chat in which nobody has written yet ends by itself.")
                )
        return super().channel_pin(pinned=pinned)

    def message_post(self, **kwargs):
        # Core makes a rating of it with sudo, whoever writes, and as often: agents would rate
        # themselves. Buyers rate by the window that asks them to.
        if "rating_value" in kwargs and self._is_dispatched():
            del kwargs["rating_value"]
        return super().message_post(**kwargs)

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        # An auditor reads; core lets whoever reads a conversation write into it.
        operations = super()._mail_get_operation_for_mail_message_operation(message_operation)
        if message_operation == "create" and self.env.user._is_reader_of_chats():
            for chat in self.filtered(lambda chat: chat.channel_type == "livechat"):
                operations[chat] = "write"
        return operations

    def _notify_thread(self, message, msg_vals=False, **kwargs):
        """Tell the agent of a new chat what its buyer wrote on the agent's own bus channel as well.

        An agent's browser asks for the bus channel of a new chat 300 ms after it heard of the chat,
        and then only for what comes later than the last thing it heard: when two chats come
        quickly, the first one's message is lost, and core hides a chat until its first message.
        """
        # sudo: a guest posts; who is seated stays on the server.
        agents = self.sudo()._agents_to_tell_directly(message)
        # One of the two has to be silent; the buyer's page is never told of its own message loudly.
        notified = super()._notify_thread(
            message, msg_vals=msg_vals, **{**kwargs, "silent": bool(agents) or kwargs.get("silent")}
        )
        for agent in agents:
            store = Store(bus_channel=agent).add(message).add(self, self._list_told_directly())
            agent._bus_send(
                "discuss.channel/new_message", {"data": store.get_result(), "id": self.id}
            )
        return notified

    def _to_store_defaults(self, target):
        # Core puts together what pages are told of the members of many channels, so that it is read
        # at once, throws that away and does it anew for each channel. Of one chat it is done once.
        is_one = len(self) == 1 and self.channel_type == "livechat"
        chats = self.with_context(livechat_told_later=TOLD_LATER) if is_one else self
        return super(DiscussChannel, chats)._to_store_defaults(target)

    def _list_told_directly(self):
        """Return what an agent is told of the chat together with its buyer's first words, as
        ``Store.add`` takes it: what goes by the chat's bus channel may come too early."""
        return ["last_interest_dt"]

    def _agents_to_tell_directly(self, message):
        """Return the agents, while none of them has written since the chat is theirs."""
        if (
            not self._is_dispatched()
            or self.dispatch_answered_at
            or message.author_id in self.dispatch_seat_partner_ids
        ):
            return self.env["res.partner"]
        return self.dispatch_seat_partner_ids


class DiscussChannelMember(models.Model):
    """Who is the buyer of a chat and who its agent, core and dispatch say with sudo.

    Core lets everybody change the own membership, and notes with sudo whatever was said there: a
    buyer who was an agent would be seated, and an agent who was a buyer would be free for others.
    """

    _inherit = "discuss.channel.member"

    @api.model_create_multi
    def create(self, vals_list):
        sent.expect_rows(self.env, vals_list)
        self._check_who_is_who(set().union(*vals_list))
        members = super().create(vals_list)
        if not self.env.su and self.env["ir.rule"]._serves_staff():
            members._check_brought()
        return members

    def _to_store_defaults(self, target):
        if self.env.context.get("livechat_told_later") is TOLD_LATER:
            return []
        return super()._to_store_defaults(target)

    def _check_brought(self):
        """Refuse a shop's staff to bring buyers into a chat: they would read what another one says
        there, be taken for agents, and hear of this shop without having asked it anything. By its
        number that is any guest there is, of whatever shop.

        :raise AccessError:
        """
        # sudo: discuss.channel.member, res.partner - who was brought where
        for member in self.sudo():
            is_buyer = member.partner_id.partner_share and member.channel_id._is_dispatched()
            if member.guest_id or (is_buyer and not member.partner_id.livechat_main_account_id):
                raise AccessError(
                    self.env._("Buyers open live chats, and dispatch chooses the agent.")
                )

    def write(self, vals):
        sent.expect_values(self.env, vals)
        self._check_who_is_who(vals)
        return super().write(vals)

    @api.model
    def _check_who_is_who(self, names):
        """Refuse strangers and a shop's staff what would say who somebody is in a chat.

        :raise AccessError:
        """
        if self.env.su or _WHO_IS_WHO.isdisjoint(names):
            return
        if self.env.user.share or self.env["ir.rule"]._serves_staff():
            raise AccessError(self.env._("Buyers open live chats, and dispatch chooses the agent."))
