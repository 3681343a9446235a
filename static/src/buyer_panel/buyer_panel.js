import { LivechatChannelInfoList } from "@im_livechat/core/web/livechat_channel_info_list";
import { Component, onWillStart, onWillUpdateProps, useEffect, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { KeepLast } from "@web/core/utils/concurrency";
import { useBus, useService } from "@web/core/utils/hooks";
import { useDeskClock } from "../desk/desk_clock";
import { formatDuration } from "../reception/reception_texts";

/** What of the card goes on by itself. */
class GoesOn extends Component {
    static template = "im_livechat_subaccount.BuyerPanel.GoesOn";
    static props = {};

    setup() {
        this.clock = useDeskClock();
    }
}

/** What time it is where the buyer is. */
class BuyersTime extends GoesOn {
    static props = { timezone: String };

    get text() {
        const now = luxon.DateTime.fromMillis(this.clock.now, { zone: this.props.timezone });
        return _t("%s there", now.toLocaleString(luxon.DateTime.TIME_SIMPLE));
    }
}

/** Which agent the buyer had last, and how long ago. */
class LastAgent extends GoesOn {
    static props = { agent: String, moment: String };

    get text() {
        const { agent, moment } = this.props;
        const base = luxon.DateTime.fromMillis(this.clock.now);
        const when = deserializeDateTime(moment).toRelative({ base });
        return _t("%(agent)s, %(when)s", { agent, when });
    }
}

/** Beside a live chat: who its buyer is, and what the agent's role lets it do for the buyer. */
export class BuyerPanel extends Component {
    static template = "im_livechat_subaccount.BuyerPanel";
    static components = { BuyersTime, LastAgent };
    static props = { thread: Object };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.store = useService("mail.store");
        this.ui = useService("ui");
        this.keepLast = new KeepLast();
        this.state = useState({ card: false, isBusy: false });
        // A guest may have left an address, and whoever writes may have put more into its cart.
        useBus(this.env.bus, "discuss.channel/new_message", ({ detail: { channel, message } }) => {
            const isSaid = !message.isSelfAuthored && !message.isNotification;
            if (channel.eq(this.props.thread) && isSaid) {
                void this.load(this.props.thread);
            }
        });
        // Whoever opened the chat while the connection was lost has seen none.
        useBus(useService("bus_service"), "BUS:RECONNECT", () => void this.load(this.props.thread));
        // A guest who signs in is somebody else from then on, with orders.
        let known = {};
        useEffect(
            (id, buyerId) => {
                if (known.id === id && known.buyerId && buyerId && known.buyerId !== buyerId) {
                    void this.load(this.props.thread);
                }
                known = { id, buyerId };
            },
            () => [this.props.thread.id, this.props.thread.livechatVisitorMember?.id],
        );
        // The messages do not wait for it.
        onWillStart(() => void this.load(this.props.thread));
        onWillUpdateProps(({ thread }) => {
            if (thread.id !== this.props.thread.id) {
                this.state.card = false;
                void this.load(thread);
            }
        });
    }

    async load(thread) {
        try {
            const card = await this.keepLast.add(
                this.orm.silent.call("discuss.channel", "get_buyer_card", [[thread.id]]),
            );
            this.state.card = card;
            if (card) {
                thread.dispatch_title = card.title;
            }
        } catch (error) {
            // The chat was taken away, or the connection is lost: the chat itself says so.
            if (error instanceof RPCError) {
                this.state.card = false;
            }
        }
    }

    get card() {
        return this.state.card;
    }

    /** Where the buyer is, and what it speaks. */
    get place() {
        const { country, language } = this.card;
        return [country?.name, language].filter(Boolean).join(" · ");
    }

    get timezone() {
        const { timezone } = this.card;
        return timezone && luxon.IANAZone.isValidZone(timezone) ? timezone : "";
    }

    get waited() {
        const { waited } = this.card;
        return waited ? _t("Waited %s for an agent", formatDuration(waited)) : "";
    }

    get cart() {
        const { count, total } = this.card.cart;
        const pieces = count === 1 ? _t("1 piece") : _t("%s pieces", count);
        return total ? _t("%(pieces)s, %(total)s", { pieces, total }) : pieces;
    }

    get earlierTitle() {
        const { count } = this.card.earlier;
        return count === 1 ? _t("1 earlier chat") : _t("%s earlier chats", count);
    }

    formatDate(moment) {
        return deserializeDateTime(moment).toLocaleString(luxon.DateTime.DATE_MED);
    }

    /** Make room for another page, and keep the chat at hand, as core does for a contact. */
    makeRoom() {
        const { thread } = this.props;
        if (this.ui.isSmall) {
            this.store.ChatWindow.get({ thread })?.fold();
        } else {
            thread.openChatWindow({ focus: true });
        }
    }

    open(model, id) {
        this.makeRoom();
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
            target: "current",
        });
    }

    openPickings({ name, pickings }) {
        if (pickings.length === 1) {
            return this.open("stock.picking", pickings[0]);
        }
        this.makeRoom();
        return this.action.doAction({
            type: "ir.actions.act_window",
            name,
            res_model: "stock.picking",
            domain: [["id", "in", pickings]],
            views: [
                [false, "list"],
                [false, "form"],
            ],
        });
    }

    /** Start one of Odoo's own wizards on a record; what it did is seen afterwards. */
    async startWizard(xmlid, model, id) {
        this.makeRoom();
        await this.action.doAction(xmlid, {
            additionalContext: { active_model: model, active_id: id, active_ids: [id] },
            onClose: () => void this.load(this.props.thread),
        });
    }

    async openEarlier() {
        const args = [[this.props.thread.id]];
        const action = await this.orm.call("discuss.channel", "action_open_earlier", args);
        this.makeRoom();
        return this.action.doAction(action);
    }

    async openChat(id) {
        const thread = await this.store.Thread.getOrFetch({ model: "discuss.channel", id });
        thread?.open({ focus: true });
    }

    async makeContact() {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        const { id } = this.props.thread;
        try {
            const card = await this.orm.call("discuss.channel", "action_make_contact", [[id]]);
            // The agent may look at another chat by now, whose buyer is another one.
            if (id === this.props.thread.id) {
                this.state.card = card;
            }
        } finally {
            this.state.isBusy = false;
        }
    }
}

Object.assign(LivechatChannelInfoList.components, { BuyerPanel });
