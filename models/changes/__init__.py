from . import (
    im_livechat_channel,
    livechat_dispatch_change,
    livechat_dispatch_change_line,
    livechat_dispatch_group,
    livechat_dispatch_log,
    livechat_dispatch_log_people,
    livechat_dispatch_scope,
    res_config_settings,
    res_users,
)
