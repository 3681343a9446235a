import { Thread } from "@mail/core/common/thread_model";
import { patch } from "@web/core/utils/patch";

patch(Thread.prototype, {
    setup() {
        super.setup();
        /** @type {boolean|undefined} Whether a word of its buyer opens this chat again. */
        this.dispatch_reopens = undefined;
    },

    /** Who may open a chat again by writing can write. */
    get composerDisabled() {
        return !(this.livechat_end_dt && this.dispatch_reopens) && super.composerDisabled;
    },
});
