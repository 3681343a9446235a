import { registry } from "@web/core/registry";
import { press, say } from "./walk";

registry.category("web_tour.tours").add("im_livechat_subaccount.dispatch_reason", {
    steps: () => [
        {
            content: "The chat says why it came",
            trigger: `.o_livechat_dispatch_reason:contains(${say(
                "Your turn: 0.7 chats behind your share",
                "轮到您：比应得份额少 0.7 个对话",
            )})`,
        },
        {
            content: "Ask for more",
            trigger: `.o_livechat_dispatch_reason button:contains(${say("Why?", "为什么？")})`,
            run: press,
        },
        {
            content: "The record tells who else could have taken it",
            trigger: `.modal .o_form_view:contains(${say("Who could take the chat, best first", "可接待的客服，最优在前")}):contains(omar_why)`,
        },
        { content: "Back", trigger: ".modal .btn-close, .modal .oi-arrow-left", run: press },
        { content: "The chat is still there", trigger: "body:not(:has(.modal)) .o-mail-Message" },
    ],
});
