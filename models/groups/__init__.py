from . import (
    discuss_channel,
    im_livechat_channel,
    livechat_dispatch_group,
    livechat_dispatch_scope,
    res_users,
)
