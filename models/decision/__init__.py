from . import (
    discuss_channel,
    discuss_channel_member,
    discuss_channel_people,
    discuss_channel_rtc_session,
    im_livechat_channel,
    im_livechat_channel_lamps,
    livechat_dispatch_decision,
    livechat_personal_data,
    livechat_subaccount,
    mail_guest,
    past,
    res_partner,
)
