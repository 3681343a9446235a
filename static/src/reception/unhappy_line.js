import { Component, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** In one line which buyer was not happy last; all of the last seven days when it is opened. */
export class UnhappyLine extends Component {
    static template = "im_livechat_subaccount.Reception.UnhappyLine";
    static props = { model: Object };

    setup() {
        this.action = useService("action");
        this.model = useState(this.props.model);
        this.state = useState({ isOpen: false });
    }

    get line() {
        const { count, chats } = this.model.unhappy;
        const first = this.describe(chats[0]);
        return count > 1
            ? _t("%(unhappy)s, and %(count)s more", { unhappy: first, count: count - 1 })
            : first;
    }

    describe({ name, agent, at }) {
        const when = deserializeDateTime(at).toLocaleString({
            weekday: "short",
            hour: "numeric",
            minute: "2-digit",
        });
        const buyer = name || _t("A buyer");
        return agent
            ? _t("%(buyer)s was not happy with %(agent)s (%(when)s)", { buyer, agent, when })
            : _t("%(buyer)s was not happy (%(when)s)", { buyer, when });
    }

    toggle() {
        this.state.isOpen = !this.state.isOpen;
    }

    openTranscript(chat) {
        return this.action.doAction("im_livechat_subaccount.livechat_conversation_action", {
            viewType: "form",
            props: { resId: chat.id },
        });
    }

    openAll() {
        return this.action.doAction("im_livechat_subaccount.livechat_conversation_action", {
            additionalContext: { search_default_unhappy_lately: 1 },
        });
    }
}
