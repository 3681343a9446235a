import { Component, onWillDestroy, onWillStart, useState } from "@odoo/owl";
import { CopyButton } from "@web/core/copy_button/copy_button";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { debounce } from "@web/core/utils/timing";

/** Changes that come together are looked at together; milliseconds. */
const TOGETHER = 300;

/** What each step says while it is open, and once it is done. */
const TITLES = {
    channel: [_t("Shop and channel"), _t("Shop and channel")],
    invite: [_t("Invite your first agent"), _t("An agent is invited")],
    duty: [_t("Somebody on duty"), _t("Somebody is on duty")],
    test: [_t("Write as a buyer"), _t("A buyer was served")],
    away: [_t("What happens at night"), _t("Nights are arranged")],
};

/** On *Reception*: what is left of a shop's first day. It fills from what is true, and goes. */
export class FirstDay extends Component {
    static template = "im_livechat_subaccount.FirstDay";
    static components = { CopyButton };
    static props = {};

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        const bus = useService("bus_service");
        this.state = useState({ day: false, name: "", roleId: 0, link: null, isBusy: false });
        this.texts = { copy: _t("Copy"), copied: _t("Copied") };
        onWillStart(() => this.load());
        // The page listens already; what it hears of is what the steps ask for.
        const loadSoon = debounce(() => this.state.day && this.load(), TOGETHER);
        bus.subscribe("livechat_dispatch/reception", loadSoon);
        onWillDestroy(() => {
            bus.unsubscribe("livechat_dispatch/reception", loadSoon);
            loadSoon.cancel();
        });
    }

    async load() {
        this.state.day = await this.orm.silent.call("im_livechat.channel", "get_first_day", []);
        this.state.roleId ||= this.state.day?.roles?.[0]?.id;
    }

    get title() {
        return _t("Your first day: %(shop)s", { shop: this.state.day.name });
    }

    get steps() {
        const steps = this.state.day.steps.map((step) => ({
            ...step,
            title: TITLES[step.name][Number(step.done)],
        }));
        const next = steps.find((step) => !step.done);
        return steps.map((step) => ({ ...step, isNext: step === next }));
    }

    async run(work) {
        this.state.isBusy = true;
        try {
            await work();
            await this.load();
        } finally {
            this.state.isBusy = false;
        }
    }

    invite() {
        return this.run(async () => {
            const values = { name: this.state.name, role_ids: [[6, 0, [this.state.roleId]]] };
            const [id] = await this.orm.create("livechat.subaccount", [values]);
            this.state.name = "";
            await this.makeLink(id);
        });
    }

    renewLink(id) {
        return this.run(() => this.makeLink(id));
    }

    async makeLink(id) {
        const method = "action_activation_link";
        const { context } = await this.orm.call("livechat.subaccount", method, [[id]]);
        this.state.link = {
            id,
            name: context.default_name,
            login: context.default_login,
            url: context.default_url,
        };
    }

    /** What most shops want; the other ways are on the channel. */
    keepMessages() {
        return this.write({ offline_rule: "pool" });
    }

    dismiss() {
        return this.write({ dispatch_setup_hidden: true });
    }

    write(values) {
        return this.run(() => this.orm.write("im_livechat.channel", [this.state.day.id], values));
    }

    openChannel() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "im_livechat.channel",
            res_id: this.state.day.id,
            views: [[false, "form"]],
        });
    }
}
