from . import (
    discuss_channel,
    discuss_channel_member,
    discuss_channel_rtc_session,
    im_livechat_channel,
    livechat_dispatch_decision,
    past,
)
