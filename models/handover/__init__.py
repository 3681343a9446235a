from . import (
    discuss_channel,
    im_livechat_channel,
    livechat_announcement,
    res_users,
)
