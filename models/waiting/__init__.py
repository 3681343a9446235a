from . import (
    discuss_channel,
    discuss_channel_member,
    discuss_channel_reach,
    im_livechat_channel,
    livechat_announcement,
    livechat_dispatch_block,
    livechat_dispatch_group,
    mail_guest,
    mail_presence,
    res_partner,
)
