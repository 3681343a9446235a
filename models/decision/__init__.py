from . import (
    discuss_channel,
    im_livechat_channel,
    livechat_dispatch_decision,
    past,
)
