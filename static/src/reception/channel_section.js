import { Component, onMounted, useRef, useState } from "@odoo/owl";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { usePopover } from "@web/core/popover/popover_hook";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { useDraggable } from "@web/core/utils/draggable";
import { useSortable } from "@web/core/utils/sortable_owl";
import { AgentRow } from "./agent_row";
import { BuyerCard } from "./buyer_card";
import { useFixes } from "./fault_line";
import { describeWait } from "./reception_texts";
import { useRovingFocus } from "./roving_focus";
import { useSteering } from "./steering";
import { WaitedTime } from "./waited_time";

/** To which group an agent can go. */
export class MoveMenu extends Component {
    static template = "im_livechat_subaccount.Reception.MoveMenu";
    static props = { name: String, targets: Array, onChoose: Function, close: Function };

    setup() {
        this.root = useRef("root");
        this.label = _t("Groups for %s", this.props.name);
        onMounted(() => this.root.el.querySelector("button")?.focus());
    }

    choose(groupId) {
        this.props.close();
        this.props.onChoose(groupId);
    }

    /** Up and down, as in any menu. */
    onKeydown(ev) {
        const steps = { ArrowDown: 1, ArrowUp: -1 };
        if (ev.key in steps) {
            ev.preventDefault();
            const buttons = [...this.root.el.querySelectorAll("button")];
            const index = buttons.indexOf(document.activeElement) + steps[ev.key];
            buttons.at(index % buttons.length).focus();
        }
    }
}

/** So many of those who wait are shown at first: a long line pushes nobody off the page. */
const SHOWN = 5;

/** Who waits for a group, and why. */
export class WaitingList extends Component {
    static template = "im_livechat_subaccount.Reception.WaitingList";
    static components = { BuyerCard, Dropdown, DropdownItem, WaitedTime };
    static props = {
        group: Object,
        channel: Object,
        clock: Object,
        model: Object,
        mayRead: Boolean,
        mayManage: Boolean,
    };

    setup() {
        this.action = useService("action");
        this.dialog = useService("dialog");
        this.orm = useService("orm");
        this.steering = useSteering(this.props.model);
        this.group = useState(this.props.group);
        this.state = useState({ showsAll: false, openId: false });
        this.list = useRef("list");
        this.roving = useRovingFocus(
            this.list,
            ".o_livechat_reception_buyer, .o_livechat_reception_line_end",
        );
    }

    get shown() {
        return this.state.showsAll ? this.group.waiting : this.group.waiting.slice(0, SHOWN);
    }

    get moreTitle() {
        return _t("Show all %s who wait", this.group.waiting.length);
    }

    toggle(chat) {
        this.state.openId = this.state.openId === chat.id ? false : chat.id;
    }

    describeFirst(chat) {
        return _t("%s: goes first", chat.goes_first);
    }

    whyWaits(chat) {
        return describeWait(chat, this.group.reason, this.group.hasRoom);
    }

    nameOf(chat) {
        return chat.name || _t("A buyer");
    }

    describeDecisions(chat) {
        return _t("Why: decisions about %s", this.nameOf(chat));
    }

    describeMenu(chat) {
        return _t("What to do with %s", this.nameOf(chat));
    }

    putFirst(chat) {
        return this.steering.call("action_put_first", chat.id);
    }

    end(chat) {
        this.dialog.add(ConfirmationDialog, {
            body: _t("The chat ends without an answer. End it?"),
            confirm: () => this.steering.call("action_end_wait", chat.id),
            confirmLabel: _t("End"),
            cancel: () => {},
        });
    }

    async block(chat) {
        const action = await this.steering.call("action_block", chat.id);
        if (action) {
            await this.action.doAction(action, { onClose: () => this.props.model.restNoMore() });
        }
    }

    get waitingTitle() {
        return _t("Waiting: %s", this.group.waiting.length);
    }

    /** What was decided about a buyer; of one decision the page, of several the list. */
    async openDecisions(chat) {
        const domain = [["discuss_channel_id", "=", chat.id]];
        const ids = await this.orm.search("livechat.dispatch.decision", domain, { limit: 2 });
        const one = ids.length === 1 && { res_id: ids[0], views: [[false, "form"]] };
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Decisions"),
            res_model: "livechat.dispatch.decision",
            views: [
                [false, "list"],
                [false, "form"],
            ],
            domain,
            ...one,
        });
    }

    openWaiting() {
        return this.action.doAction("im_livechat_subaccount.livechat_waiting_action", {
            additionalContext: { search_default_livechat_channel_id: this.props.channel.id },
        });
    }
}

/** A dispatch group: its agents and who waits for them. */
export class GroupSection extends Component {
    static template = "im_livechat_subaccount.Reception.Group";
    static components = { AgentRow, WaitingList };
    static props = {
        group: Object,
        channel: Object,
        model: Object,
        mayManage: Boolean,
        mayMove: Boolean,
        onMove: Function,
    };

    setup() {
        this.action = useService("action");
        this.group = useState(this.props.group);
        this.channel = useState(this.props.channel);
        this.fix = useFixes(this.props.model);
        this.members = useRef("members");
        this.roving = useRovingFocus(this.members, ".o_livechat_reception_agent");
    }

    agentOf(member) {
        return this.props.model.agents[member.user_id];
    }

    get weightTitle() {
        return _t("Weight (%(min)s–%(max)s)", this.props.model.limits);
    }

    openForm() {
        const { id } = this.group;
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: id ? "livechat.dispatch.group" : "im_livechat.channel",
            res_id: id || this.channel.id,
            views: [[false, "form"]],
        });
    }
}

/** A channel: today's figures and its tree of groups. */
export class ChannelSection extends Component {
    static template = "im_livechat_subaccount.Reception.Channel";
    static components = { GroupSection };
    static props = { channel: Object, model: Object, Figures: Function };

    setup() {
        this.action = useService("action");
        this.channel = useState(this.props.channel);
        this.model = useState(this.props.model);
        this.root = useRef("root");
        this.popover = usePopover(MoveMenu, {
            onClose: () => this.movedFrom?.focus(),
            position: "bottom-end",
        });
        useSortable({
            ref: this.root,
            enable: () => this.mayMove,
            elements: ".o_livechat_reception_agent",
            groups: ".o_livechat_reception_members",
            handle: ".o_livechat_reception_handle, .o_livechat_reception_grip",
            connectGroups: true,
            cursor: "grabbing",
            onGroupEnter: ({ group }) => group.classList.add("o_livechat_reception_target"),
            onGroupLeave: ({ group }) => group.classList.remove("o_livechat_reception_target"),
            onDragEnd: () => {
                for (const group of this.root.el.querySelectorAll(".o_livechat_reception_target")) {
                    group.classList.remove("o_livechat_reception_target");
                }
            },
            onDrop: ({ element, group, parent }) => {
                const [from, to] = [group, parent].map((el) => Number(el.dataset.groupId));
                if (from !== to) {
                    this.props.model.move(this.channel, Number(element.dataset.userId), from, to);
                }
            },
        });
        const steering = useSteering(this.props.model);
        const onDragged = (element) => {
            this.root.el
                .querySelectorAll(".o_livechat_reception_receiver")
                .forEach((row) => row.classList.remove("o_livechat_reception_receiver"));
            element?.classList.add("o_livechat_reception_receiver");
        };
        /** The agent under the pointer, where a buyer can be let go; by place, as nothing on the page
            takes pointers while something is dragged. */
        const findReceiver = ({ x, y }) =>
            [...this.root.el.querySelectorAll(".o_livechat_reception_agent")].find((row) => {
                const { left, right, top, bottom } = row.getBoundingClientRect();
                return left <= x && x < right && top <= y && y < bottom;
            });
        useDraggable({
            ref: this.root,
            enable: () => this.channel.may_manage,
            elements: ".o_livechat_reception_buyer[data-given]",
            handle: ".o_livechat_reception_buyer_name",
            cursor: "grabbing",
            onDrag: (params) => onDragged(findReceiver(params)),
            onDragEnd: () => onDragged(),
            onDrop: (params) => {
                // Whoever has gone meanwhile is drawn for a moment still.
                const agent = this.props.model.agents[findReceiver(params)?.dataset.userId];
                if (agent) {
                    void steering.give(Number(params.element.dataset.chatId), agent);
                }
            },
        });
        this.onMove = (target, agent, group) => this.openMove(target, agent, group);
    }

    get mayMove() {
        return this.channel.may_manage && this.channel.groups.length > 1;
    }

    get agentCount() {
        return this.channel.groups.reduce((sum, group) => sum + group.members.length, 0);
    }

    /** Who waits is shown also while there is nobody to serve. */
    get shownGroups() {
        const { groups } = this.channel;
        return this.agentCount ? groups : groups.filter((group) => group.waiting.length);
    }

    openMove(target, agent, group) {
        const { channel } = this;
        this.movedFrom = target;
        const others = channel.groups.filter((other) => other.id !== group.id);
        this.popover.open(target, {
            name: agent.name,
            targets: others.map(({ id, name }) => ({
                id,
                label: id ? _t("Move to %s", name) : _t("Take out of %s", group.name),
            })),
            onChoose: (to) => this.props.model.move(channel, agent.id, group.id, to),
        });
    }

    openChannel() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "im_livechat.channel",
            res_id: this.channel.id,
            views: [[false, "form"]],
        });
    }
}
