from . import (
    chatbot_script,
    discuss_channel,
    im_livechat_channel,
    im_livechat_channel_question,
    im_livechat_channel_rule,
    livechat_dispatch_group,
    livechat_dispatch_scope,
    mail_canned_response,
    res_users,
)
