import { OutOfFocusService } from "@mail/core/common/out_of_focus_service";
import { patch } from "@web/core/utils/patch";

/** So much of a message is shown beside the page, in characters. */
const WORDS_LENGTH = 350;

patch(OutOfFocusService.prototype, {
    /** As core's, which counts in the title what nobody has seen; of live chats, the buyers who wait
     * for an answer are counted there. */
    notify(message, thread) {
        if (!thread?.dispatch_transferable) {
            return super.notify(...arguments);
        }
        if (!this.contributingMessageLocalIds.has(message.localId)) {
            this.contributingMessageLocalIds.add(message.localId);
            void this.notifyOfLivechat(message, thread);
        }
    },

    async notifyOfLivechat(message, thread) {
        // What is pushed leads to the chat as well.
        if (!(await this.hasServiceWorkInstalledAndPushSubscriptionActive())) {
            await this.sendNotification({
                icon: message.author?.avatarUrl,
                message: message.previewText.toString().substring(0, WORDS_LENGTH),
                thread,
                title: message.authorName,
                type: "info",
            });
        }
    },

    /**
     * As core's, whose click brings the page to the front and opens nothing.
     *
     * @param {import("models").Thread} [param0.thread] the live chat it is about
     */
    async sendNotification({ thread, ...params }) {
        if (!thread || !this.canSendNativeNotification || !(await this.multiTab.isOnMainTab())) {
            return super.sendNotification(params);
        }
        const { icon, message: body, sound = true, title } = params;
        let notification;
        try {
            notification = new Notification(title, { body, icon });
        } catch {
            // Chrome on a phone shows none but by push; core knows what to do instead.
            return super.sendNotification(params);
        }
        notification.addEventListener("click", () => {
            window.focus();
            notification.close();
            // It may have gone to somebody else meanwhile.
            if (thread.exists() && thread.self_member_id) {
                this.env.services["im_livechat_subaccount.desk"].open(thread);
            }
        });
        if (sound) {
            this._playSound();
        }
    },
});
