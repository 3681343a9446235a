from . import (
    discuss_channel,
    discuss_channel_promise,
    im_livechat_channel,
    livechat_announcement,
    rating_rating,
    res_users,
)
