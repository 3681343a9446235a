import { MessagingMenu } from "@mail/core/public_web/messaging_menu";
import { useState } from "@odoo/owl";
import { patch } from "@web/core/utils/patch";

// The list of a phone, and of the drop-down menu: as beside a chat, what is laid aside stands at
// the end, for who asks for it or looks for words.
patch(MessagingMenu.prototype, {
    setup() {
        super.setup();
        this.laidAside = useState({ isShown: false });
    },

    get threads() {
        const isShown = this.laidAside.isShown || this.store.discuss.searchTerm;
        return isShown ? super.threads : super.threads.filter(({ isLaidAside }) => !isLaidAside);
    },

    get hasPreviews() {
        return super.hasPreviews || this.laidAsideCount > 0;
    },

    get laidAsideCount() {
        return this.store.discuss.searchTerm
            ? 0
            : super.threads.filter(({ isLaidAside }) => isLaidAside).length;
    },
});
