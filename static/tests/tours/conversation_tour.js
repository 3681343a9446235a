import { registry } from "@web/core/registry";
import { fit, openFromReception, press, say, withClicks } from "./walk";

const tours = registry.category("web_tour.tours");

tours.add("im_livechat_subaccount.conversation", {
    steps: () => [
        // From Reception to the chat in which a word was said; on a phone the menu and the box are
        // one click each further away.
        ...withClicks("find a conversation by a word", fit(2, 4), [
            ...openFromReception(
                "o_livechat_reception_find",
                "im_livechat_subaccount.livechat_conversation_menu",
            ),
            {
                content: "All chats of the shop",
                trigger: `.o_breadcrumb:contains(${say("Conversations", "对话记录")})`,
            },
            ...fit(
                [],
                [
                    {
                        content: "Show the search box",
                        trigger: ".o_control_panel button:has(.fa-search)",
                        run: press,
                    },
                ],
            ),
            {
                content: "A word",
                trigger: ".o_searchview_input",
                run: "edit 退货",
            },
            {
                content: "What is looked for first is what was said",
                trigger: `.o_searchview_autocomplete .o-dropdown-item:first:contains(${say("Words", "关键词")})`,
            },
            { content: "Look", trigger: ".o_searchview_input", run: "press Enter" },
            {
                content: "The chat in which it was said, and no other",
                trigger: `.o_content:has(${fit(".o_data_row", ".o_kanban_record:not(.o_kanban_ghost)")}:contains(Lu Wei)):not(:has(${fit(".o_data_row", ".o_kanban_record")}:contains(John)))`,
            },
            {
                content: "Open it",
                trigger: `${fit(".o_data_row td[name=livechat_buyer]", ".o_kanban_record")}:contains(Lu Wei)`,
                run: press,
            },
            {
                content: "What was said, by whom",
                trigger: ".o_livechat_said:contains(Lu Wei):contains(请问退货什么时候到账)",
            },
            {
                content: "What was decided between the lines",
                trigger: `.o_livechat_decided:contains(${say("Assigned: Maria Santos", "已分配：Maria Santos")})`,
            },
        ]),
    ],
});
