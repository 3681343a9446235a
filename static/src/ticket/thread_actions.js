import { registerThreadAction } from "@mail/core/common/thread_actions";
import { _t } from "@web/core/l10n/translation";
import { TicketDialog } from "./ticket_dialog";

/** Beside *Transfer*, of windows that are open. */
function isOffered({ owner, thread }) {
    return (
        thread?.hasTicketAction &&
        (!owner.props.chatWindow || owner.props.chatWindow.isOpen) &&
        !owner.isDiscussSidebarChannelActions
    );
}

registerThreadAction("livechat-make-ticket", {
    condition: (action) => isOffered(action) && !action.thread.dispatch_ticket,
    icon: "fa fa-fw fa-ticket",
    name: _t("Make ticket"),
    open: ({ store, thread }) => store.env.services.dialog.add(TicketDialog, { thread }),
    sequence: 9,
    sequenceGroup: 7,
});

registerThreadAction("livechat-open-ticket", {
    condition: (action) => isOffered(action) && action.thread.dispatch_ticket,
    icon: "fa fa-fw fa-ticket",
    name: _t("Open ticket"),
    open: ({ store, thread }) =>
        store.env.services.action.doAction({
            type: "ir.actions.act_window",
            res_model: "helpdesk.ticket",
            res_id: thread.dispatch_ticket.id,
            views: [[false, "form"]],
        }),
    sequence: 9,
    sequenceGroup: 7,
});
