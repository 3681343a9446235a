{
    "name": "Live Chat Sub-accounts and Dispatch",
    "version": "19.0.1.0.0",
    "summary": "Send every buyer's chat to the right permitted agent, fairly, never above capacity",
    "category": "Website/Live Chat",
    "author": "im_livechat_subaccount contributors",
    "license": "LGPL-3",
    "depends": ["im_livechat", "auth_signup", "web_hierarchy"],
    "data": [
        "views/im_livechat_channel_views.xml",
        "views/res_users_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "demo": [
        "demo/reception_demo.xml",
    ],
    "assets": {
        "web.assets_tests": [
            "im_livechat_subaccount/static/tests/tours/**/*",
        ],
        "im_livechat.assets_livechat_support_tours": [
            "im_livechat_subaccount/static/tests/tours/support/*",
        ],
    },
    "images": ["static/description/banner.png"],
    "application": True,
    "pre_init_hook": "pre_init_hook",
    "uninstall_hook": "uninstall_hook",
}
