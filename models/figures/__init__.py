from . import (
    digest_digest,
    discuss_channel,
    im_livechat_channel,
    im_livechat_channel_member_history,
    im_livechat_report_channel,
    ir_ui_menu,
    livechat_dispatch_group,
    livechat_dispatch_presence,
    livechat_dispatch_total,
    livechat_team,
    mail_message,
    res_users,
)
