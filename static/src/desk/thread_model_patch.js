import { Thread } from "@mail/core/common/thread_model";
import { fields } from "@mail/core/common/record";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { patch } from "@web/core/utils/patch";

// After every moment in milliseconds, and exact with an id taken away.
const OWES_NOTHING = 1e14;
const OVER = 1e15;

/** Whom an agent owes a word, and which chats are over, of the live chats that dispatch gives. */
patch(Thread.prototype, {
    setup() {
        super.setup();
        /**
         * Since when the agent of this chat owes its buyer a word, in UTC, and how many seconds the
         * shop lets it, 0 without a limit; false while none is owed.
         *
         * @type {{since: string, limit: number}|false|undefined}
         */
        this.dispatch_clock = undefined;
        /**
         * Milliseconds since the epoch by the server's clock; undefined while no word is owed.
         *
         * @type {number|undefined}
         */
        this.owedSince = fields.Attr(undefined, {
            compute() {
                return this.dispatch_clock && !this.livechat_end_dt
                    ? deserializeDateTime(this.dispatch_clock.since).toMillis()
                    : undefined;
            },
        });
        /**
         * By what chats are sorted. One number that is kept: each message sorts the list anew, and a
         * day leaves hundreds of chats in it.
         *
         * @type {number}
         */
        this.livingRank = fields.Attr(OWES_NOTHING, {
            compute() {
                return this.livechat_end_dt ? OVER - this.id : (this.owedSince ?? OWES_NOTHING);
            },
        });
        this.storeAsOwed = fields.One("Store", {
            compute() {
                return this.isOwedByMe ? this.store : undefined;
            },
            eager: true,
        });
        /** Over for so long that it stands with the others that are over. */
        this.isLaidAside = fields.Attr(false, {
            compute() {
                return Boolean(
                    this.dispatch_transferable &&
                    this.livechat_end_dt &&
                    this.livechat_end_dt.toMillis() <= this.store.livechatLaidAsideBefore,
                );
            },
            onUpdate() {
                if (this.isLaidAside && !this.isFocused) {
                    this.closeChatWindow({ force: true });
                }
            },
            eager: true,
        });
        this.categoryAsLaidAside = fields.One("DiscussAppCategory", {
            compute() {
                return this.isLaidAside && (this.displayToSelf || this.isLocallyPinned)
                    ? this._findOwnCategory()
                    : undefined;
            },
        });
    },

    get isOwedByMe() {
        return (
            this.owedSince !== undefined && this.self_member_id?.livechat_member_type === "agent"
        );
    },

    get isMineAndOpen() {
        return !this.livechat_end_dt && this.self_member_id?.livechat_member_type === "agent";
    },

    /** The list of its channel. */
    _findOwnCategory() {
        return super._computeDiscussAppCategory();
    },

    /** What is laid aside is in no list while nobody looks at it: with each message core sorts all
     * that is, and a day leaves hundreds of chats. */
    _computeDiscussAppCategory() {
        const category = this._findOwnCategory();
        const isShown =
            !this.isLaidAside || category?.showsLaidAside || this.eq(this.store.discuss?.thread);
        return isShown ? category : undefined;
    },

    /** Behind Discuss core opens windows of chats as well, where nobody sees what is said in them. */
    computeIsDisplayed() {
        return (
            super.computeIsDisplayed() &&
            (!this.dispatch_transferable ||
                this.isDisplayedInDiscussAppDesktop ||
                this.store.ChatWindow.get({ thread: this })?.canShow)
        );
    },

    /** What was taken from its agent is not there again when the page is loaded anew: core keeps in
     * mind what was open where nobody closed it. */
    async closeChatWindow({ force } = {}) {
        await super.closeChatWindow(...arguments);
        if (force && this.dispatch_transferable) {
            this.store.chatHub.save();
        }
    },

    /** Nobody has to read at once what is said in a chat that is over. */
    get inChathubOnNewMessage() {
        return super.inChathubOnNewMessage && !(this.dispatch_transferable && this.livechat_end_dt);
    },
});
