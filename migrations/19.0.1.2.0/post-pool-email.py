"""Who got the pool's messages before addresses had to be confirmed goes on to get them."""


def migrate(cr, version):
    cr.execute("UPDATE im_livechat_channel SET pool_email_confirmed = pool_email")
