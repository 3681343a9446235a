import { WORKER_STATE } from "@bus/workers/websocket_worker";
import { browser } from "@web/core/browser/browser";
import { isMobileOS } from "@web/core/browser/feature_detection";
import { registry } from "@web/core/registry";
import { session } from "@web/session";

/** So long after a sign of life of any tab the next one is given, in milliseconds. */
const EVERY = 59_000;

/** Whoever has just connected again was taken for gone, so the next one comes sooner. */
const SOON = 5_000;

/** A browser wakes hidden pages once a minute at least, and often no oftener. */
const LOOKS_EVERY = 30_000;

const LAST_SIGN = "im_livechat_subaccount.last_sign";

/**
 * Tells the server every minute that the agent's page is alive, one tab for all of them.
 *
 * Core tells it only when the page connects and when nobody uses it any more. What the network says
 * of a connection proves nothing: a phone answers for a page that it has put to sleep.
 */
export const signOfLifeService = {
    dependencies: ["bus_service", "presence"],

    start(env, { bus_service: bus, presence }) {
        if (!session.livechat_agent) {
            return;
        }
        const giveSign = (every = EVERY) => {
            // What is said to a lost connection would be told later, when it is not true any more.
            const isConnected = bus.workerState === WORKER_STATE.CONNECTED;
            const isInPocket = isMobileOS() && document.visibilityState === "hidden";
            const age = Date.now() - (parseInt(browser.localStorage.getItem(LAST_SIGN)) || 0);
            if (!isConnected || isInPocket || (age >= 0 && age < every)) {
                return;
            }
            browser.localStorage.setItem(LAST_SIGN, Date.now());
            bus.send("livechat_dispatch/here", {
                inactivity_period: Math.round(presence.getInactivityPeriod()),
            });
        };
        browser.setInterval(() => giveSign(), LOOKS_EVERY);
        document.addEventListener("visibilitychange", () => giveSign());
        for (const event of ["BUS:CONNECT", "BUS:RECONNECT"]) {
            bus.addEventListener(event, () => giveSign(SOON));
        }
    },
};

registry.category("services").add("im_livechat_subaccount.sign_of_life", signOfLifeService);
