import { Store } from "@mail/core/common/store_service";
import { fields } from "@mail/core/common/record";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { patch } from "@web/core/utils/patch";

patch(Store.prototype, {
    setup() {
        super.setup(...arguments);
        /** The chats in which this agent owes a word, the one that waits longest first. */
        this.livechatsOwed = fields.Many("Thread", {
            inverse: "storeAsOwed",
            sort: (chat1, chat2) => chat1.owedSince - chat2.owedSince || chat1.id - chat2.id,
        });
        /** Milliseconds since the epoch: live chats that ended before are laid aside. */
        this.livechatLaidAsideBefore = 0;
        /** Milliseconds by which the server's clock is ahead of this browser's. */
        this.livechatSkew = 0;
        /** @type {string|undefined} The server's moment when it answered, in UTC. */
        this.livechat_dispatch_now = fields.Attr(undefined, {
            onUpdate() {
                if (this.livechat_dispatch_now) {
                    const now = deserializeDateTime(this.livechat_dispatch_now).toMillis();
                    this.livechatSkew = now - Date.now();
                }
            },
        });
    },

    /** Milliseconds since the epoch by the server's clock: this browser's may be minutes off. */
    get livechatNow() {
        return Date.now() + this.livechatSkew;
    },
});
