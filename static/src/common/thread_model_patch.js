import { Thread } from "@mail/core/common/thread_model";
import { patch } from "@web/core/utils/patch";

patch(Thread.prototype, {
    setup() {
        super.setup();
        /**
         * What the buyer of this chat is told about its wait; the estimate is the shortest and the
         * longest wait in seconds, null while the shop does not know; `others_first` whether some who
         * come later are served before, undefined where none are; `mails` whether it has said where
         * answers are mailed, `takes_email` whether the shop can mail them, both undefined where it
         * does not; `opens_at` when the shop opens and `closes_at` until when, UTC; `has_gone` whether its page was gone,
         * `has_left` whether it has chosen to leave the line.
         *
         * @type {{state: "pool", has_gone?: true, has_left?: true, mails?: boolean,
         *         takes_email?: boolean, opens_at?: string, closes_at?: string}
         *     | {state: "queued", place: number, estimate: [number, number]|null,
         *         others_first?: boolean, mails?: boolean, takes_email?: boolean}
         *     | false | undefined}
         */
        this.dispatch_wait = undefined;
        /**
         * What its buyer is told while the agent, who was away when it came, has not answered: as of
         * `dispatch_wait`.
         *
         * @type {Object|false|undefined}
         */
        this.dispatch_away = undefined;
        /** @type {number|undefined} The group whose lamp the buyer of this preview has clicked. */
        this.livechat_wished_group_id = undefined;
        /** @type {string|undefined} The order that the buyer of this preview has named. */
        this.livechat_order_number = undefined;
        /** @type {true|undefined} Whether dispatch, not Odoo itself, gives this chat to agents. */
        this.dispatch_transferable = undefined;
    },
});
