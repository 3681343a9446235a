import { Component, useState } from "@odoo/owl";
import { ReplyClock } from "./reply_clock";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

/** In the systray of an agent to whom buyers wait: how many, how long, and the way to the first. */
export class AnswerNext extends Component {
    static template = "im_livechat_subaccount.AnswerNext";
    static components = { ReplyClock };
    static props = {};

    setup() {
        this.desk = useService("im_livechat_subaccount.desk");
        this.store = useState(useService("mail.store"));
    }

    get title() {
        return _t(
            "Answer the buyer who waits longest (Alt+Shift+W); buyers who wait for your answer: %s",
            this.store.livechatsOwed.length,
        );
    }
}

registry
    .category("systray")
    .add("im_livechat_subaccount.answer_next", { Component: AnswerNext }, { sequence: 23 });
