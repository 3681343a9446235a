import { Composer } from "@mail/core/common/composer";
import { NavigableList } from "@mail/core/common/navigable_list";
import { patch } from "@web/core/utils/patch";

/** The code of a key that an input method takes for itself. */
const TAKEN = 229;

patch(Composer.prototype, {
    /**
     * As core's, which sends upon Enter unless something is being composed, in Chinese for example.
     * Safari says of the key that ends it that nothing is composed any more.
     */
    onKeydown(event) {
        if (event.key === "Enter" && event.keyCode === TAKEN) {
            return;
        }
        return super.onKeydown(...arguments);
    },
});

patch(NavigableList.prototype, {
    /** As core's, which upon Enter takes the first of what is suggested. */
    onKeydown(event) {
        if (event.key === "Enter" && event.keyCode === TAKEN) {
            return;
        }
        return super.onKeydown(...arguments);
    },
});
