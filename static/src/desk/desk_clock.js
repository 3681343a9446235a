import { onMounted, onWillUnmount, useState } from "@odoo/owl";
import { useService } from "@web/core/utils/hooks";

/**
 * Let the desk's clock go as long as the component is there, which is rendered when it moves.
 *
 * @returns {{now: number}} the server's time, in milliseconds
 */
export function useDeskClock() {
    const desk = useService("im_livechat_subaccount.desk");
    onMounted(() => {
        desk.clocks++;
        desk.wind();
    });
    onWillUnmount(() => {
        desk.clocks--;
        desk.wind();
    });
    return useState(desk.clock);
}
