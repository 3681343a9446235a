import { Component, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatLoad, formatUntil } from "../dispatch_menu/dispatch_status_service";
import { AgentCard } from "./agent_card";
import { getReasonText, getStatusText } from "./reception_texts";
import { getCapacity } from "./share_arithmetic";

const STEP = 10;
/** A button that is held begins to repeat after so long, and repeats so often; milliseconds. */
const HELD = 400;
const REPEAT = 90;

/** One agent in one group. */
export class AgentRow extends Component {
    static template = "im_livechat_subaccount.Reception.AgentRow";
    static components = { AgentCard };
    static props = {
        agent: Object,
        group: Object,
        member: Object,
        model: Object,
        maxSessions: { optional: true },
        isMainAccount: Boolean,
        mayManage: Boolean,
        mayMove: Boolean,
        onMove: Function,
    };

    setup() {
        this.agent = useState(this.props.agent);
        this.member = useState(this.props.member);
        this.card = useState({ isOpen: false });
        onWillUnmount(() => this.release());
    }

    /** What each control is about, for those who do not see the row. */
    get texts() {
        const { name } = this.agent;
        return {
            less: _t("Less weight for %s", name),
            more: _t("More weight for %s", name),
            weight: _t("Weight of %(name)s, %(min)s to %(max)s", {
                name,
                ...this.props.model.limits,
            }),
            see: _t("%s: what is going on", name),
            takes: _t("%s takes chats", name),
            move: _t("Move %s to another group", name),
        };
    }

    get isGone() {
        return !this.agent.enabled || this.agent.status === "offline";
    }

    /** Whoever may not receive buyers has nothing to switch. */
    get maySwitch() {
        const { may_pause: mayPause, enabled } = this.agent;
        return mayPause && enabled && this.member.reason !== "not_permitted";
    }

    get capacity() {
        return getCapacity(this.props.maxSessions, this.agent.draft);
    }

    get capacityText() {
        return this.capacity === null ? _t("no limit") : _t("max. %s", this.capacity);
    }

    get load() {
        return formatLoad({ load: this.agent.load, capacity: this.capacity });
    }

    get loadPercent() {
        return Math.min(100, Math.round((100 * this.agent.load) / (this.capacity || 1)));
    }

    get loadDescription() {
        const chats =
            this.capacity === null
                ? _t("%(name)s has %(load)s chats", {
                      name: this.agent.name,
                      load: this.agent.load,
                  })
                : _t("%(name)s has %(load)s of %(capacity)s chats", {
                      name: this.agent.name,
                      load: this.agent.load,
                      capacity: this.capacity,
                  });
        const { tickets } = this.agent;
        return tickets ? _t("%(chats)s, open tickets: %(tickets)s", { chats, tickets }) : chats;
    }

    /** Why there is no share; nothing where there is one. */
    get shareDescription() {
        if (this.isGone && this.member.has_part) {
            return _t("%s gets this share when here", this.agent.name);
        }
        if (!this.member.has_part) {
            return _t("%s gets no buyers by weight", this.agent.name);
        }
        return this.props.group.has_buyers
            ? undefined
            : _t(
                  "This group has no scope and so no buyers of its own: %s gets those that overflow from groups below it or are transferred to it",
                  this.agent.name,
              );
    }

    /** Presence and what else keeps buyers away, in words. */
    get status() {
        const { enabled, paused, until, overloaded, in_call: inCall, status } = this.agent;
        const { reason } = this.member;
        const parts = [];
        if (enabled) {
            parts.push(getStatusText(status));
        }
        if (paused && until) {
            parts.push(
                _t("Paused until %s", formatUntil(until, Date.now() + this.props.model.skew)),
            );
        } else if (paused) {
            parts.push(_t("Paused"));
        }
        if (!paused && this.member.paused_here) {
            parts.push(_t("Paused in this group"));
        }
        if (paused && this.agent.pause_reason) {
            parts.push(this.agent.pause_reason);
        }
        if (overloaded) {
            parts.push(_t("Has more chats than it wants"));
        }
        if (inCall) {
            parts.push(getReasonText("in_call"));
        }
        if (reason === "not_permitted" && this.agent.second_factor_due) {
            parts.push(_t("Has to set up a second factor"));
        } else if (reason && !["paused", "overloaded", "in_call", "offline"].includes(reason)) {
            parts.push(getReasonText(reason));
        }
        return parts.join(" · ");
    }

    onInput(ev) {
        this.props.model.enterWeight(this.agent, ev.target.value);
    }

    onKeydown(ev) {
        const steps = { ArrowUp: STEP, ArrowDown: -STEP };
        if (ev.key in steps && !ev.altKey && !ev.ctrlKey && !ev.metaKey) {
            ev.preventDefault();
            this.props.model.stepWeight(this.agent, steps[ev.key]);
        }
    }

    /** Step at once, and again and again while the button is held. */
    press(ev, step) {
        if (ev.button) {
            return;
        }
        this.release();
        const stepOnce = () => {
            this.wasPressed = true;
            this.props.model.stepWeight(this.agent, step);
        };
        const repeat = () => {
            stepOnce();
            this.timer = setTimeout(repeat, REPEAT);
        };
        this.timer = setTimeout(repeat, HELD);
        // A finger that scrolls the page may begin on a button: it steps when it clicks.
        this.wasPressed = false;
        if (ev.pointerType !== "touch") {
            stepOnce();
        }
    }

    release() {
        clearTimeout(this.timer);
    }

    /** A keyboard and a finger click without a step before. */
    onClick(step) {
        if (!this.wasPressed) {
            this.props.model.stepWeight(this.agent, step);
        }
        this.wasPressed = false;
    }

    async onSwitch(ev) {
        const box = ev.target;
        box.disabled = true;
        try {
            await this.props.model.setTakesChats(this.agent, box.checked);
        } finally {
            box.disabled = false;
            // Refused: it is what it was.
            box.checked = !this.agent.paused;
        }
    }
}
