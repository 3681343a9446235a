import { browser } from "@web/core/browser/browser";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";

/** In milliseconds. */
const EVERY = 30_000;

/**
 * Tells the server that the page of a buyer who waits in line is alive, or alive again.
 *
 * On pages elsewhere, whose browser keeps no cookie for us, the server hears of it in no other way;
 * and on the shop's own only when the page connects.
 */
export const buyersSignOfLifeService = {
    dependencies: ["mail.store"],

    start(env, { "mail.store": store }) {
        const giveSign = async () => {
            const waits = ({ dispatch_wait: wait, livechat_end_dt: end }) =>
                !end && wait && (wait.state === "queued" || wait.has_gone);
            const waiting = store.activeLivechats.filter(waits);
            if (!waiting.length) {
                return;
            }
            const known = waiting.map(({ dispatch_wait: wait }) => wait);
            let told;
            try {
                told = await rpc("/im_livechat_subaccount/here", {}, { silent: true });
            } catch {
                // One that is lost is followed by another.
                return;
            }
            // What the page has heard since it asked may be newer than the answer.
            if (waiting.every(({ dispatch_wait: wait }, index) => wait === known[index])) {
                store.insert(told);
            }
        };
        browser.setInterval(giveSign, EVERY);
        document.addEventListener("visibilitychange", giveSign);
        return { giveSign };
    },
};

registry
    .category("services")
    .add("im_livechat_subaccount.buyers_sign_of_life", buyersSignOfLifeService);
