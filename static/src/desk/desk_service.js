import { reactive } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { session } from "@web/session";
import { effect } from "@web/core/utils/reactive";
import { formatDuration } from "../reception/reception_texts";
import { getThird } from "./thirds";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** What is over is laid aside so soon after its time has come, in milliseconds. */
const TIDIES_EVERY = 15 * SECOND;

/** Looks after the buyers to whom the agent who is logged in owes a word. */
export class Desk {
    /** Everything that shows how long somebody waits reads this: the server's time, milliseconds. */
    clock = reactive({ now: Date.now() });

    constructor(env, services) {
        this.env = env;
        this.store = services["mail.store"];
        this.outOfFocus = services["mail.out_of_focus"];
        this.notification = services.notification;
        this.title = services.title;
        this.clocks = 0;
        /** How often it was asked what is owed, and of which chats something was told since. */
        this.turn = 0;
        this.heard = new Set();
        /** The third in which each wait was when the agent knew of it: `{chat and since: third}`. */
        this.known = new Map();
    }

    get now() {
        return this.store.livechatNow;
    }

    /** Let the clock go while somebody looks at it or a reminder may be due. */
    wind() {
        const goes = this.clocks > 0 || this.store.livechatsOwed.length > 0;
        if (goes && !this.interval) {
            this.clock.now = this.now;
            this.interval = browser.setInterval(() => this.tick(), SECOND);
        } else if (!goes && this.interval) {
            browser.clearInterval(this.interval);
            this.interval = undefined;
        }
    }

    tick() {
        this.clock.now = this.now;
        this.remind();
        for (const chat of this.store.livechatsOwed.filter((owed) => owed.isProposedToMe)) {
            void chat.passOnProposal(this.now);
        }
    }

    /** Lay aside what has been over for as long as the settings say. */
    tidy() {
        this.store.livechatLaidAsideBefore = this.now - session.livechat_laid_aside * MINUTE;
    }

    /**
     * Ask in which chats a word is owed, and what is so of those that are open here: this page may
     * have missed what was told.
     */
    async askOwed() {
        const turn = ++this.turn;
        const heard = new Set();
        this.heard = heard;
        const known = Object.values(this.store.Thread.records).filter(
            (chat) => chat.isMineAndOpen || chat.isProposedToMe,
        );
        const params = {
            fetch_params: [["livechat_dispatch_owed", known.map(({ id }) => id)]],
            context: user.context,
        };
        // Without a connection it is asked again once there is one.
        const told = await rpc("/mail/data", params, { silent: true }).catch(() => undefined);
        if (told && this.turn === turn) {
            // What was told of a chat since may be newer than the answer.
            const isNews = (id) => !heard.has(id);
            const { "discuss.channel": chats = [], "discuss.channel.member": members = [] } = told;
            this.store.insert({
                ...told,
                "discuss.channel": chats.filter(({ id }) => isNews(id)),
                "discuss.channel.member": members.filter(({ channel_id }) => isNews(channel_id.id)),
            });
        }
    }

    /** Remember which chats something was told of. */
    onTold({ "discuss.channel": chats = [] }) {
        chats.forEach(({ id }) => this.heard.add(id));
    }

    /** Follow that others wait now, or for another word. */
    followOwed() {
        this.title.setCounters({ livechat: this.store.livechatsOwed.length });
        this.wind();
        this.remind();
    }

    /** Ring for each wait that has come to another third of its limit since it was known. */
    remind() {
        const known = new Map();
        for (const chat of this.store.livechatsOwed) {
            const { since, limit } = chat.dispatch_clock;
            const key = `${chat.id} ${since}`;
            const third = getThird(this.now - chat.owedSince, limit);
            const before = this.known.get(key) ?? third;
            known.set(key, third);
            if (third > before) {
                this.ring(chat, third);
            }
        }
        this.known = known;
    }

    /** Remind of one buyer as the agent's own settings say: muted chats and a busy agent do not ring. */
    ring(chat, third) {
        if (chat.self_member_id.mute_until_dt || this.store.self.im_status?.includes("busy")) {
            return;
        }
        const waited = formatDuration((this.now - chat.owedSince) / SECOND);
        const title = _t("%s waits for your answer", chat.displayName);
        const message = _t("For %s", waited);
        this.closeReminder?.();
        this.closeReminder = this.notification.add(message, {
            title,
            type: third > 1 ? "danger" : "warning",
            className: "o_livechat_reminder",
            buttons: [{ name: _t("Answer"), primary: true, onClick: () => this.open(chat) }],
        });
        if (document.hasFocus()) {
            this.outOfFocus._playSound();
        } else {
            this.outOfFocus.sendNotification({ title, message, type: "warning", thread: chat });
        }
    }

    /** @returns {boolean} whether somebody waits. */
    get isOwed() {
        return this.store.livechatsOwed.length > 0;
    }

    /** Open the chat of the buyer who waits longest for a word of this agent. */
    openLongestWaiting() {
        const [chat] = this.store.livechatsOwed;
        if (chat) {
            this.open(chat);
        }
    }

    open(chat) {
        this.closeReminder?.();
        chat.open({ focus: true });
        // In Discuss a chat that is open already is not focused by opening it.
        chat.composer.autofocus++;
    }

    /** End a chat, or leave it if a colleague stays, and go on with the buyer who waits longest; with
     * none, to the next chat that is open.
     */
    async closeAndGoOn(chat) {
        if (chat.isOwedByMe) {
            await chat.askLeaveConfirmation(
                _t("The buyer waits for your answer. Leaving will end the live chat."),
            );
        }
        const isMine = (other) => other.notEq(chat) && other.isMineAndOpen;
        const next =
            this.store.livechatsOwed.find(isMine) || this.store.discuss.livechats.find(isMine);
        if (next) {
            this.open(next);
        }
        // Else core asks in its window once more, and takes the cursor from the next buyer's.
        await chat.closeChatWindow({ force: true });
        await chat.leaveChannel({ force: true });
    }
}

export const deskService = {
    dependencies: [
        "bus_service",
        "command",
        "mail.out_of_focus",
        "mail.store",
        "notification",
        "title",
    ],

    start(env, services) {
        const desk = new Desk(env, services);
        if (!session.livechat_agent) {
            return desk;
        }
        const { bus_service: bus, command, "mail.store": store } = services;
        effect(
            (owed) => {
                // Each wait is read: another word of the buyer is another one.
                owed.livechatsOwed.map((chat) => [chat.id, chat.dispatch_clock]);
                desk.followOwed();
            },
            [store],
        );
        void desk.askOwed();
        bus.subscribe("mail.record/insert", (told) => desk.onTold(told));
        for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
            bus.addEventListener(event, () => desk.askOwed());
        }
        desk.tidy();
        browser.setInterval(() => desk.tidy(), TIDIES_EVERY);
        command.add(_t("Answer the buyer who waits longest"), () => desk.openLongestWaiting(), {
            category: "app",
            hotkey: "alt+shift+w",
            hotkeyOptions: { bypassEditableProtection: true },
            global: true,
            isAvailable: () => desk.isOwed,
        });
        return desk;
    },
};

registry.category("services").add("im_livechat_subaccount.desk", deskService);
