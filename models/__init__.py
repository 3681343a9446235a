from . import discuss_channel, im_livechat_channel, mail_guest, res_config_settings, res_users
