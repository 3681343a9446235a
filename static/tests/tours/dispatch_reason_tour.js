import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("im_livechat_subaccount.dispatch_reason", {
    steps: () => [
        {
            content: "The chat says why it came",
            trigger:
                ".o_livechat_dispatch_reason:contains(Came to you: Highest credit: +0.67 of a chat, among 2 candidates)",
        },
        {
            content: "Ask for more",
            trigger: ".o_livechat_dispatch_reason button:contains(Why?)",
            run: "click",
        },
        {
            content: "The record tells who else could have taken it",
            trigger: ".modal .o_form_view:contains(omar_why)",
        },
        { content: "Back", trigger: ".modal .btn-close, .modal .oi-arrow-left", run: "click" },
        { content: "The chat is still there", trigger: "body:not(:has(.modal)) .o-mail-Message" },
    ],
});
