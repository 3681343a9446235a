import { Thread } from "@mail/core/common/thread_model";
import { patch } from "@web/core/utils/patch";
import { session } from "@web/session";

patch(Thread.prototype, {
    setup() {
        super.setup();
        /**
         * The ticket that was made of this chat, and the record why it went to whom.
         *
         * @type {{id: number, name: string, why_id: number}|false|undefined}
         */
        this.dispatch_ticket = undefined;
    },

    /** Whether the reader may make a ticket of this chat, or open that which was made. */
    get hasTicketAction() {
        return (
            session.livechat_handles_tickets &&
            this.dispatch_transferable &&
            (this.self_member_id?.livechat_member_type === "agent" ||
                session.livechat_manages_dispatch)
        );
    },
});
