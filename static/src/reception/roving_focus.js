import { onMounted, onPatched } from "@odoo/owl";

const STOP = "[data-roving]";
/** What a row opens below it is gone through by tabs, as anything else. */
const OPENED = ".o_livechat_reception_card";
const CONTROLS = "button:not(:disabled), input:not(:disabled)";

/**
 * One tab stop for a list of rows: up and down go from row to row, left and right through the
 * controls of a row. In each row the element with `data-roving` is where it begins; all its controls
 * have the tabindex -1.
 *
 * @param {{el: HTMLElement}} list
 * @param {string} rowSelector
 * @returns {{onFocusin: Function, onKeydown: Function}} to be listened to on the list
 */
export function useRovingFocus(list, rowSelector) {
    const stops = () => [...list.el.querySelectorAll(STOP)];
    const setCurrent = (current) => {
        for (const stop of stops()) {
            const tabIndex = stop === current ? 0 : -1;
            if (stop.tabIndex !== tabIndex) {
                stop.tabIndex = tabIndex;
            }
        }
    };
    /** A row that has gone, or the first of all: somewhere the list has to be entered. */
    const keepOne = () => {
        if (list.el) {
            const all = stops();
            if (all.length && !all.some((stop) => stop.tabIndex === 0)) {
                all[0].tabIndex = 0;
            }
        }
    };
    onMounted(keepOne);
    onPatched(keepOne);
    return {
        onFocusin({ target }) {
            const stop = target.closest(rowSelector)?.querySelector(STOP);
            if (stop) {
                setCurrent(stop);
            }
        },
        onKeydown(ev) {
            const row = !ev.target.closest(OPENED) && ev.target.closest(rowSelector);
            const isPlain = !(ev.altKey || ev.ctrlKey || ev.metaKey || ev.shiftKey);
            const next = row && isPlain && !ev.defaultPrevented && findNext(ev, row, stops());
            if (next) {
                ev.preventDefault();
                next.focus();
            }
        },
    };
}

function findNext({ key, target }, row, stops) {
    if (["ArrowUp", "ArrowDown", "Home", "End"].includes(key)) {
        if (target.matches("input[type=text]")) {
            return;
        }
        const index = stops.indexOf(row.querySelector(STOP));
        return {
            ArrowUp: stops[index - 1],
            ArrowDown: stops[index + 1],
            Home: stops[0],
            End: stops.at(-1),
        }[key];
    }
    if (["ArrowLeft", "ArrowRight"].includes(key)) {
        const step = key === "ArrowRight" ? 1 : -1;
        if (target.matches("input[type=text]")) {
            // The cursor goes through the digits first.
            const { selectionStart, selectionEnd, value } = target;
            const isAtEdge = step > 0 ? selectionEnd === value.length : selectionStart === 0;
            if (!isAtEdge) {
                return;
            }
        }
        const controls = [...row.querySelectorAll(CONTROLS)];
        return controls[controls.indexOf(target) + step];
    }
}
