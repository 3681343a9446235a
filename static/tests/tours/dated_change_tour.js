import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

const cell = (name) => `.o_field_x2many_list tr.o_data_row:last .o_data_cell[name=${name}]`;
const dialogOk = {
    content: "Say yes",
    trigger: ".modal footer .btn-primary:enabled",
    run: "click",
};

tours.add("im_livechat_subaccount.dated_change", {
    steps: () => [
        {
            content: "Nothing is planned; the page says what to do",
            trigger: ".o_view_nocontent:contains(11 November)",
        },
        { content: "New", trigger: ".o_list_button_add", run: "click" },
        {
            content: "Choose the channel",
            trigger: ".o_field_widget[name=channel_id] input",
            run: "edit Tour Shop",
        },
        {
            content: "Take it",
            trigger: ".o-autocomplete--dropdown-item:contains(Tour Shop)",
            run: "click",
        },
        {
            content: "Open the examples",
            trigger: ".o_field_widget[name=preset] input",
            run: "click",
        },
        {
            content: "11 November",
            trigger: ".o_select_menu_item:contains(11 November)",
            run: "click",
        },
        {
            content: "Its name is filled in",
            trigger: ".o_field_widget[name=name] input:value(11 November)",
        },
        {
            content: "Everybody may have more chats",
            trigger: ".o_field_widget[name=max_sessions_mode] input",
            run: "click",
        },
        {
            content: "Limited",
            trigger: ".o_select_menu_item:contains(Limited)",
            run: "click",
        },
        {
            content: "Ten at weight 100",
            trigger: ".o_field_widget[name=max_sessions] input",
            run: "edit 10",
        },
        {
            content: "Add an agent",
            trigger: ".o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "Who",
            trigger: `${cell("user_id")} input`,
            run: "edit Maria",
        },
        {
            content: "Maria",
            trigger: ".o-autocomplete--dropdown-item:contains(Maria)",
            run: "click",
        },
        {
            content: "Weight 300",
            trigger: `${cell("weight")} input`,
            run: "edit 300",
        },
        { content: "Plan it", trigger: "button[name=action_plan]", run: "click" },
        {
            content: "It says when it starts by itself",
            trigger: ".alert-info:contains(It starts by itself)",
        },
        { content: "See the preview", trigger: "button[name=action_preview]", run: "click" },
        {
            content: "Maria gets three quarters of the buyers then",
            trigger:
                ".o_livechat_forecast_agents tr:contains(Maria):contains(300):contains(75.0 %):contains(11 November)",
        },
        {
            content: "Omar has room for ten",
            trigger: ".o_livechat_forecast_agents tr:contains(Omar):contains(25.0 %):contains(10)",
        },
        {
            content: "The times are listed",
            trigger: ".o_livechat_forecast_times tr:contains(11 November)",
        },
        {
            content: "Back to the change",
            trigger: ".o_back_button, .breadcrumb-item:contains(11 November) a",
            run: "click",
        },
        { content: "Start it now", trigger: "button[name=action_start]", run: "click" },
        dialogOk,
        { content: "It is in force", trigger: ".alert-info:contains(In force since)" },
        { content: "Undo", trigger: "button[name=action_undo]", run: "click" },
        {
            content: "Planned again",
            trigger: ".alert-info:contains(It starts by itself)",
        },
    ],
});

tours.add("im_livechat_subaccount.change_log", {
    steps: () => [
        {
            content: "Who changed what, from what, to what",
            trigger:
                "tr.o_data_row:contains(Dispatch Weight):contains(Maria):contains(100):contains(250)",
        },
        {
            content: "Undo it",
            trigger: "tr.o_data_row:contains(250):first button[name=action_undo]",
            run: "click",
        },
        {
            content: "The undo is logged",
            trigger: "tr.o_data_row:contains(Undone by hand):contains(Maria)",
        },
        {
            content: "What was undone is not to be undone again",
            trigger:
                "tr.o_data_row:contains(By hand):contains(250):not(:has(button[name=action_undo]))",
        },
    ],
});

tours.add("im_livechat_subaccount.change_log_phone", {
    steps: () => [
        {
            content: "Cards on a phone",
            trigger: ".o_kanban_record:contains(Maria):contains(250)",
        },
        {
            content: "Undo it",
            trigger: ".o_kanban_record:contains(250) button[name=action_undo]",
            run: "click",
        },
        {
            content: "The undo is logged",
            trigger: ".o_kanban_record:not(:has(button)):contains(250)",
        },
    ],
});
