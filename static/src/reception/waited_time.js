import { Component, useState } from "@odoo/owl";
import { getThirdClass } from "../desk/thirds";
import { formatDuration } from "./reception_texts";

/** For how long a buyer has waited: the only thing that changes every second. */
export class WaitedTime extends Component {
    static template = "im_livechat_subaccount.Reception.WaitedTime";
    static props = { clock: Object, since: Number, limit: { type: Number, optional: true } };

    setup() {
        this.clock = useState(this.props.clock);
    }

    get waited() {
        return formatDuration((this.clock.now - this.props.since) / 1000);
    }

    /** Of a wait for a word, in which third of its limit it is. */
    get color() {
        const { since, limit } = this.props;
        const isForWord = limit !== undefined;
        return isForWord ? `badge ${getThirdClass(this.clock.now - since, limit)}` : "";
    }
}
