import { registry } from "@web/core/registry";

const figure = (name, run, words) =>
    `.o_livechat_whatif_summary tr[data-figure=${name}] td[data-run=${run}]:contains(/^${words}$/)`;
const chats = (agent, run, count) =>
    `.o_livechat_whatif_agents tr:contains(${agent}) td[data-run=${run}]:contains(/^${count}$/)`;

registry.category("web_tour.tours").add("im_livechat_subaccount.whatif", {
    steps: () => [
        {
            content: "Open the menu of dispatch",
            trigger: ".o_menu_sections button:contains(Dispatch)",
            run: "click",
        },
        {
            content: "Open what-if",
            trigger: ".o-dropdown--menu a:contains(/^What If$/)",
            run: "click",
        },
        {
            content: "It opens on yesterday, when buyers came",
            trigger:
                ".o_livechat_whatif:has(.o_field_widget[name=arrival_count]:contains(/^12$/))" +
                ":has(.o_field_widget[name=period] input:checked)",
        },
        {
            content: "Choose today, when nobody came",
            trigger: ".o_field_widget[name=period] input[data-value=today]",
            run: "click",
        },
        {
            content: "That is said",
            trigger: ".o_livechat_whatif .alert-warning:contains(there is nothing to replay)",
        },
        {
            content: "Yesterday again",
            trigger: ".o_field_widget[name=period] input[data-value=yesterday]",
            run: "click",
        },
        {
            content: "Change a weight",
            trigger: ".o_field_widget[name=line_ids] tr:contains(Omar Haddad) td[name=weight]",
            run: "click",
        },
        {
            content: "Twice as much",
            trigger: ".o_field_widget[name=line_ids] tr.o_selected_row td[name=weight] input",
            run: "edit 200",
        },
        { content: "Replay", trigger: "button[name=action_replay]", run: "click" },
        { content: "What really was", trigger: chats("Omar Haddad", "real", 6) },
        { content: "The replay has it as well", trigger: chats("Omar Haddad", "baseline", 6) },
        { content: "What it would have been", trigger: chats("Omar Haddad", "changed", 8) },
        { content: "The difference", trigger: chats("Maria Santos", "difference", "−2") },
        { content: "Everybody got an agent", trigger: figure("served", "changed", 12) },
        { content: "At once", trigger: figure("mean", "changed", "0 s") },
        {
            content: "The graphs are drawn",
            trigger: ".o_livechat_whatif_result:has(canvas[style*=display])",
        },
        {
            content: "What would change is listed",
            trigger:
                ".o_livechat_whatif_changes li:contains(Omar Haddad: weight 200 instead of 100)",
        },
        {
            content: "Another weight",
            trigger: ".o_field_widget[name=line_ids] tr:contains(Omar Haddad) td[name=weight]",
            run: "click",
        },
        {
            content: "Three times as much",
            trigger: ".o_field_widget[name=line_ids] tr.o_selected_row td[name=weight] input",
            run: "edit 300 && press Tab",
        },
        {
            content: "The figures are old now, and nothing can be applied",
            trigger:
                ".o_livechat_whatif:not(:has(button[name=action_apply]))" +
                " .alert-warning:contains(The sheet has changed since this replay)",
        },
        { content: "Replay again", trigger: "button[name=action_replay]", run: "click" },
        { content: "Three quarters", trigger: chats("Omar Haddad", "changed", 9) },
        { content: "Apply", trigger: "button[name=action_apply]", run: "click" },
        { content: "Confirm", trigger: ".modal footer .btn-primary", run: "click" },
        {
            content: "It is done",
            trigger: ".o_notification:contains(These settings are in force now)",
        },
        {
            content: "There is nothing left to apply",
            trigger: ".o_livechat_whatif:not(:has(button[name=action_apply]))",
        },
    ],
});
