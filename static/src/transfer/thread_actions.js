import { registerThreadAction } from "@mail/core/common/thread_actions";
import { _t } from "@web/core/l10n/translation";
import { session } from "@web/session";
import { TransferDialog } from "./transfer_dialog";

registerThreadAction("livechat-transfer", {
    condition: ({ owner, thread }) =>
        thread?.dispatch_transferable &&
        !thread.livechat_end_dt &&
        ((thread.self_member_id?.livechat_member_type === "agent" && session.livechat_transfers) ||
            session.livechat_manages_dispatch) &&
        (!owner.props.chatWindow || owner.props.chatWindow.isOpen) &&
        !owner.isDiscussSidebarChannelActions,
    icon: "fa fa-fw fa-share-square-o",
    name: _t("Transfer"),
    open: ({ store, thread }) => store.env.services.dialog.add(TransferDialog, { thread }),
    sequence: 8,
    sequenceGroup: 7,
});

registerThreadAction("livechat-block", {
    condition: ({ owner, thread }) =>
        thread?.dispatch_transferable &&
        !thread.livechat_end_dt &&
        session.livechat_manages_dispatch &&
        (!owner.props.chatWindow || owner.props.chatWindow.isOpen) &&
        !owner.isDiscussSidebarChannelActions,
    icon: "fa fa-fw fa-ban",
    name: _t("Block buyer"),
    async open({ store, thread }) {
        const { action, orm } = store.env.services;
        action.doAction(await orm.call("discuss.channel", "action_block", [[thread.id]]));
    },
    sequence: 10,
    sequenceGroup: 7,
});
