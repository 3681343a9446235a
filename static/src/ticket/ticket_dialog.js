import { Component, onWillStart, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { useAutofocus, useService } from "@web/core/utils/hooks";

/** The longest title and word, in characters; the server refuses longer ones. */
const TITLE_LENGTH = 256;
const WORD_LENGTH = 500;

/** Makes a ticket of a chat, which goes on or ends with a word to the buyer. */
export class TicketDialog extends Component {
    static template = "im_livechat_subaccount.TicketDialog";
    static components = { Dialog };
    static props = { thread: Object, close: Function };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.titleLength = TITLE_LENGTH;
        this.wordLength = WORD_LENGTH;
        this.state = useState({
            title: "",
            word: "",
            tells: !this.props.thread.livechat_end_dt,
            ends: false,
            error: "",
            isBusy: false,
        });
        useAutofocus({ refName: "title" });
        onWillStart(() =>
            this.tell(async () =>
                Object.assign(this.state, await this.call("get_ticket_draft", {})),
            ),
        );
    }

    call(method, values) {
        return this.orm.call("discuss.channel", method, [[this.props.thread.id]], values);
    }

    /**
     * Run this and show what the server says against it; all that was entered stays.
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

    async onSubmit() {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            if (await this.tell(() => this.make())) {
                this.props.close();
            }
        } finally {
            this.state.isBusy = false;
        }
    }

    async make() {
        const { title, word, tells, ends } = this.state;
        const ticket = await this.call("make_ticket", {
            title: title.trim(),
            word: tells ? word.trim() : "",
            end: ends,
        });
        this.notification.add(_t("Ticket %s", ticket.name), { type: "success" });
    }
}
