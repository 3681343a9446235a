import { ChatWindow } from "@mail/core/common/chat_window";
import { DiscussContent } from "@mail/core/public_web/discuss_content";
import { Component, onWillUpdateProps, useEffect, useState } from "@odoo/owl";
import { RPCError } from "@web/core/network/rpc";
import { KeepLast } from "@web/core/utils/concurrency";
import { useBus, useService } from "@web/core/utils/hooks";

/** Above the messages of a live chat: why dispatch gave it to its agent. */
export class DispatchReason extends Component {
    static template = "im_livechat_subaccount.DispatchReason";
    static props = { thread: Object };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.state = useState({ reason: false });
        // Whoever opened the chat while the connection was lost has seen none.
        useBus(useService("bus_service"), "BUS:RECONNECT", () => void this.load(this.props.thread));
        onWillUpdateProps(({ thread }) => {
            if (thread.id !== this.props.thread.id) {
                this.state.reason = false;
            }
        });
        // The messages do not wait for it. Whoever gets the chat later gets it by another decision.
        useEffect(
            () => void this.load(this.props.thread),
            () => {
                const { id, livechat_operator_id: agent, self_member_id: own } = this.props.thread;
                return [id, agent?.id, own?.id];
            },
        );
    }

    async load(thread) {
        try {
            this.state.reason = await this.keepLast.add(
                this.orm.silent.call("discuss.channel", "get_dispatch_reason", [[thread.id]]),
            );
        } catch (error) {
            // The chat was taken away, or the connection is lost: the chat itself says so.
            if (error instanceof RPCError) {
                this.state.reason = false;
            }
        }
    }

    async onClickWhy() {
        await this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "livechat.dispatch.decision",
            res_id: this.state.reason.decision_id,
            views: [[false, "form"]],
            target: "new",
        });
    }
}

Object.assign(DiscussContent.components, { DispatchReason });
Object.assign(ChatWindow.components, { DispatchReason });
