import { Composer } from "@mail/core/common/composer";
import { Store } from "@mail/core/common/store_service";
import { MessagingMenu } from "@mail/core/public_web/messaging_menu";
import { patch } from "@web/core/utils/patch";

/** Whether nobody has to read at once what was said in this chat last. */
function isOver(chat) {
    return chat.dispatch_transferable && chat.livechat_end_dt;
}

// To Odoo a chat that has ended is one more to be read: Tab would open it as a window, and a phone
// would count it all day.

patch(Store.prototype, {
    goToOldestUnreadLivechatThread() {
        const isAnyUnread = this.discuss.livechats.some((chat) => chat.isUnread && !isOver(chat));
        return isAnyUnread && super.goToOldestUnreadLivechatThread();
    },
});

patch(Composer.prototype, {
    displayNextLivechatHint() {
        return (
            super.displayNextLivechatHint() &&
            this.store.discuss.livechats.some(
                (chat) => chat.notEq(this.thread) && chat.isUnread && !isOver(chat),
            )
        );
    },
});

patch(MessagingMenu.prototype, {
    get _tabs() {
        const tabs = super._tabs;
        const tab = tabs.find(({ id }) => id === "livechat");
        if (tab) {
            tab.counter -= this.store.discuss.livechats.filter(
                (chat) => isOver(chat) && chat.self_member_id?.message_unread_counter > 0,
            ).length;
        }
        return tabs;
    },
});
