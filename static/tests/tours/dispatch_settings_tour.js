import { registry } from "@web/core/registry";
import { press, say } from "./walk";

const openBlock = {
    content: "Open the settings of the live chat",
    trigger: ".settings_tab [data-key=im_livechat]",
    run: press,
};

const WEIGHT = say("Weight of new agents", "新客服的权重");
const QUIET = say("Quiet chats", "静默对话");

const setField = (field, label, value) => ({
    content: `Set ${field} to ${value}`,
    trigger: `#${field}:contains(${label}) input:not([type=radio])`,
    run: `edit ${value} && press Tab`,
});

const refuse = (message) => [
    { content: "Try to save", trigger: ".o_form_button_save", run: press },
    {
        content: "The limits are named",
        trigger: `.modal:contains(${message}) button`,
        run: press,
    },
    { content: "The message is gone", trigger: "body:not(:has(.modal))" },
];

registry.category("web_tour.tours").add("im_livechat_subaccount.dispatch_settings", {
    steps: () => [
        openBlock,
        setField("dispatch_weight_default", WEIGHT, 9),
        ...refuse(
            say(
                "Weight of New Agents is a whole number from 10 to 1000.",
                "新客服的权重是 10 到 1000 之间的整数。",
            ),
        ),
        setField("dispatch_weight_default", WEIGHT, 120),
        setField("dispatch_quiet_hold", QUIET, 1.5),
        ...refuse(
            say(
                "Hold of a Quiet Chat is a number from 0 to 1.",
                "静默对话占用是 0 到 1 之间的数字。",
            ),
        ),
        setField("dispatch_quiet_hold", QUIET, 0),
        {
            content: "New channels share",
            trigger: `#dispatch_mode_default:contains(${say("New channels", "新频道")}) .o_radio_item:contains(${say("Share: new chats in proportion", "按比例：新对话按权重比例分配")}) input`,
            run: press,
        },
        {
            content: "Save, which loads the page anew",
            trigger: ".o_form_button_save",
            run: press,
            expectUnloadPage: true,
        },
        openBlock,
        {
            content: "What was saved is shown",
            trigger: "#dispatch_quiet_hold input:value(/^0[.]0+$/)",
        },
    ],
});
