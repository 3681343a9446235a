import { registry } from "@web/core/registry";

const openBlock = {
    content: "Open the settings of the live chat",
    trigger: ".settings_tab [data-key=im_livechat]",
    run: "click",
};

const setField = (field, value) => ({
    content: `Set ${field} to ${value}`,
    trigger: `#${field} input:not([type=radio])`,
    run: `edit ${value} && press Tab`,
});

const refuse = (message) => [
    { content: "Try to save", trigger: ".o_form_button_save", run: "click" },
    {
        content: "The limits are named",
        trigger: `.modal:contains(${message}) button`,
        run: "click",
    },
    { content: "The message is gone", trigger: "body:not(:has(.modal))" },
];

registry.category("web_tour.tours").add("im_livechat_subaccount.dispatch_settings", {
    steps: () => [
        openBlock,
        setField("dispatch_weight_default", 9),
        ...refuse("A dispatch weight is a whole number from 10 to 1000."),
        setField("dispatch_weight_default", 120),
        setField("dispatch_quiet_hold", 1.5),
        ...refuse("The hold of a quiet chat is a number from 0 to 1."),
        setField("dispatch_quiet_hold", 0),
        {
            content: "New channels share",
            trigger: "#dispatch_mode_default .o_radio_item:contains(Share) input",
            run: "click",
        },
        {
            content: "Save, which loads the page anew",
            trigger: ".o_form_button_save",
            run: "click",
            expectUnloadPage: true,
        },
        openBlock,
        {
            content: "What was saved is shown",
            trigger: "#dispatch_quiet_hold input:value(/^0[.]0+$/)",
        },
    ],
});
