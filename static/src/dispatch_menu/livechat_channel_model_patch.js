import { LivechatChannel } from "@im_livechat/core/common/livechat_channel_model";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";
import { session } from "@web/session";

/** Beside its name in Discuss, and by the command palette, an agent joins and leaves a channel. */
patch(LivechatChannel.prototype, {
    async join() {
        await this.takeBackIfRefused(() => super.join(...arguments));
    },

    /** As core's; who leaves is asked first, as on the channel's card. */
    async leave() {
        if (await this.isSureToLeave()) {
            await this.takeBackIfRefused(() => super.leave(...arguments));
        }
    },

    /** Core says that it is so before the server does, which may refuse it. */
    async takeBackIfRefused(run) {
        const before = this.are_you_inside;
        try {
            await run();
        } catch (error) {
            this.are_you_inside = before;
            throw error;
        }
    },

    async isSureToLeave() {
        const { dialog, "im_livechat_subaccount.dispatch_status": dispatch } =
            this.store.env.services;
        const lines = (dispatch.status && dispatch.status.lines) || {};
        const mayNot = session.livechat_subaccount && !session.livechat_manages_dispatch;
        // Of other channels core asks nothing, and the server says no to who may not.
        if (mayNot || !(this.id in lines)) {
            return true;
        }
        return new Promise((resolve) => {
            dialog.add(ConfirmationDialog, {
                body: _t("You will get no new buyers here. Your open chats stay yours. Leave?"),
                confirm: () => resolve(true),
                cancel: () => resolve(false),
            });
        });
    },
});
