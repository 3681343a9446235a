import { onMounted, onWillUnmount, status, useComponent } from "@odoo/owl";

/** So often an open card is looked at anew: what is said in a chat changes nothing else on a page. */
const ANEW = 5000;

/**
 * Let a card look anew while it is open, and say nothing where that fails: the connection is lost, or
 * what it shows is not there any more, and the page says so. What was seen last stays.
 *
 * @param {Function} fetch
 */
export function useLooks(fetch) {
    const card = useComponent();
    let timer;
    const lookLater = () => {
        timer = setTimeout(look, ANEW);
    };
    const look = async () => {
        try {
            if (!document.hidden) {
                await fetch();
            }
        } catch {
            // As said above.
        }
        // Not by the clock, which would let questions pile up before a slow server.
        if (status(card) !== "destroyed") {
            lookLater();
        }
    };
    onMounted(lookLater);
    onWillUnmount(() => clearTimeout(timer));
}
