import { _t } from "@web/core/l10n/translation";

import { joinParts } from "./phrase";

/** Why an agent gets no new buyers, by the code of `policy.exclusion`. */
export function getReasonText(reason) {
    return {
        disabled: _t("Disabled"),
        not_permitted: _t("May not receive buyers"),
        missing_permission: _t("Lacks the permission of this group"),
        main_account_reserved: _t("Stands back"),
        paused: _t("Paused"),
        off_shift: _t("Off shift"),
        offline: "",
        in_call: _t("In a call"),
        overloaded: _t("Has more chats than it wants"),
        at_capacity: _t("Full"),
    }[reason];
}

export function getStatusText(status) {
    return { online: _t("Online"), away: _t("Away"), offline: _t("Offline") }[status];
}

/**
 * How often buyers were turned away today, empty when nobody was.
 *
 * @param {{often: number, blocked: number}} refused
 */
export function describeRefused({ often, blocked }) {
    const parts = [];
    if (often) {
        parts.push(_t("asked too often: %s", often));
    }
    if (blocked) {
        parts.push(_t("blocked: %s", blocked));
    }
    return parts.length ? _t("Turned away today (%s)", joinParts(parts)) : "";
}

const countsOf = (members) => {
    const counts = {};
    for (const { reason } of members) {
        counts[reason || "free"] = (counts[reason || "free"] || 0) + 1;
    }
    return counts;
};

/**
 * Why the buyers of a group wait, in one sentence, from what its agents do right now.
 *
 * @param {{reason: string|false, has_part: boolean}[]} members of the group
 */
export function describeWaiting(members) {
    const able = members.filter((member) => member.has_part || !member.reason);
    const counts = countsOf(able);
    if (!able.length) {
        return _t("Nobody serves this group");
    }
    if (counts.free) {
        return _t("Somebody has room: a buyer is given away in a moment");
    }
    const away = (counts.offline || 0) + (counts.off_shift || 0);
    const here = able.length - away;
    if (!here) {
        return counts.offline ? _t("Nobody of this group is online") : _t("Everybody is off shift");
    }
    // By the shop's limit or by the agent's own.
    const full = (counts.at_capacity || 0) + (counts.overloaded || 0);
    if (full === here) {
        return here === 1
            ? _t("The only agent who is here is full")
            : _t("All %s agents who are here are full", here);
    }
    if (counts.paused === here) {
        return _t("Everybody who is here is paused");
    }
    return joinParts(
        [
            full && _t("full: %s", full),
            counts.paused && _t("paused: %s", counts.paused),
            counts.in_call && _t("in a call: %s", counts.in_call),
            away && _t("away: %s", away),
        ].filter(Boolean),
    );
}

/**
 * Why this buyer waits.
 *
 * @param {{place: number|false, state: string, excluded: Object}} chat
 * @param {string} groupReason see `describeWaiting`
 * @param {boolean} hasRoom whether somebody of the group could take a chat
 */
export function describeWait(chat, groupReason, hasRoom) {
    if (chat.place > 1) {
        return _t("Others wait before: %(count)s. %(reason)s", {
            count: chat.place - 1,
            reason: groupReason,
        });
    }
    if (hasRoom && chat.excluded.declined) {
        return _t("Who has room had this chat and did not answer, declined or leaves it");
    }
    return groupReason;
}

/** A duration with its units, the two largest: "7 s", "12 min 34 s", "2 h 3 min". */
export function formatDuration(seconds) {
    seconds = Math.max(0, Math.floor(seconds));
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    if (hours) {
        return _t("%(hours)s h %(minutes)s min", { hours, minutes });
    }
    return minutes
        ? _t("%(minutes)s min %(seconds)s s", { minutes, seconds: seconds % 60 })
        : _t("%s s", seconds);
}
