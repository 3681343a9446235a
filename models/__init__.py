from . import (
    discuss_channel,
    im_livechat_channel,
    ir_model_data,
    ir_websocket,
    livechat_permission,
    livechat_role,
    livechat_subaccount,
    mail_guest,
    res_config_settings,
    res_groups,
    res_users,
)
