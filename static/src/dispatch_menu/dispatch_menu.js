import { Component, useState } from "@odoo/owl";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat, formatInteger } from "@web/views/fields/formatters";
import { formatLoad, formatUntil } from "./dispatch_status_service";

/** In the systray of an agent: its load, who waits, and its pause. */
export class DispatchMenu extends Component {
    static template = "im_livechat_subaccount.DispatchMenu";
    static components = { Dropdown, DropdownItem };
    static props = {};

    setup() {
        this.dispatch = useState(useService("im_livechat_subaccount.dispatch_status"));
        this.action = useService("action");
        this.notification = useService("notification");
        this.orm = useService("orm");
        this.store = useState(useService("mail.store"));
        this.pauses = [
            [undefined, _t("Pause")],
            [15, _t("Pause for 15 min")],
            [30, _t("Pause for 30 min")],
            [60, _t("Pause for 1 hour")],
        ];
    }

    get status() {
        return this.dispatch.status;
    }

    /** All open chats, each a whole one, and how many fit; the menu may stay open for a moment after
     * its agent has left the last channel. */
    get load() {
        const { chats, capacity } = this.status;
        return this.status ? formatLoad({ load: chats, capacity }) : "";
    }

    get icon() {
        if (this.dispatch.isPaused) {
            return "fa-pause-circle";
        }
        return this.isOnDuty ? "fa-play-circle-o" : "fa-pause-circle-o";
    }

    get isOnDuty() {
        return !this.dispatch.isPaused && !this.status.full && !this.dispatch.why;
    }

    /** The state in a word or two. */
    get label() {
        if (this.dispatch.isPaused) {
            return _t("Paused");
        }
        if (this.status.full) {
            return _t("Full");
        }
        return this.dispatch.why ? _t("No buyers") : _t("On duty");
    }

    /** The state where there is room for more than a word or two; empty when that says all. */
    get longLabel() {
        const { until } = this.status;
        return this.dispatch.isPaused && until ? _t("Paused until %s", this.until) : "";
    }

    get until() {
        return formatUntil(this.status.until, this.store.livechatNow);
    }

    /** The state in a sentence. */
    get description() {
        const { until, overloaded, reason } = this.status;
        if (this.dispatch.isPaused) {
            if (reason && !until) {
                return _t("You are paused: %s", reason);
            }
            return until ? _t("You are paused until %s", this.until) : _t("You are paused");
        }
        if (overloaded) {
            return _t("You get no new buyers until you have fewer chats");
        }
        return this.dispatch.why ? _t("You get no new buyers now") : _t("You receive buyers");
    }

    describePause(reason) {
        return _t("Pause: %s", reason);
    }

    get loadDescription() {
        const { capacity } = this.status;
        return capacity == null
            ? _t("Your chats: %s", this.load)
            : _t("Your chats and capacity: %s", this.load);
    }

    get quietDescription() {
        return _t("%s of them are quiet and count less", this.status.quiet);
    }

    get ticketDescription() {
        return _t("Open tickets that count: %s", this.status.tickets);
    }

    get waitingDescription() {
        return _t("Buyers waiting in line: %s", this.status.waiting);
    }

    /** What the agent was given, beside what it was entitled to: `[period, sentence]` each. */
    get figures() {
        const { today, week } = this.dispatch.figures || {};
        const describe = ({ received, entitled }) =>
            _t("%(received)s chats, entitled to %(entitled)s", {
                received: formatInteger(received),
                entitled: formatFloat(entitled, { digits: [0, 1] }),
            });
        return today
            ? [
                  [_t("Today"), describe(today)],
                  [_t("7 days"), describe(week)],
              ]
            : [];
    }

    async beforeOpen() {
        await this.dispatch.load();
        // The menu does not wait for the figures.
        this.dispatch.loadFigures().catch(() => {
            // The connection is lost; the next time tells more.
        });
    }

    /** Who waits in the lines that the agent serves. */
    openLine() {
        this.action.doAction("im_livechat_subaccount.livechat_waiting_action", {
            additionalContext: { search_default_queued: 1 },
        });
    }

    /** How many buyers wait for a word of this agent. */
    get owed() {
        return this.store.livechatsOwed.length;
    }

    get awayDescription() {
        return this.owed === 1
            ? _t("Away, hand over 1 buyer who waits")
            : _t("Away, hand over %s buyers who wait", this.owed);
    }

    async leave() {
        const { handed_over: given, kept } = await this.dispatch.leave();
        if (kept) {
            this.notification.add(_t("Nobody can take %s of your chats: they stay yours", kept), {
                type: "warning",
            });
        }
        if (given) {
            this.notification.add(
                given === 1 ? _t("1 chat handed over") : _t("%s chats handed over", given),
                { type: "success" },
            );
        }
    }

    async openTimeOff() {
        this.action.doAction(await this.orm.call("res.users", "action_my_time_off", []));
    }

    openStatistics() {
        this.action.doAction("im_livechat_subaccount.livechat_dispatch_total_action_mine");
    }

    get title() {
        const why = (!this.dispatch.isPaused && this.dispatch.why) || "";
        return `${this.description}. ${why} ${this.loadDescription}. ${this.waitingDescription}`;
    }
}

registry
    .category("systray")
    .add("im_livechat_subaccount.dispatch", { Component: DispatchMenu }, { sequence: 24 });
