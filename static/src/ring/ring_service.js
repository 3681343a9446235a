import { fields } from "@mail/core/common/record";
import { Thread } from "@mail/core/common/thread_model";
import { browser } from "@web/core/browser/browser";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { patch } from "@web/core/utils/patch";

/** So long a chat that is not opened is announced on a large screen; milliseconds. */
const TIME_SHOWN = 15_000;

/** So soon what the server has told of a chat is complete; milliseconds. */
const SETTLES_IN = 500;

/** So much of a message is shown, in characters. */
const WORDS_LENGTH = 200;

/**
 * A chat that has just become the agent's says who it is and what it wants: "Ella · Desk lamp: is it
 * in stock?". One is shown at a time, the newest, a tap away; on a phone until it is opened.
 */
export class Ring {
    constructor(env, services) {
        this.env = env;
        this.store = services["mail.store"];
        this.notification = services.notification;
        this.outOfFocus = services["mail.out_of_focus"];
        this.ui = services.ui;
        /** @type {import("models").Thread|undefined} */
        this.announced = undefined;
        this.clear = () => {};
        /** What is announced when the present one is done with: who is asked to accept goes first. */
        this.covered = [];
        /** The ids of the chats that were announced. */
        this.rung = new Set();
    }

    /** A buyer's first words: core lets them be heard where the page is not looked at. */
    ringForMessage({ channel: thread, message }) {
        const member = thread.self_member_id;
        const isNew =
            thread.dispatch_transferable &&
            member?.livechat_member_type === "agent" &&
            !member.seen_message_id &&
            !thread.livechat_end_dt &&
            !this.rung.has(thread.id) &&
            !message.isNotification &&
            message.author?.eq(thread.livechatVisitorMember?.persona);
        if (isNew) {
            const words = message.previewText.toString().substring(0, WORDS_LENGTH);
            this.announce({ title: thread.displayName, words }, thread);
        }
    }

    /** A chat that waited, or that a colleague gave. */
    async ring(call) {
        const thread = await this.store.Thread.getOrFetch({
            model: "discuss.channel",
            id: call.id,
        });
        if (thread && !thread.isToBeAnswered) {
            // What makes it the agent's may come right behind; what a page that slept is told late
            // may be somebody else's by now.
            await new Promise((resolve) => browser.setTimeout(resolve, SETTLES_IN));
        }
        if (thread?.isToBeAnswered && this.announce(call, thread)) {
            await this.sound(call, thread);
        }
    }

    /** @returns {boolean} whether the agent does not look at it anyway */
    announce(call, thread) {
        this.rung.add(thread.id);
        if (thread.isDisplayed && document.hasFocus()) {
            return false;
        }
        this.show(call, thread);
        return true;
    }

    show(call, thread) {
        const isCovered = this.announced?.isProposedToMe && this.announced.notEq(thread);
        if (isCovered && !thread.isProposedToMe) {
            this.covered.push({ call, thread });
            return;
        }
        const before = { call: this.call, thread: this.announced };
        this.clear();
        if (isCovered) {
            this.covered.push(before);
        }
        const { title, words, note } = call;
        let said = words ? _t("%(buyer)s: %(words)s", { buyer: title, words }) : title;
        let left;
        if (thread.isProposedToMe && thread.proposedUntil) {
            const until = thread.proposedUntil - this.store.livechatSkew;
            left = Math.max(0, until - Date.now());
            // By the agent's clock, for a number of seconds would stand still.
            const time = luxon.DateTime.fromMillis(until).toFormat(localization.timeFormat);
            said = _t("%(said)s – accept by %(time)s", { said, time });
        }
        const close = this.notification.add(note ? `${said} – ${note}` : said, {
            type: "info",
            className: "o_livechat_ring",
            sticky: this.ui.isSmall || thread.isProposedToMe,
            autocloseDelay: TIME_SHOWN,
            buttons: this.getButtons(thread),
            onClose: () => this.onGone(thread),
        });
        this.call = call;
        this.announced = thread;
        this.announcedIsProposed = thread.isProposedToMe;
        const over = left !== undefined && browser.setTimeout(() => this.hide(), left);
        this.clear = () => {
            this.clear = () => {};
            this.announced = undefined;
            browser.clearTimeout(over);
            close();
        };
    }

    /** Announce no more what is announced, but what it stood before. */
    hide() {
        this.clear();
        const left = this.covered.filter(({ thread }) => thread.isToBeAnswered);
        const next = left.findLast(({ thread }) => thread.isProposedToMe) ?? left.at(-1);
        this.covered = left.filter((covered) => covered !== next);
        if (next) {
            this.show(next.call, next.thread);
        }
    }

    getButtons(thread) {
        const open = () => {
            this.hide();
            thread.open({ focus: true });
        };
        if (!thread.isProposedToMe) {
            return [{ name: _t("Open"), primary: true, onClick: open }];
        }
        return [
            {
                name: _t("Accept"),
                primary: true,
                onClick: () => {
                    open();
                    thread.acceptProposal();
                },
            },
            {
                name: _t("Decline"),
                onClick: () => {
                    this.hide();
                    thread.declineProposal();
                },
            },
        ];
    }

    /** Whoever opens the chat on another way knows. */
    onDisplayed(thread) {
        this.onGone(thread);
    }

    /** It is over, somebody else's or answered: there is nothing to open for. */
    onGone(thread) {
        this.covered = this.covered.filter((covered) => covered.thread.notEq(thread));
        if (this.announced?.eq(thread)) {
            this.hide();
        }
    }

    /** Its agent has accepted it somewhere else, or it has gone on. Whom the chat was proposed to
     * before may be told late, and is no answer: what is true a moment later counts. */
    onAnswered(thread) {
        browser.setTimeout(() => {
            if (this.announced?.eq(thread) && this.announcedIsProposed && !thread.isProposedToMe) {
                this.hide();
            }
        }, SETTLES_IN);
    }

    async sound({ title, words, note }, thread) {
        if (this.store.self.im_status?.includes("busy")) {
            return;
        }
        if (document.hasFocus()) {
            return this.outOfFocus._playSound();
        }
        if (!(await this.outOfFocus.hasServiceWorkInstalledAndPushSubscriptionActive())) {
            await this.outOfFocus.sendNotification({
                icon: thread.avatarUrl,
                message: [words, note].filter(Boolean).join(" – "),
                thread,
                title,
                type: "info",
            });
        }
    }
}

export const ringService = {
    dependencies: ["bus_service", "mail.out_of_focus", "mail.store", "notification", "ui"],

    start(env, services) {
        const ring = new Ring(env, services);
        services.bus_service.subscribe("livechat_dispatch/ring", (call) => void ring.ring(call));
        env.bus.addEventListener("discuss.channel/new_message", ({ detail }) =>
            ring.ringForMessage(detail),
        );
        return ring;
    },
};

registry.category("services").add("im_livechat_subaccount.ring", ringService);

patch(Thread.prototype, {
    setup() {
        super.setup(...arguments);
        /** Whether this is an open chat of whoever is logged in. */
        this.isToBeAnswered = fields.Attr(false, {
            compute() {
                return Boolean(
                    this.dispatch_transferable && this.self_member_id && !this.livechat_end_dt,
                );
            },
            onUpdate() {
                if (!this.isToBeAnswered) {
                    this.store.env.services["im_livechat_subaccount.ring"]?.onGone(this);
                }
            },
            eager: true,
        });
        /** Whether its agent owes a word, which may be given on another page. */
        this.isOwed = fields.Attr(false, {
            compute() {
                return this.owedSince !== undefined;
            },
            onUpdate() {
                if (!this.isOwed) {
                    this.store.env.services["im_livechat_subaccount.ring"]?.onGone(this);
                }
            },
            eager: true,
        });
    },

    isDisplayedOnUpdate() {
        super.isDisplayedOnUpdate(...arguments);
        if (this.isDisplayed) {
            this.store.env.services["im_livechat_subaccount.ring"]?.onDisplayed(this);
        }
    },
});
