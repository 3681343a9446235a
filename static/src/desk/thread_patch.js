import { Thread } from "@mail/core/common/thread";
import "@im_livechat/core/common/thread_patch";
import { patch } from "@web/core/utils/patch";

patch(Thread.prototype, {
    /**
     * As core's, which takes for gone whom it has never heard of. The browser of a buyer on a page
     * elsewhere brings no cookie, and nobody knows whether the buyer is there.
     */
    get showVisitorDisconnected() {
        const { thread } = this.props;
        return (
            super.showVisitorDisconnected &&
            (!thread.dispatch_transferable ||
                Boolean(thread.livechatVisitorMember.persona?.offline_since))
        );
    },
});
