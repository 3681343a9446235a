import { Chatbot } from "@im_livechat/core/common/chatbot_model";
import { LivechatService } from "@im_livechat/embed/common/livechat_service";
import { Store } from "@mail/core/common/store_service";
import { convertBrToLineBreak } from "@mail/utils/common/format";
import { toRaw } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError, rpc, rpcBus } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

/** A chat that was refused: upon any other answer without one core closes the window, with all that
 * was typed and chosen in it. */
class Refused extends Error {}

/** Why the server has just refused something that the buyer asks for too often. */
let refusal;

/** The chats that are being opened: `{preview: promise of the chat}`. */
const opening = new WeakMap();

rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => {
    refusal = detail.result?.dispatch_refusal;
});

patch(LivechatService.prototype, {
    setup() {
        super.setup(...arguments);
        const { notificationService } = this;
        // Core says of every chat that is refused that nobody is there.
        this.notificationService = {
            add: (text, options) => notificationService.add(refusal ?? text, options),
        };
    },

    async _createThread({ persist }) {
        const thread = await super._createThread(...arguments);
        if (!thread && persist && refusal) {
            throw new Refused();
        }
        return thread;
    },

    /**
     * As core's; words and pictures that follow each other before there is a chat go into one. On a
     * page elsewhere the server could not tell by anything that they are the same buyer's.
     */
    async persist(thread) {
        if (!thread.isTransient) {
            return super.persist(...arguments);
        }
        // The record itself: the next preview goes by the same name.
        const preview = toRaw(thread)._raw;
        const open = async () => {
            try {
                const chat = await super.persist(thread);
                if (chat?.livechat_operator_id?.eq(this.store.self)) {
                    // As in Odoo: whoever tries the chat of the own shop alone meets itself.
                    this.notificationService.add(
                        _t("Nobody else is here: you are the agent of this chat as well."),
                    );
                }
                // Before core takes the preview away.
                chat?.readyToSwapDeferred.then(() => moveDraft(thread.composer, chat.composer));
                return chat;
            } catch (error) {
                opening.delete(preview);
                putBack(thread);
                if (error instanceof ConnectionLostError || error instanceof RPCError) {
                    this.notificationService.add(_t("That did not work. Please try again."), {
                        type: "warning",
                    });
                } else if (!(error instanceof Refused)) {
                    throw error;
                }
            }
        };
        if (!opening.has(preview)) {
            opening.set(preview, open());
        }
        return opening.get(preview);
    },
});

/** Let go on in the chat what is being typed when it takes the place of its preview. */
function moveDraft(from, to) {
    if (from?.composerText) {
        to.insertText(from.composerText, to.composerText.length);
        from.clear();
        // Core keeps it for whoever comes back, and may not look once more before it goes.
        browser.localStorage.removeItem(from.localId);
    }
}

/** Put what could not be sent back where it was typed. */
function putBack(thread) {
    const { composer } = thread;
    // What was said before is the shop's word.
    const isUnsent = (message) =>
        thread.isTransient && message && !message.author_id?.eq(thread.livechat_operator_id);
    for (let last = thread.messages.at(-1); isUnsent(last); last = thread.messages.at(-1)) {
        const words = [convertBrToLineBreak(last.body), composer.composerText];
        composer.composerText = words.filter(Boolean).join("\n");
        thread.messages.delete(last);
    }
    if (thread.chatbot) {
        thread.chatbot.isProcessingAnswer = false;
        thread.chatbot._simulateTyping(0);
    }
}

patch(Store.prototype, {
    async doMessagePost(params, message) {
        const data = await super.doMessagePost(...arguments);
        if (!data?.dispatch_refusal) {
            return data;
        }
        this.env.services.notification.add(data.dispatch_refusal, { type: "warning" });
        if (data.store_data) {
            // What this page did not know.
            this.insert(data.store_data);
        }
        if (message) {
            // As core does with what was lost on the way: it can be sent again.
            message.postFailRedo = () => {
                message.postFailRedo = undefined;
                this.doMessagePost(params, message);
            };
        }
    },
});

patch(Chatbot.prototype, {
    /** As core's, which takes every answer for one that begins anew. */
    async restart() {
        if (!this.completed) {
            return;
        }
        const { thread, script } = this;
        const params = { channel_id: thread.id, chatbot_script_id: script.id };
        const answer = await rpc("/chatbot/restart", params);
        if (!answer?.message_id) {
            const why = answer?.dispatch_refusal ?? _t("That did not work. Please try again.");
            this.store.env.services.notification.add(why, { type: "warning" });
            return;
        }
        this.store.insert(answer.store_data);
        thread.messages.add(answer.message_id);
        if (this.currentStep) {
            this.currentStep.isLast = false;
            thread.livechat_end_dt = false;
        }
        this.start();
    },
});
