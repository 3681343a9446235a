import { CW_LIVECHAT_STEP } from "@im_livechat/core/common/chat_window_model_patch";
import "@im_livechat/embed/common/chat_window_model_patch";
import { LivechatButton } from "@im_livechat/embed/common/livechat_button";
import { isOwnChat } from "@im_livechat_subaccount/embed/common/own_chat";
import { ChatWindow } from "@mail/core/common/chat_window_model";
import { useBus } from "@web/core/utils/hooks";
import { patch } from "@web/core/utils/patch";

/** Whether what the buyer of this chat has written is kept for who comes, or for who has it and was
 * away: nobody has answered yet. */
function isKept({ dispatch_away: away, dispatch_wait: wait, livechat_operator_id, messages }) {
    const isAnswer = ({ author_id: author, isNotification }) =>
        !isNotification && author?.eq(livechat_operator_id);
    return wait?.state === "pool" || Boolean(away && !messages.some(isAnswer));
}

patch(ChatWindow.prototype, {
    /**
     * As core's, which asks whether the chat is to end, ends it, and asks how it was. A message that
     * is kept does not end with its window; and whoever gives up the line has had no answer that
     * could be asked about.
     */
    close(options = {}) {
        const { livechatStep, thread } = this;
        const isBuyers =
            thread &&
            isOwnChat(thread) &&
            !thread.livechat_end_dt &&
            livechatStep !== CW_LIVECHAT_STEP.FEEDBACK;
        const givesUp =
            livechatStep === CW_LIVECHAT_STEP.CONFIRM_CLOSE &&
            thread?.dispatch_wait?.state === "queued";
        if (options.force || !isBuyers || !(givesUp || isKept(thread))) {
            return super.close(...arguments);
        }
        super.close({ ...options, force: true });
        // The server knows what becomes of it.
        void this.store.env.services["im_livechat.livechat"].leave(thread);
    },
});

/** Who has closed the window of a chat that goes on opens it again by the button. */
patch(LivechatButton.prototype, {
    setup() {
        super.setup(...arguments);
        // Before, the windows of a page that is loaded anew are not there yet.
        this.store.chatHub.initPromise.then(() => (this.state.knowsWindows = true));
        // Whoever left a message and closed its window reads the answer.
        useBus(this.env.bus, "discuss.channel/new_message", ({ detail: { channel, message } }) => {
            if (this.closedChat?.eq(channel) && !message.isSelfAuthored) {
                void channel.openChatWindow();
            }
        });
    },

    get closedChat() {
        const { chatHub, activeLivechats } = this.store;
        const hasWindow = chatHub.opened.length || chatHub.folded.length;
        return this.state?.knowsWindows && !hasWindow ? activeLivechats.find(isOwnChat) : undefined;
    },

    get isShown() {
        return super.isShown || Boolean(this.closedChat);
    },

    onClick() {
        const { closedChat } = this;
        if (!closedChat) {
            return super.onClick();
        }
        this.state.animateNotification = false;
        void closedChat.openChatWindow({ focus: true });
    },
});
