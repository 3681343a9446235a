import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("im_livechat_subaccount.buyer_dispatch", {
    steps: () => [
        {
            content: "Open the chat",
            trigger: ".o-livechat-root:shadow .o-livechat-LivechatButton",
            run: "click",
        },
        {
            content: "The reception desk welcomes the buyer, nobody is bound yet",
            trigger:
                ".o-livechat-root:shadow .o-mail-ChatWindow:contains(Flagship Shop)" +
                ":not(:contains(Maria)):not(:contains(Omar)) .o-mail-Thread[data-transient]",
        },
        {
            content: "Ask something",
            trigger: ".o-livechat-root:shadow .o-mail-Composer-input",
            run: "edit Is the blue one in stock?",
        },
        {
            content: "Send it",
            trigger: ".o-livechat-root:shadow .o-mail-Composer-input",
            run: "press Enter",
        },
        {
            content: "The chosen agent is named",
            trigger:
                ".o-livechat-root:shadow .o-mail-ChatWindow:has(.o-mail-ChatWindow-header:contains(Maria))" +
                " .o-mail-Thread:not([data-transient])",
        },
        {
            content: "The message arrived",
            trigger: ".o-livechat-root:shadow .o-mail-Message:contains(Is the blue one in stock?)",
        },
    ],
});
