from . import (
    discuss_channel,
    discuss_channel_buyer,
    discuss_channel_ring,
    im_livechat_channel,
    im_livechat_channel_metrics,
    im_livechat_channel_unhappy,
    ir_websocket,
    livechat_announcement,
    livechat_dispatch_group,
    livechat_dispatch_health,
    livechat_whisper,
    res_users,
)
