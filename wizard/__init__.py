from . import (
    livechat_activation_link,
    livechat_block_buyer,
    livechat_dispatch_compare,
    livechat_dispatch_forecast,
    livechat_dispatch_whatif,
    livechat_dispatch_whatif_line,
    livechat_main_account,
    livechat_scope_check,
    livechat_shop_handover,
    livechat_subaccount_disable,
)
