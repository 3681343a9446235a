import { registry } from "@web/core/registry";
import { FORM_MENU, fit, openMenu, press, pressButton, say } from "./walk";

const figure = (name, run, words) =>
    `.o_livechat_whatif_summary tr[data-figure=${name}] td[data-run=${run}]:contains(/^${words}$/)`;
const chats = (agent, run, count) =>
    `.o_livechat_whatif_agents tr:contains(${agent}) td[data-run=${run}]:contains(/^${count}$/)`;

/** Type a weight: into the row of the agent, on a phone into the dialog behind its card. */
const weigh = (agent, weight) => [
    {
        content: `The weight of ${agent}`,
        trigger: fit(
            `.o_field_widget[name=line_ids] tr:contains(${agent}) td[name=weight]`,
            `.o_field_widget[name=line_ids] .o_kanban_record:contains(${agent})`,
        ),
        run: press,
    },
    {
        content: `${weight}`,
        trigger: `${fit("tr.o_selected_row td[name=weight]", ".modal .o_field_widget[name=weight]")} input`,
        run: `edit ${weight} && press Tab`,
    },
    {
        isActive: ["mobile"],
        content: "Close the dialog",
        trigger: ".modal .o_form_button_save",
        run: press,
    },
    { content: "Entered", trigger: "body:not(:has(.modal)) .o_livechat_whatif" },
];
const replay = pressButton("action_replay", say("Replay", "推演"));
/** Where to apply the sheet; on a phone the only thing in the menu of the form. */
const APPLY = fit("button[name=action_apply]", FORM_MENU);

registry.category("web_tour.tours").add("im_livechat_subaccount.whatif", {
    steps: () => [
        ...openMenu(
            "im_livechat_subaccount.livechat_dispatch_menu",
            "im_livechat_subaccount.livechat_dispatch_whatif_menu",
        ),
        {
            content: "It opens on yesterday, when buyers came",
            trigger:
                ".o_livechat_whatif:has(.o_field_widget[name=arrival_count]:contains(/^12$/))" +
                ":has(.o_field_widget[name=period] input:checked)",
        },
        {
            content: "Choose today, when nobody came",
            trigger: ".o_field_widget[name=period] input[data-value=today]",
            run: press,
        },
        {
            content: "That is said",
            trigger: `.o_livechat_whatif .alert-warning:contains(${say("there is nothing to replay", "无可推演")})`,
        },
        {
            content: "Yesterday again",
            trigger: ".o_field_widget[name=period] input[data-value=yesterday]",
            run: press,
        },
        ...weigh("Omar Haddad", 200),
        ...replay,
        { content: "What really was", trigger: chats("Omar Haddad", "real", 6) },
        { content: "The replay has it as well", trigger: chats("Omar Haddad", "baseline", 6) },
        { content: "What it would have been", trigger: chats("Omar Haddad", "changed", 8) },
        { content: "The difference", trigger: chats("Maria Santos", "difference", "−2") },
        { content: "Everybody got an agent", trigger: figure("served", "changed", 12) },
        { content: "At once", trigger: figure("mean", "changed", say("0 s", "0 秒")) },
        {
            content: "The graphs are drawn",
            trigger: ".o_livechat_whatif_result:has(canvas[style*=display])",
        },
        {
            content: "What would change is listed",
            trigger: `.o_livechat_whatif_changes li:contains(${say(
                "Omar Haddad: weight 200 instead of 100",
                "Omar Haddad：权重 100 改为 200",
            )})`,
        },
        ...weigh("Omar Haddad", 300),
        {
            content: "The figures are old now, and nothing can be applied",
            trigger: `body:not(:has(${APPLY})) .o_livechat_whatif .alert-warning:contains(${say("The sheet has changed since this replay", "推演之后此表已更改")})`,
        },
        ...replay,
        { content: "Three quarters", trigger: chats("Omar Haddad", "changed", 9) },
        ...pressButton("action_apply", say("Apply These Settings", "应用这些设置"), {
            isFirst: false,
        }),
        {
            content: "Confirm",
            trigger: `.modal:contains(${say("take effect at once", "立即生效")}) footer .btn-primary`,
            run: press,
        },
        {
            content: "It is done",
            trigger: `.o_notification:contains(${say("These settings are in force now", "这些设置现已生效")})`,
        },
        {
            content: "There is nothing left to apply",
            trigger: `body:not(:has(${APPLY})) .o_livechat_whatif`,
        },
    ],
});
