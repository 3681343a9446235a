import { ChatWindow } from "@mail/core/common/chat_window";
import { registerThreadAction } from "@mail/core/common/thread_actions";
import { Thread } from "@mail/core/common/thread_model";
import { DiscussContent } from "@mail/core/public_web/discuss_content";
import { DiscussSidebarChannel } from "@mail/discuss/core/public_web/discuss_sidebar_categories";
import { Component } from "@odoo/owl";
import { deserializeDateTime, formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { isToday } from "../dispatch_menu/dispatch_status_service";
import { HoldDialog } from "./hold_dialog";

const { DateTime } = luxon;

patch(Thread.prototype, {
    setup() {
        super.setup();
        /** @type {string|false|undefined} Until when this chat is on hold, in UTC. */
        this.dispatch_held_until = undefined;
    },

    /** Until when this chat is on hold, undefined while it is not. */
    get heldUntil() {
        return this.dispatch_held_until && !this.livechat_end_dt
            ? deserializeDateTime(this.dispatch_held_until)
            : undefined;
    },
});

/** Beside the name of a chat that is on hold: until when. */
export class HoldMark extends Component {
    static template = "im_livechat_subaccount.HoldMark";
    static props = { thread: Object, class: { type: String, optional: true } };

    get until() {
        const { heldUntil, store } = this.props.thread;
        return isToday(heldUntil, store.livechatNow)
            ? heldUntil.toLocaleString(DateTime.TIME_SIMPLE)
            : heldUntil.toLocaleString({ day: "numeric", month: "short" });
    }

    get title() {
        return _t("On hold until %s", formatDateTime(this.props.thread.heldUntil));
    }
}

for (const component of [ChatWindow, DiscussContent, DiscussSidebarChannel]) {
    Object.assign(component.components, { HoldMark });
}

/** Whether an agent sees this action of a chat of its own. */
const isOffered = ({ owner, thread }) =>
    thread?.dispatch_transferable &&
    thread.isMineAndOpen &&
    (!owner.props.chatWindow || owner.props.chatWindow.isOpen) &&
    !owner.isDiscussSidebarChannelActions;

registerThreadAction("livechat-hold", {
    condition: (action) => isOffered(action) && !action.thread.heldUntil,
    icon: "fa fa-fw fa-pause-circle-o",
    name: _t("Put on hold"),
    open: ({ store, thread }) => store.env.services.dialog.add(HoldDialog, { thread }),
    sequence: 10,
    sequenceGroup: 7,
});

registerThreadAction("livechat-end-hold", {
    condition: (action) => isOffered(action) && Boolean(action.thread.heldUntil),
    icon: "fa fa-fw fa-play-circle-o",
    name: _t("End the hold"),
    async open({ store, thread }) {
        const { "im_livechat_subaccount.desk": desk, orm } = store.env.services;
        await orm.call("discuss.channel", "action_end_hold", [[thread.id]]);
        await desk.askOwed();
    },
    sequence: 10,
    sequenceGroup: 7,
});
