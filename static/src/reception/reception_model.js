import { reactive, toRaw } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { groupBy } from "@web/core/utils/arrays";
import { describeWaiting } from "./reception_texts";
import { findFaults, findHints } from "./reception_warnings";
import { getShare, parseWeight, stepWeight } from "./share_arithmetic";

/** Changes that come together are fetched together; milliseconds. */
const TOGETHER = 150;
/** A page asks during a twentieth of its time: where the server is busy, each asks more seldom. */
const RESTS = 19;
/** And rests no longer than this; milliseconds. */
const LONGEST_REST = 5000;
/** If it hears of more changes than MANY in a rest that is longer than this, it hears of none. */
const LONG_REST = 2000;
const MANY = 15;
/** It then asks for everything by the clock, and rests so many times as long. */
const DEAF_RESTS = 4;
const SIGNALS = "livechat_dispatch.reception";
/** A weight is saved when it has stood so long; milliseconds. */
const SETTLED = 600;
/** The bus listens only so long after it was asked to; milliseconds. */
const LISTENING = 2000;
/** What was saved can be taken back so long; milliseconds. */
const UNDOABLE = 10000;
const SECOND = 1000;

const NOTHING = () => ({ agents: new Set(), lines: false, tree: false });
const idsOf = (groups) => groups.map(({ id }) => id);
const isSame = (one, other) =>
    one === toRaw(other) || JSON.stringify(one) === JSON.stringify(toRaw(other));
/** Made once: to compare two names without it takes many times as long. */
const { compare } = new Intl.Collator();

/**
 * What the page shows, kept up to date in place: a row depends on its own agent and on nothing
 * else, so that a change of one agent renders one row.
 *
 * Components read it through `useState` and call its methods on the object itself.
 */
export class ReceptionModel {
    agents = {};
    channels = [];
    figures = {};
    /** The day whose figures they are. */
    day = "";
    /** How many are here: `{channel id: {here, agents}}`, 0 for all. */
    presence = { 0: { here: 0, agents: 0 } };
    limits = { min: 10, max: 1000 };
    mayAddChannels = false;
    /** Whether there are channels at all, if only such as Odoo itself dispatches. */
    hasChannels = false;
    mayReadChats = false;
    refused = { often: 0, blocked: 0 };
    /** Buyers who were not happy lately, the newest few by name. */
    unhappy = { count: 0, chats: [] };
    /** In a box of its own: it changes every second. */
    clock = { now: Date.now() };

    /**
     * @param {Object} services `orm`, `bus_service` and `notification`
     */
    constructor({ orm, bus_service: bus, notification }) {
        Object.assign(this, { orm, bus, notification });
    }

    // ------------------------------------------------------------
    // Live
    // ------------------------------------------------------------

    start() {
        this.due = NOTHING();
        this.rest = this.restsUntil = this.heard = 0;
        this.saves = new Map();
        /** What can be taken back, by what it is about. */
        this.saved = new Map();
        this.timers = {};
        this.onSignal = (signal) => this.hear(signal);
        this.onReconnect = () => this.fetchSoon({ tree: true });
        this.onVisible = () => document.hidden || this.restNoMore();
        this.bus.subscribe("livechat_dispatch/reception", this.onSignal);
        this.bus.addEventListener("BUS:RECONNECT", this.onReconnect);
        document.addEventListener("visibilitychange", this.onVisible);
        this.listen();
        this.timers.clock = setInterval(() => {
            this.clock.now = Date.now() + this.skew;
        }, SECOND);
        return this.load();
    }

    stop() {
        this.isStopped = true;
        this.bus.unsubscribe("livechat_dispatch/reception", this.onSignal);
        this.bus.removeEventListener("BUS:RECONNECT", this.onReconnect);
        document.removeEventListener("visibilitychange", this.onVisible);
        this.bus.deleteChannel(SIGNALS);
        clearInterval(this.timers.clock);
        Object.values(this.timers).forEach(clearTimeout);
        for (const id of this.saves.keys()) {
            this.save(this.agents[id]);
        }
    }

    listen() {
        this.isDeaf = false;
        this.bus.addChannel(SIGNALS);
        // What changes after the last look and before the bus listens is seen with one more look.
        this.timers.listening = setTimeout(() => this.fetchSoon({ tree: true }), LISTENING);
    }

    /** A page that is told more often than it asks is only work for the server of websockets. */
    hear(signal) {
        this.heard++;
        if (!this.isDeaf && this.heard > MANY && (this.rest > LONG_REST || document.hidden)) {
            this.isDeaf = true;
            this.bus.deleteChannel(SIGNALS);
            clearTimeout(this.timers.listening);
            signal = { tree: true };
        }
        this.fetchSoon(signal);
    }

    /** Fetch what a signal says has changed, together with what else comes these moments. */
    fetchSoon({ agents = [], lines, tree }) {
        agents.forEach((id) => this.due.agents.add(id));
        this.due.lines ||= Boolean(lines);
        this.due.tree ||= Boolean(tree);
        this.heardAt = performance.now();
        this.schedule();
    }

    /** Let what is due be fetched after the rest; of a page that nobody sees, when it is seen. */
    schedule() {
        const isDue = this.due.tree || this.due.lines || this.due.agents.size;
        if (isDue && !this.isFetching && !this.isStopped && !document.hidden) {
            const rest = Math.max(TOGETHER, this.restsUntil - performance.now());
            this.timers.fetch ??= setTimeout(() => this.fetchDue(), rest);
        }
    }

    /** What one does oneself is seen without a rest. */
    restNoMore() {
        this.restsUntil = 0;
        // What is being fetched may have been seen before.
        this.hasActed = this.isFetching;
        clearTimeout(this.timers.fetch);
        this.timers.fetch = undefined;
        this.schedule();
    }

    async fetchDue() {
        this.timers.fetch = undefined;
        if (document.hidden) {
            return;
        }
        const due = this.due;
        this.due = NOTHING();
        this.isFetching = true;
        this.heard = 0;
        const began = performance.now();
        let hasChanged = true;
        try {
            if (due.tree) {
                // What others saw before this page heard of the last change is of no use to it.
                const isShared = this.rest > LONG_REST;
                const maxAge = isShared ? Math.min(this.rest / 2, began - this.heardAt) : 0;
                hasChanged = await this.load(maxAge);
            } else {
                await Promise.all([
                    due.agents.size && this.loadAgents([...due.agents]),
                    due.lines && this.loadLines(),
                ]);
            }
        } catch {
            // The connection is lost; its return is a reason to look again.
        }
        this.isFetching = false;
        const now = performance.now();
        const rest = Math.min(RESTS * (now - began), LONGEST_REST);
        this.rest = this.isDeaf ? DEAF_RESTS * rest : rest;
        this.restsUntil = this.hasActed ? 0 : now + this.rest;
        this.hasActed = false;
        if (this.isDeaf && !this.isStopped) {
            if (rest > LONG_REST && hasChanged) {
                this.due.tree = true;
            } else {
                this.listen();
            }
        }
        this.schedule();
    }

    call(method, args = []) {
        return this.orm.silent.call("im_livechat.channel", method, args);
    }

    /**
     * @param {number} [maxAge] so old may what the page gets be; milliseconds
     * @returns {Promise<boolean>} whether it is another than the last time
     */
    async load(maxAge = 0) {
        const data = await this.call("get_reception", [maxAge / 1000]);
        // In place: every row reads them.
        Object.assign(this.limits, { min: data.weight_min, max: data.weight_max });
        this.mayAddChannels = data.may_add_channels;
        this.hasChannels = data.has_channels;
        this.mayReadChats = data.may_read_chats;
        const known = new Set(data.agents.map((agent) => agent.id));
        data.agents.forEach((agent) => this.mergeAgent(agent));
        this.mergeChannels(data.channels);
        for (const id of Object.keys(this.agents)) {
            if (!known.has(Number(id))) {
                this.forgetAgent(Number(id));
            }
        }
        this.mergeLines(data);
        this.channels.forEach((channel) => this.arrange(channel));
        this.reckonAll();
        if (!this.isStopped && !isSame(this.listened, idsOf(this.channels))) {
            // A shop that is new is listened to from now on.
            this.bus.forceUpdateChannels();
            this.listened = idsOf(this.channels);
        }
        const before = this.seen;
        this.seen = JSON.stringify({ ...data, now: null });
        return this.seen !== before;
    }

    async loadAgents(ids) {
        const { agents, members } = await this.call("get_reception_agents", [ids]);
        agents.forEach((agent) => this.mergeAgent(agent));
        const groups = new Set();
        const found = members.every(([channelId, groupId, member]) => {
            const group = this.findGroup(channelId, groupId);
            const shown = group?.members.find((other) => other.user_id === member.user_id);
            if (shown) {
                assignOther(shown, member);
                groups.add(group);
            }
            return shown;
        });
        groups.forEach((group) => this.arrangeMembers(group, toRaw(group.members)));
        if (!found || agents.length < ids.filter((id) => this.agents[id]).length) {
            this.fetchSoon({ tree: true });
        }
        for (const channelId of new Set(members.map(([id]) => id))) {
            const channel = this.channels.find((other) => other.id === channelId);
            if (channel) {
                this.reckon(channel);
            }
        }
        this.countHere();
    }

    async loadLines() {
        const waited = this.channels.map((channel) => channel.groups.map(hasLine));
        this.mergeLines(await this.call("get_reception_lines"));
        if (
            !isSame(
                waited,
                this.channels.map((channel) => channel.groups.map(hasLine)),
            )
        ) {
            this.channels.forEach((channel) => this.arrange(channel));
        }
        this.reckonAll();
    }

    // ------------------------------------------------------------
    // What came from the server
    // ------------------------------------------------------------

    mergeAgent(values) {
        const agent = (this.agents[values.id] ??= { problem: "" });
        assignOther(agent, values);
        if (!agent.isPending) {
            // What is being entered is not overwritten.
            if (!agent.problem || agent.draft !== values.weight) {
                agent.shown = `${values.weight}`;
            }
            agent.draft = values.weight;
        }
    }

    /** Who has gone gets no weight any more that was being entered. */
    forgetAgent(id) {
        clearTimeout(this.saves.get(id));
        this.saves.delete(id);
        delete this.agents[id];
    }

    mergeChannels(rows) {
        const merged = rows.map(({ groups, ...values }) => {
            const channel = this.channels.find((other) => other.id === values.id) || {
                groups: [],
                faults: [],
            };
            assignOther(channel, values);
            const merged = groups.map((row) => this.mergeGroup(channel, row));
            // In the order that is seen: `arrange` changes it when there is a reason to.
            const order = channel.groups.map(({ id }) => id);
            merged.sort((one, other) => order.indexOf(one.id) - order.indexOf(other.id));
            if (!isSame(idsOf(merged), order)) {
                channel.groups = merged.map(toRaw);
            }
            return channel;
        });
        if (!isSame(idsOf(merged), idsOf(this.channels))) {
            this.channels = merged.map(toRaw);
        }
    }

    mergeGroup(channel, { members, ...values }) {
        const group = channel.groups.find((other) => other.id === values.id) || {
            members: [],
            waiting: [],
            hints: [],
            depth: 0,
            reason: "",
            hasRoom: false,
            totalWeight: 0,
        };
        assignOther(group, values);
        // A row keeps the object that it began with.
        const known = new Map(toRaw(group.members).map((member) => [member.user_id, member]));
        const merged = members.map((member) => {
            const row = known.get(member.user_id) || {};
            assignOther(row, member);
            return row;
        });
        this.arrangeMembers(group, merged);
        return group;
    }

    /** Who is here by name, then who is not. */
    arrangeMembers(group, members) {
        // To read something through `this` is to watch it, which takes longer than to sort it.
        const agents = toRaw(this.agents);
        const key = ({ user_id: id }) => Number(this.isGone(toRaw(agents[id])));
        const nameOf = ({ user_id: id }) => toRaw(agents[id]).name;
        const sorted = members
            .map(toRaw)
            .sort((one, other) => key(one) - key(other) || compare(nameOf(one), nameOf(other)));
        const ids = (list) => list.map((member) => toRaw(member).user_id);
        if (!isSame(ids(sorted), ids(toRaw(group.members)))) {
            group.members = sorted;
        }
    }

    isGone(agent) {
        return !agent.enabled || agent.status === "offline";
    }

    /** Groups in which something happens first, those below a group after it. */
    arrange(channel) {
        const sorted = sortByTraffic(toRaw(channel).groups, toRaw(this.agents));
        for (const { group, depth } of sorted) {
            setIfOther(group, "depth", depth);
        }
        const groups = sorted.map(({ group }) => group);
        if (!isSame(idsOf(groups), idsOf(toRaw(channel).groups))) {
            channel.groups = groups;
        }
    }

    mergeLines({ waiting, figures, refused, unhappy, now, next_day: nextDay }) {
        setIfOther(this, "figures", figures);
        setIfOther(this, "refused", refused);
        setIfOther(this, "unhappy", unhappy);
        const moment = deserializeDateTime(now);
        setIfOther(this, "day", moment.toISODate());
        const serverNow = moment.toMillis();
        this.skew = serverNow - Date.now();
        clearTimeout(this.timers.day);
        if (!this.isStopped) {
            // At midnight today is another day.
            this.timers.day = setTimeout(
                () => this.fetchSoon({ lines: true }),
                deserializeDateTime(nextDay).toMillis() - serverNow + SECOND,
            );
        }
        const lines = groupBy(waiting, (chat) => `${chat.channel_id}/${chat.group_id}`);
        for (const channel of this.channels) {
            for (const group of channel.groups) {
                const line = lines[`${channel.id}/${group.id}`] || [];
                if (!isSame(line, group.line)) {
                    group.line = line;
                    group.waiting = line.map((chat) => ({
                        ...chat,
                        since: deserializeDateTime(chat.since).toMillis(),
                    }));
                }
            }
        }
    }

    findGroup(channelId, groupId) {
        const channel = this.channels.find((other) => other.id === channelId);
        return channel?.groups.find((group) => group.id === groupId);
    }

    // ------------------------------------------------------------
    // What follows from it
    // ------------------------------------------------------------

    reckon(channel) {
        // What is read as it is, and not through `this`, is not watched: see `arrangeMembers`.
        channel = toRaw(channel);
        const agents = toRaw(this.agents);
        for (const group of channel.groups) {
            const draftOf = (member) => toRaw(agents[member.user_id]).draft;
            const totalWeight = group.members
                .filter((member) => member.has_part)
                .reduce((sum, member) => sum + draftOf(member), 0);
            setIfOther(group, "totalWeight", totalWeight);
            for (const member of group.members) {
                // As text: the row of somebody whose share looks the same is not rendered again.
                const share =
                    member.has_part && group.has_buyers
                        ? formatShare(draftOf(member), totalWeight)
                        : "–";
                setIfOther(member, "share", share);
            }
            setIfOther(group, "reason", describeWaiting(group.members));
            setIfOther(
                group,
                "hasRoom",
                group.members.some((member) => !member.reason),
            );
        }
        setIfOther(channel, "faults", findFaults(channel));
        for (const group of channel.groups) {
            setIfOther(group, "hints", findHints(channel, group, agents));
        }
    }

    reckonAll() {
        this.channels.forEach((channel) => this.reckon(channel));
        this.countHere();
    }

    /** How many agents are here, of how many: of each channel and, as 0, of all. */
    countHere() {
        const [agents, all] = [toRaw(this.agents), toRaw(this.channels)];
        const count = (channels) => {
            const members = channels.flatMap(({ groups }) => groups.flatMap((g) => g.members));
            const there = [...new Set(members.map((member) => agents[member.user_id]))];
            const enabled = there.filter((agent) => agent.enabled);
            const here = enabled.filter((agent) => agent.status === "online");
            // Only beside a helpdesk agents have any.
            const tickets = there.reduce((sum, agent) => sum + (agent.tickets || 0), 0);
            return { here: here.length, agents: enabled.length, tickets };
        };
        const counts = { 0: count(all) };
        for (const channel of all) {
            counts[channel.id] = count([channel]);
        }
        setIfOther(this, "presence", counts);
    }

    reckonAround(agent) {
        for (const channel of this.channels) {
            if (channel.groups.some((group) => group.members.some((m) => m.user_id === agent.id))) {
                this.reckon(channel);
            }
        }
    }

    // ------------------------------------------------------------
    // What people do
    // ------------------------------------------------------------

    get limitsText() {
        return _t("A weight is a whole number from %(min)s to %(max)s.", this.limits);
    }

    /** The agent as it is now; nothing for who has gone since its row was drawn, which is said. */
    findAgent({ id, name }) {
        const agent = this.agents[id];
        if (!agent) {
            this.notification.add(_t("%s is not there any more", name), { type: "warning" });
        }
        return agent;
    }

    /** Take over what is typed; a weight within the limits is saved when it has stood a moment. */
    enterWeight(agent, text) {
        agent = this.findAgent(agent);
        if (!agent) {
            return;
        }
        agent.shown = text;
        const weight = parseWeight(text, this.limits);
        clearTimeout(this.saves.get(agent.id));
        this.saves.delete(agent.id);
        if (weight === null) {
            agent.problem = this.limitsText;
            agent.isPending = false;
            agent.draft = agent.weight;
        } else {
            agent.problem = "";
            agent.draft = weight;
            agent.isPending = true;
            this.saves.set(
                agent.id,
                setTimeout(() => this.save(agent), SETTLED),
            );
        }
        this.reckonAround(agent);
    }

    /** Nothing more is typed: what was no weight goes away. */
    leaveWeight(agent) {
        agent = this.agents[agent.id];
        // The field of who has gone is left as well.
        if (agent && agent.shown !== `${agent.draft}`) {
            agent.shown = `${agent.draft}`;
        }
    }

    stepWeight(agent, step) {
        agent = this.findAgent(agent);
        if (!agent) {
            return;
        }
        const weight = stepWeight(agent.draft, step, this.limits);
        if (weight === agent.draft) {
            agent.problem = this.limitsText;
        } else {
            this.enterWeight(agent, `${weight}`);
        }
    }

    async save(agent) {
        agent = this.agents[agent.id];
        clearTimeout(this.saves.get(agent.id));
        this.saves.delete(agent.id);
        const weight = agent.draft;
        try {
            await this.orm.silent.call("res.users", "dispatch_set_weight", [[agent.id]], {
                weight,
            });
            this.heardAt = performance.now();
            this.restNoMore();
            if (agent.weight !== weight) {
                this.saySavedWeight(agent, agent.weight, weight);
            }
            agent.weight = weight;
        } catch (error) {
            // What was entered meanwhile is tried by itself.
            if (!this.saves.has(agent.id)) {
                agent.draft = agent.weight;
                agent.shown = `${agent.weight}`;
                agent.problem = this.tell(error);
            }
        }
        if (!this.saves.has(agent.id)) {
            agent.isPending = false;
        }
        this.reckonAround(agent);
    }

    /** Several steps of one agent are taken back together; back where they began there is nothing. */
    saySavedWeight(agent, from, to) {
        const about = `weight-${agent.id}`;
        const first = this.saved.get(about)?.from ?? from;
        if (first === to) {
            this.saved.get(about)?.close();
            return;
        }
        this.saySaved(
            _t("Saved: weight of %(name)s %(from)s → %(to)s", {
                name: agent.name,
                from: first,
                to,
            }),
            () => {
                this.enterWeight(agent, `${first}`);
                // Who has gone meanwhile has none to be saved.
                return this.agents[agent.id] && this.save(agent);
            },
            about,
            first,
        );
    }

    async setTakesChats(agent, takes, reasonId = false) {
        const { paused, until, pause_reason_id: oldReasonId } = agent;
        const isSaved = await this.try(() => this.switchAgent(agent, takes, false, reasonId));
        await this.loadAgents([agent.id]);
        if (isSaved) {
            this.saySaved(
                takes
                    ? _t("Saved: %s takes chats", agent.name)
                    : _t("Saved: %s is paused", agent.name),
                async () => {
                    const setBack = (id) => this.switchAgent(agent, !paused, until, id);
                    // A reason that nobody can choose, such as dispatch's own, is left out.
                    await this.try(() =>
                        oldReasonId ? setBack(oldReasonId).catch(() => setBack()) : setBack(),
                    );
                    await this.loadAgents([agent.id]);
                },
                `takes-${agent.id}`,
            );
        }
    }

    /** Pause an agent in one group, or let it take that group's buyers again. */
    pauseHere(groupId, userId, paused) {
        const args = [[groupId], userId, paused];
        return this.change(() =>
            this.orm.silent.call("livechat.dispatch.group", "set_agent_paused", args),
        );
    }

    async setPausedHere(group, agent, paused) {
        const call = (value) => this.pauseHere(group.id, agent.id, value);
        if (await call(paused)) {
            const names = { name: agent.name, group: group.name };
            this.saySaved(
                paused
                    ? _t("Saved: %(name)s is paused in %(group)s", names)
                    : _t("Saved: %(name)s takes buyers of %(group)s", names),
                () => call(!paused),
                `takes-${agent.id}-${group.id}`,
            );
        }
    }

    switchAgent(agent, takes, until, reasonId) {
        return takes
            ? this.orm.silent.call("res.users", "dispatch_resume", [[agent.id]])
            : this.orm.silent.call("res.users", "dispatch_pause", [[agent.id]], {
                  until,
                  reason_id: reasonId || false,
              });
    }

    async move(channel, userId, fromGroupId, toGroupId) {
        const find = (groupId) => {
            const group = this.findGroup(channel.id, groupId);
            return group?.members.find((member) => member.user_id === userId);
        };
        const call = (from, to) =>
            this.change(() => this.call("move_dispatch_agent", [[channel.id], userId, from, to]));
        const wasPausedThere = find(fromGroupId)?.paused_here;
        // Whoever was in that group before stays in it when the move is taken back.
        const joined = find(toGroupId) ? 0 : toGroupId;
        if (!(await call(fromGroupId, toGroupId))) {
            return;
        }
        // Who is taken out of one group may be in another, and gets no other buyers then.
        const isThere = Boolean(find(toGroupId));
        const names = {
            name: this.agents[userId]?.name,
            group: this.findGroup(channel.id, isThere ? toGroupId : fromGroupId)?.name,
        };
        this.saySaved(
            isThere
                ? _t("Saved: %(name)s is in %(group)s", names)
                : _t("Saved: %(name)s is no more in %(group)s", names),
            async () => {
                if ((await call(joined, fromGroupId)) && wasPausedThere) {
                    await this.pauseHere(fromGroupId, userId, true);
                }
            },
            `groups-${userId}`,
        );
    }

    async addToChannel(channel, userIds) {
        await this.change(() =>
            this.orm.silent.write("im_livechat.channel", [channel.id], {
                user_ids: userIds.map((id) => [4, id]),
            }),
        );
    }

    /** @returns {Promise<boolean>} whether the server did it */
    async change(doIt) {
        const isDone = await this.try(async () => {
            await doIt();
            return true;
        });
        await this.load();
        return Boolean(isDone);
    }

    /** What the server answers; nothing where it refused, which is told. */
    async try(ask) {
        this.restNoMore();
        try {
            return await ask();
        } catch (error) {
            this.tell(error);
        } finally {
            // What others saw before is not what this page shows any more.
            this.heardAt = performance.now();
            this.restNoMore();
        }
    }

    /** Say that something is done. */
    say(text) {
        this.notification.add(text, { type: "success" });
    }

    /**
     * Say that something is saved, and let it be taken back for a while.
     *
     * @param {string} text
     * @param {Function} undo
     * @param {string} about what of whom: only the last of it can be taken back, beside others'
     * @param {*} [from] what it was before
     */
    saySaved(text, undo, about, from) {
        this.saved.get(about)?.close();
        const saved = { from };
        saved.close = this.notification.add(text, {
            type: "success",
            autocloseDelay: UNDOABLE,
            onClose: () => {
                if (this.saved.get(about) === saved) {
                    this.saved.delete(about);
                }
            },
            buttons: [
                {
                    name: _t("Undo"),
                    onClick: async () => {
                        saved.close();
                        await undo();
                        this.saved.get(about)?.close();
                    },
                },
            ],
        });
        this.saved.set(about, saved);
    }

    /** Show why the server refused something; the sentence. */
    tell(error) {
        const text = describeError(error);
        this.notification.add(text, { type: "danger" });
        return text;
    }
}

function describeError(error) {
    if (!(error instanceof RPCError)) {
        return _t("The server could not be reached. Try again.");
    }
    if (error.exceptionName === "odoo.exceptions.MissingError") {
        // Deleted since it was drawn; Odoo's own sentence names tables and numbers.
        return _t("This is not there any more.");
    }
    return error.data?.message || error.message;
}

function formatShare(weight, totalWeight) {
    return `${(100 * getShare(weight, totalWeight)).toFixed(1)} %`;
}

/** Set what is another than before: whoever reads it is rendered then. */
function setIfOther(record, name, value) {
    const raw = toRaw(record);
    if (!isSame(value, raw[name])) {
        reactive(raw)[name] = value;
    }
}

function assignOther(record, values) {
    for (const [name, value] of Object.entries(values)) {
        setIfOther(record, name, value);
    }
}

const hasLine = (group) => group.waiting.length > 0;

/** How much happens in a group, less is more: somebody waits, chats go on, somebody is here. */
function rankTraffic(group, agents) {
    if (hasLine(group)) {
        return 0;
    }
    const members = group.members.map((member) => agents[member.user_id]);
    if (group.has_buyers && members.some((agent) => agent.load)) {
        return 1;
    }
    return members.some((agent) => agent.status === "online") ? 2 : 3;
}

/**
 * Groups in the order in which they are seen: where something happens first, the default group among
 * them, those below a group after it.
 *
 * @returns {{group: Object, depth: number}[]}
 */
function sortByTraffic(groups, agents) {
    const visit = (group, depth) => {
        const below = group.id
            ? visitAll(
                  groups.filter((other) => other.parent_id === group.id),
                  depth + 1,
              )
            : { rank: Infinity, rows: [] };
        return {
            rank: Math.min(rankTraffic(group, agents), below.rank),
            rows: [{ group, depth }, ...below.rows],
        };
    };
    const visitAll = (siblings, depth) => {
        const trees = siblings.map((group) => visit(group, depth));
        trees.sort((one, other) => one.rank - other.rank);
        return {
            rank: Math.min(Infinity, ...trees.map((tree) => tree.rank)),
            rows: trees.flatMap((tree) => tree.rows),
        };
    };
    const ids = new Set(idsOf(groups));
    const roots = groups.filter((group) => !ids.has(group.parent_id || null));
    // As the server has them, the default group last, before what happens decides.
    roots.sort((one, other) => Number(!one.id) - Number(!other.id));
    return visitAll(roots, 0).rows;
}

/** @param {Object} services see `ReceptionModel` */
export function createReceptionModel(services) {
    return reactive(new ReceptionModel(services));
}
