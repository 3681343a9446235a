import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** Mend what a fault or a hint is about, or open where it is mended. */
export function useFixes(model) {
    const action = useService("action");
    const open = (resModel, id) =>
        action.doAction({
            type: "ir.actions.act_window",
            res_model: resModel,
            res_id: id,
            views: [[false, "form"]],
        });
    return (channel, fix) => {
        switch (fix.type) {
            case "group":
                return fix.groupId
                    ? open("livechat.dispatch.group", fix.groupId)
                    : open("im_livechat.channel", channel.id);
            case "join":
                return model.addToChannel(channel, fix.userIds);
            case "subaccounts":
                return action.doAction({
                    type: "ir.actions.act_window",
                    name: _t("Sub-accounts"),
                    res_model: "livechat.subaccount",
                    views: [
                        [false, "list"],
                        [false, "form"],
                    ],
                    domain: [["user_id", "in", fix.userIds]],
                });
        }
    };
}

/** In one line what is wrong and costs buyers; all of it when it is opened. */
export class FaultLine extends Component {
    static template = "im_livechat_subaccount.Reception.FaultLine";
    static props = { model: Object };

    setup() {
        this.model = useState(this.props.model);
        this.state = useState({ isOpen: false });
        this.fix = useFixes(this.props.model);
    }

    get faults() {
        const { channels } = this.model;
        return channels.flatMap((channel) =>
            channel.faults.map((fault) => ({
                ...fault,
                key: `${channel.id}-${fault.key}`,
                channel,
                text:
                    channels.length > 1 && fault.key !== "nobody"
                        ? `${channel.name} · ${fault.text}`
                        : fault.text,
            })),
        );
    }

    get line() {
        const [first, ...others] = this.faults;
        return others.length
            ? _t("%(fault)s, and %(count)s more", { fault: first.text, count: others.length })
            : first.text;
    }

    toggle() {
        this.state.isOpen = !this.state.isOpen;
    }
}
