import { registry } from "@web/core/registry";
import { press, say } from "./walk";

const tours = registry.category("web_tour.tours");
const GUIDE = ".o_livechat_dispatch_setup";
const step = (name, title) => `[data-step=${name}]:contains(${title})`;

tours.add("im_livechat_subaccount.dispatch_setup", {
    steps: () => [
        {
            content: "Agents and weights are done, groups are a matter of taste, this one is next",
            trigger: `${GUIDE}:contains(${say("Set up in five steps", "五步完成设置")}):has([data-step=agents] .fa-check-circle):has([data-step=weights] .fa-check-circle) ${step("away", say("When nobody is there", "无人在线时"))}[aria-current=step]`,
            run: press,
        },
        {
            content: "The guide leads to the line",
            trigger: "[name=queue_enabled] input:focus",
            run: press,
        },
        {
            content: "That is done, before it is saved",
            trigger: `${GUIDE} [data-step=away] .fa-check-circle`,
        },
        {
            content: "The test is next",
            trigger: `${GUIDE} ${step("test", say("Test it", "试一试"))}[aria-current=step]`,
        },
        {
            content: "Done ones can be looked at again",
            trigger: `${GUIDE} ${step("weights", say("Weights", "分流权重"))}`,
            run: press,
        },
        { content: "Where they are", trigger: "[name=max_sessions_mode] input:focus" },
        {
            content: "The groups of the channel",
            trigger: `${GUIDE} ${step("groups", say("Groups", "分组"))}`,
            run: press,
        },
        {
            content: "None yet: what a group is for",
            trigger: `.o_view_nocontent:contains(${say("A dispatch group receives", "分流分组接待")})`,
        },
        { content: "Back to the channel", trigger: ".o_back_button", run: press },
        {
            content: "Hide the guide",
            trigger: `${GUIDE} button:contains(${say("Hide this guide", "隐藏此向导")})`,
            run: press,
        },
        { content: "It is gone", trigger: `.o_form_saved:not(:has(${GUIDE}))` },
    ],
});
