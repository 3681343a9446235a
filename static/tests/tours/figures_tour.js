import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

const view = (type) => ({
    content: `Switch to the ${type}`,
    trigger: `.o_cp_switch_buttons .o_switch_view.o_${type}`,
    run: "click",
});

const choose = (field, name) => [
    {
        content: `Look for ${name}`,
        trigger: `.modal .o_field_widget[name=${field}] input`,
        run: `edit ${name}`,
    },
    {
        content: `Choose ${name}`,
        trigger: `.modal .o-autocomplete--dropdown-item:contains(${name})`,
        run: "click",
    },
];

tours.add("im_livechat_subaccount.fairness", {
    steps: () => [
        {
            content: "Three of four chats were Maria's by her weight, and she got them",
            trigger:
                ".o_list_view .o_group_header:contains(Maria Santos):contains(3.00):contains(75%)",
        },
        {
            content: "Who let buyers wait for an answer is shown without asking",
            trigger: ".o_list_view th[data-name=unanswered]:contains(No Answer)",
        },
        {
            content: "Omar got his",
            trigger:
                ".o_list_view .o_group_header:contains(Omar Haddad):contains(1.00):contains(25%)",
        },
        {
            content: "Compare the two",
            trigger: ".o_control_panel button:contains(Compare)",
            run: "click",
        },
        ...choose("first_user_id", "Maria Santos"),
        ...choose("second_user_id", "Omar Haddad"),
        {
            content: "The sentence",
            trigger:
                ".modal .alert:contains(Maria Santos received 2 more than Omar Haddad because: weight +2.0)",
        },
        {
            content: "The parts add up",
            trigger: ".modal tfoot tr:contains(Chats received):contains(+2)",
        },
        { content: "Close", trigger: ".modal footer button:contains(Close)", run: "click" },
        { ...view("pivot"), trigger: `body:not(:has(.modal)) ${view("pivot").trigger}` },
        { content: "The pivot", trigger: ".o_pivot th:contains(Maria Santos)" },
        view("graph"),
        { content: "Entitled beside served", trigger: ".o_graph_renderer canvas" },
        view("list"),
        {
            content: "Look at it over time",
            trigger: ".o_control_panel button:contains(Trend)",
            run: "click",
        },
        {
            content: "The graph over time",
            trigger:
                ".o_action_manager:has(.o_breadcrumb:contains(Difference over Time)) .o_graph_renderer canvas",
        },
    ],
});

tours.add("im_livechat_subaccount.my_statistics", {
    steps: () => [
        {
            content: "Own figures",
            trigger: ".o_breadcrumb:contains(My Statistics)",
        },
        {
            content: "Open the day",
            trigger: ".o_list_view .o_group_header:contains(1.00):contains(25%)",
            run: "click",
        },
        {
            content: "One's own rows and nobody else's, and nothing to compare with",
            trigger:
                ".o_action_manager:has(.o_data_row:contains(Omar Haddad)):not(:has(.o_data_row:contains(Maria Santos))):not(:has(button:contains(Compare)))",
        },
    ],
});

tours.add("im_livechat_subaccount.decision", {
    steps: () => [
        {
            content: "Open the decision",
            trigger: ".o_data_row:contains(Maria Santos) td[name=sentence]",
            run: "click",
        },
        {
            content: "Candidates by rank, the winner first",
            trigger: ".o_form_view table tbody tr:first:contains(1):contains(Maria Santos)",
        },
        {
            content: "Who could not, in words",
            trigger: ".o_form_view li:contains(Pavel Novak):contains(is paused)",
        },
        {
            content: "Run it again",
            trigger: ".o_form_view button[name=action_run_again]",
            run: "click",
        },
        {
            content: "The same winner",
            trigger:
                ".o_notification:contains(The record alone leads to the same outcome: Maria Santos.)",
        },
        { content: "Back", trigger: ".o_breadcrumb .o_back_button a", run: "click" },
        view("pivot"),
        { content: "By agent and kind", trigger: ".o_pivot th:contains(Assigned)" },
        view("graph"),
        { content: "By hour and rule", trigger: ".o_graph_renderer canvas" },
    ],
});

tours.add("im_livechat_subaccount.dispatch_analysis", {
    steps: () => [
        {
            content: "The figures by agent",
            trigger: ".o_pivot:has(th:contains(Maria Santos)):has(th:contains(Left the Line))",
        },
        view("list"),
        {
            content: "What decided about each chat",
            trigger: ".o_data_row:contains(Maria Santos):contains(Highest credit)",
        },
    ],
});

tours.add("im_livechat_subaccount.dispatch_by_agent", {
    steps: () => [
        {
            content: "Who missed, and who transferred",
            trigger:
                ".o_pivot:has(th:contains(Maria Santos)):has(th:contains(No Answer)):has(th:contains(Transfers))",
        },
        view("list"),
        { content: "The rows", trigger: ".o_data_row:contains(Maria Santos)" },
    ],
});

tours.add("im_livechat_subaccount.decision_phone", {
    steps: () => [
        {
            content: "Open the decision",
            trigger: ".o_action_manager .o_kanban_record:contains(Maria Santos)",
            run: "click",
        },
        {
            content: "Who could not, in words",
            trigger: ".o_form_view li:contains(Pavel Novak):contains(is paused)",
        },
        {
            content: "Run it again; the button may be in a menu",
            trigger:
                ".o_form_view .o_statusbar_buttons button, .o_form_view button[name=action_run_again]",
        },
    ],
});
