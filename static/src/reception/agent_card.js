import { Component, onWillStart, useEffect, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { useLooks } from "./looks";
import { label } from "./phrase";
import { useSteering } from "./steering";
import { WaitedTime } from "./waited_time";

/** The longest whisper, in characters; the server refuses longer ones. */
const WHISPER_LENGTH = 500;

/** Says something to the agent of a chat that its buyer never learns. */
export class WhisperLine extends Component {
    static template = "im_livechat_subaccount.Reception.WhisperLine";
    static props = { name: String, onSay: Function };

    setup() {
        this.length = WHISPER_LENGTH;
        this.state = useState({ text: "", isBusy: false });
        this.label = _t("Whisper to %s: the buyer does not see it", this.props.name);
    }

    async onSubmit() {
        const text = this.state.text.trim();
        if (!text || this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            if (await this.props.onSay(text)) {
                this.state.text = "";
            }
        } finally {
            this.state.isBusy = false;
        }
    }
}

/** What an agent does now: its open chats, and what can be done with them. */
export class AgentCard extends Component {
    static template = "im_livechat_subaccount.Reception.AgentCard";
    static components = { WaitedTime, WhisperLine };
    static props = {
        agent: Object,
        group: Object,
        member: Object,
        mayManage: Boolean,
        model: Object,
    };

    setup() {
        this.agent = useState(this.props.agent);
        this.member = useState(this.props.member);
        this.orm = useService("orm");
        this.steering = useSteering(this.props.model);
        this.state = useState({ chats: [], isKnown: false, reasons: [], whispersTo: false });
        onWillStart(() => Promise.all([this.load(), this.loadReasons()]));
        let shown = this.agent.load;
        useEffect(
            (load) => {
                if (load !== shown) {
                    shown = load;
                    void this.load();
                }
            },
            () => [this.agent.load],
        );
        useLooks(() => this.fetch());
    }

    async load() {
        await this.props.model.try(() => this.fetch());
    }

    async fetch() {
        const args = [this.agent.id];
        const chats = await this.orm.silent.call("discuss.channel", "get_agent_chats", args);
        this.state.isKnown = true;
        this.state.chats = chats.map((chat) => ({
            ...chat,
            since: chat.asked_at && deserializeDateTime(chat.asked_at).toMillis(),
        }));
    }

    async loadReasons() {
        if (this.agent.may_pause) {
            this.state.reasons = await this.props.model.try(() =>
                this.orm.silent.call("res.users", "get_pause_reasons", [[this.agent.id]]),
            );
        }
    }

    /** Of a group beside others; who serves one alone just pauses. */
    get mayPauseHere() {
        return this.props.mayManage && Boolean(this.props.group.id);
    }

    get pauseHereLabel() {
        const { name } = this.props.group;
        return this.member.paused_here
            ? _t("Takes buyers of %s again", name)
            : _t("Only in %s", name);
    }

    get title() {
        if (!this.state.isKnown) {
            return _t("The chats of %s could not be loaded", this.agent.name);
        }
        return this.state.chats.length
            ? _t("Open chats of %s", this.agent.name)
            : _t("%s has no open chat", this.agent.name);
    }

    nameOf(chat) {
        return chat.name || _t("A buyer");
    }

    labelOf(what, chat) {
        return label(what, this.nameOf(chat));
    }

    get words() {
        return {
            listen: _t("Listen in"),
            whisper: _t("Whisper"),
            transfer: _t("Transfer"),
            takeOver: _t("Take over"),
            end: _t("End"),
        };
    }

    toggleWhisper(chat) {
        this.state.whispersTo = this.state.whispersTo === chat.id ? false : chat.id;
    }

    async whisper(chat, text) {
        const isSaid = await this.steering.call("action_whisper", chat.id, [text]);
        if (isSaid) {
            this.props.model.say(_t("Whispered to %s; the buyer does not see it", this.agent.name));
            this.state.whispersTo = false;
        }
        return isSaid;
    }
}
