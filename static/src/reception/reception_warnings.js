import { _t } from "@web/core/l10n/translation";

import { joinNames } from "./phrase";

/** Who is here, or comes back by itself when a chat or a call ends. */
const SERVES = new Set([false, "at_capacity", "overloaded", "in_call"]);

const isServed = (group) => group.members.some(({ reason }) => SERVES.has(reason));
const isManned = (group) => group.members.some((member) => member.has_part);

/** The group and those above it, whose agents join after a while, nearest first. */
function findWayUp(channel, group) {
    const way = [];
    while (group) {
        way.push(group);
        const parentId = group.parent_id;
        group = parentId && channel.groups.find((other) => other.id === parentId);
    }
    return way;
}

const findOwner = (channel) =>
    channel.groups
        .flatMap((group) => group.members)
        .find(({ user_id: id }) => id === channel.main_account_id);

/**
 * What is wrong on a channel and costs buyers, the worst first, each with what mends it.
 *
 * What was set on purpose is none, such as weights that are far apart, nor is what closes a shop for
 * the night.
 *
 * @param {Object} channel see `ReceptionModel`
 * @returns {{key: string, text: string, fix: {type: string, label: string}}[]}
 */
export function findFaults(channel) {
    const owner = findOwner(channel);
    const standsIn = owner && SERVES.has(owner.reason);
    const members = channel.groups.flatMap((group) => group.members);
    const isEmpty = !members.length && !channel.groups.some((group) => group.waiting.length);
    if (isEmpty || standsIn) {
        return [];
    }
    const faults = [];
    // Who alone is the shop, and is away, has no group to fill.
    const isStaffed = !owner || channel.groups.some(isManned);
    for (const group of channel.groups) {
        const way = findWayUp(channel, group);
        const inLine = group.waiting.filter((chat) => chat.state === "queued").length;
        const fix = { type: "group", groupId: group.id, label: _t("Choose agents") };
        if (isStaffed && !way.some(isManned) && (group.has_buyers || group.waiting.length)) {
            faults.push({
                key: `empty-${group.id}`,
                text: group.id
                    ? _t("%s has no agents", group.name)
                    : _t("Nobody is there for: %s", group.name),
                fix,
            });
        } else if (inLine && !way.some(isServed)) {
            const values = { group: group.name, count: inLine };
            faults.unshift({
                key: `unserved-${group.id}`,
                text:
                    inLine === 1
                        ? _t("%(group)s: 1 buyer waits and nobody is here to serve", values)
                        : _t(
                              "%(group)s: %(count)s buyers wait and nobody is here to serve",
                              values,
                          ),
                fix,
            });
        }
    }
    // In their hours: whoever goes home by a pause is gone as well, also when the shop opens.
    const awaited = members.some(
        ({ reason, off_shift: isOffShift }) =>
            !isOffShift && (reason === "offline" || reason === "paused"),
    );
    // A shop that says when it is open is waited for by its buyers, whoever has a shift.
    // Of groups that have no agents each says so itself.
    const isAwaited = awaited || (channel.is_open && members.length > 0);
    if (isAwaited && !members.some(({ reason }) => SERVES.has(reason))) {
        faults.push({
            key: "nobody",
            text: _t("%s is open and nobody is here to take buyers", channel.name),
            fix: false,
        });
    }
    return faults;
}

/**
 * What may be worth a look at one group, and costs nobody now.
 *
 * @param {Object} channel see `ReceptionModel`
 * @param {Object} group of the channel
 * @param {Object} agents by id
 * @returns {{key: string, text: string, fix: {type: string, label: string} | false}[]}
 */
export function findHints(channel, group, agents) {
    const hints = [];
    const isTold = channel.faults.some(({ key }) =>
        ["nobody", `empty-${group.id}`, `unserved-${group.id}`].includes(key),
    );
    if (group.has_buyers && !isTold && group.members.length && !isServed(group)) {
        const [above] = findWayUp(channel, group).slice(1).filter(isServed);
        hints.push({
            key: "away",
            text: above
                ? _t("Nobody of this group is here: %s stands in", above.name)
                : _t("Nobody of this group is here"),
            fix: false,
        });
    }
    // Who could be an agent and is none is told where all other buyers go.
    return group.id ? hints : [...hints, ...findSpare(channel, agents)];
}

function findSpare(channel, agents) {
    const [disabled, absent] = ["disabled", "no_channel"].map((why) =>
        channel.spare.filter((spare) => spare.why === why).map((spare) => spare.user_id),
    );
    const nameOfAgents = (ids) => joinNames(ids.map((id) => agents[id].name));
    return [
        absent.length && {
            key: "absent",
            text: _t("May receive buyers, but on no channel: %s", nameOfAgents(absent)),
            fix: { type: "join", userIds: absent, label: _t("Add to %s", channel.name) },
        },
        disabled.length && {
            key: "disabled",
            text: _t("May receive buyers, but not enabled: %s", nameOfAgents(disabled)),
            fix: { type: "subaccounts", userIds: disabled, label: _t("Open sub-accounts") },
        },
    ].filter(Boolean);
}
