from . import (
    discuss_channel,
    im_livechat_channel,
    im_livechat_channel_member_history,
    im_livechat_report_channel,
    livechat_dispatch_group,
    livechat_dispatch_pause,
    livechat_dispatch_presence,
    livechat_dispatch_total,
    res_users,
)
