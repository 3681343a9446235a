import { Component, onMounted, onWillDestroy, onWillStart, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { FirstDay } from "../first_day/first_day";
import { ChannelSection } from "./channel_section";
import { FaultLine } from "./fault_line";
import { createReceptionModel } from "./reception_model";
import { describeRefused, formatDuration } from "./reception_texts";
import { UnhappyLine } from "./unhappy_line";

/** Today's five figures, of one channel or of all. */
export class Figures extends Component {
    static template = "im_livechat_subaccount.Reception.Figures";
    static props = {
        figures: Object,
        presence: Object,
        isSmall: { type: Boolean, optional: true },
    };

    get here() {
        const { here, agents } = this.props.presence;
        return _t("%(here)s of %(agents)s", { here, agents });
    }

    /** Buyers who got no answer, or not from the first: the sum of its parts. */
    get lost() {
        const { missed, unanswered, nobody } = this.props.figures;
        return missed + unanswered + nobody;
    }

    get lostParts() {
        const { missed, unanswered, nobody } = this.props.figures;
        return [
            missed && _t("%s ended without an answer", missed),
            unanswered && _t("%s went on to a colleague", unanswered),
            nobody && _t("%s found nobody", nobody),
        ]
            .filter(Boolean)
            .join(" · ");
    }

    get median() {
        const seconds = this.props.figures.median_answer;
        return seconds === null ? "–" : formatDuration(Math.round(seconds));
    }
}

/** The organisation tree of the shop's reception, live: who is here, takes what and waits. */
export class Reception extends Component {
    static template = "im_livechat_subaccount.Reception";
    static components = { ChannelSection, FaultLine, Figures, FirstDay, Layout, UnhappyLine };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.tours = useService("tour_service");
        this.display = { controlPanel: {} };
        this.isSubaccount = session.livechat_subaccount;
        this.Figures = Figures;
        this.model = createReceptionModel({
            // Not the one of this page alone: what is taken back from another one is still done.
            orm: this.env.services.orm,
            bus_service: useService("bus_service"),
            notification: useService("notification"),
        });
        this.state = useState(this.model);
        onWillStart(() => this.model.start());
        // Also of a page that was left before it was there.
        onWillDestroy(() => this.model.stop());
        const heading = useRef("today");
        // Who works by keyboard begins at the page and not at the menus above it, which come first
        // in the document; whoever writes in a chat's window goes on.
        onMounted(() => {
            const focused = document.activeElement;
            if (focused === document.body || focused?.closest(".o_main_navbar")) {
                heading.el?.focus({ preventScroll: true });
            }
        });
    }

    /** The day of the figures, also on a page that was opened the day before. */
    get today() {
        return luxon.DateTime.fromISO(this.state.day).toLocaleString({
            weekday: "long",
            day: "numeric",
            month: "long",
        });
    }

    get refusals() {
        return describeRefused(this.state.refused);
    }

    /** Lead through the page. A mode of its own: "manual" would switch on the tours of all modules. */
    showAround() {
        return this.tours.startTour("livechat_reception_guide", { mode: "guide", redirect: false });
    }

    /** Open a page of ours by the name of its action. */
    open(name) {
        return this.action.doAction(`im_livechat_subaccount.${name}`);
    }

    openChannels() {
        return this.action.doAction("im_livechat.im_livechat_channel_action");
    }
}

registry.category("actions").add("im_livechat_subaccount.reception", Reception);
