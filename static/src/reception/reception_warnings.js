import { _t } from "@web/core/l10n/translation";

/** Who is here, or comes back by itself when a chat or a call ends. */
const SERVES = new Set([false, "at_capacity", "overloaded", "in_call"]);
/** The highest weight of a group is not to be more than so many times the lowest. */
const SPREAD_MAX = 2;
const STEP = 10;
const NAMES_MAX = 3;

const nameOf = (names) =>
    names.length > NAMES_MAX
        ? _t("%(names)s and %(count)s more", {
              names: names.slice(0, NAMES_MAX).join(", "),
              count: names.length - NAMES_MAX,
          })
        : names.join(", ");

/**
 * What is amiss on a channel, each with what mends it.
 *
 * @param {Object} channel see `ReceptionModel`
 * @param {Object} agents by id
 * @returns {{key: string, text: string, fix: {type: string, label: string}}[]}
 */
export function findWarnings(channel, agents) {
    const nameOfAgents = (ids) => nameOf(ids.map((id) => agents[id].name));
    return [
        ...channel.groups.flatMap((group) => [
            ...findUnserved(channel, group),
            ...findSpread(group, agents, nameOfAgents),
        ]),
        ...findGroupless(channel, agents, nameOfAgents),
        ...findSpare(channel, nameOfAgents),
    ];
}

function findUnserved(channel, group) {
    const fix = { type: "group", groupId: group.id, label: _t("Choose agents") };
    if (!group.members.some((member) => member.has_part)) {
        return [{ key: `empty-${group.id}`, text: _t("%s has no agents", group.name), fix }];
    }
    const standsIn = channel.groups
        .flatMap((other) => other.members)
        .some(({ user_id: id, reason }) => id === channel.main_account_id && SERVES.has(reason));
    if (standsIn) {
        return [];
    }
    let above = group;
    while (above) {
        if (above.members.some(({ reason }) => SERVES.has(reason))) {
            return [];
        }
        const parentId = above.parent_id;
        above = parentId && channel.groups.find((other) => other.id === parentId);
    }
    return group.has_scope
        ? [
              {
                  key: `unserved-${group.id}`,
                  text: _t("Nobody who is online can serve %(group)s (%(scope)s)", {
                      group: group.name,
                      scope: group.scope,
                  }),
                  fix,
              },
          ]
        : [];
}

function findSpread(group, agents, nameOfAgents) {
    const weights = group.members
        .filter((member) => member.has_part)
        .map((member) => agents[member.user_id]);
    const highest = Math.max(...weights.map((agent) => agent.draft));
    const low = weights.filter((agent) => agent.draft * SPREAD_MAX < highest);
    if (!low.length) {
        return [];
    }
    const weight = Math.ceil(highest / SPREAD_MAX / STEP) * STEP;
    const lowest = Math.min(...low.map((agent) => agent.draft));
    return [
        {
            key: `spread-${group.id}`,
            text: _t(
                "%(group)s: the highest weight (%(highest)s) is more than twice the lowest (%(lowest)s)",
                { group: group.name, highest, lowest },
            ),
            fix: low.every((agent) => agent.may_weigh) && {
                type: "raise",
                weight,
                userIds: low.map((agent) => agent.id),
                label: _t("Raise %(names)s to %(weight)s", {
                    names: nameOfAgents(low.map((agent) => agent.id)),
                    weight,
                }),
            },
        },
    ];
}

function findGroupless(channel, agents, nameOfAgents) {
    if (!channel.groups.some((group) => group.id)) {
        return [];
    }
    const grouped = new Set(
        channel.groups
            .filter((group) => group.id)
            .flatMap((group) => group.members.map((member) => member.user_id)),
    );
    const groupless = channel.groups
        .flatMap((group) => group.members)
        .filter(
            ({ user_id: id, has_part: hasPart }) =>
                hasPart && !grouped.has(id) && id !== channel.main_account_id,
        )
        .map((member) => member.user_id);
    return groupless.length
        ? [
              {
                  key: "groupless",
                  text: _t("In no group: %s", nameOfAgents(groupless)),
                  fix: {
                      type: "move",
                      userId: groupless[0],
                      label: _t("Choose a group for %s", agents[groupless[0]].name),
                  },
              },
          ]
        : [];
}

function findSpare(channel, nameOfAgents) {
    const [disabled, absent] = ["disabled", "no_channel"].map((why) =>
        channel.spare.filter((spare) => spare.why === why).map((spare) => spare.user_id),
    );
    return [
        disabled.length && {
            key: "disabled",
            text: _t("May receive buyers, but not enabled: %s", nameOfAgents(disabled)),
            fix: { type: "subaccounts", userIds: disabled, label: _t("Open sub-accounts") },
        },
        absent.length && {
            key: "absent",
            text: _t("May receive buyers, but on no channel: %s", nameOfAgents(absent)),
            fix: { type: "join", userIds: absent, label: _t("Add to %s", channel.name) },
        },
    ].filter(Boolean);
}
