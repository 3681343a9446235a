from odoo.fields import Domain
from odoo.http import request

from ..tools.sent import is_record_id


def find_refusal(sent_id, what):
    """Return why the buyer who makes this request does not get what it asks of a chat, ``None`` if
    it does: the shop has blocked the buyer, or it is too often. Who has an answer may write as
    often as it likes.

    :param sent_id: what a browser says is the chat.
    :param what: one of ``door.PER_ADDRESS``.
    """
    try:
        # As core reads it.
        chat_id = int(sent_id)
    except (TypeError, ValueError, OverflowError):
        return None
    if request.env.user._is_internal() or not is_record_id(chat_id):
        return None
    chats, channels = request.env["discuss.channel"], request.env["im_livechat.channel"]
    named = Domain("id", "=", chat_id)
    chat = chats.search(named & channels._match_open_to_caller("livechat_channel_id"))
    # sudo: discuss.channel, im_livechat.channel - what the shop of the reader's chat lets it do
    if not chat:
        chat = chats.search(named).sudo()
        return chat.livechat_channel_id._turn_away() if chat else None
    chat = chat.sudo()  # sudo: as above
    if (what != "word" or chat._is_unheard()) and not chat.livechat_channel_id._is_welcome(what):
        return channels._say_wait()
    return None
