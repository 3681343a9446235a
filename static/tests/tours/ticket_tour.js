import { registry } from "@web/core/registry";
import { fit, press } from "./walk";

/** The button in the head of a chat, on a phone in the menu of its window; both by their sign. */
const pressTicket = (name) =>
    fit(
        [{ content: name, trigger: `button[name=${name}]`, run: press }],
        [
            {
                content: "What else there is",
                trigger: ".o-mail-ChatWindow-moreActions",
                run: press,
            },
            {
                content: name,
                trigger:
                    ".o-mail-ActionList-button:has(.fa-ticket), .o-dropdown-item:has(.fa-ticket)",
                run: press,
            },
        ],
    );

registry.category("web_tour.tours").add("im_livechat_subaccount_ticket_tour", {
    steps: () => [
        { content: "The chat is there", trigger: ".o-mail-Message:contains(Is it in stock?)" },
        ...pressTicket("livechat-make-ticket"),
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
        ...pressTicket("livechat-open-ticket"),
        {
            content: "The ticket",
            trigger: ".o_form_view .o_field_widget[name=description]:contains(Is it in stock?)",
        },
    ],
});
