import { registry } from "@web/core/registry";
import { fit, press, say } from "./walk";

const PANEL = ".o_livechat_buyer_panel";

registry.category("web_tour.tours").add("im_livechat_subaccount.buyer_panel", {
    steps: () => [
        ...fit(
            [],
            [
                {
                    content: "The chat is there",
                    trigger: ".o-mail-Message:contains(Is it in stock?)",
                },
                {
                    content: "Ask for more, on a phone",
                    trigger: ".o-mail-ChatWindow-moreActions",
                    run: press,
                },
                {
                    content: "Who it is",
                    trigger: `.o-mail-ActionList-button:contains(${say("Information", "信息")}), .o-dropdown-item:contains(${say("Information", "信息")})`,
                    run: press,
                },
            ],
        ),
        {
            content: "Who it is, and what it looks at",
            trigger: `${PANEL}:contains(Ella):contains(Desk lamp)`,
        },
        {
            content: "The order, and what can be done",
            trigger: `${PANEL} .o_livechat_buyer_order:contains(${say("Fully Delivered", "")})`,
        },
        { content: "Start a return", trigger: `${PANEL} .o_livechat_buyer_return`, run: press },
        {
            content: "Odoo's own wizard",
            trigger: ".modal button[name=action_create_returns_all]",
            run: press,
        },
        {
            content: "The return",
            trigger: "body:not(:has(.modal)) .o_form_view .o_field_widget[name=origin]",
        },
    ],
});
