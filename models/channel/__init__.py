from . import (
    im_livechat_channel,
    im_livechat_channel_setup,
    ir_config_parameter,
    ir_websocket,
    livechat_dispatch_group,
    livechat_pause_reason,
    mail_presence,
    res_config_settings,
    res_users,
    resource_calendar,
    resource_calendar_attendance,
    resource_calendar_leaves,
)
