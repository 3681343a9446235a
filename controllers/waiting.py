from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.http import Controller, request, route

from odoo.addons.im_livechat.tools.misc import force_guest_env
from odoo.addons.mail.tools.discuss import Store, add_guest_to_context

from ..dispatch.line import IS_WAITING
from ..tools.sent import is_record_id, keep_ids
from .main import find_refusal

# Of so many chats one page of a buyer is told at a time; it has one, or one for each shop.
_TOLD_MAX = 10
_CALL = {"methods": ["POST"], "type": "jsonrpc", "auth": "public"}


class WaitingController(Controller):
    """What the page of a buyer who waits in line can do."""

    @route("/im_livechat_subaccount/here", **_CALL)
    @add_guest_to_context
    def here(self, channel_ids=None, **_ignored):
        """Take a sign of life of the page of whoever asks; of who is unknown, none.

        :param channel_ids: ids of ``discuss.channel`` that wait, as far as the page knows; of those
            of others nothing is said.
        :return: what the page is told about the waits of this buyer, for its store.
        :rtype: dict
        """
        return self._give_sign(channel_ids)

    @route("/im_livechat_subaccount/cors/here", **_CALL, cors="*")
    def cors_here(self, channel_ids=None, guest_token="", **_ignored):
        """As :meth:`here`, for a shop's pages elsewhere, which send no cookie."""
        if isinstance(guest_token, str):
            force_guest_env(guest_token, raise_if_not_found=False)
            return self._give_sign(channel_ids)
        return {}

    def _give_sign(self, channel_ids):
        if not request.env["im_livechat.channel"]._is_welcome("here"):
            return {}
        partner, guest = request.env["res.partner"]._get_current_persona()
        if partner or guest:
            request.env["mail.presence"]._give_sign(request.env.user if partner else guest)
        store = Store()
        buyer = request.env["im_livechat.channel"]._identify_buyer()
        # What the bus told of one that waits no more may never have arrived.
        waits = Domain(IS_WAITING) | Domain("id", "in", keep_ids(channel_ids, _TOLD_MAX))
        for chat in request.env["im_livechat.channel"]._find_chats_of(*buyer, waits):
            if chat.dispatch_gone_at:
                chat._come_back()
            store.add(chat, chat._list_waiting_to_store())
        return store.get_result()

    @route("/im_livechat_subaccount/leave_message", **_CALL)
    @add_guest_to_context
    def leave_message(self, channel_id=None, **_ignored):
        """Let the buyer of a chat leave the line; what the buyer writes is answered later.

        :param channel_id: ``discuss.channel`` of the buyer who asks; of others nothing is said.
        :return: whether the chat is in the message pool now.
        """
        return self._leave_message(channel_id)

    @route("/im_livechat_subaccount/cors/leave_message", **_CALL, cors="*")
    def cors_leave_message(self, channel_id=None, guest_token="", **_ignored):
        """As :meth:`leave_message`, for a shop's pages elsewhere."""
        if not isinstance(guest_token, str):
            return False
        force_guest_env(guest_token)
        return self._leave_message(channel_id)

    @route("/im_livechat_subaccount/reach", **_CALL)
    @add_guest_to_context
    def reach(self, channel_id=None, email=None, phone=None, **_ignored):
        """Keep where the buyer of a chat that waits is reached.

        :param channel_id: ``discuss.channel`` of the buyer who asks; of others nothing is said.
        :param email: where answers are mailed; ``phone``: where the shop may call.
        :return: ``{"error": what is wrong with it, False for nothing}``.
        """
        return self._reach(channel_id, email, phone)

    @route("/im_livechat_subaccount/cors/reach", **_CALL, cors="*")
    def cors_reach(self, channel_id=None, email=None, phone=None, guest_token="", **_ignored):
        """As :meth:`reach`, for a shop's pages elsewhere."""
        if not isinstance(guest_token, str):
            return {"error": request.env._("This chat is over.")}
        force_guest_env(guest_token)
        return self._reach(channel_id, email, phone)

    def _reach(self, channel_id, email, phone):
        over = {"error": request.env._("This chat is over.")}
        if not is_record_id(channel_id):
            return over
        chat = request.env["discuss.channel"].search([("id", "=", channel_id)])
        if chat.self_member_id.livechat_member_type != "visitor":
            return over
        if refusal := find_refusal(channel_id, "leave"):
            return {"error": refusal}
        # sudo: discuss.channel - the buyer's own chat, and nothing but where it is reached
        chat = chat.sudo()
        if not chat.livechat_channel_id.mails_answers:
            return over
        try:
            chat._take_reach(email, phone)
        except UserError as error:
            return {"error": str(error)}
        return {"error": False}

    def _leave_message(self, channel_id):
        if not is_record_id(channel_id):
            return False
        chat = request.env["discuss.channel"].search([("id", "=", channel_id)])
        if chat.self_member_id.livechat_member_type != "visitor":
            return False
        if find_refusal(channel_id, "leave"):
            return False
        # sudo: discuss.channel - the buyer's own chat, and nothing but its place in line
        chat = chat.sudo()
        chat._leave_message(dispatch_gave_up_line=True)
        return chat.dispatch_state == "pool"
