import { threadCompareRegistry } from "@mail/core/common/thread_compare";
import { DiscussAppCategory } from "@mail/discuss/core/public_web/discuss_app_category_model";
import { fields } from "@mail/core/common/record";
import { patch } from "@web/core/utils/patch";

/** In the list of a live chat channel the living come first: whoever waits longest before all. */
patch(DiscussAppCategory.prototype, {
    setup() {
        super.setup(...arguments);
        this.laidAside = fields.Many("Thread", { inverse: "categoryAsLaidAside" });
        this.showsLaidAside = false;
        /**
         * Whether its chats are live chats. Kept, as `livingRank` is: who sorts hundreds of chats asks
         * as often, and a relation takes several times as long to read.
         *
         * @type {boolean}
         */
        this.hasLivechats = fields.Attr(false, {
            compute() {
                return Boolean(
                    this.livechat_channel_id || this.eq(this.app?.defaultLivechatCategory),
                );
            },
        });
    },

    /** Not empty while chats of it are laid aside. */
    get isVisible() {
        return super.isVisible || (!this.hidden && this.laidAside.length > 0);
    },

    sortThreads(t1, t2) {
        if (this.hasLivechats) {
            const rank = compareLiving(t1, t2);
            if (rank) {
                return rank;
            }
        }
        return super.sortThreads(t1, t2);
    },
});

/** Those who wait by their time, then who does not, then what is over, the newest first. */
export function compareLiving(t1, t2) {
    return t1.livingRank - t2.livingRank;
}

// The list of a phone and of the messaging menu.
threadCompareRegistry.add(
    "im_livechat_subaccount.living",
    (t1, t2) => compareLiving(t1, t2) || undefined,
    { sequence: 15 },
);
