import { Component } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { RPCError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

/**
 * What dialogs about a chat have in common: what the server says against it is shown, and all that
 * was entered stays. The state of each has `error` and `isBusy`.
 */
export class ChatDialog extends Component {
    // Each has its own.
    static template = undefined;
    static components = { Dialog };
    static props = { thread: Object, close: Function };

    setup() {
        this.orm = useService("orm");
    }

    /** @returns {Promise} what this method of the chat answers */
    call(method, values = {}) {
        return this.orm.call("discuss.channel", method, [[this.props.thread.id]], values);
    }

    /**
     * Run this and show what the server says against it.
     *
     * @returns {Promise<boolean>} whether it worked
     */
    async tell(run) {
        this.state.error = "";
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

    /** Run this, once however often it is pressed, and close if it worked. */
    async submit(run) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            if (await this.tell(run)) {
                this.props.close();
            }
        } finally {
            this.state.isBusy = false;
        }
    }
}
