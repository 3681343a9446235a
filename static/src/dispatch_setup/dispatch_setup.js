import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** What each step is about, and where on the form, or by which action, it is done. */
const STEPS = {
    agents: {
        title: _t("Agents"),
        text: _t("Add those who answer buyers."),
        place: "[name=user_ids]",
    },
    weights: {
        title: _t("Weights"),
        text: _t("Limit the chats at weight 100; give more weight to who should get more."),
        place: "[name=max_sessions_mode]",
    },
    groups: {
        title: _t("Groups"),
        text: _t("Only if some buyers need specialists: after-sales, another language."),
        action: "action_view_dispatch_groups",
    },
    away: {
        title: _t("When nobody is there"),
        text: _t("Choose a waiting line, and where messages go at night."),
        place: "[name=queue_enabled]",
    },
    test: {
        title: _t("Test it"),
        text: _t("Write as a buyer and see who gets the chat."),
        action: "action_try_dispatch",
    },
};

/** On the form of a channel: the five steps of a first set-up. */
export class DispatchSetup extends Component {
    static template = "im_livechat_subaccount.DispatchSetup";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    get steps() {
        const steps = this.props.record.data[this.props.name] || [];
        return steps.map((step) => ({ ...step, ...STEPS[step.name] }));
    }

    /** The first step that is not done; nothing tells whether groups are needed. */
    get nextName() {
        return this.steps.find((step) => !step.done && step.name !== "groups")?.name;
    }

    async onClickStep(step) {
        if (step.action) {
            const { record } = this.props;
            if (await record.save()) {
                const action = await this.orm.call(record.resModel, step.action, [[record.resId]]);
                await this.action.doAction(action);
            }
            return;
        }
        const place = document.querySelector(`.o_form_view .o_notebook ${step.place}`);
        place?.scrollIntoView({ behavior: "smooth", block: "center" });
        place?.querySelector("input, button, select")?.focus({ preventScroll: true });
    }

    async onClickHide() {
        await this.props.record.update({ dispatch_setup_hidden: true });
        await this.props.record.save();
    }
}

registry.category("fields").add("livechat_dispatch_setup", {
    component: DispatchSetup,
    supportedTypes: ["json"],
});
