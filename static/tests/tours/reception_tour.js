import { registry } from "@web/core/registry";
import { fit, openMenu, press, say, withClicks } from "./walk";

const tours = registry.category("web_tour.tours");

const OTHERS = say("All other buyers", "其他全部买家");
const PAUSED = say("Paused", "挂起");
const group = (name) => `.o_livechat_reception_group[data-group="${name}"]`;
const row = (name, inGroup) =>
    `${inGroup ? group(inGroup) : ""} .o_livechat_reception_agent:contains(${name})`;
const weight = (name) => `${row(name)} .o_livechat_reception_weight input`;
const saved = (name) => ({
    content: `The weight of ${name} is saved`,
    trigger: `${row(name)} .o_livechat_reception_weight[aria-busy=false]`,
});
const figure = (name, value) => ({
    content: `${name}: ${value}`,
    trigger: `.o_livechat_reception_figures div:has(dt:contains(${name})) dd:contains(/^${value}$/)`,
});

tours.add("im_livechat_subaccount.reception_weight", {
    steps: () => [
        {
            content: "Presence, load, weight, share and capacity are there",
            trigger: `${row("Maria Santos")}:contains(${say("Online", "在线")}):contains(1/6):contains(66.7 %):contains(${say("max. 6", "最多 6")})`,
        },
        {
            content: "More weight",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: press,
        },
        {
            content: "Share and load are reckoned anew, of the colleague as well",
            trigger: `.o_livechat_reception:has(${weight("Maria Santos")}:value(210)):has(${row("Maria Santos")}:contains(67.7 %)):has(${row("Omar Haddad")}:contains(32.3 %))`,
        },
        {
            content: "Once more",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: press,
        },
        {
            content: "Two steps: capacity too",
            trigger: `${row("Maria Santos")}:contains(68.8 %):contains(${say("max. 7", "最多 7")}):contains(1/7):has(input:value(220))`,
        },
        saved("Maria Santos"),
        { content: "Into the field", trigger: weight("Omar Haddad"), run: press },
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
            trigger: `${row("Sofie Claes")} [role=alert]:contains(${say("A weight is a whole number from 10 to 1000.", "权重是 10 到 1000 之间的整数。")})`,
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
            run: press,
        },
        {
            content: "The limits are told again",
            trigger: `${row("Sofie Claes")}:has([role=alert]:contains(${say("from 10 to 1000", "10 到 1000 之间")})):has(input:value(10))`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_refused", {
    steps: () => [
        {
            content: "More weight",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: press,
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
            run: press,
        },
        {
            content: "He is paused",
            trigger: `${row("Omar Haddad")}:contains(${PAUSED}):has(input[role=switch]:enabled:not(:checked))`,
        },
        {
            content: "Nobody is left for who waits but Maria",
            trigger: `${row("Maria Santos")} input[role=switch]:checked`,
            run: press,
        },
        {
            content: "The buyer who waits is told why",
            trigger: `${group(OTHERS)} .o_livechat_reception_buyer:contains(${say("Everybody who is here is paused", "在岗的客服都已挂起")})`,
        },
        {
            content: "Maria takes chats again",
            trigger: `${row("Maria Santos")} input[role=switch]:enabled:not(:checked)`,
            run: press,
        },
        {
            content: "She has room",
            trigger: `${row("Maria Santos")}:not(:contains(${PAUSED})):has(input[role=switch]:enabled:checked)`,
        },
    ],
});

const buyer = (name) => `.o_livechat_reception_buyer:contains(${name})`;
const manage = (name, item) => [
    {
        content: `What can be done with ${name}`,
        trigger: `${buyer(name)} .o_livechat_reception_manage`,
        run: press,
    },
    { content: item, trigger: `.o_livechat_reception_${item}`, run: press },
];

tours.add("im_livechat_subaccount.reception_waiting", {
    steps: () => [
        {
            content: "Three wait, in order",
            trigger: `${buyer("First")} .badge:contains(1)`,
        },
        ...manage("Third", "put_first"),
        {
            content: "The third is the first",
            trigger: `${buyer("Third")} .badge:contains(/^1$/)`,
        },
        {
            content: "The first is told its place",
            trigger: `${buyer("First")} .badge:contains(/^2$/)`,
        },
        ...manage("Second", "end"),
        { content: "To be sure", trigger: ".modal .btn-primary", run: press },
        {
            content: "It does not wait any more",
            trigger: `.o_livechat_reception_waiting:not(:has(${buyer("Second")}))`,
        },
        ...manage("First", "give"),
        {
            content: "Why",
            trigger: "#o_livechat_transfer_reason",
            run: "select asked",
        },
        {
            content: "To whom",
            trigger: ".o_livechat_transfer_agents label:contains(Omar Haddad) input",
            run: press,
        },
        { content: "Give", trigger: ".modal-footer .btn-primary", run: press },
        {
            content: "One is left",
            trigger: `.o_livechat_reception_waiting:not(:has(${buyer("First")}))`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_block", {
    steps: () => [
        ...manage("Noisy", "block"),
        { content: "Block", trigger: ".modal button[name=action_block]", run: press },
        {
            content: "It does not wait any more",
            trigger: `.o_livechat_reception_waiting:not(:has(${buyer("Noisy")}))`,
        },
        ...openMenu(
            "im_livechat_subaccount.livechat_conversations_menu_root",
            "im_livechat_subaccount.livechat_dispatch_block_menu",
        ),
        {
            content: "It is on the list",
            trigger: ".o_data_row:contains(Noisy guest) button[name=action_lift]",
            run: press,
        },
        { content: "Nobody is blocked", trigger: ".o_view_nocontent" },
    ],
});

const card = (of) => `${of} .o_livechat_reception_card`;

tours.add("im_livechat_subaccount.reception_see", {
    steps: () => [
        ...withClicks("see why a buyer waits", 0, [
            {
                content: "Why a buyer waits stands beside its name",
                trigger: `${buyer("Bea")} .o_livechat_reception_why:contains(${say("Everybody who is here is paused", "在岗的客服都已挂起")})`,
            },
        ]),
        ...withClicks("see what an agent does", 1, [
            {
                content: "What does Maria do?",
                trigger: `${row("Maria Santos")} .o_livechat_reception_name`,
                run: press,
            },
            {
                content: "Her buyer, its first words, and that it waits for a word",
                trigger: `${card(row("Maria Santos"))}:contains(Ada):contains(Where is my parcel?):contains(${say("Waits for a word", "等待回复")})`,
            },
        ]),
        {
            content: "Say something to her",
            trigger: `${card(row("Maria Santos"))} .o_livechat_reception_whispers`,
            run: press,
        },
        {
            content: "What the buyer does not see",
            trigger: ".o_livechat_reception_whisper input",
            run: "edit Offer him ten percent off",
        },
        { content: "Whisper", trigger: ".o_livechat_reception_whisper button", run: press },
        {
            content: "She has it",
            trigger: `.o_notification:contains(${say("Whispered to Maria Santos", "已悄悄告诉 Maria Santos")})`,
        },
        {
            content: "Listen in",
            trigger: `${card(row("Maria Santos"))} .o_livechat_reception_listen`,
            run: press,
        },
        {
            content: "The chat itself",
            trigger: ".o-mail-Message:contains(Where is my parcel?)",
        },
        {
            content: "And above it what was whispered",
            trigger: ".o_livechat_whisper:contains(Offer him ten percent off)",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_steer", {
    steps: () => {
        const maria = row("Maria Santos");
        const chat = (name, button) =>
            `${card(maria)} .o_livechat_reception_chat:contains(${name}) .o_livechat_reception_${button}`;
        const status = (of, text) => `${of} .o_livechat_reception_status${text}`;
        const state = `${card(maria)} .o_livechat_reception_state button`;
        const sofie = row("Sofie Claes", "Returns");
        const pausedHere = say("Paused in this group", "在本分组中挂起");
        return [
            {
                content: "What does Maria do?",
                trigger: `${maria} .o_livechat_reception_name`,
                run: press,
            },
            { content: "To whom could Ada go?", trigger: chat("Ada", "transfer"), run: press },
            {
                content: "To the colleagues",
                trigger: ".o_livechat_transfer_agents label:contains(Omar Haddad)",
            },
            { content: "Not now", trigger: ".modal .btn-close, .modal .oi-arrow-left", run: press },
            { content: "I answer Ada myself", trigger: chat("Ada", "take"), run: press },
            {
                content: "It is told",
                trigger: `.o_notification:contains(${say("The chat is yours now", "对话已由您接管")})`,
            },
            {
                content: "Maria has Cleo left",
                trigger: `${card(maria)}:not(:contains(Ada)):contains(Cleo)`,
            },
            { content: "End it", trigger: chat("Cleo", "end_chat"), run: press },
            { content: "To be sure", trigger: ".modal .btn-primary", run: press },
            {
                content: "It is over",
                trigger: `${card(maria)}:not(:contains(Cleo))`,
            },
            {
                content: "Lunch",
                trigger: `${state}:contains(${say("Lunch", "午餐")})`,
                run: press,
            },
            {
                content: "She is paused, and why is told",
                trigger: status(maria, `:contains(${PAUSED}):contains(${say("Lunch", "午餐")})`),
            },
            {
                content: "Back from lunch",
                trigger: `${state}:contains(${say("Takes chats again", "恢复接待")})`,
                run: press,
            },
            {
                content: "She takes chats",
                trigger: status(maria, `:not(:contains(${PAUSED}))`),
            },
            {
                content: "Sofie has to rest from returns",
                trigger: `${sofie} .o_livechat_reception_name`,
                run: press,
            },
            {
                content: "From them alone",
                trigger: `${card(sofie)} .o_livechat_reception_pause_here`,
                run: press,
            },
            { content: "It is told", trigger: status(sofie, `:contains(${pausedHere})`) },
            ...undo(
                say(
                    "Saved: Sofie Claes is paused in Returns",
                    "已保存：Sofie Claes 已在 Returns 挂起",
                ),
            ),
            { content: "As before", trigger: status(sofie, `:not(:contains(${pausedHere}))`) },
        ];
    },
});

tours.add("im_livechat_subaccount.reception_give", {
    steps: () => [
        ...withClicks("give a buyer who waits to an agent", 2, [
            {
                content: "What did this buyer write?",
                trigger: `${buyer("Bea")} .o_livechat_reception_buyer_name`,
                run: press,
            },
            {
                content: "Read it, and give it to Omar",
                trigger: `${card(buyer("Bea"))}:contains(Do you ship to Malta?) .o_livechat_reception_offered button:contains(Omar Haddad)`,
                run: press,
            },
        ]),
        {
            content: "It is told, for some seconds",
            trigger: `.o_notification:contains(${say("Given to Omar Haddad", "已交给 Omar Haddad")})`,
        },
        {
            content: "He has it",
            trigger: `.o_livechat_reception:not(:has(${buyer("Bea")}))`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_take_back", {
    steps: () => [
        {
            content: "What did this buyer write?",
            trigger: `${buyer("Bea")} .o_livechat_reception_buyer_name`,
            run: press,
        },
        {
            content: "Give it to somebody of another group",
            trigger: `${card(buyer("Bea"))} .o_livechat_reception_offered button:contains(Sofie Claes)`,
            run: press,
        },
        { content: "She has it", trigger: `.o_livechat_reception:not(:has(${buyer("Bea")}))` },
        ...undo(say("Given to Sofie Claes", "已交给 Sofie Claes")),
        { content: "The buyer waits as before", trigger: buyer("Bea") },
    ],
});

tours.add("im_livechat_subaccount.reception_offered", {
    steps: () => [
        {
            content: "To whom can Bea be given?",
            trigger: `${buyer("Bea")} .o_livechat_reception_buyer_name`,
            run: press,
        },
        {
            content: "To Maria, above her capacity, and not to Omar, who is paused",
            trigger: `${card(buyer("Bea"))} .o_livechat_reception_offered:has(button:contains(Maria Santos)):not(:contains(Omar Haddad))`,
        },
        {
            content: "All of them",
            trigger: `${card(buyer("Bea"))} .o_livechat_reception_offered button:contains(${say("Another", "其他人")})`,
            run: press,
        },
        {
            content: "Nobody has this chat, to keep it until Omar is back",
            trigger:
                ".o_livechat_transfer_agents:has(label:contains(Omar Haddad)):not(:has(.o_livechat_transfer_later))",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_at_once", {
    steps: () => {
        let pressedAt;
        const first = (name) => ({
            content: `${name} is the first`,
            trigger: `${buyer(name)} .badge:contains(/^1$/)`,
        });
        const [open, putFirst] = manage("First", "put_first");
        return [
            ...manage("Third", "put_first"),
            first("Third"),
            ...manage("Second", "put_first"),
            { ...first("Second"), content: "The page has asked for the line, and rests" },
            open,
            {
                ...putFirst,
                async run(helpers) {
                    pressedAt = Date.now();
                    await press(helpers);
                },
            },
            {
                ...first("First"),
                run() {
                    const seconds = (Date.now() - pressedAt) / 1000;
                    if (seconds > 4.5) {
                        throw new Error(`Seen after ${seconds} s`);
                    }
                },
            },
        ];
    },
});

tours.add("im_livechat_subaccount.reception_drag_buyer", {
    steps: () => [
        {
            content: "Drag the buyer onto Omar",
            trigger: `${buyer("Bea")} .o_livechat_reception_buyer_name`,
            run: `drag_and_drop ${row("Omar Haddad")} .o_livechat_reception_name`,
        },
        { content: "He has it", trigger: `.o_livechat_reception:not(:has(${buyer("Bea")}))` },
    ],
});

const undo = (text) => [
    {
        content: `Said, and taken back: ${text}`,
        trigger: `.o_notification:contains(${text}) .o_notification_buttons button:contains(${say("Undo", "撤销")})`,
        run: press,
    },
];

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** What is saved can be taken back for ten seconds: of a clock that goes when it is told to. */
const letTenSecondsPass = (text) => {
    const notice = `.o_notification:contains(${text})`;
    const saved = `${notice} .o_notification_buttons button`;
    const began = Date.now();
    return [
        {
            content: "The clock stops, and Maria's weight is another one",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: async (helpers) => {
                luxon.Settings.now = () => began;
                await press(helpers);
            },
        },
        {
            content: "Almost ten seconds later it can be taken back",
            trigger: saved,
            run: async ({ anchor }) => {
                luxon.Settings.now = () => began + 9_900;
                for (let frame = 0; frame < 5; frame++) {
                    await nextFrame();
                }
                if (!anchor.isConnected) {
                    throw new Error("It could be taken back for less than ten seconds.");
                }
                luxon.Settings.now = () => began + 10_100;
            },
        },
        { content: "And then not any more", trigger: `body:not(:has(${notice}))` },
        { content: "It stays", trigger: `${row("Maria Santos")}:has(input:value(210))` },
    ];
};

tours.add("im_livechat_subaccount.reception_undo", {
    steps: () => [
        {
            content: "More weight",
            trigger: `${row("Maria Santos")} .o_livechat_reception_up`,
            run: press,
        },
        ...undo(
            say("Saved: weight of Maria Santos 200 → 210", "已保存：Maria Santos 的权重 200 → 210"),
        ),
        { content: "As before", trigger: `${row("Maria Santos")}:has(input:value(200))` },
        saved("Maria Santos"),
        {
            content: "Omar pauses",
            trigger: `${row("Omar Haddad")} input[role=switch]:checked`,
            run: press,
        },
        ...undo(say("Saved: Omar Haddad is paused", "已保存：Omar Haddad 已挂起")),
        { content: "Not any more", trigger: `${row("Omar Haddad")} input[role=switch]:checked` },
        {
            content: "Sofie, who is at lunch, takes chats",
            trigger: `${row("Sofie Claes")} input[role=switch]:not(:checked)`,
            run: press,
        },
        ...undo(say("Saved: Sofie Claes takes chats", "已保存：Sofie Claes 开始接待")),
        {
            content: "She is at lunch, as before",
            trigger: `${row("Sofie Claes")}:contains(${say("Lunch", "午餐")}):has(input[role=switch]:not(:checked))`,
        },
        ...move("Omar Haddad", OTHERS, say("Move to Returns", "移到 Returns")),
        ...undo(say("Saved: Omar Haddad is in Returns", "已保存：Omar Haddad 已在 Returns")),
        { content: "He is back", trigger: row("Omar Haddad", OTHERS) },
        {
            content: "And not there",
            trigger: `${group("Returns")}:not(:contains(Omar Haddad))`,
        },
        ...letTenSecondsPass(
            say("Saved: weight of Maria Santos 200 → 210", "已保存：Maria Santos 的权重 200 → 210"),
        ),
    ],
});

const move = (name, from, target) => [
    {
        content: `The menu of ${name}`,
        trigger: `${row(name, from)} .o_livechat_reception_move`,
        run: press,
    },
    {
        content: target,
        trigger: `.o_livechat_reception_targets button:contains(${target})`,
        run: press,
    },
];

tours.add("im_livechat_subaccount.reception_move", {
    steps: () => [
        {
            isActive: ["desktop"],
            content: "Drag Omar into the returns",
            trigger: `${row("Omar Haddad", OTHERS)} .o_livechat_reception_handle`,
            run: `drag_and_drop ${group("Returns")} .o_livechat_reception_members`,
        },
        ...fit([], move("Omar Haddad", OTHERS, say("Move to Returns", "移到 Returns"))),
        { content: "He is there", trigger: row("Omar Haddad", "Returns") },
        {
            content: "And no more here",
            trigger: `${group(OTHERS)}:not(:contains(Omar Haddad))`,
        },
        ...move("Sofie Claes", "Returns", say("Take out of Returns", "移出 Returns")),
        { content: "She takes all others", trigger: row("Sofie Claes", OTHERS) },
        {
            content: "Who is in no group is where the model wants it: nothing is said about it",
            trigger: ".o_livechat_reception:not(:has(.o_livechat_reception_faults))",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_move_back", {
    steps: () => [
        ...move("Omar Haddad", "Exchanges", "Move to Returns"),
        { content: "No more here", trigger: `${group("Exchanges")}:not(:contains(Omar Haddad))` },
        ...undo("Saved: Omar Haddad is in Returns"),
        { content: "Here again", trigger: row("Omar Haddad", "Exchanges") },
        {
            content: "Paused in this group, as before",
            trigger: `${row("Omar Haddad", "Exchanges")}:contains(Paused in this group)`,
        },
        { content: "And there, as before", trigger: row("Omar Haddad", "Returns") },
        ...move("Omar Haddad", "Exchanges", "Take out of Exchanges"),
        {
            content: "Said as it is: he takes no other buyers, but those of the returns",
            trigger: ".o_notification:contains(Saved: Omar Haddad is no more in Exchanges)",
        },
        { content: "He is there still", trigger: row("Omar Haddad", "Returns") },
    ],
});

const monthOfNextTime = () =>
    luxon.DateTime.now().plus({ days: 40 }).toLocaleString({ month: "short" });

tours.add("im_livechat_subaccount.reception_long_pause", {
    steps: () => [
        {
            content: "Until which day",
            trigger: `${row("Omar Haddad")} .o_livechat_reception_status:contains(${monthOfNextTime()})`,
        },
    ],
});

tours.add("im_livechat_subaccount.own_long_pause", {
    steps: () => [
        {
            content: "Until which day",
            trigger: `.o_livechat_dispatch_menu[title*='${monthOfNextTime()}']`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_card_follows", {
    steps: () => [
        {
            content: "What Maria does",
            trigger: `${row("Maria Santos")} .o_livechat_reception_name`,
            run: press,
        },
        {
            content: "What is not known is not said",
            trigger:
                ".o_livechat_reception_card:contains(could not be loaded):not(:contains(no open chat))",
        },
        {
            content: "It is asked for again: Ada waits for a word",
            trigger: ".o_livechat_reception_chat:contains(Ada):contains(Waits for a word)",
        },
        {
            content: "And got it meanwhile",
            trigger: ".o_livechat_reception_chat:contains(Ada):not(:contains(Waits for a word))",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_buyer_card_follows", {
    steps: () => [
        {
            content: "What Bea wrote",
            trigger: `${buyer("Bea")} .o_livechat_reception_buyer_name`,
            run: press,
        },
        {
            content: "One line",
            trigger: `${card(buyer("Bea"))}:contains(to Malta):not(:contains(to Gozo))`,
        },
        {
            content: "And another, written since",
            trigger: `${card(buyer("Bea"))}:contains(to Gozo)`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_no_channel_of_shop", {
    steps: () => [
        {
            content: "It is not its own name that is entered",
            trigger: `.o_livechat_reception_none:contains(${say("Its main account asks", "请由主账号联系")}):not(:contains(${say("your name", "您的名字")}))`,
        },
    ],
});

/** A line at the head of a group, with the button that mends it. */
const hint = (name, text, fix) =>
    `${group(name)} .o_livechat_reception_hint:contains(${text}) button:contains(${fix})`;
const FAULTS = ".o_livechat_reception_faults";

tours.add("im_livechat_subaccount.reception_faults", {
    steps: () => [
        {
            content: "In one line what costs buyers, the worst first",
            trigger: `${FAULTS} .o_livechat_reception_fault_line:contains(${say("Returns: 1 buyer waits and nobody is here to serve, and 1 more", "Returns：有 1 位买家在等，而无人可接待；另有 1 项")})`,
        },
        {
            content: "And nothing of weights, nor of who is in no group",
            trigger: `.o_livechat_reception:not(:contains(${say("more than twice", "两倍")})):not(:contains(${say("In no group", "不在任何分组")}))`,
        },
        {
            content: "Where somebody waits is the first group, and who is gone the last in it",
            trigger: `.o_livechat_reception_channel .o_livechat_reception_group:eq(0)[data-group=Returns] .o_livechat_reception_agent[data-gone=true]:contains(Sofie Claes)`,
        },
        {
            content: "Here are two of the three",
            trigger: `[data-figure=here] dd:contains(${say("2 of 3", "2 / 3")})`,
        },
        {
            content: "A permitted sub-account is on no channel: a hint",
            trigger: hint(
                OTHERS,
                say(
                    "May receive buyers, but on no channel: Nadia",
                    "可接待买家但不在任何频道：Nadia",
                ),
                say("Add to Flagship Shop", "添加到 Flagship Shop"),
            ),
            run: press,
        },
        { content: "It is now", trigger: row("Nadia") },
        {
            content: "The hint is gone, another stays",
            trigger: `${group(OTHERS)}:not(:contains(${say("on no channel", "不在任何频道")})) .o_livechat_reception_hint:contains(${say("May receive buyers, but not enabled: Idris", "可接待买家但未启用：Idris")}) button:contains(${say("Open sub-accounts", "打开子账号")})`,
        },
        { content: "All of it", trigger: `${FAULTS} .o_livechat_reception_details`, run: press },
        {
            content: "Open the group that is empty",
            trigger: `${FAULTS} li:contains(${say("Empty desk has no agents", "Empty desk 没有客服")}) button:contains(${say("Choose agents", "选择客服")})`,
            run: press,
        },
        { content: "Its form", trigger: ".o_form_view .o_field_widget[name=user_ids]" },
    ],
});

tours.add("im_livechat_subaccount.reception_nobody", {
    steps: () => [
        {
            content: "The shop is open, and nobody is here",
            trigger: `${FAULTS}:contains(${say("Flagship Shop is open and nobody is here to take buyers", "Flagship Shop 在营业时间内，却没有客服在岗")})`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_empty_group", {
    steps: () => [
        {
            content: "Its buyers find nobody",
            trigger: `${FAULTS}:contains(Returns has no agents)`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_night", {
    steps: () => [
        { content: "Off shift", trigger: `${row("Maria Santos")}:contains(Off shift)` },
        {
            content: "A shop that is closed costs nobody",
            trigger: `.o_livechat_reception:not(:has(${FAULTS}))`,
        },
    ],
});

/** What the tab key goes through from where the focus is, in the order of the document. */
function findTabStops() {
    const from = document.activeElement;
    return [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")]
        .filter((el) => el.tabIndex >= 0 && !el.disabled && el.checkVisibility())
        .filter((el) => from.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING);
}

const tabToFirstAgent = () => [
    {
        content: "Who comes by keyboard begins at the page",
        trigger: ".o_livechat_reception_today:focus",
    },
    {
        content: "One tab stop for the agents of a group, few before the first",
        trigger: `${group(OTHERS)} .o_livechat_reception_name[tabindex="0"]`,
        run({ anchor }) {
            const stops = findTabStops();
            const index = stops.findIndex((el) => el.matches(".o_livechat_reception_name"));
            if (index < 0 || index > 5) {
                const before = stops.slice(0, index).map((el) => el.textContent.trim());
                throw new Error(`The first agent comes after ${before.join(", ")}`);
            }
            const inGroup = stops.filter((el) => anchor.closest("ul").contains(el));
            if (inGroup.length !== 1) {
                throw new Error(`${inGroup.length} tab stops in one group`);
            }
            anchor.focus();
        },
    },
];

tours.add("im_livechat_subaccount.reception_keyboard_line", {
    steps: () => [
        {
            content: "What is wrong, who was unhappy and a long line stand before the agents",
            trigger:
                ".o_livechat_reception:has(.o_livechat_reception_details):has(.o_livechat_reception_unhappy_details):has(.o_livechat_reception_all)",
        },
        ...tabToFirstAgent(),
        {
            content: "The line is entered at its first buyer",
            trigger: `${group(OTHERS)} .o_livechat_reception_buyer_name[tabindex="0"]`,
            run: ({ anchor }) => anchor.focus(),
        },
        {
            content: "To its end",
            trigger: ".o_livechat_reception_buyer_name:focus",
            run: "press End",
        },
        {
            content: "What else there is",
            trigger: ".o_livechat_reception_all:focus",
            run: "press ArrowRight",
        },
        {
            content: "The list of all who wait",
            trigger: ".o_livechat_reception_line_end button:last-child:focus",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_keyboard", {
    steps: () => [
        ...tabToFirstAgent(),
        {
            content: "Down to the next agent",
            trigger: `${row("Maria Santos")} .o_livechat_reception_name:focus`,
            run: "press ArrowDown",
        },
        {
            content: "Right to its controls",
            trigger: `${row("Omar Haddad")} .o_livechat_reception_name:focus`,
            run: "press ArrowRight",
        },
        {
            content: "Back to the name",
            trigger: `${row("Omar Haddad")} .o_livechat_reception_down:focus`,
            run: "press ArrowLeft",
        },
        {
            content: "Up again",
            trigger: `${row("Omar Haddad")} .o_livechat_reception_name:focus`,
            run: "press ArrowUp",
        },
        {
            content: "The tab stop goes along",
            trigger: `${row("Maria Santos")} .o_livechat_reception_name:focus[tabindex="0"]`,
        },
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

tours.add("im_livechat_subaccount.reception_auditor", {
    steps: () => [
        { content: "All is there", trigger: `${row("Maria Santos")}:contains(200):contains(1/6)` },
        figure(say("Waiting now", "正在等待"), 1),
        {
            content: "And nothing to press, but to look",
            trigger:
                ".o_livechat_reception:not(:has(.o_livechat_reception_up)):not(:has(input)):not(:has(.o_livechat_reception_move)):not(:has(.o_livechat_reception_fix))",
        },
        {
            content: "Why a buyer waits",
            trigger: ".o_livechat_reception_buyer:contains(1) .o_livechat_reception_decisions",
            run: press,
        },
        {
            content: "The one decision about it",
            trigger: ".o_form_view .o_field_widget[name=sentence]",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_menu", {
    steps: () => [
        {
            content: "The guide tells the newcomer where to press, as the menus call it",
            trigger: "body",
            run() {
                const { steps } = tours.get("livechat_reception_guide");
                const words = steps().map((step) => step.content);
                for (const expected of [
                    say(
                        "What each agent received, answered and missed, and how fair it was.",
                        "每位客服接到、答复和未接了多少，以及分流是否均衡。",
                    ),
                ]) {
                    if (!words.includes(expected)) {
                        throw new Error(`Not said: ${expected}`);
                    }
                }
            },
        },
        ...openMenu("im_livechat_subaccount.livechat_reception_menu"),
        {
            content: "No channel yet",
            trigger: `.o_livechat_reception_none:contains(${say("No channel is dispatched yet", "还没有启用分流的频道")})`,
        },
        {
            content: "To the channels",
            trigger: `.o_livechat_reception_none button:contains(${say("Open channels", "打开频道")})`,
            run: press,
        },
        { content: "The channels", trigger: ".o_kanban_view, .o_list_view" },
    ],
});

tours.add("im_livechat_subaccount.reception_native", {
    steps: () => [
        {
            content: "Why there is nothing to watch, and nothing to press that would be refused",
            trigger: `.o_livechat_reception_none:contains(${say(
                "Odoo itself gives buyers to agents here",
                "这里由 Odoo 自己把买家分配给客服",
            )}):not(:has(button))`,
        },
    ],
});

tours.add("im_livechat_subaccount.reception_no_agents", {
    steps: () => [
        {
            content: "Who waits is shown all the same",
            trigger: ".o_livechat_reception_channel:contains(Bea)",
        },
        {
            content: "Nobody serves the channel",
            trigger: `.o_livechat_reception_no_agents:contains(${say("This channel has no agents yet", "该频道还没有客服")}) button:contains(${say("Add agents", "添加客服")})`,
            run: press,
        },
        { content: "Its form", trigger: ".o_form_view .o_field_widget[name=dispatch_mode]" },
    ],
});

tours.add("im_livechat_subaccount.reception_unhappy", {
    steps: () => [
        {
            content: "In one line who was not happy, and with whom",
            trigger: ".o_livechat_reception_unhappy_line:contains(Ella):contains(Maria Santos)",
        },
        {
            content: "All of it",
            trigger: ".o_livechat_reception_unhappy_details",
            run: press,
        },
        {
            content: "What the buyer said, and what was said before",
            trigger:
                ".o_livechat_reception_unhappy li:contains(Too slow) .o_livechat_reception_transcript",
            run: press,
        },
        {
            content: "The transcript of that chat",
            trigger: ".o_livechat_said:contains(Maria Santos):contains(One moment.)",
        },
        {
            content: "And its rating",
            trigger: ".o_field_widget[name=rating_last_feedback]:contains(Too slow)",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_all_unhappy", {
    steps: () => [
        {
            content: "Six were not happy",
            trigger: ".o_livechat_reception_unhappy:contains(and 5 more) button",
            run: press,
        },
        {
            content: "All of them",
            trigger: ".o_livechat_reception_unhappy button:contains(All unhappy buyers)",
            run: press,
        },
        {
            content: "Those of the figure that led here",
            trigger: ".o_facet_value:contains(Unhappy in the Last 7 Days)",
        },
        {
            content: "And no others",
            trigger: ".o_list_view:not(:has(.o_data_row:eq(6))) .o_data_row:eq(5)",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_order", {
    steps: () => [
        ...[OTHERS, "Exchanges", "Returns"].map((name, index) => ({
            content: `${name} is number ${index + 1}`,
            trigger: `.o_livechat_reception_channel .o_livechat_reception_group:eq(${index})[data-group="${name}"]`,
        })),
        ...["Maria Santos", "Omar Haddad", "Aaron"].map((name, index) => ({
            content: `${name} is number ${index + 1} of all others`,
            trigger: `${group(OTHERS)} .o_livechat_reception_agent:eq(${index}):contains(${name})`,
        })),
        {
            content: "Who is not here is dimmed, and nobody else",
            trigger: `${row("Aaron", OTHERS)}[data-gone=true]`,
            run({ anchor }) {
                const here = anchor.parentElement.querySelector("[data-gone=false]");
                const [gone, present] = [anchor, here].map((agent) => {
                    const photo = agent.querySelector(".o_livechat_reception_photo img");
                    return Number(getComputedStyle(photo).opacity);
                });
                if (!(gone < present)) {
                    throw new Error(`Opacity ${gone} beside ${present}`);
                }
            },
        },
    ],
});

const waitsFor = (name, look) => ({
    content: `${name} waits: ${look}`,
    trigger: `${card(row("Maria Santos"))} .o_livechat_reception_chat:contains(${name}) .badge.${look}`,
});

tours.add("im_livechat_subaccount.reception_clock", {
    steps: () => [
        {
            content: "What does Maria do?",
            trigger: `${row("Maria Santos")} .o_livechat_reception_name`,
            run: press,
        },
        waitsFor("Ada", "o_livechat_third_1"),
        waitsFor("Bea", "o_livechat_third_2"),
        waitsFor("Cleo", "o_livechat_third_3"),
        {
            ...waitsFor("Dora", "text-bg-light"),
            content: "Where the shop has no limit no wait is a long one",
        },
    ],
});

tours.add("im_livechat_subaccount.reception_no_channel", {
    steps: () => [
        {
            content: "Whom to ask, and for what",
            trigger: `.o_livechat_reception_none:contains(${say(
                "Ask your Odoo administrator for one: Settings ▸ Live Chat ▸ New main account",
                "请联系 Odoo 管理员：“设置 ▸ 在线聊天 ▸ 新建主账号”",
            )}):not(:has(button))`,
        },
    ],
});

/** As the head of the page writes a day. */
const dayIn = (days) =>
    luxon.DateTime.now()
        .plus({ days })
        .toLocaleString({ weekday: "long", day: "numeric", month: "long" });

tours.add("im_livechat_subaccount.reception_midnight", {
    steps: () => [
        {
            content: "A new day began for the figures, and for what stands above them",
            trigger: `.o_livechat_reception_today:contains(${dayIn(1)})`,
        },
    ],
});
