from . import (
    discuss_channel,
    im_livechat_channel,
    ir_http,
    ir_model,
    livechat_announcement,
    livechat_dispatch_group,
    livechat_helpdesk,
    livechat_personal_data,
    livechat_subaccount,
    livechat_ticket_decision,
    res_users,
)
