from . import (
    discuss_channel,
    ir_http,
    ir_model,
    livechat_dispatch_group,
    livechat_helpdesk,
)
