import { registry } from "@web/core/registry";
import { press, pressInChat } from "./walk";

registry.category("web_tour.tours").add("im_livechat_subaccount_ticket_tour", {
    steps: () => [
        { content: "The chat is there", trigger: ".o-mail-Message:contains(Is it in stock?)" },
        ...pressInChat("livechat-make-ticket", "fa-ticket"),
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
        ...pressInChat("livechat-open-ticket", "fa-ticket"),
        {
            content: "The ticket",
            trigger: ".o_form_view .o_field_widget[name=description]:contains(Is it in stock?)",
        },
    ],
});
