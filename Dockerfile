# Odoo 19 with the addon; .dockerignore leaves out what Odoo does not run.
FROM odoo:19.0
COPY --chown=odoo:odoo . /mnt/extra-addons/im_livechat_subaccount
