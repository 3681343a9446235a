from . import (
    discuss_channel,
    discuss_channel_member,
    im_livechat_channel,
    mail_guest,
    mail_presence,
)
