import { registry } from "@web/core/registry";

const row = (agent) => `.o_field_widget[name=user_ids] .o_data_row:contains(${agent})`;

/** Type a weight into the agent's row of the list. */
const editWeight = (agent, weight) => [
    {
        content: `Open the weight of ${agent}`,
        trigger: `${row(agent)} td[name=dispatch_weight]`,
        run: "click",
    },
    {
        content: `Give ${agent} the weight ${weight}`,
        trigger: `${row(agent)} [name=dispatch_weight] input`,
        run: `edit ${weight} && press Tab`,
    },
];

const save = [
    { content: "Save", trigger: ".o_form_button_save", run: "click" },
    { content: "Wait until it is saved", trigger: ".o_form_saved" },
];

const check = (agent, { share, capacity }) => [
    {
        content: `${agent} gets ${share} of the new chats`,
        trigger: `${row(agent)} td[name=dispatch_share]:contains(/^${share}$/)`,
    },
    {
        content: `${agent} takes at most ${capacity}`,
        trigger: `${row(agent)} td[name=dispatch_capacity]:contains(/^${capacity}$/)`,
    },
];

registry.category("web_tour.tours").add("im_livechat_subaccount.channel_dispatch", {
    steps: () => [
        {
            content: "A native channel shows the choice of the mode and nothing else of ours",
            trigger:
                ".o_form_sheet:has([name=dispatch_mode])" +
                ":not(:has(th[data-name^=dispatch])):not(:has([name=sticky_hours]))",
        },
        {
            content: "Choose share",
            trigger: "[name=dispatch_mode] .o_radio_item:contains(Share) input",
            run: "click",
        },
        { content: "Weights appear", trigger: "th[data-name=dispatch_weight]" },
        {
            content: "Limit the chats",
            trigger: "[name=max_sessions_mode] .o_radio_item:contains(/^Limited/) input",
            run: "click",
        },
        {
            content: "Four chats at weight 100",
            trigger: "[name=max_sessions] input",
            run: "edit 4 && press Tab",
        },
        ...save,
        ...check("Maria Santos", { share: "75.0 %", capacity: 12 }),
        ...check("Omar Haddad", { share: "25.0 %", capacity: 4 }),
        ...editWeight("Maria Santos", 100),
        ...check("Maria Santos", { share: "50.0 %", capacity: 4 }),
        ...save,
        ...check("Omar Haddad", { share: "50.0 %", capacity: 4 }),
        ...editWeight("Omar Haddad", 9),
        { content: "Try to save", trigger: ".o_form_button_save", run: "click" },
        {
            content: "The limits are named",
            trigger: ".modal:contains(Dispatch Weight is a whole number from 10 to 1000.) button",
            run: "click",
        },
        {
            content: "Discard",
            trigger: "body:not(:has(.modal)) .o_form_button_cancel",
            run: "click",
        },
        ...check("Omar Haddad", { share: "50.0 %", capacity: 4 }),
    ],
});

registry.category("web_tour.tours").add("im_livechat_subaccount.channel_dispatch_readonly", {
    steps: () => [
        {
            content: "Click a weight",
            trigger: `${row("Maria Santos")} td[name=dispatch_weight]:contains(300)`,
            run: "click",
        },
        {
            content: "The rest of the channel can be changed",
            trigger: "[name=max_sessions] input",
            run: "edit 2 && press Tab",
        },
        {
            content: "The weight cannot",
            trigger: "[name=user_ids]:not(:has(input[type=number]))",
        },
        ...save,
        ...check("Maria Santos", { share: "75.0 %", capacity: 6 }),
    ],
});
