import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

const group = (name) => `.o_livechat_reception_group[data-group="${name}"]`;
const row = (name, inGroup) =>
    `${inGroup ? group(inGroup) : ""} .o_livechat_reception_agent:contains(${name})`;
const weight = (name) => `${row(name)} .o_livechat_reception_weight input`;
const saved = (name) => ({
    content: `The weight of ${name} is saved`,
    trigger: `${row(name)} .o_livechat_reception_weight[aria-busy=false]`,
});
const figure = (name, value) => ({
    content: `${name} is ${value}`,
    trigger: `.o_livechat_reception_figures [data-figure=${name}] dd:contains(/^${value}$/)`,
});

tours.add("im_livechat_subaccount.reception_weight", {
    steps: () => [
        {
            content: "Presence, load, weight, share and capacity are there",
            trigger: `${row("Maria Santos")}:contains(Online):contains(1/6):contains(66.7 %):contains(max. 6)`,
        },
        {
            content: "More weight",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: "click",
        },
        {
            content: "Share and load are reckoned anew, of the colleague as well",
            trigger: `.o_livechat_reception:has(${weight("Maria Santos")}:value(210)):has(${row("Maria Santos")}:contains(67.7 %)):has(${row("Omar Haddad")}:contains(32.3 %))`,
        },
        {
            content: "Once more",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: "click",
        },
        {
            content: "Two steps: capacity too",
            trigger: `${row("Maria Santos")}:contains(68.8 %):contains(max. 7):contains(1/7):has(input:value(220))`,
        },
        saved("Maria Santos"),
        { content: "Into the field", trigger: weight("Omar Haddad"), run: "click" },
        {
            content: "With the keyboard",
            trigger: `${weight("Omar Haddad")}:focus`,
            run: "press ArrowDown",
        },
        {
            content: "One step less",
            trigger: `${row("Omar Haddad")}:has(input:value(90))`,
        },
        saved("Omar Haddad"),
        { content: "Too little", trigger: weight("Sofie Claes"), run: "edit 5" },
        {
            content: "The limits are told",
            trigger: `${row("Sofie Claes")} [role=alert]:contains(A weight is a whole number from 10 to 1000.)`,
        },
        { content: "Enough", trigger: weight("Sofie Claes"), run: "edit 10" },
        {
            content: "Nothing is wrong any more",
            trigger: `${row("Sofie Claes")}:not(:has([role=alert])):has(input:value(10))`,
        },
        saved("Sofie Claes"),
        {
            content: "No less",
            trigger: `${row("Sofie Claes")} .o_livechat_reception_down`,
            run: "click",
        },
        {
            content: "The limits are told again",
            trigger: `${row("Sofie Claes")}:has([role=alert]:contains(from 10 to 1000)):has(input:value(10))`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_refused", {
    steps: () => [
        {
            content: "More weight",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: "click",
        },
        { content: "It shows", trigger: `${row("Maria Santos")}:has(input:value(210))` },
        {
            content: "The server says no, and the weight is what it was",
            trigger: `${row("Maria Santos")}:has([role=alert]:contains(Not on a Monday)):has(input:value(200)):contains(66.7 %)`,
        },
        { content: "Said aloud", trigger: ".o_notification:contains(Not on a Monday)" },
    ],
});

tours.add("im_livechat_subaccount.reception_switch", {
    steps: () => [
        {
            content: "Omar takes chats",
            trigger: `${row("Omar Haddad")} input[role=switch]:checked`,
            run: "click",
        },
        {
            content: "He is paused",
            trigger: `${row("Omar Haddad")}:contains(Paused):has(input[role=switch]:enabled:not(:checked))`,
        },
        {
            content: "Nobody is left for who waits but Maria",
            trigger: `${row("Maria Santos")} input[role=switch]:checked`,
            run: "click",
        },
        {
            content: "The buyer who waits is told why",
            trigger: `${group("All other buyers")} .o_livechat_reception_buyer:contains(Everybody who is here is paused)`,
        },
        {
            content: "Maria takes chats again",
            trigger: `${row("Maria Santos")} input[role=switch]:enabled:not(:checked)`,
            run: "click",
        },
        {
            content: "She has room",
            trigger: `${row("Maria Santos")}:not(:contains(Paused)):has(input[role=switch]:enabled:checked)`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_move", {
    steps: () => [
        {
            content: "Drag Omar into the returns",
            trigger: `${row("Omar Haddad", "All other buyers")} .o_livechat_reception_handle`,
            run: `drag_and_drop ${group("Returns")} .o_livechat_reception_members`,
        },
        { content: "He is there", trigger: row("Omar Haddad", "Returns") },
        {
            content: "And no more here",
            trigger: `${group("All other buyers")}:not(:contains(Omar Haddad))`,
        },
        {
            content: "The menu does the same",
            trigger: `${row("Sofie Claes", "Returns")} .o_livechat_reception_move`,
            run: "click",
        },
        {
            content: "Out of the group",
            trigger: ".o_livechat_reception_targets button:contains(Take out of Returns)",
            run: "click",
        },
        { content: "She takes all others", trigger: row("Sofie Claes", "All other buyers") },
        {
            content: "In no group: told, and mended",
            trigger:
                ".o_livechat_reception_warnings:contains(In no group: Maria Santos, Sofie Claes)",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_warnings", {
    steps: () => [
        {
            content: "Nobody serves the returns",
            trigger:
                ".o_livechat_reception_warnings li:contains(Nobody who is online can serve Returns (Page address: /returns)):has(button:contains(Choose agents))",
        },
        {
            content: "A permitted sub-account is on no channel",
            trigger: ".o_livechat_reception_warnings li:contains(but on no channel: Nadia) button",
            run: "click",
        },
        { content: "It is now", trigger: row("Nadia") },
        {
            content: "The warning is gone",
            trigger: ".o_livechat_reception_warnings:not(:contains(on no channel))",
        },
        {
            content: "A disabled one",
            trigger:
                ".o_livechat_reception_warnings li:contains(but not enabled: Idris):has(button:contains(Open sub-accounts))",
        },
        {
            content: "The weights are far apart",
            trigger:
                ".o_livechat_reception_warnings li:contains(the highest weight (200) is more than twice the lowest (60)) button:contains(Raise Nadia to 100)",
            run: "click",
        },
        saved("Nadia"),
        { content: "Mended", trigger: `${row("Nadia")}:has(input:value(100))` },
        {
            content: "Nothing to say about weights",
            trigger: ".o_livechat_reception_warnings:not(:contains(highest weight))",
        },
        {
            content: "Somebody without a group can be put into one",
            trigger: ".o_livechat_reception_warnings li:contains(In no group) button",
            run: "click",
        },
        {
            content: "Choose it",
            trigger: ".o_livechat_reception_targets button:contains(Move to Returns)",
            run: "click",
        },
        { content: "Done, and the returns are served", trigger: row("Maria Santos", "Returns") },
        {
            content: "That warning is gone as well",
            trigger: ".o_livechat_reception_warnings:not(:contains(can serve Returns))",
        },
        {
            content: "Open the group that is empty",
            trigger: `.o_livechat_reception_warnings li:contains(Empty desk has no agents) button`,
            run: "click",
        },
        { content: "Its form", trigger: ".o_form_view .o_field_widget[name=user_ids]" },
    ],
});

tours.add("im_livechat_subaccount.reception_no_scope", {
    steps: () => [
        {
            content: "Maria has her share of all other buyers",
            trigger: `${row("Maria Santos", "All other buyers")}:contains(66.7 %)`,
        },
        {
            content: "The group above has no buyers of its own, and no share of them",
            trigger: `${row("Maria Santos", "Head")} .o_livechat_reception_percent[role=img][title*="has no scope"][aria-label*="Maria Santos"]:contains(/^–$/)`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_groupless", {
    steps: () => [
        {
            content: "Whoever is in no group is told",
            trigger:
                ".o_livechat_reception_warnings li:contains(In no group: Maria Santos, Omar Haddad)",
        },
        {
            content: "Nobody has a share of a group without a scope",
            trigger: `${row("Sofie Claes", "Returns")} .o_livechat_reception_percent:contains(/^–$/)`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_auditor", {
    steps: () => [
        { content: "All is there", trigger: `${row("Maria Santos")}:contains(200):contains(1/6)` },
        figure("waiting", 1),
        {
            content: "And nothing to press, but to look",
            trigger:
                ".o_livechat_reception:not(:has(.o_livechat_reception_up)):not(:has(input)):not(:has(.o_livechat_reception_move)):not(:has(.o_livechat_reception_fix))",
        },
        {
            content: "Why a buyer waits",
            trigger: ".o_livechat_reception_buyer:contains(1) .o_livechat_reception_decisions",
            run: "click",
        },
        { content: "The decisions about it", trigger: ".o_list_view .o_data_row" },
    ],
});

tours.add("im_livechat_subaccount.reception_menu", {
    steps: () => [
        {
            content: "Live Chat opens with the reception",
            trigger:
                ".o_menu_sections [data-menu-xmlid='im_livechat_subaccount.livechat_reception_menu']",
        },
        {
            content: "No channel yet",
            trigger: ".o_livechat_reception_none:contains(No channel is dispatched yet)",
        },
        {
            content: "To the channels",
            trigger: ".o_livechat_reception_none button:contains(Open channels)",
            run: "click",
        },
        { content: "The channels", trigger: ".o_kanban_view, .o_list_view" },
    ],
});

tours.add("im_livechat_subaccount.reception_no_agents", {
    steps: () => [
        {
            content: "Nobody serves the channel",
            trigger: ".o_livechat_reception_no_agents button:contains(Add agents)",
            run: "click",
        },
        { content: "Its form", trigger: ".o_form_view .o_field_widget[name=dispatch_mode]" },
    ],
});
