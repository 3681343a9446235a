import { Component, onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { useLooks } from "./looks";
import { getReasonText } from "./reception_texts";
import { useSteering } from "./steering";

/** Who manages dispatch gives a chat past these, and past nothing else that keeps buyers away. */
const GIVEN_PAST = new Set([false, "at_capacity", "main_account_reserved"]);

/** So many agents are offered at once; the others are found by *Another…*. */
const OFFERED = 6;

/** A buyer who waits: what was written, and to whom the chat can be given. */
export class BuyerCard extends Component {
    static template = "im_livechat_subaccount.Reception.BuyerCard";
    static props = {
        chat: Object,
        group: Object,
        channel: Object,
        mayManage: Boolean,
        model: Object,
    };

    setup() {
        this.orm = useService("orm");
        this.steering = useSteering(this.props.model);
        this.channel = useState(this.props.channel);
        this.state = useState({ page: false, words: [], isKnown: false });
        onWillStart(() => this.props.model.try(() => this.fetch()));
        useLooks(() => this.fetch());
    }

    async fetch() {
        const args = [[this.props.chat.id]];
        const card = await this.orm.silent.call("discuss.channel", "get_waiting_words", args);
        Object.assign(this.state, { ...card, isKnown: true });
    }

    get mayGive() {
        return this.props.mayManage && this.props.chat.name;
    }

    /** Who is here, first who has room, of them first the buyer's own group; each with why not. */
    get offered() {
        const { group, model } = this.props;
        const members = new Map();
        for (const { id, members: those } of this.channel.groups) {
            for (const { user_id: userId, reason } of those) {
                // Whoever is in the buyer's group is judged by that one alone.
                if (!members.get(userId)?.isOwn) {
                    members.set(userId, { id: userId, reason, isOwn: id === group.id });
                }
            }
        }
        const rank = ({ reason, isOwn }) => 2 * Number(Boolean(reason)) + Number(!isOwn);
        return [...members.values()]
            .filter(
                ({ id, reason }) => model.agents[id].status === "online" && GIVEN_PAST.has(reason),
            )
            .sort((one, other) => rank(one) - rank(other))
            .slice(0, OFFERED)
            .map(({ id, reason }) => {
                const { name } = model.agents[id];
                return { id, name, label: reason ? `${name} (${getReasonText(reason)})` : name };
            });
    }

    get title() {
        return _t("What %s wrote", this.props.chat.name || _t("the buyer"));
    }
}
