import { LivechatService } from "@im_livechat/embed/common/livechat_service";
import { Store } from "@mail/core/common/store_service";
import { convertBrToLineBreak } from "@mail/utils/common/format";
import { rpcBus } from "@web/core/network/rpc";
import { patch } from "@web/core/utils/patch";

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

    async persist(thread) {
        const unsent = thread.isTransient && thread.messages.at(-1);
        const words = unsent && convertBrToLineBreak(unsent.body);
        const saved = await super.persist(...arguments);
        if (!saved && words && refusal) {
            // Core closes the window with what was typed in it.
            const again = await this.open();
            if (again) {
                again.composer.composerText = words;
            }
        }
        return saved;
    },
});

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
