import { registry } from "@web/core/registry";
import { choose, fit, openMenu, openView, press, pressButton, say } from "./walk";

const tours = registry.category("web_tour.tours");

tours.add("im_livechat_subaccount.fairness", {
    steps: () => [
        ...fit(
            [],
            [
                { content: "A phone shows bars", trigger: ".o_graph_renderer canvas" },
                ...openView("list"),
            ],
        ),
        {
            content: "What the figures are",
            trigger: `.o_list_view thead:contains(${say("Entitled", "应得")}):contains(${say("Served", "实接")}):contains(${say("Difference", "差异")})`,
        },
        {
            content: "Three of four chats were Maria's by her weight, and she got them",
            trigger:
                ".o_list_view .o_group_header:contains(Maria Santos):contains(3.00):contains(75%)",
        },
        {
            content: "Who let buyers wait for an answer is shown without asking",
            trigger: `.o_list_view th[data-name=unanswered]:contains(${say("Missed: Went On", "未接：转给同事")})`,
        },
        {
            content: "Omar got his",
            trigger:
                ".o_list_view .o_group_header:contains(Omar Haddad):contains(1.00):contains(25%)",
        },
        {
            content: "Compare the two",
            trigger: `.o_control_panel button:contains(${say("Compare", "比较")})`,
            run: press,
        },
        ...choose("first_user_id", "Maria Santos"),
        ...choose("second_user_id", "Omar Haddad"),
        {
            content: "The sentence",
            trigger: `.modal .alert:contains(${say(
                "Maria Santos received 2 more than Omar Haddad because: weight +2.0",
                "Maria Santos 比 Omar Haddad 多接 2 个对话，原因：分流权重 +2.0",
            )})`,
        },
        {
            content: "The parts add up",
            trigger: `.modal tfoot tr:contains(${say("Chats received", "接到的对话")}):contains(+2)`,
        },
        {
            content: "Close",
            trigger: `.modal footer button:contains(${say("Close", "关闭")})`,
            run: press,
        },
        { content: "The list again", trigger: "body:not(:has(.modal))" },
        ...openView("pivot"),
        { content: "The pivot", trigger: ".o_pivot th:contains(Maria Santos)" },
        ...openView("graph"),
        { content: "Entitled beside served", trigger: ".o_graph_renderer canvas" },
        ...openView("list"),
        {
            isActive: ["mobile"],
            content: "Open the menu of the page",
            trigger: "button.o-control-panel-adaptive-dropdown",
            run: press,
        },
        {
            content: "Look at it over time",
            trigger: `${fit(".o_control_panel", ".o-dropdown--menu")} button:contains(${say("Trend", "走势")})`,
            run: press,
        },
        {
            content: "The graph over time",
            trigger: `body:has(.o_last_breadcrumb_item:contains(${say("Difference over Time", "差异走势")})) .o_graph_renderer canvas`,
        },
    ],
});

tours.add("im_livechat_subaccount.my_statistics", {
    steps: () => [
        {
            content: "Own figures",
            trigger: `.o_breadcrumb:contains(${say("My Statistics", "我的统计")})`,
        },
        {
            content: "Open the day",
            trigger: ".o_list_view .o_group_header:contains(1.00):contains(25%)",
            run: press,
        },
        {
            content: "One's own rows and nobody else's, and nothing to compare with",
            trigger:
                ".o_action_manager:has(.o_data_row:contains(1.00)):not(:has(.o_data_row:contains(3.00))):not(:has(.o_data_row:contains(Maria Santos))):not(:has(button:contains(Compare)))",
        },
    ],
});

tours.add("im_livechat_subaccount.decision", {
    steps: () => [
        {
            content: "Open the decision",
            trigger: `${fit(".o_data_row", ".o_kanban_record")}:contains(Maria Santos):contains(${say("Assigned", "已分配")})${fit(" td[name=sentence]", "")}`,
            run: press,
        },
        {
            content: "Candidates by rank, the winner first",
            trigger: `.o_form_view:has(h4:contains(${say("Who could take the chat, best first", "可接待的客服，最优在前")})) table tbody tr:first:contains(1):contains(Maria Santos)`,
        },
        {
            content: "Who could not, in words",
            trigger: `.o_form_view:has(h4:contains(${say("Who could not", "不能接待的客服")})) li:contains(Pavel Novak):contains(${say("is paused", "已挂起")})`,
        },
        ...pressButton("action_run_again", say("Run Again", "重新运算")),
        {
            content: "The same winner",
            trigger: `.o_notification:contains(${say(
                "The record alone leads to the same outcome: Maria Santos.",
                "仅凭本记录得出相同的结果：Maria Santos。",
            )})`,
        },
        { content: "Read", trigger: ".o_notification .o_notification_close", run: press },
        { content: "Back", trigger: "body:not(:has(.o_notification)) .o_back_button", run: press },
        ...openView(fit("kanban", "list")),
        {
            content: "The same decisions as cards, on a phone as a list",
            trigger: `${fit(".o_kanban_record", ".o_data_row")}:contains(Omar Haddad)`,
        },
        ...openView("pivot"),
        {
            content: "By agent and kind",
            trigger: `.o_pivot th:contains(${say("Assigned", "已分配")})`,
        },
        ...openView("graph"),
        { content: "By hour and rule", trigger: ".o_graph_renderer canvas" },
    ],
});

tours.add("im_livechat_subaccount.dispatch_analysis", {
    steps: () => [
        ...openMenu(
            "im_livechat_subaccount.livechat_reports_menu_root",
            "im_livechat_subaccount.livechat_team_menu",
        ),
        {
            content: "What Odoo tells of whole chats",
            trigger: `.o_livechat_team button:contains(${say("Dispatch Analysis", "分流分析")})`,
            run: press,
        },
        {
            content: "The figures of whole chats",
            trigger: `.o_pivot:has(th:contains(${say("Left the Line", "离开排队")}))`,
        },
        ...openView("list"),
        {
            content: "What decided about each chat",
            trigger: `.o_data_row:contains(Maria Santos):contains(${say("Next by share", "按分流比例轮到")})`,
        },
    ],
});

tours.add("im_livechat_subaccount.dispatch_by_agent", {
    steps: () => [
        {
            content: "Who missed, and who transferred",
            trigger: `.o_pivot:has(th:contains(Maria Santos)):has(th:contains(${say("Missed: Went On", "未接：转给同事")})):has(th:contains(${say("Transfers", "转接")}))`,
        },
        {
            content: "Times are said as people say them",
            trigger: `.o_pivot tr:has(th:contains(Maria Santos)):contains(${say("12 min 34 s", "12 分 34 秒")})`,
        },
        {
            content: "Who found nobody is in a row that says so",
            trigger: `.o_pivot tr:has(th:contains(${say("Nobody", "无人")})):contains(${say("45 s", "45 秒")})`,
        },
        ...openView("list"),
        { content: "The rows", trigger: ".o_data_row:contains(Maria Santos)" },
    ],
});
