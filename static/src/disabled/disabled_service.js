import { WEBSOCKET_CLOSE_CODES } from "@bus/workers/websocket_worker";
import { browser } from "@web/core/browser/browser";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { session } from "@web/session";

/**
 * Shows the login page to a sub-account as soon as it is disabled.
 *
 * The server has ended the session by then and closes the websocket when it next has something to
 * send, which is at once: disabling sends a notification. Core would leave the page as it is, with
 * the buyers' words on it, until the next click. Users who are no sub-accounts keep it that way.
 */
export const disabledService = {
    dependencies: ["bus_service"],

    start(env, { bus_service: bus }) {
        if (!session.livechat_subaccount) {
            return;
        }
        const leaveWhenRefused = async () => {
            try {
                // A session also ends by a new login in another tab; then there is a newer one.
                await rpc("/web/session/check", {}, { silent: true });
            } catch (error) {
                if (error.exceptionName === "odoo.http.SessionExpiredException") {
                    browser.location.assign("/web/login");
                }
            }
        };
        bus.subscribe("im_livechat_subaccount/disabled", leaveWhenRefused);
        bus.addEventListener("BUS:DISCONNECT", ({ detail }) => {
            if (detail.code === WEBSOCKET_CLOSE_CODES.SESSION_EXPIRED) {
                leaveWhenRefused();
            }
        });
        // What happened while the connection was lost is not told again.
        bus.addEventListener("BUS:RECONNECT", leaveWhenRefused);
    },
};

registry.category("services").add("im_livechat_subaccount.disabled", disabledService);
