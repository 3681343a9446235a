import { ChatHub } from "@mail/core/common/chat_hub_model";
import { patch } from "@web/core/utils/patch";

/** A page that is loaded anew opens no windows of chats that are over, or somebody else's by now. */
patch(ChatHub.prototype, {
    async _load() {
        await super._load(...arguments);
        if (this.isRestored) {
            // Another tab has opened or closed one.
            return;
        }
        this.isRestored = true;
        const over = [...this.opened, ...this.folded].filter(
            ({ thread }) =>
                thread?.dispatch_transferable && (thread.livechat_end_dt || !thread.self_member_id),
        );
        for (const chatWindow of over) {
            this.opened.delete(chatWindow);
            this.folded.delete(chatWindow);
            chatWindow.delete();
        }
        if (over.length) {
            this.save();
        }
    },
});
