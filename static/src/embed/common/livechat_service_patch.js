import { LivechatService } from "@im_livechat/embed/common/livechat_service";

import { patch } from "@web/core/utils/patch";

const PAGE_LENGTH_MAX = 2000;

/** How the address of a page names the chat that is to be open. */
const CHAT_HASH = /^#livechat-chat=(\d{1,10})$/;

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
            order_number: thread?.livechat_order_number?.trim(),
            // A preview is the answer to a look.
            is_page_known: Boolean(thread?.isTransient),
        };
    },

    /** As core's; who comes back by the link of a mail finds the chat open. */
    async initialize() {
        const result = await super.initialize(...arguments);
        const [, id] = location.hash.match(CHAT_HASH) ?? [];
        if (id) {
            await this.store.isReady;
            const thread = await this.store.Thread.getOrFetch({
                model: "discuss.channel",
                id: Number(id),
            });
            // Another's is none.
            await thread?.openChatWindow({ focus: true });
        }
        return result;
    },

    /** As core's; until the server says how it is, the chat waits as its preview has foretold. */
    async persist(thread) {
        const { dispatch_wait: foretold, livechat_operator_id: desk } = thread;
        const chat = await super.persist(...arguments);
        const isTold = !chat || chat.dispatch_wait !== undefined;
        if (foretold && !isTold && chat.livechat_operator_id?.eq(desk)) {
            chat.dispatch_wait = foretold;
        }
        return chat;
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
