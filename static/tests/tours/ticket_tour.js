import { registry } from "@web/core/registry";
import { fit, press, say } from "./walk";

const make = say("Make ticket", "生成工单");
const open = say("Open ticket", "打开工单");

/** The button in the head of a chat, on a phone in the menu of its window. */
const pressAction = (name, label) =>
    fit(
        [{ content: label, trigger: `button[name=${name}]`, run: press }],
        [
            { content: "What else there is", trigger: ".o-mail-ChatWindow-moreActions", run: press },
            {
                content: label,
                trigger: `.o-mail-ActionList-button:contains(${label}), .o-dropdown-item:contains(${label})`,
                run: press,
            },
        ],
    );

registry.category("web_tour.tours").add("im_livechat_subaccount_ticket_tour", {
    steps: () => [
        { content: "The chat is there", trigger: ".o-mail-Message:contains(Is it in stock?)" },
        ...pressAction("livechat-make-ticket", make),
        {
            content: "The buyer is told with the ticket's number",
            trigger: "#o_livechat_ticket_word:value({ticket})",
        },
        {
            content: "It is about the lamp",
            trigger: "#o_livechat_ticket_title",
            run: "edit Broken lamp",
        },
        { content: "Make it", trigger: ".modal button[type=submit]", run: press },
        {
            content: "The buyer reads its number",
            trigger: "body:not(:has(.modal)) .o-mail-Message:contains(/HT\\d+/)",
        },
        ...pressAction("livechat-open-ticket", open),
        {
            content: "The ticket",
            trigger: ".o_form_view .o_field_widget[name=description]:contains(Is it in stock?)",
        },
    ],
});
