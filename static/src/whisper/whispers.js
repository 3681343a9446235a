import { ChatWindow } from "@mail/core/common/chat_window";
import { DiscussContent } from "@mail/core/public_web/discuss_content";
import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { KeepLast } from "@web/core/utils/concurrency";
import { useBus, useService } from "@web/core/utils/hooks";

/** Above the messages of a live chat: what who manages dispatch whispered to its agent. */
export class Whispers extends Component {
    static template = "im_livechat_subaccount.Whispers";
    static props = { thread: Object };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ whispers: [] });
        // An answer that comes late does not take back what was whispered meanwhile.
        this.keepLast = new KeepLast();
        const service = useService("im_livechat_subaccount.whispers");
        useBus(service.bus, "WHISPER", ({ detail }) => {
            if (detail.id === this.props.thread.id) {
                void this.load(this.props.thread);
            }
        });
        // Whoever opened the chat while the connection was lost has seen none.
        useBus(useService("bus_service"), "BUS:RECONNECT", () => void this.load(this.props.thread));
        // The messages do not wait for it.
        onWillStart(() => void this.load(this.props.thread));
        onWillUpdateProps(({ thread }) => {
            if (thread.id !== this.props.thread.id) {
                this.state.whispers = [];
                void this.load(thread);
            }
        });
    }

    async load(thread) {
        const { id } = thread;
        try {
            const whispers = await this.keepLast.add(
                this.orm.silent.call("discuss.channel", "get_whispers", [[id]]),
            );
            if (id === this.props.thread.id) {
                this.state.whispers = whispers;
            }
        } catch (error) {
            // The chat was taken away, or the connection is lost: the chat itself says so. What fails
            // may have been asked for the chat before.
            if (error instanceof RPCError && id === this.props.thread.id) {
                this.state.whispers = [];
            }
        }
    }

    describe({ by, moment, is_mine: isMine }) {
        const time = deserializeDateTime(moment).toLocaleString(luxon.DateTime.TIME_SIMPLE);
        return isMine
            ? _t("%(name)s to you at %(time)s, unseen by the buyer:", { name: by, time })
            : _t("%(name)s to the agent at %(time)s, unseen by the buyer:", { name: by, time });
    }
}

/** So long the way to a whisper is offered; milliseconds. */
const TIME_SHOWN = 15_000;

/** Tells open chats of a whisper, and the agent whose chat is not open: of which it is. */
export const whisperService = {
    dependencies: ["bus_service", "mail.store", "notification"],

    start(env, { bus_service: bus, "mail.store": store, notification }) {
        const service = { bus: new EventTarget() };
        bus.subscribe("livechat_dispatch/whisper", async (whisper) => {
            service.bus.dispatchEvent(new CustomEvent("WHISPER", { detail: whisper }));
            const chat = await store.Thread.getOrFetch({
                model: "discuss.channel",
                id: whisper.id,
            }).catch(() => undefined);
            const open = () => {
                close();
                chat.open({ focus: true });
            };
            const close = notification.add(
                _t("%s whispers to you: see above the chat", whisper.by),
                {
                    type: "info",
                    title: chat?.displayName,
                    autocloseDelay: TIME_SHOWN,
                    buttons: chat ? [{ name: _t("Open"), primary: true, onClick: open }] : [],
                },
            );
        });
        return service;
    },
};

registry.category("services").add("im_livechat_subaccount.whispers", whisperService);

Object.assign(DiscussContent.components, { Whispers });
Object.assign(ChatWindow.components, { Whispers });
