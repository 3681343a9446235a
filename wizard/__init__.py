from . import livechat_activation_link, livechat_subaccount_disable
