import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

const save = [
    { content: "Save", trigger: ".o_form_button_save", run: "click" },
    { content: "Wait until it is saved", trigger: ".o_form_saved" },
];

const PASSWORD = "sesame-open";

tours.add("im_livechat_subaccount.subaccount_create", {
    steps: () => [
        { content: "Create a sub-account", trigger: ".o_list_button_add", run: "click" },
        {
            content: "Name the person",
            trigger: "[name=name] input",
            run: "edit Chen Jing && press Tab",
        },
        {
            content: "A login is proposed",
            trigger: "[name=login] input:value(tourowner:desk1)",
        },
        { content: "Look for a role", trigger: "[name=role_ids] input", run: "edit Reception" },
        {
            content: "Give the role",
            trigger: ".o-autocomplete--dropdown-item:contains(Reception)",
            run: "click",
        },
        { content: "It is given", trigger: "[name=role_ids] .o_tag:contains(Reception)" },
        ...save,
        {
            content: "Nobody can log in yet",
            trigger: ".o_arrow_button_current:contains(Not activated)",
        },
        {
            content: "Ask for the link",
            trigger: "button[name=action_activation_link]",
            run: "click",
        },
        {
            content: "The link is there to copy: open it as the person does",
            trigger: ".modal [name=url]:contains(/livechat/activate/)",
            run: ({ anchor }) => {
                const { pathname } = new URL(anchor.textContent.match(/http\S+/)[0]);
                window.location.href = pathname;
            },
            expectUnloadPage: true,
        },
        {
            content: "The page says whose account it is",
            trigger: ".o_livechat_activation_form:contains(Chen Jing):contains(tourowner:desk1)",
        },
        { content: "Set a password", trigger: "input[name=password]", run: `edit ${PASSWORD}` },
        { content: "Mistype it", trigger: "input[name=confirm_password]", run: "edit something" },
        {
            content: "Send it",
            trigger: ".o_livechat_activation_form button[type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        { content: "It is told", trigger: ".alert-danger:contains(The passwords differ)" },
        { content: "Set a password", trigger: "input[name=password]", run: `edit ${PASSWORD}` },
        { content: "Again", trigger: "input[name=confirm_password]", run: `edit ${PASSWORD}` },
        {
            content: "Send it",
            trigger: ".o_livechat_activation_form button[type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Go to the login page",
            trigger: ".o_livechat_activation_done:contains(tourowner:desk1) a.btn-primary",
            run: "click",
            expectUnloadPage: true,
        },
        { content: "The login is filled in", trigger: "input[name=login]:value(tourowner:desk1)" },
        { content: "Type the password", trigger: "input[name=password]", run: `edit ${PASSWORD}` },
        {
            content: "Log in",
            trigger: ".oe_login_form button[type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        { content: "The sub-account is in", trigger: ".o_main_navbar .o_user_menu" },
    ],
});

tours.add("im_livechat_subaccount.subaccount_takes_chat", {
    steps: () => [
        {
            content: "Read what the buyer asks",
            trigger: ".o-mail-Discuss .o-mail-Message:contains(Is the blue one in stock?)",
        },
        {
            content: "Answer",
            trigger: ".o-mail-Discuss .o-mail-Composer-input",
            run: "edit Four of them are left.",
        },
        {
            content: "Send it",
            trigger: ".o-mail-Discuss .o-mail-Composer-input",
            run: "press Enter",
        },
        {
            content: "It is sent",
            trigger: ".o-mail-Message:not(.o-pending):contains(Four of them are left.)",
        },
    ],
});

tours.add("im_livechat_subaccount.subaccount_disable", {
    steps: () => [
        {
            content: "Open the agent",
            trigger: ".o_data_row:contains(Chen Jing) td[name=name]",
            run: "click",
        },
        {
            content: "Two chats are open",
            trigger: "[name=open_chat_count]:contains(/^2$/)",
        },
        {
            content: "Disable the agent",
            trigger: ".o_form_statusbar button[name=action_disable_wizard]",
            run: "click",
        },
        {
            content: "Look for somebody who takes the chats",
            trigger: ".modal [name=successor_id] input",
            run: "edit Wu",
        },
        {
            content: "Choose Wu Tao",
            trigger: ".o-autocomplete--dropdown-item:contains(Wu Tao)",
            run: "click",
        },
        {
            content: "Confirm",
            trigger: ".modal button[name=action_disable]",
            run: "click",
        },
        {
            content: "The agent is disabled, and its chats are gone",
            trigger:
                ".o_form_view:has(.o_arrow_button_current:contains(Disabled))" +
                " [name=open_chat_count]:contains(/^0$/)",
        },
        { content: "It can be enabled again", trigger: "button[name=action_enable]:visible" },
    ],
});

const tick = (name) => ({
    content: `Tick ${name}`,
    trigger: `[name=permission_ids] .o-checkbox:contains(${name}) input:not(:checked)`,
    run: "click",
});

tours.add("im_livechat_subaccount.role_build", {
    steps: () => [
        { content: "Create a role", trigger: ".o_list_button_add", run: "click" },
        { content: "Name it", trigger: "[name=name] input", run: "edit Desk lead" },
        tick("Receive buyers"),
        tick("See reports"),
        ...save,
    ],
});

/** The box of a role and a permission in the matrix, and whether it is ticked. */
const cell = (role, permission, ticked) =>
    `.o_permission_matrix_roles label:contains(${role}: ${permission})` +
    ` input${ticked ? ":checked" : ":not(:checked)"}`;
const grant = (name, permission, role) =>
    `.o_permission_matrix_subaccounts [role=img][aria-label='${name}: ${permission}, from ${role}']`;

tours.add("im_livechat_subaccount.role_matrix", {
    steps: () => [
        {
            content: "A template can be looked at, not changed",
            trigger:
                ".o_permission_matrix_roles tr:contains(Template)" +
                ":has([aria-label='Reception: Receive buyers']):not(:has(input))",
        },
        {
            content: "The holder has the role's permissions",
            trigger: grant("Chen Jing", "See reports", "Desk lead"),
        },
        {
            content: "Filter",
            trigger: ".o_permission_matrix_search",
            run: "edit desk",
        },
        {
            content: "Only what has this name or login is shown",
            trigger: ".o_permission_matrix_roles:not(:contains(Template)):contains(Desk lead)",
        },
        {
            content: "Tick a permission",
            trigger: cell("Desk lead", "Manage sub-accounts", false),
            run: "click",
        },
        {
            content: "The holder has it now",
            trigger: grant("Chen Jing", "Manage sub-accounts", "Desk lead"),
        },
        {
            content: "Take one away",
            trigger: cell("Desk lead", "See reports", true),
            run: "click",
        },
        {
            content: "It is gone",
            trigger: `.o_permission_matrix_subaccounts:not(:has([aria-label*='See reports']))`,
        },
        {
            content: "Look for nobody",
            trigger: ".o_permission_matrix_search",
            run: "edit nobody at all",
        },
        {
            content: "The page says so",
            trigger: ".o_permission_matrix:contains(No sub-account of that name):not(:has(table))",
        },
    ],
});

tours.add("im_livechat_subaccount.role_matrix_refused", {
    steps: () => [
        {
            content: "Tick what the server refuses",
            trigger: cell("Desk lead", "Transfer chats", false),
            run: "click",
        },
        {
            content: "The reason is told",
            trigger: ".o_notification:contains(Nothing changes during stocktaking)",
        },
        {
            content: "The tick goes back",
            trigger: cell("Desk lead", "Transfer chats", false),
        },
    ],
});

const menus = (present, absent) => [
    {
        content: `The menus have ${present} and not ${absent}`,
        trigger: `.o_menu_sections:contains(${present}):not(:contains(${absent}))`,
    },
];

tours.add("im_livechat_subaccount.role_holder_sees_reports", {
    steps: () => menus("Reports", "Team"),
});

tours.add("im_livechat_subaccount.role_holder_manages", {
    steps: () => menus("Team", "Plan"),
});

tours.add("im_livechat_subaccount.audit_reads", {
    steps: () => [
        {
            content: "Open a conversation; there is nothing to create or delete",
            trigger:
                ".o_action:not(:has(.o-kanban-button-new)) .o_kanban_record:not(.o_kanban_ghost)",
            run: "click",
        },
        {
            content: "Read it",
            trigger: ".o-mail-Message:contains(Is the blue one in stock?)",
        },
        {
            content: "There is nothing to write with",
            trigger: ".o-mail-Discuss:contains(You only look on):not(:has(.o-mail-Composer))",
        },
    ],
});
