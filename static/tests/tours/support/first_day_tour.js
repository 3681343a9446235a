import { registry } from "@web/core/registry";

const ROOT = ".o-livechat-root:shadow";

registry.category("web_tour.tours").add("im_livechat_subaccount.first_day_buyer", {
    steps: () => [
        {
            content: "Open the chat",
            trigger: `${ROOT} .o-livechat-LivechatButton`,
            run: ({ click }) => {
                console.log("[first day] screen The shop|");
                console.log("[first day] click");
                return click();
            },
        },
        {
            content: "Ask something",
            trigger: `${ROOT} .o-mail-Composer-input`,
            run: "edit Is the blue one in stock?",
        },
        { content: "Send it", trigger: `${ROOT} .o-mail-Composer-input`, run: "press Enter" },
        {
            content: "The agent is named",
            trigger: `${ROOT} .o-mail-ChatWindow-header:contains(Chen Jing)`,
        },
    ],
});
