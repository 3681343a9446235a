import { Component, onWillStart, useState } from "@odoo/owl";
import { deserializeDate, formatDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

const PERIODS = [
    ["today", _t("Today")],
    ["yesterday", _t("Yesterday")],
    ["week", _t("7 days")],
];

/** Of so many colleagues each has a button; of more one is chosen from a list. */
const MANY = 12;

/** A time with its unit: seconds to the minute, minutes to the hour. */
export function formatTime(seconds) {
    seconds = Math.round(seconds);
    if (seconds < 60) {
        return _t("%s s", seconds);
    }
    const minutes = Math.round(seconds / 60);
    return minutes < 60
        ? _t("%s min", minutes)
        : _t("%(hours)s h %(minutes)s min", {
              hours: Math.floor(minutes / 60),
              minutes: minutes % 60,
          });
}

/** What owners ask about their people: one row each, which opens its week and a comparison. */
export class Team extends Component {
    static template = "im_livechat_subaccount.Team";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.display = { controlPanel: {} };
        this.periods = PERIODS;
        this.state = useState({
            period: "today",
            team: null,
            opened: null,
            trend: null,
            pauses: null,
            /** The id of whom to compare with, as the list has it; empty for nobody. */
            otherId: "",
        });
        onWillStart(() => this.load("today"));
    }

    async load(period) {
        this.asked = period;
        const team = await this.orm.call("livechat.team", "get_team", [period]);
        // Of periods that are chosen quickly one after another the last is shown.
        if (this.asked === period) {
            Object.assign(this.state, { period, team, pauses: null });
            await this.loadPauses();
        }
    }

    /** Load for what the opened person paused; of another row or period meanwhile it is dropped. */
    async loadPauses() {
        const { opened, period } = this.state;
        const pauses = opened && (await this.fetchPauses(opened, period));
        if (this.state.opened === opened && this.state.period === period) {
            this.state.pauses = pauses;
        }
    }

    fetchPauses(userId, period) {
        return this.orm.call("livechat.team", "get_pauses", [userId, period]);
    }

    get columns() {
        return [
            ["received", _t("Received")],
            ["answered_share", _t("Answered")],
            ["first_answer", _t("First answer")],
            ["satisfaction", _t("Happy")],
            ["missed", _t("Missed")],
            ["transferred", _t("Transfers")],
            ["declined", _t("Declined")],
            ["online_seconds", _t("Online")],
            ["paused_seconds", _t("Paused")],
            ["share", _t("Share")],
            ["difference", _t("Owed")],
            ...("tickets" in this.state.team.all ? [["tickets", _t("Open tickets")]] : []),
        ];
    }

    /** A figure as people read it. */
    format(name, row) {
        const value = row[name];
        // Of days past nobody knows how many tickets were open.
        if (value === null || value === undefined) {
            return "–";
        }
        if (["answered_share", "satisfaction", "share"].includes(name)) {
            return `${Math.round(100 * value)} %`;
        }
        if (["first_answer", "online_seconds", "paused_seconds"].includes(name)) {
            return formatTime(value);
        }
        if (name === "difference") {
            const sign = value > 0.05 ? "+" : value < -0.05 ? "−" : "";
            return `${sign}${Math.abs(value).toFixed(1)}`;
        }
        return `${value}`;
    }

    /** The three parts of what was missed. */
    describeMissed(row) {
        return [
            row.ended_unanswered && _t("%s ended without an answer", row.ended_unanswered),
            row.unanswered && _t("%s went on to a colleague", row.unanswered),
            row.nobody && _t("%s found nobody", row.nobody),
        ]
            .filter(Boolean)
            .join(" · ");
    }

    formatDay(day) {
        return formatDate(deserializeDate(day));
    }

    get others() {
        return this.state.team.agents.filter(({ user_id }) => user_id !== this.state.opened);
    }

    get hasMany() {
        return this.others.length > MANY;
    }

    /** Open a person's row, or close it. */
    async open(userId) {
        if (this.state.opened === userId) {
            this.state.opened = null;
            return;
        }
        Object.assign(this.state, { opened: userId, trend: null, pauses: null, otherId: "" });
        const [trend] = await Promise.all([
            this.orm.call("livechat.team", "get_trend", [userId]),
            this.loadPauses(),
        ]);
        // Its week is the same in each period.
        if (this.state.opened === userId) {
            this.state.trend = trend;
        }
    }

    /** For what somebody paused, and for how long. */
    describePauses(pauses) {
        return pauses
            .map(({ reason, count, seconds }) =>
                _t("%(reason)s %(time)s (%(count)s×)", {
                    reason: reason || _t("no reason given"),
                    time: formatTime(seconds),
                    count,
                }),
            )
            .join(" · ");
    }

    /** Compare the person whose row is open with another. */
    compare(secondId) {
        const firstId = this.state.opened;
        const { date_from, date_to } = this.state.team;
        return this.action.doAction("im_livechat_subaccount.livechat_dispatch_compare_action", {
            additionalContext: {
                default_first_user_id: firstId,
                default_second_user_id: secondId,
                default_date_from: date_from,
                default_date_to: date_to,
            },
        });
    }

    compareChosen() {
        return this.compare(Number(this.state.otherId));
    }

    openFairness() {
        return this.action.doAction("im_livechat_subaccount.livechat_dispatch_total_action");
    }

    openDetails() {
        return this.action.doAction("im_livechat_subaccount.livechat_dispatch_total_action_agents");
    }

    /** Begin or cease the mail each morning; the box shows what is true, also when it was refused. */
    async setMailed({ target }) {
        try {
            this.state.team.is_mailed = await this.orm.call("livechat.team", "set_mailed", [
                target.checked,
            ]);
        } finally {
            target.checked = this.state.team.is_mailed;
        }
    }
}

registry.category("actions").add("im_livechat_subaccount.team", Team);
