"""Words of rights that fields and rules of several rooms use."""

# Who may see how agents are dispatched; nobody else meets these fields, not even by RPC. A shop's
# people read no sub-accounts of other shops at all: see the record rule on res.users.
READERS = ",".join(
    (
        "base.group_erp_manager",
        "im_livechat.im_livechat_group_user",
        "im_livechat_subaccount.group_auditor",
        "im_livechat_subaccount.group_dispatch_manager",
        "im_livechat_subaccount.group_report_reader",
        "im_livechat_subaccount.group_subaccount_manager",
    )
)

# Whoever has one of these has to do with live chat; see ``res.users._filter_known``.
KNOWN_GROUPS = (
    "im_livechat.im_livechat_group_user",
    "im_livechat_subaccount.group_subaccount_manager",
    # Who makes activation links for any shop.
    "base.group_erp_manager",
)

# How much of its shop's conversations a sub-account sees, from the least to the most.
CONVERSATION_SCOPES = ("own", "group", "shop")
