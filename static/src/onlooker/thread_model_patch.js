import { Thread } from "@mail/core/common/thread_model";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { session } from "@web/session";

/** Auditors read live chats; there is nothing to write with, since the server would refuse it. */
patch(Thread.prototype, {
    get isOnlyLookedAt() {
        return (
            session.livechat_onlooker && this.channel_type === "livechat" && !this.self_member_id
        );
    },

    get composerDisabled() {
        return super.composerDisabled || this.isOnlyLookedAt;
    },

    get composerDisabledText() {
        return super.composerDisabledText || (this.isOnlyLookedAt ? _t("You only look on") : "");
    },
});
