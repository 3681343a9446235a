import { onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useAutofocus, useService } from "@web/core/utils/hooks";
import { ChatDialog } from "../desk/chat_dialog";

/** The longest title and word, in characters; the server refuses longer ones. */
const TITLE_LENGTH = 256;
const WORD_LENGTH = 500;

/** Makes a ticket of a chat, which goes on or ends with a word to the buyer. */
export class TicketDialog extends ChatDialog {
    static template = "im_livechat_subaccount.TicketDialog";

    setup() {
        super.setup();
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
            this.tell(async () => Object.assign(this.state, await this.call("get_ticket_draft"))),
        );
    }

    onSubmit() {
        return this.submit(() => this.make());
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
