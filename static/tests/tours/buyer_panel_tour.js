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
            content: "Where it is, and what time it is there",
            trigger: `${PANEL} .o_livechat_buyer_place:contains(/(China|中国) · French/)`,
            run: ({ anchor }) => {
                const there = luxon.DateTime.now().setZone("Asia/Shanghai");
                // The page was drawn a moment ago.
                const times = [0, 1, 2, 3].map((minutes) =>
                    there.minus({ minutes }).toLocaleString(luxon.DateTime.TIME_SIMPLE),
                );
                const [said] = anchor.textContent.split(" · ").slice(2);
                if (!times.some((time) => said === say(`${time} there`, `当地时间 ${time}`))) {
                    throw new Error(`${said} is not what time it is there: ${times}`);
                }
            },
        },
        {
            content: "To which group it came, and how long it waited",
            trigger: `${PANEL}:has(.o_livechat_buyer_group:contains(After-sales)) .o_livechat_buyer_waited:contains(${say("Waited 1 min 35 s for an agent", "等待客服 1 分 35 秒")})`,
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
