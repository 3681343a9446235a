import { Thread } from "@mail/core/common/thread_model";
import { patch } from "@web/core/utils/patch";

/** Chats are named by what tells them apart: "Ella · Desk lamp". */
patch(Thread.prototype, {
    setup() {
        super.setup();
        /** @type {string|undefined} */
        this.dispatch_title = undefined;
    },

    get displayName() {
        const isOurs = this.dispatch_title && !this.self_member_id?.custom_channel_name;
        return isOurs ? this.dispatch_title : super.displayName;
    },
});
