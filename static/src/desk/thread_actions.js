import { registerThreadAction } from "@mail/core/common/thread_actions";
import { _t } from "@web/core/l10n/translation";

registerThreadAction("livechat-close-next", {
    condition: ({ owner, thread }) =>
        thread?.dispatch_transferable &&
        thread.self_member_id?.livechat_member_type === "agent" &&
        (!owner.props.chatWindow || owner.props.chatWindow.isOpen) &&
        !owner.isDiscussSidebarChannelActions,
    icon: "fa fa-fw fa-check-square-o",
    name: _t("Close and next"),
    open: ({ store, thread }) =>
        store.env.services["im_livechat_subaccount.desk"].closeAndGoOn(thread),
    sequence: 7,
    sequenceGroup: 7,
});
