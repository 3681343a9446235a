from . import (
    im_livechat_channel,
    im_livechat_channel_setup,
    res_config_settings,
    res_users,
    resource_calendar,
)
