import { browser } from "@web/core/browser/browser";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";

/** In milliseconds. */
const EVERY = 30_000;
/** Who is told that nobody is here has no place to lose, and asks each so-manieth time. */
const REST = 10;

/**
 * Tells the server that the page of a buyer who waits in line is alive, or alive again, and the page
 * what it has not heard.
 *
 * On pages elsewhere, whose browser keeps no cookie for us, the server hears of it in no other way;
 * and on the shop's own only when the page connects.
 */
export const buyersSignOfLifeService = {
    dependencies: ["mail.store"],

    start(env, { "mail.store": store }) {
        let turn = 0;
        const giveSign = async (asksAll) => {
            const waits = ({ dispatch_wait: wait, dispatch_away: away, livechat_end_dt: end }) =>
                !end &&
                (asksAll ? wait || away : wait && (wait.state === "queued" || wait.has_gone));
            // The server does not know a preview.
            const waiting = store.activeLivechats.filter(
                (chat) => !chat.isTransient && waits(chat),
            );
            if (!waiting.length) {
                return;
            }
            const known = waiting.map(readWait);
            let told;
            try {
                told = await rpc(
                    "/im_livechat_subaccount/here",
                    { channel_ids: waiting.map(({ id }) => id) },
                    { silent: true },
                );
            } catch {
                // One that is lost is followed by another.
                return;
            }
            // What the page has heard since it asked may be newer than the answer.
            if (waiting.every((chat, index) => equals(readWait(chat), known[index]))) {
                store.insert(told);
            }
        };
        browser.setInterval(() => giveSign(++turn % REST === 0), EVERY);
        document.addEventListener("visibilitychange", () => giveSign(true));
        return { giveSign };
    },
};

const readWait = ({ dispatch_wait: wait, dispatch_away: away, livechat_end_dt: end }) => [
    wait,
    away,
    end,
];

/** Whether nothing was told anew: each telling makes another object. */
const equals = (one, other) => one.every((value, index) => value === other[index]);

registry
    .category("services")
    .add("im_livechat_subaccount.buyers_sign_of_life", buyersSignOfLifeService);
