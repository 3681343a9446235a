from . import discuss_channel
from . import im_livechat_channel
from . import res_config_settings
from . import res_users
