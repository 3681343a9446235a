import { registry } from "@web/core/registry";
import { choose, fit, press, pressButton, say, select } from "./walk";

const tours = registry.category("web_tour.tours");

const NAME = say("11 November", "双11");
const STARTS = {
    content: "It says when it starts by itself",
    trigger: `.alert-info:contains(${say("It starts by itself", "自动开始于")})`,
};

/** An agent of the change: a row, or on a phone a dialog. */
const addAgent = (name, weight) => [
    {
        content: "Add an agent",
        trigger: fit(".o_field_x2many_list_row_add a", ".o_field_x2many .o-kanban-button-new"),
        run: press,
    },
    ...choose("user_id", name),
    {
        content: `Weight ${weight}`,
        trigger: `${fit("tr.o_data_row:last", ".modal")} .o_field_widget[name=weight] input`,
        run: `edit ${weight}`,
    },
    {
        isActive: ["mobile"],
        content: "Close the dialog",
        trigger: ".modal .o_form_button_save",
        run: press,
    },
    {
        isActive: ["mobile"],
        content: "It is there",
        trigger: `body:not(:has(.modal)) .o_kanban_record:contains(${name}):contains(${weight})`,
    },
];

tours.add("im_livechat_subaccount.dated_change", {
    steps: () => [
        {
            content: "Nothing is planned; the page says what to do",
            trigger: `.o_view_nocontent:contains(${say("Plan a busy day before it comes", "提前安排繁忙的日子")}):contains(${NAME})`,
        },
        {
            content: "New",
            trigger: fit(".o_list_button_add", ".o-kanban-button-new"),
            run: press,
        },
        ...choose("channel_id", "Tour Shop"),
        ...select("preset", NAME),
        {
            content: "Its name is filled in",
            trigger: `.o_field_widget[name=name] input:value(${NAME})`,
        },
        ...select("max_sessions_mode", say("Limited", "有限制")),
        {
            content: "Ten at weight 100",
            trigger: ".o_field_widget[name=max_sessions] input",
            run: "edit 10",
        },
        ...addAgent("Maria", 300),
        ...pressButton("action_plan", say("Plan", "计划")),
        STARTS,
        ...pressButton("action_preview", say("Preview", "预览")),
        {
            content: "Maria gets three quarters of the buyers then",
            trigger: `.o_livechat_forecast_agents tr:contains(Maria):contains(300):contains(75.0 %):contains(${NAME})`,
        },
        {
            content: "Omar has room for ten",
            trigger: ".o_livechat_forecast_agents tr:contains(Omar):contains(25.0 %):contains(10)",
        },
        {
            content: "The times are listed",
            trigger: `.o_livechat_forecast_times:contains(${say("When what is in force", "何时什么生效")}) tr:contains(${NAME})`,
        },
        {
            content: "A page to look at: nothing to save",
            trigger:
                ".o_form_view:has(.o_livechat_forecast_times):not(:has(.o_form_status_indicator))",
        },
        { content: "Back to the change", trigger: ".o_back_button", run: press },
        ...pressButton("action_start", say("Start Now", "立即开始"), { isFirst: false }),
        {
            content: "Say yes",
            trigger: `.modal:contains(${say("It starts now", "立即开始")}) footer .btn-primary:enabled`,
            run: press,
        },
        {
            content: "It is in force",
            trigger: `.alert-info:contains(${say("In force since", "生效开始于")})`,
        },
        ...pressButton("action_undo", say("Undo", "撤销")),
        {
            content: "It asks first: say yes",
            trigger: ".modal footer .btn-primary:enabled",
            run: press,
        },
        STARTS,
    ],
});

tours.add("im_livechat_subaccount.change_log", {
    steps: () => {
        const row = fit("tr.o_data_row", ".o_kanban_record");
        const undo = `button[name=action_undo]:contains(${say("Undo", "撤销")})`;
        return [
            {
                content: "Nothing of the pauses that agents take themselves",
                trigger: `.o_content:has(${row}:contains(250)):not(:has(${row}:contains(${say("Pause", "挂起")})))`,
            },
            {
                content: "Who changed what, from what, to what",
                trigger: `${row}:contains(${say("Dispatch Weight", "分流权重")}):contains(Maria):contains(100):contains(250)`,
            },
            { content: "Undo it", trigger: `${row}:contains(250) ${undo}`, run: press },
            {
                content: "Say yes",
                trigger: `.modal:contains(${say("Set the old value back?", "恢复为原来的值？")}) footer .btn-primary:enabled`,
                run: press,
            },
            {
                content: "The undo is logged",
                trigger: `${row}:contains(${say("Undone by hand", "手动撤销")}):contains(Maria)`,
            },
            {
                content: "What was undone is not to be undone again",
                trigger: `${row}:contains(${say("By hand", "手动")}):not(:contains(${say("Undone", "撤销")})):contains(250):not(:has(${undo}))`,
            },
        ];
    },
});
