import { onWillStart, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useAutofocus, useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { ChatDialog } from "../desk/chat_dialog";
import { formatLoad, formatUntil, isToday } from "../dispatch_menu/dispatch_status_service";

/** The longest note, in characters; the server refuses longer ones. */
const NOTE_LENGTH = 500;

/** Gives a chat to a colleague or to a group, and says why. */
export class TransferDialog extends ChatDialog {
    static template = "im_livechat_subaccount.TransferDialog";

    setup() {
        super.setup();
        this.notification = useService("notification");
        this.store = useService("mail.store");
        this.noteLength = NOTE_LENGTH;
        this.formatLoad = formatLoad;
        this.state = useState({
            agents: [],
            groups: [],
            reasons: [],
            reason: "",
            note: "",
            target: "",
            whenFree: false,
            promised: false,
            keeper: false,
            isKeeper: false,
            error: "",
            isBusy: false,
        });
        useAutofocus({ refName: "reason" });
        onWillStart(() => this.tell(() => this.load()));
    }

    async load() {
        const [targets, reasons] = await Promise.all([
            this.call("get_transfer_targets"),
            this.orm.call("discuss.channel", "get_transfer_reasons", []),
        ]);
        const { is_keeper: isKeeper, ...shown } = targets;
        Object.assign(this.state, { ...shown, isKeeper, reasons });
    }

    /** An agent without room is asked by those only who may give it chats above its capacity. */
    isFull(agent) {
        return agent.free === 0 && !session.livechat_manages_dispatch;
    }

    /** Whether this agent is to get the chat as soon as there is room. */
    isPromised(agent) {
        return this.state.whenFree && this.state.target === `agent-${agent.id}`;
    }

    promise(agent) {
        Object.assign(this.state, { target: `agent-${agent.id}`, whenFree: true, error: "" });
    }

    get promisedText() {
        return _t("Promised to %s, as soon as there is room", this.state.promised);
    }

    /** Take back what was promised. */
    async keep() {
        const { id } = this.props.thread;
        if (await this.tell(() => this.orm.call("discuss.channel", "action_keep_chat", [[id]]))) {
            this.state.promised = false;
        }
    }

    /** What is missing before the server can be asked. */
    get missing() {
        const { reason, note, target } = this.state;
        if (!reason) {
            return _t("Choose a reason for the transfer.");
        }
        if (reason === "other" && !note.trim()) {
            return _t("Write down the reason for the transfer.");
        }
        return target ? "" : _t("Choose a colleague or a group.");
    }

    /** How soon a colleague who cannot take the chat now could, as far as that is known. */
    describeSoon({ able, why, paused, free, online, until, soon }) {
        if (able) {
            return "";
        }
        if (until) {
            const { livechatNow: now } = this.store;
            const moment = formatUntil(until, now);
            return isToday(deserializeDateTime(until), now)
                ? _t("back at %s", moment)
                : _t("back on %s", moment);
        }
        if (!soon) {
            // What a mark beside the name says already is not said twice.
            return paused || free === 0 || !online ? "" : why;
        }
        const [shortest, longest] = soon.map((seconds) => Math.max(1, Math.ceil(seconds / 60)));
        if (shortest === longest) {
            return shortest === 1
                ? _t("room in about a minute")
                : _t("room in about %s minutes", shortest);
        }
        return _t("room in %(shortest)s to %(longest)s minutes", { shortest, longest });
    }

    describeGroup(group) {
        return group.free === 1
            ? _t("1 colleague has room")
            : _t("%s colleagues have room", group.free);
    }

    async onSubmit() {
        this.state.error = this.missing;
        if (!this.state.error) {
            await this.submit(() => this.transfer());
        }
    }

    async transfer() {
        const { reason, note, target, whenFree } = this.state;
        const [kind, id] = [target.slice(0, 5), Number(target.slice(6))];
        const { state, agent } = await this.call("transfer", {
            reason,
            note: note.trim(),
            user_id: kind === "agent" && id,
            group_id: kind === "group" && id,
            when_free: whenFree,
        });
        const group = this.state.groups.find((group) => kind === "group" && group.id === id)?.name;
        const texts = {
            assigned: _t("Transferred to %s", agent),
            promised: this.state.isKeeper
                ? _t("%s gets the chat as soon as there is room; until then it is yours", agent)
                : _t(
                      "%(agent)s gets the chat as soon as there is room; until then %(keeper)s keeps it",
                      { agent, keeper: this.state.keeper },
                  ),
            queued: _t("The buyer waits in line of %s", group),
            pool: _t("%s answers the buyer as soon as somebody is there", group),
        };
        this.notification.add(texts[state], { type: "success" });
    }
}
