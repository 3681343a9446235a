from . import (
    discuss_channel,
    im_livechat_channel,
    im_livechat_channel_rule,
    im_livechat_conversation_tag,
    mail_message,
    res_users,
)
