from . import (
    discuss_channel,
    discuss_channel_member,
    im_livechat_channel,
    im_livechat_channel_door,
    livechat_announcement,
    mail_guest,
    mail_presence,
    res_partner,
)
