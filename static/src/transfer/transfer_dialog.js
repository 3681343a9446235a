import { Component, onWillStart, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { useAutofocus, useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { formatLoad } from "../dispatch_menu/dispatch_status_service";

/** The longest note, in characters; the server refuses longer ones. */
const NOTE_LENGTH = 500;

/** Gives a chat to a colleague or to a group, and says why. */
export class TransferDialog extends Component {
    static template = "im_livechat_subaccount.TransferDialog";
    static components = { Dialog };
    static props = { thread: Object, close: Function };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.noteLength = NOTE_LENGTH;
        this.formatLoad = formatLoad;
        this.state = useState({
            agents: [],
            groups: [],
            reasons: [],
            reason: "",
            note: "",
            target: "",
            error: "",
            isBusy: false,
        });
        useAutofocus({ refName: "reason" });
        onWillStart(() => this.tell(() => this.load()));
    }

    async load() {
        const [targets, reasons] = await Promise.all([
            this.orm.call("discuss.channel", "get_transfer_targets", [[this.props.thread.id]]),
            this.orm.call("discuss.channel", "get_transfer_reasons", []),
        ]);
        Object.assign(this.state, { ...targets, reasons });
    }

    /**
     * Run this and show what the server says against it; all that was entered stays.
     *
     * @returns {Promise<boolean>} whether it worked
     */
    async tell(run) {
        try {
            await run();
            return true;
        } catch (error) {
            if (!(error instanceof RPCError)) {
                throw error;
            }
            this.state.error = error.data?.message || error.message;
            return false;
        }
    }

    /** An agent without room is asked by those only who may give it chats above its capacity. */
    isFull(agent) {
        return agent.free === 0 && !session.livechat_manages_dispatch;
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

    describeGroup(group) {
        return group.free === 1
            ? _t("1 colleague has room")
            : _t("%s colleagues have room", group.free);
    }

    async onSubmit() {
        if (this.state.isBusy) {
            return;
        }
        this.state.error = this.missing;
        if (this.state.error) {
            return;
        }
        this.state.isBusy = true;
        try {
            if (await this.tell(() => this.transfer())) {
                this.props.close();
            }
        } finally {
            this.state.isBusy = false;
        }
    }

    async transfer() {
        const { reason, note, target } = this.state;
        const [kind, id] = [target.slice(0, 5), Number(target.slice(6))];
        const { state, agent } = await this.orm.call(
            "discuss.channel",
            "transfer",
            [[this.props.thread.id]],
            {
                reason,
                note: note.trim(),
                user_id: kind === "agent" && id,
                group_id: kind === "group" && id,
            },
        );
        const group = this.state.groups.find((group) => kind === "group" && group.id === id)?.name;
        const texts = {
            assigned: _t("Transferred to %s", agent),
            queued: _t("The buyer waits in line of %s", group),
            pool: _t("%s answers the buyer as soon as somebody is there", group),
        };
        this.notification.add(texts[state], { type: "success" });
    }
}
