from . import (
    discuss_channel,
    discuss_channel_hold,
    discuss_channel_native,
    discuss_channel_promise,
    discuss_channel_proposal,
    discuss_channel_silence,
    discuss_channel_transfer,
    im_livechat_channel,
    livechat_announcement,
    rating_rating,
    res_users,
)
