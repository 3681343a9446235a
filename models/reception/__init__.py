from . import (
    discuss_channel,
    discuss_channel_member,
    im_livechat_channel,
    ir_websocket,
    livechat_dispatch_group,
    res_users,
)
