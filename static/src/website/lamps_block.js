import { SELECTOR, showLamps } from "@im_livechat_subaccount/embed/common/lamps";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/** The building block of a website's pages. */
export class LampsBlock extends Interaction {
    static selector = SELECTOR;

    start() {
        this.registerCleanup(showLamps(this.el, this.options));
    }

    get options() {
        return {};
    }
}

registry.category("public.interactions").add("im_livechat_subaccount.lamps_block", LampsBlock);
