import { Component, useState } from "@odoo/owl";
import { formatDuration } from "./reception_texts";

/** For how long a buyer has waited: the only thing that changes every second. */
export class WaitedTime extends Component {
    static template = "im_livechat_subaccount.Reception.WaitedTime";
    static props = { clock: Object, since: Number };

    setup() {
        this.clock = useState(this.props.clock);
    }

    get waited() {
        return formatDuration((this.clock.now - this.props.since) / 1000);
    }
}
