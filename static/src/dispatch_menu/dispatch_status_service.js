import { reactive } from "@odoo/owl";
import { deserializeDateTime, serializeDateTime } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { debounce } from "@web/core/utils/timing";
import { session } from "@web/session";
import { formatFloat } from "@web/views/fields/formatters";

/** Several changes that belong together are asked about once; milliseconds. */
const TOGETHER = 300;

/** A moment of another day. */
const ANOTHER_DAY = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "numeric",
    minute: "2-digit",
};

/**
 * Whether a moment is of this day.
 *
 * @param {luxon.DateTime} moment
 * @param {number} now the server's moment, in milliseconds since the epoch: a browser's clock may be
 *  days off.
 */
export function isToday(moment, now) {
    return moment.hasSame(luxon.DateTime.fromMillis(now), "day");
}

/**
 * Write until when something lasts: of today the time, else the day too.
 *
 * @param {string} until as the server has it
 * @param {number} now as of `isToday`
 */
export function formatUntil(until, now) {
    const moment = deserializeDateTime(until);
    return moment.toLocaleString(isToday(moment, now) ? luxon.DateTime.TIME_SIMPLE : ANOTHER_DAY);
}

/** Write a load and a capacity, in chats, as "3/7"; a capacity without limit is left out. */
export function formatLoad({ load, capacity }) {
    const chats = Number.isInteger(load) ? load : formatFloat(load, { digits: [0, 1] });
    return capacity == null ? `${chats}` : `${chats}/${capacity}`;
}

/** What dispatch says about the agent who is logged in, as it is now, and the agent's pause. */
export class DispatchStatus {
    /** False for whoever is no agent of a dispatched channel; see `get_dispatch_status`. */
    status = false;

    /** In one sentence, why no buyers come; false when they may. See `get_why_no_buyers`. */
    why = false;

    /** What the agent was given until now; see `get_my_dispatch_figures`. */
    figures = false;

    /**
     * @param {Object} orm
     * @param {() => number} readNow the server's moment, in milliseconds since the epoch
     */
    constructor(orm, readNow) {
        this.orm = orm;
        this.readNow = readNow;
        this.turn = 0;
        // What the bus tells of lines while the server is being asked may be newer than its answer.
        this.heard = {};
    }

    get isPaused() {
        return Boolean(this.status && this.status.paused);
    }

    async load() {
        // Not KeepLast: what it passes over never ends, and the menu waits for this before it opens.
        const turn = ++this.turn;
        this.heard = {};
        const [status, why] = await Promise.all(
            ["get_dispatch_status", "get_why_no_buyers"].map((method) =>
                this.orm.silent.call("res.users", method, []),
            ),
        );
        if (turn === this.turn) {
            Object.assign(this, { status, why });
            Object.values(this.heard).forEach((line) => this.updateLine(line));
        }
    }

    /** Read what the agent was given and entitled to, today and in the last seven days. */
    async loadFigures() {
        this.figures = await this.orm.silent.call("res.users", "get_my_dispatch_figures", []);
    }

    /** Take over how many wait in the line of one of the agent's channels. */
    updateLine({ channel_id: id, waiting }) {
        if (this.status && id in this.status.lines) {
            this.status.lines[id] = waiting;
            const counts = Object.values(this.status.lines);
            this.status.waiting = counts.reduce((sum, count) => sum + count, 0);
        }
    }

    /**
     * @param {number} [minutes] for how long; until the agent resumes, if not given.
     * @param {number} [reasonId] of `livechat.pause.reason`
     */
    async pause(minutes, reasonId) {
        const now = luxon.DateTime.fromMillis(this.readNow());
        const until = minutes && serializeDateTime(now.plus({ minutes }));
        await this.orm.call("res.users", "dispatch_pause", [[user.userId]], {
            until: until || false,
            reason_id: reasonId || false,
        });
        await this.load();
    }

    /** Pause, if that is not so yet, and hand over the chats in which this agent owes a word.
     *
     * @returns {Promise<{handed_over: number, kept: number}>} how many chats
     */
    async leave() {
        const chats = await this.orm.call("res.users", "dispatch_away", [[user.userId]]);
        await this.load();
        return chats;
    }

    async resume() {
        await this.orm.call("res.users", "dispatch_resume", [[user.userId]]);
        await this.load();
    }
}

export const dispatchStatusService = {
    dependencies: ["bus_service", "mail.store", "orm"],

    start(env, { bus_service: bus, "mail.store": store, orm }) {
        const dispatch = reactive(new DispatchStatus(orm, () => store.livechatNow));
        const listLines = () => dispatch.status && Object.keys(dispatch.status.lines).join();
        const load = async () => {
            const before = listLines();
            try {
                await dispatch.load();
            } catch {
                // The connection is lost; its return is a reason to look again.
                return;
            }
            if (before !== undefined && before !== listLines()) {
                // Of a channel that one has just joined the page hears once it asks for it.
                bus.forceUpdateChannels();
            }
        };
        const loadSoon = debounce(load, TOGETHER);
        bus.subscribe("livechat_dispatch/status", loadSoon);
        bus.subscribe("livechat_dispatch/line", (line) => {
            dispatch.heard[line.channel_id] = line;
            dispatch.updateLine(line);
        });
        bus.addEventListener("BUS:RECONNECT", loadSoon);
        if (session.livechat_agent) {
            load();
        }
        return dispatch;
    },
};

registry.category("services").add("im_livechat_subaccount.dispatch_status", dispatchStatusService);
