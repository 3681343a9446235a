from . import (
    im_livechat_channel,
    ir_websocket,
    livechat_announcement,
    livechat_dispatch_group,
    res_users,
)
