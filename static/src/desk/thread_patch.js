import { Thread } from "@mail/core/common/thread";
import "@im_livechat/core/common/thread_patch";
import { patch } from "@web/core/utils/patch";
import { isUnheardOf } from "./unheard";

patch(Thread.prototype, {
    get showVisitorDisconnected() {
        return (
            super.showVisitorDisconnected && !isUnheardOf(this.props.thread.livechatVisitorMember)
        );
    },
});
