import { Component, onWillDestroy, onWillStart, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { FirstDay } from "../first_day/first_day";
import { ChannelSection } from "./channel_section";
import { createReceptionModel } from "./reception_model";
import { formatDuration } from "./reception_texts";

/** Today's figures, of one channel or of all. */
export class Figures extends Component {
    static template = "im_livechat_subaccount.Reception.Figures";
    static props = { figures: Object, isSmall: { type: Boolean, optional: true } };

    get median() {
        const seconds = this.props.figures.median_answer;
        return seconds === null ? "–" : formatDuration(Math.round(seconds));
    }
}

/** The organisation tree of the shop's reception, live: who is here, takes what and waits. */
export class Reception extends Component {
    static template = "im_livechat_subaccount.Reception";
    static components = { ChannelSection, Figures, FirstDay, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.tours = useService("tour_service");
        this.display = { controlPanel: {} };
        this.Figures = Figures;
        this.model = createReceptionModel({
            orm: useService("orm"),
            bus_service: useService("bus_service"),
            notification: useService("notification"),
        });
        this.state = useState(this.model);
        onWillStart(() => this.model.start());
        // Also of a page that was left before it was there.
        onWillDestroy(() => this.model.stop());
    }

    /** Lead through the page. A mode of its own: "manual" would switch on the tours of all modules. */
    showAround() {
        return this.tours.startTour("livechat_reception_guide", { mode: "guide", redirect: false });
    }

    openChannels() {
        return this.action.doAction("im_livechat.im_livechat_channel_action");
    }
}

registry.category("actions").add("im_livechat_subaccount.reception", Reception);
