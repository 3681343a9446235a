from . import (
    base_partner_merge,
    ir_http,
    ir_model_access,
    ir_model_data,
    livechat_permission,
    livechat_role,
    livechat_subaccount,
    res_config_settings,
    res_groups,
    res_partner,
    res_users,
)
