import { LivechatService } from "@im_livechat/embed/common/livechat_service";
import { Store } from "@mail/core/common/store_service";
import { convertBrToLineBreak } from "@mail/utils/common/format";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError, rpcBus } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

/** A chat that was refused: upon any other answer without one core closes the window, with all that
 * was typed and chosen in it. */
class Refused extends Error {}

/** Why the server has just refused something that the buyer asks for too often. */
let refusal;

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

    async persist(thread) {
        try {
            return await super.persist(...arguments);
        } catch (error) {
            putBack(thread);
            if (error instanceof ConnectionLostError || error instanceof RPCError) {
                this.notificationService.add(_t("That did not work. Please try again."), {
                    type: "warning",
                });
            } else if (!(error instanceof Refused)) {
                throw error;
            }
        }
    },
});

/** Put what could not be sent back where it was typed. */
function putBack(thread) {
    const unsent = thread.isTransient && thread.messages.at(-1);
    // What was said before is the shop's word.
    if (unsent && !unsent.author_id?.eq(thread.livechat_operator_id)) {
        const { composer } = thread;
        const words = [convertBrToLineBreak(unsent.body), composer.composerText];
        composer.composerText = words.filter(Boolean).join("\n");
        thread.messages.delete(unsent);
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
        if (message) {
            // As core does with what was lost on the way: it can be sent again.
            message.postFailRedo = () => {
                message.postFailRedo = undefined;
                this.doMessagePost(params, message);
            };
        }
    },
});
