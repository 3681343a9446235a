import { LivechatService } from "@im_livechat/embed/common/livechat_service";

import { patch } from "@web/core/utils/patch";

const PAGE_LENGTH_MAX = 2000;

/** Return the address of the page that the buyer is on, as much of it as the server takes. */
export function getPage() {
    return location.href.slice(0, PAGE_LENGTH_MAX);
}

patch(LivechatService.prototype, {
    /**
     * Tells on which page the buyer is and in which language: dispatch asks about both. A page
     * elsewhere may say another language of the chat than its own, as `lang` of the loader's tag.
     */
    getSessionExtraParams(thread, options) {
        const loader = document.querySelector("script[src*='/im_livechat/loader/']");
        return {
            ...super.getSessionExtraParams(thread, options),
            page_lang: loader?.closest("[lang]")?.lang ?? document.documentElement.lang,
            page_url: getPage(),
            wished_group_id: thread?.livechat_wished_group_id,
        };
    },

    /** As core's; the preview remembers whose lamp was clicked, for the chat that follows it. */
    async open(options = {}) {
        const thread = await super.open(...arguments);
        if (thread?.isTransient && options.wished_group_id) {
            thread.livechat_wished_group_id = options.wished_group_id;
        }
        return thread;
    },
});
