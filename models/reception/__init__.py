from . import (
    discuss_channel,
    im_livechat_channel,
    ir_websocket,
    livechat_announcement,
    livechat_dispatch_group,
    livechat_dispatch_health,
    livechat_whisper,
    res_users,
)
