import { LivechatService } from "@im_livechat/embed/common/livechat_service";

import { patch } from "@web/core/utils/patch";

const PAGE_LENGTH_MAX = 2000;

patch(LivechatService.prototype, {
    /** Tells on which page the buyer is: dispatch groups ask about it. */
    getSessionExtraParams(thread, options) {
        return {
            ...super.getSessionExtraParams(thread, options),
            page_url: location.href.slice(0, PAGE_LENGTH_MAX),
        };
    },
});
