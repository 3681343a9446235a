import { utils } from "@web/core/ui/ui_service";
import { user } from "@web/core/user";

/** What the page says, in the language of whoever walks. */
export const say = (english, chinese) => (user.lang === "zh-CN" ? chinese : english);

/** What there is on a large screen, and what on a phone in its place. */
export const fit = (wide, narrow) => (utils.isSmall() ? narrow : wide);

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** Whether a finger on the middle of the element meets it, and nothing that lies above it. */
function isReached(element) {
    const { left, top, width, height } = element.getBoundingClientRect();
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    return element.contains(hit) || Boolean(hit?.closest("label")?.contains(element));
}

/** To be run by a step: a click, refused where a finger would miss. */
export async function press({ anchor, click }) {
    anchor.scrollIntoView({ block: "center" });
    for (let frames = 600; !isReached(anchor); frames--) {
        if (!frames) {
            throw new Error("It is off the page, or covered.");
        }
        await nextFrame();
    }
    await click();
}

/**
 * Steps of a task that takes so many clicks; a word is typed, not clicked. `docs/operations.md` says
 * the same of the task.
 */
export function withClicks(task, count, steps) {
    const clicks = steps.filter(({ run }) => run && !/^(edit|press) /.test(run));
    if (clicks.length !== count) {
        throw new Error(`${task}: ${clicks.length} clicks: ${clicks.map((step) => step.content)}`);
    }
    return steps;
}

/** Open a menu item by the items on the way to it: of the bar above, or of the drawer on a phone. */
export const openMenu = (...path) =>
    fit(path, [".o_main_navbar .o_menu_toggle", path.at(-1)]).map((item) => ({
        content: `Press ${item}`,
        trigger: item.startsWith(".") ? item : `[data-menu-xmlid='${item}']`,
        run: press,
    }));

/** Press a button in the head of a chat, on a phone in the menu of its window, where its sign tells it. */
export const pressInChat = (button, sign) =>
    fit(
        [{ content: `Press ${button}`, trigger: `button[name=${button}]`, run: press }],
        [
            {
                content: "What else there is",
                trigger: ".o-mail-ChatWindow-moreActions",
                run: press,
            },
            {
                content: `Press ${button}`,
                trigger: `:is(.o-mail-ActionList-button, .o-dropdown-item):has(.${sign})`,
                run: press,
            },
        ],
    );

/** Go on from *Reception* by a button above it, or on a phone by the drawer. */
export const openFromReception = (name, menu) => {
    const button = `.o_control_panel .${name}`;
    return fit([{ content: `Press ${button}`, trigger: button, run: press }], openMenu(menu));
};

const VIEW_ICONS = {
    list: ".oi-view-list",
    kanban: ".oi-view-kanban",
    pivot: ".oi-view-pivot",
    graph: ".fa-area-chart",
};

/** Switch to another view, by a button or on a phone by a menu. */
export const openView = (type) =>
    fit(
        [`.o_cp_switch_buttons .o_switch_view.o_${type}`],
        [
            ".o_control_panel .o_cp_switch_buttons button",
            `.o-dropdown-item:has(${VIEW_ICONS[type]})`,
        ],
    ).map((trigger) => ({ content: `Switch to the ${type}`, trigger, run: press }));

/** Choose a record: by its name, on a phone from cards. */
export const choose = (field, name) => [
    {
        content: `Look for ${name}`,
        trigger: `.o_field_widget[name=${field}] input`,
        run: fit(`edit ${name}`, press),
    },
    {
        content: `Choose ${name}`,
        trigger: fit(
            // The list of another field may still be open.
            `.o_field_widget[name=${field}] .o-autocomplete--dropdown-item:contains(${name})`,
            `.modal:not(.o_inactive_modal) .o_kanban_record:contains(${name})`,
        ),
        run: press,
    },
];

/** Choose one of the few values of a field. */
export const select = (field, label) => [
    {
        content: `Open the values of ${field}`,
        trigger: `.o_field_widget[name=${field}] input`,
        run: press,
    },
    { content: label, trigger: `.o_select_menu_item:contains(${label})`, run: press },
];

/** Where a phone has the buttons above a form, all but the first. */
export const FORM_MENU = ".o_statusbar_buttons .oi-ellipsis-v";

/** Press a button above a form. */
export const pressButton = (name, label, { isFirst = true } = {}) => [
    ...(isFirst ? [] : fit([], [{ content: "Open the menu", trigger: FORM_MENU, run: press }])),
    { content: label, trigger: `button[name=${name}]:contains(${label})`, run: press },
];
