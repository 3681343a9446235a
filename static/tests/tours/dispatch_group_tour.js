import { registry } from "@web/core/registry";

const choose = (field, text) => [
    {
        content: `Look for ${text} in ${field}`,
        trigger: `.o_field_widget[name=${field}] input`,
        run: `edit ${text}`,
    },
    {
        content: `Choose ${text}`,
        trigger: `.o-autocomplete--dropdown-item:contains(${text}) a`,
        run: "click",
    },
];

registry.category("web_tour.tours").add("im_livechat_subaccount.dispatch_group", {
    steps: () => [
        { content: "A new group", trigger: ".o_list_button_add", run: "click" },
        {
            content: "Its name",
            trigger: ".o_field_widget[name=name] input",
            run: "edit Refunds",
        },
        ...choose("channel_id", "Flagship Shop"),
        ...choose("parent_id", "Top"),
        {
            content: "A line of its scope",
            trigger: ".o_field_widget[name=scope_ids] .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "Only the value of the chosen kind is asked for",
            trigger: ".modal .o_form_view:not(:has([name=country_id])):has([name=page_pattern])",
        },
        {
            content: "A page",
            trigger: ".modal .o_field_widget[name=page_pattern] input",
            run: "edit /refund",
        },
        { content: "Add it", trigger: ".modal .o_form_button_save", run: "click" },
        {
            content: "It is listed",
            trigger: "body:not(:has(.modal)) .o_data_row:contains(/refund)",
        },
        { content: "Save", trigger: ".o_form_button_save", run: "click" },
        { content: "Wait until it is saved", trigger: ".o_form_saved" },
        { content: "Try a buyer", trigger: "button[name=action_test]", run: "click" },
        {
            content: "Nobody fits yet",
            trigger: ".modal [name=result]:contains(default group)",
        },
        {
            content: "On a page for refunds",
            trigger: ".modal .o_field_widget[name=page] input",
            run: "edit https://shop.example.com/refund/1 && press Tab",
        },
        {
            content: "It answers without being saved",
            trigger: ".modal [name=result]:contains(This buyer goes to Refunds.)",
        },
        { content: "Close", trigger: ".modal footer button", run: "click" },
        {
            content: "Back to the list",
            trigger: "body:not(:has(.modal)) .breadcrumb-item a:contains(Dispatch Groups)",
            run: "click",
        },
        { content: "The tree", trigger: ".o_switch_view.o_hierarchy", run: "click" },
        {
            content: "Refunds is below Top",
            trigger: ".o_hierarchy_node:contains(Top)",
        },
    ],
});
