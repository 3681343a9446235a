import { SELECTOR, showLamps } from "@im_livechat_subaccount/embed/common/lamps";
import { whenReady } from "@odoo/owl";
import { session } from "@web/session";

// Also where core shows no chat because nobody would take it: the lamps say so.
session.origin ??= session.livechatData?.serverUrl;

whenReady(() => {
    for (const node of document.querySelectorAll(SELECTOR)) {
        showLamps(node);
    }
});
