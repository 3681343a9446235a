from . import (
    livechat_activation_link,
    livechat_dispatch_forecast,
    livechat_dispatch_test,
    livechat_subaccount_disable,
)
