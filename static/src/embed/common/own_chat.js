/**
 * Whether whoever looks at this page is the buyer of this chat, which is more than a preview: an
 * agent who looks at the own shop has others' chats as well.
 */
export function isOwnChat(thread) {
    return !thread.isTransient && thread.self_member_id?.livechat_member_type === "visitor";
}
