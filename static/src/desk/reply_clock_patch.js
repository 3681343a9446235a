import { ChatWindow } from "@mail/core/common/chat_window";
import { DiscussContent } from "@mail/core/public_web/discuss_content";
import { NotificationItem } from "@mail/core/public_web/notification_item";
import { DiscussSidebarChannel } from "@mail/discuss/core/public_web/discuss_sidebar_categories";
import { ReplyClock } from "./reply_clock";

for (const component of [ChatWindow, DiscussContent, NotificationItem, DiscussSidebarChannel]) {
    Object.assign(component.components, { ReplyClock });
}
