/**
 * Whether nothing was ever heard of the page of a chat's buyer, which core takes for gone. The browser
 * of a buyer on a page elsewhere brings no cookie, and nobody knows whether the buyer is there.
 *
 * @param {import("models").ChannelMember} member
 */
export function isUnheardOf(member) {
    const { persona } = member;
    return (
        member.livechat_member_type === "visitor" &&
        Boolean(member.channel_id?.dispatch_transferable) &&
        (!persona || (persona.im_status === "offline" && !persona.offline_since))
    );
}
