import { registry } from "@web/core/registry";
import { fit, press, say } from "./walk";

const tours = registry.category("web_tour.tours");

const PASSWORD = "sesame-open";

/** Whoever walks is on another screen now: a page, or a dialog over it. The test counts them. */
const screen = (name, trigger) => ({
    content: `A screen: ${name}`,
    trigger,
    run: () => console.log(`[first day] screen ${name}|`),
});

/** The one way to click here: the test counts them. */
const click = (content, trigger, options = {}) => ({
    content,
    trigger,
    async run(helpers) {
        console.log("[first day] click");
        await press(helpers);
    },
    ...options,
});

const type = (content, trigger, text) => ({ content, trigger, run: `edit ${text}` });

const LOADS = { expectUnloadPage: true };

const setPassword = (form) => [
    type("Set a password", `${form} input[name=password]`, PASSWORD),
    type("Again", `${form} input[name=confirm_password]`, PASSWORD),
    click("Send it", `${form} button[type=submit]`, LOADS),
];

tours.add("im_livechat_subaccount.first_day_administrator", {
    steps: () => [
        ...fit(
            [click("Open the applications", ".o_navbar_apps_menu button")],
            [
                click("Open the drawer", ".o_main_navbar .o_menu_toggle"),
                click("All applications", ".o_app_menu_sidebar .o_sidebar_topbar a"),
            ],
        ),
        click("Settings", ".o_app[data-menu-xmlid='base.menu_administration']"),
        screen("Settings", ".o_setting_container"),
        click("Live Chat", ".settings_tab [data-key=im_livechat]"),
        click(
            "New main account",
            `#livechat_main_account button:contains(${say("New main account", "新建主账号")})`,
        ),
        screen("New main account", ".modal [name=person]"),
        type("The name", ".modal [name=name] input", "Lin Yue"),
        type("The login", ".modal [name=login] input", "lin@shop.example"),
        {
            content: "The website's own channel is proposed",
            trigger: ".modal [name=channel_id] input:value(Website)",
        },
        click("Open the shop", ".modal button[name=action_create]"),
        screen("The link", ".modal [name=url]:contains(/web/signup)"),
        click("Copy the link", ".modal [name=url] .o_clipboard_button"),
    ],
});

tours.add("im_livechat_subaccount.first_day_owner", {
    steps: () => [
        screen("Sign up", ".oe_signup_form"),
        ...setPassword(".oe_signup_form"),
        screen("Reception", ".o_livechat_first_day [data-step=invite][aria-current=step]"),
        type("A name", ".o_livechat_first_day_invite input", "Chen Jing"),
        click("Invite", ".o_livechat_first_day_invite button"),
        click(
            "Copy the link",
            ".o_livechat_first_day_link:contains(/livechat/activate/) .o_clipboard_button",
        ),
        { content: "Next is somebody on duty", trigger: "[data-step=duty][aria-current=step]" },
    ],
});

tours.add("im_livechat_subaccount.first_day_agent", {
    steps: () => [
        screen("Set a password", ".o_livechat_activation_form"),
        ...setPassword(".o_livechat_activation_form"),
        screen("Discuss", ".o-mail-Discuss"),
        {
            content: "It is the desk: on duty, with nothing to do yet",
            trigger: ".o_main_navbar .o_livechat_dispatch_menu:contains(0)",
        },
        {
            content: "And nobody greets who came to serve buyers",
            trigger: ".o-mail-Discuss:not(:contains(OdooBot))",
        },
    ],
});

tours.add("im_livechat_subaccount.first_day_owner_tries", {
    steps: () => [
        {
            content: "Somebody is on duty: next is to write as a buyer",
            trigger: "[data-step=test][aria-current=step]",
        },
        click(
            "What happens at night",
            `[data-step=away] .o_livechat_first_day_pool:contains(${say("Keep messages", "留言")})`,
        ),
        { content: "That is arranged", trigger: "[data-step=away] .fa-check-circle" },
        {
            content: "Open the shop's page, in a window of its own",
            trigger: ".o_livechat_first_day_try[href*='/im_livechat/support/'][target=_blank]",
            run: () => console.log("[first day] click"),
        },
    ],
});
