import { ChatWindow } from "@mail/core/common/chat_window";
import { Component } from "@odoo/owl";
import { useService } from "@web/core/utils/hooks";

/** As many characters of an order's number as the server takes. */
const ORDER_LENGTH = 64;

/** What the shop asks before the chat; who just writes is served as well. */
export class FirstQuestion extends Component {
    static template = "im_livechat_subaccount.FirstQuestion";
    static props = { thread: Object };

    setup() {
        this.livechat = useService("im_livechat.livechat");
        this.orderLength = ORDER_LENGTH;
    }

    get question() {
        const { thread } = this.props;
        // A bot asks its own questions.
        return thread.isTransient && !thread.chatbot && this.livechat.options.dispatch_question;
    }

    choose(topic) {
        const { thread } = this.props;
        // Once more takes it back.
        thread.livechat_wished_group_id =
            thread.livechat_wished_group_id === topic.id ? undefined : topic.id;
        thread.chat_window?.focus();
    }

    nameOrder({ target }) {
        this.props.thread.livechat_order_number = target.value;
    }
}

Object.assign(ChatWindow.components, { FirstQuestion });
