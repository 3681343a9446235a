import { ChatWindow } from "@mail/core/common/chat_window";
import { Composer } from "@mail/core/common/composer";
import { NavigableList } from "@mail/core/common/navigable_list";
import { patch } from "@web/core/utils/patch";

/** The code of a key that an input method takes for itself. */
const TAKEN = 229;

/**
 * Whether an input method takes this key, for Chinese for example: it ends what is composed, or takes
 * it back. Safari says of that key that nothing is composed any more.
 */
export function isTaken({ isComposing, keyCode }) {
    return isComposing || keyCode === TAKEN;
}

/** Whether it takes a key upon which Odoo would do something else, whatever it says of composing. */
function isTakenFromOdoo(event) {
    return ["Enter", "Escape"].includes(event.key) && event.keyCode === TAKEN;
}

patch(Composer.prototype, {
    /** As core's, which sends upon Enter, and upon Escape gives up what is being changed. */
    onKeydown(event) {
        if (!isTakenFromOdoo(event)) {
            return super.onKeydown(...arguments);
        }
    },
});

patch(NavigableList.prototype, {
    /** As core's, which upon Enter takes the first of what is suggested, and closes upon Escape. */
    onKeydown(event) {
        if (!isTakenFromOdoo(event)) {
            return super.onKeydown(...arguments);
        }
    },
});

patch(ChatWindow.prototype, {
    /** As core's, which closes upon Escape; with the window of a preview all that was typed goes. */
    onKeydown(event) {
        if (!isTaken(event)) {
            return super.onKeydown(...arguments);
        }
        // As of every other key, the page around hears nothing of it.
        event.stopPropagation();
    },
});
