import { ChatWindow } from "@mail/core/common/chat_window";
import { fields } from "@mail/core/common/record";
import { Thread } from "@mail/core/common/thread_model";
import { DiscussContent } from "@mail/core/public_web/discuss_content";
import { Component, useEffect, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";
import { patch } from "@web/core/utils/patch";
import { useDeskClock } from "../desk/desk_clock";

/** So long after the end a page says so once more, in case it was too early; milliseconds. */
const SAYS_AGAIN_AFTER = 5000;

patch(Thread.prototype, {
    setup() {
        super.setup();
        /**
         * Who is asked to accept this chat, and until when, in UTC; false while nobody is.
         *
         * @type {{partner_id: number, until: string|false}|false|undefined}
         */
        this.dispatch_proposal = fields.Attr(undefined, {
            onUpdate() {
                if (!this.isProposedToMe) {
                    this.store.env.services["im_livechat_subaccount.ring"]?.onAnswered(this);
                }
            },
        });
        /** When this page said last that the time is over; milliseconds since the epoch. */
        this.passedOnAt = 0;
    },

    get isProposedToMe() {
        return Boolean(
            this.dispatch_proposal &&
            !this.livechat_end_dt &&
            this.dispatch_proposal.partner_id === this.store.self?.id,
        );
    },

    /** Milliseconds since the epoch by the server's clock; undefined before the buyer's first word. */
    get proposedUntil() {
        return this.dispatch_proposal?.until
            ? deserializeDateTime(this.dispatch_proposal.until).toMillis()
            : undefined;
    },

    acceptProposal() {
        return this.answerProposal("action_accept");
    },

    async declineProposal() {
        if ((await this.answerProposal("action_decline")) === false) {
            this.store.env.services.notification.add(
                _t("Nobody else can take this chat now: it stays with you."),
                { type: "warning" },
            );
        }
    },

    /** Let the chat go on if its time is over; the server knows. */
    async passOnProposal(now) {
        if (now >= this.proposedUntil && now >= this.passedOnAt + SAYS_AGAIN_AFTER) {
            this.passedOnAt = now;
            const { "im_livechat_subaccount.desk": desk, orm } = this.store.env.services;
            try {
                await orm.silent.call("discuss.channel", "action_pass_on", [[this.id]]);
            } catch {
                // It has just gone, or the connection is lost: the server's timers see to it.
            }
            await desk.askOwed();
        }
    },

    async answerProposal(method) {
        const { "im_livechat_subaccount.desk": desk, notification, orm } = this.store.env.services;
        try {
            return await orm.call("discuss.channel", method, [[this.id]]);
        } catch (error) {
            if (!(error instanceof RPCError)) {
                throw error;
            }
            notification.add(error.data?.message || error.message, { type: "warning" });
        } finally {
            // Where this page has missed something, nothing new is told.
            void desk.askOwed();
        }
    },
});

/** Under the head of a chat: whether the agent takes it, and how long it is asked. */
export class Proposal extends Component {
    static template = "im_livechat_subaccount.Proposal";
    static props = { thread: Object };

    setup() {
        this.clock = useDeskClock();
        this.state = useState({ isBusy: false });
        const ring = useService("im_livechat_subaccount.ring");
        useEffect(
            (thread) => ring.onDisplayed(thread),
            () => [this.props.thread],
        );
    }

    /** Seconds left; undefined before the buyer's first word. */
    get left() {
        const until = this.props.thread.proposedUntil;
        return until && Math.max(0, Math.ceil((until - this.clock.now) / 1000));
    }

    async answer(method) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.props.thread[method]();
        } finally {
            this.state.isBusy = false;
        }
    }
}

Object.assign(DiscussContent.components, { Proposal });
Object.assign(ChatWindow.components, { Proposal });
