import { registry } from "@web/core/registry";
import { fit, press, say } from "./walk";

const PANEL = ".o_livechat_buyer_panel";

/** Steps to the panel, which is beside the chat or on a phone behind it. */
const openPanel = () =>
    fit(
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
    );

registry.category("web_tour.tours").add("im_livechat_subaccount.buyer_panel", {
    steps: () => [
        ...openPanel(),
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

const FORM = ".o_form_view";

// What is pressed, and what that leads to, by the names that the test gives.
for (const [name, steps] of Object.entries({
    cart: [".o_livechat_buyer_cart button", `${FORM} [name=note]:contains(What is in the cart)`],
    order: [".o_livechat_buyer_open:last", `${FORM} [name=note]:contains(What has come)`],
    delivery: [".o_livechat_buyer_delivery:last", `${FORM} [name=origin]:contains(One parcel)`],
    deliveries: [
        ".o_livechat_buyer_delivery:first",
        ".o_list_view:has(.o_data_row:contains(First parcel)) .o_data_row:contains(Second parcel)",
    ],
    refund: [
        ".o_livechat_buyer_refund",
        ".modal button[name=refund_moves]",
        `body:not(:has(.modal)) ${FORM} [name=invoice_line_ids]:contains(Desk lamp)`,
    ],
})) {
    registry.category("web_tour.tours").add(`im_livechat_subaccount.buyer_panel_${name}`, {
        steps: () => {
            const presses = steps.slice(0, -1);
            return [
                ...openPanel(),
                ...presses.map((trigger) => ({ content: `Press ${trigger}`, trigger, run: press })),
                { content: "What it is", trigger: steps.at(-1) },
            ];
        },
    });
}
