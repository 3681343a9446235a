from . import (
    discuss_channel,
    im_livechat_channel,
    livechat_announcement,
    rating_rating,
    res_users,
)
