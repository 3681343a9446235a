import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatDuration } from "../reception/reception_texts";
import { useDeskClock } from "./desk_clock";
import { getThirdClass } from "./thirds";

/** For how long the buyer of a chat has waited for a word, in the color of its third of the limit. */
export class ReplyClock extends Component {
    static template = "im_livechat_subaccount.ReplyClock";
    static props = { thread: Object, class: { type: String, optional: true } };

    setup() {
        this.clock = useDeskClock();
    }

    get waited() {
        return this.clock.now - this.props.thread.owedSince;
    }

    get text() {
        return formatDuration(this.waited / 1000);
    }

    get color() {
        return getThirdClass(this.waited, this.props.thread.dispatch_clock.limit);
    }

    get title() {
        return _t("The buyer waits for an answer");
    }
}
