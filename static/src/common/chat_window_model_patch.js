import { ChatWindow } from "@mail/core/common/chat_window_model";
import { patch } from "@web/core/utils/patch";

patch(ChatWindow.prototype, {
    /**
     * As core's, which upon Tab looks in the window for what its member has not read. Before the
     * first word of a buyer, and for who listens in, there is no member, and the whole chat with
     * all that was typed would be gone from the page.
     */
    focus({ jumpToNewMessage = false } = {}) {
        const isMember = Boolean(this.thread?.self_member_id);
        return super.focus({ jumpToNewMessage: jumpToNewMessage && isMember });
    },
});
