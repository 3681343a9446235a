from . import (
    discuss_channel,
    im_livechat_channel,
    ir_http,
    ir_model,
    livechat_dispatch_group,
    livechat_helpdesk,
    livechat_personal_data,
    livechat_ticket_decision,
)
