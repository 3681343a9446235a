{
    "name": "Live Chat Sub-accounts and Dispatch",
    "version": "19.0.1.0.0",
    "summary": "Send every buyer's chat to the right permitted agent, fairly, never above capacity",
    "category": "Website/Live Chat",
    "author": "im_livechat_subaccount contributors",
    "license": "LGPL-3",
    "depends": ["im_livechat", "auth_signup", "web_hierarchy"],
    "data": [
        "security/im_livechat_subaccount_groups.xml",
        "security/im_livechat_subaccount_security.xml",
        "security/ir.model.access.csv",
        "data/ir_cron_data.xml",
        "data/livechat_permission_data.xml",
        "data/livechat_role_data.xml",
        "wizard/livechat_activation_link_views.xml",
        "wizard/livechat_dispatch_compare_views.xml",
        "wizard/livechat_dispatch_test_views.xml",
        "wizard/livechat_dispatch_whatif_views.xml",
        "wizard/livechat_subaccount_disable_views.xml",
        "views/livechat_permission_views.xml",
        "views/livechat_role_views.xml",
        "views/livechat_dispatch_group_views.xml",
        "views/livechat_subaccount_views.xml",
        "views/activation_templates.xml",
        "views/discuss_channel_views.xml",
        "views/livechat_dispatch_decision_views.xml",
        "views/reception_views.xml",
        "views/livechat_dispatch_total_views.xml",
        "views/im_livechat_report_channel_views.xml",
        "views/im_livechat_subaccount_menus.xml",
        "views/im_livechat_channel_views.xml",
        "views/res_partner_views.xml",
        "views/res_users_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "demo": [
        "demo/reception_demo.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "im_livechat_subaccount/static/src/**/*",
            ("remove", "im_livechat_subaccount/static/src/embed/**/*"),
            ("remove", "im_livechat_subaccount/static/src/fairness/**/*"),
        ],
        # Graphs are loaded when the first is opened.
        "web.assets_backend_lazy": [
            "im_livechat_subaccount/static/src/fairness/**/*",
        ],
        # The chat of a shop's own pages and of pages elsewhere.
        "im_livechat.assets_embed_core": [
            "im_livechat_subaccount/static/src/common/**/*",
            "im_livechat_subaccount/static/src/embed/common/**/*",
        ],
        "im_livechat.assets_embed_cors": [
            "im_livechat_subaccount/static/src/embed/cors/**/*",
        ],
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
