import { registry } from "@web/core/registry";
import { fit, press, pressInChat, say } from "./walk";

const tours = registry.category("web_tour.tours");

const BUTTON = ".o_menu_systray .o_livechat_dispatch_menu";
const MENU = ".o_livechat_dispatch_menu_content";
const PAUSED = say("Paused", "挂起");

/** Turn the clock of this browser back, and let it hear once more what the server's says. */
async function turnClockBack() {
    const now = Date.now;
    Date.now = () => now() - 40 * 60 * 1000;
    const store = odoo.__WOWL_DEBUG__.root.env.services["mail.store"];
    // It says whole seconds, and the one that it has just said is nothing new to the page.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await store.fetchStoreData("livechat_dispatch_owed");
}

const openMenu = { content: "Open the menu of the agent", trigger: BUTTON, run: press };

tours.add("im_livechat_subaccount.systray_pause", {
    steps: () => [
        {
            content: "The agent sees its load, and that it takes buyers",
            trigger: `${BUTTON}:has(.fa-play-circle-o):contains(1/2):not(:contains(${PAUSED}))`,
        },
        {
            content: "The browser's clock is behind by more than the pause is to last",
            trigger: BUTTON,
            run: turnClockBack,
        },
        openMenu,
        {
            content: "There is nothing to resume",
            trigger: `${MENU}:contains(${say("You receive buyers", "您正在接待买家")}):not(:has(.o_livechat_dispatch_resume))`,
        },
        {
            content: "Pause for a while",
            trigger: `.o_livechat_dispatch_pause:contains(${say("Pause for 30 min", "挂起 30 分钟")})`,
            run: press,
        },
        {
            content: "The pause is written out, not only coloured",
            trigger: `${BUTTON}:has(.fa-pause-circle):contains(${PAUSED})`,
        },
        openMenu,
        {
            content: "Its end is told",
            trigger: `${MENU}:contains(${say("You are paused until", "您已挂起至")})`,
        },
        {
            content: "Resume",
            trigger: `.o_livechat_dispatch_resume:contains(${say("Resume", "恢复接待")})`,
            run: press,
        },
        { content: "Buyers come again", trigger: `${BUTTON}:not(:contains(${PAUSED}))` },
        openMenu,
        {
            content: "Pause without an end",
            trigger: `.o_livechat_dispatch_pause:contains(/^${say("Pause", "挂起")}$/)`,
            run: press,
        },
        { content: "Paused", trigger: `${BUTTON}:contains(${PAUSED})` },
    ],
});

tours.add("im_livechat_subaccount.systray_statistics", {
    steps: () => [
        openMenu,
        {
            content: "What the agent was given, beside what it was entitled to",
            trigger: `.o_livechat_dispatch_figures:contains(${say("Today", "今天")}):contains(${say("/2 chats, entitled to 1.0/", "/2 个对话，应得 1.0 个/")})`,
        },
        {
            content: "All of it",
            trigger: `.o_livechat_dispatch_statistics:contains(${say("My Statistics", "我的统计")})`,
            run: press,
        },
        {
            content: "The page",
            trigger: `body:has(.o_last_breadcrumb_item:contains(${say("My Statistics", "我的统计")})) ${fit(".o_list_view .o_group_header:contains(1.00):contains(50%)", ".o_graph_renderer canvas")}`,
        },
    ],
});

tours.add("im_livechat_subaccount.systray_none", {
    steps: () => [
        {
            content: "Who is no agent of a dispatched channel has nothing to pause",
            trigger: `.o_menu_systray:has(.o-mail-DiscussSystray-class):not(:has(${BUTTON}))`,
        },
    ],
});

const CARD = ".o_kanban_record:contains(Flagship Shop)";
const LEAVE = `${CARD} button[name=action_quit]`;

tours.add("im_livechat_subaccount.leave_channel", {
    steps: () => [
        { content: "Leave", trigger: LEAVE, run: press },
        {
            content: "It is asked, and what becomes of the open chats is said",
            trigger: `.modal:contains(${say("Your open chats stay yours", "进行中的对话仍由您接待")}):has(.modal-footer .btn-primary) .modal-footer .btn-secondary`,
            run: press,
        },
        { content: "It is answered", trigger: "body:not(:has(.modal))" },
        { content: "Nothing has happened", trigger: LEAVE },
    ],
});

const openDialog = [
    {
        content: "The chat is there",
        trigger: ".o-mail-Message:contains(Is the blue one in stock?)",
    },
    ...pressInChat("livechat-transfer", "fa-share-square-o"),
];
const submit = {
    content: "Transfer",
    trigger: ".o_livechat_transfer footer button[type=submit]",
    run: "click",
};
const told = (error) => ({
    content: `The dialog says: ${error}`,
    trigger: `.o_livechat_transfer [role=alert] .alert-danger:contains(${error})`,
});
const agent = (name) => `.o_livechat_transfer_agents label:contains(${name})`;

tours.add("im_livechat_subaccount.transfer", {
    steps: () => [
        ...openDialog,
        {
            content: "Omar has room; presence and load are told",
            trigger: `${agent("Omar")}:has(input:enabled):contains(${say("Online", "在线")}):contains(0/2)`,
        },
        {
            content: "Sofie is full and cannot be chosen",
            trigger: `${agent("Sofie")}:has(input:disabled):contains(${say("Full", "已满")}):contains(1/1)`,
        },
        {
            content: "Pavel is paused",
            trigger: `${agent("Pavel")}:contains(${PAUSED})`,
        },
        submit,
        told(say("Choose a reason for the transfer.", "请选择转接原因。")),
        {
            content: "Choose another reason",
            trigger: "#o_livechat_transfer_reason",
            run: `selectByLabel ${say("Other", "其他")}`,
        },
        submit,
        told(say("Write down the reason for the transfer.", "请填写转接原因。")),
        {
            content: "Write it down",
            trigger: "#o_livechat_transfer_note",
            run: "edit The sister asks for him",
        },
        submit,
        told(say("Choose a colleague or a group.", "请选择同事或分组。")),
        { content: "Choose Pavel", trigger: `${agent("Pavel")} input`, run: "click" },
        submit,
        told(say("Pavel Novak is paused.", "Pavel Novak 已挂起")),
        {
            content: "Nothing that was entered is lost",
            trigger:
                ".o_livechat_transfer:has(#o_livechat_transfer_reason:value(other))" +
                ":has(#o_livechat_transfer_note:value(The sister asks for him))" +
                ":has(.o_livechat_transfer_agents label:contains(Pavel) input:checked)",
        },
        { content: "Choose Omar", trigger: `${agent("Omar")} input`, run: "click" },
        submit,
        {
            content: "It is done",
            trigger: `.o_notification:contains(${say("Transferred to Omar Haddad", "已转接给 Omar Haddad")})`,
        },
        { content: "The dialog is gone", trigger: "body:not(:has(.o_livechat_transfer))" },
    ],
});

tours.add("im_livechat_subaccount.transfer_to_group", {
    steps: () => [
        ...openDialog,
        {
            content: "Choose a reason",
            trigger: "#o_livechat_transfer_reason",
            run: "select wrong_group",
        },
        {
            content: "Choose the group",
            trigger: `.o_livechat_transfer_groups label:contains(Returns):contains(${say("0 colleagues", "0 位同事")})`,
            run: "click",
        },
        submit,
        {
            content: "The buyer waits",
            trigger: `.o_notification:contains(${say("The buyer waits in line of Returns", "买家在 Returns 排队")})`,
        },
    ],
});

tours.add("im_livechat_subaccount.transfer_native", {
    steps: () => [
        {
            content: "A chat of Odoo's own dispatch is not ours to transfer",
            trigger:
                ".o-mail-DiscussContent-header:has(button[name=livechat-info])" +
                ":not(:has(button[name=livechat-transfer]))",
        },
    ],
});
