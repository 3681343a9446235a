import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const GUIDE = ".o_livechat_dispatch_setup";

tours.add("im_livechat_subaccount.dispatch_setup", {
    steps: () => [
        {
            content: "Agents and weights are done, groups are a matter of taste, this one is next",
            trigger: `${GUIDE}:has([data-step=agents] .fa-check-circle):has([data-step=weights] .fa-check-circle) [data-step=away][aria-current=step]`,
            run: "click",
        },
        {
            content: "The guide leads to the line",
            trigger: "[name=queue_enabled] input:focus",
            run: "click",
        },
        {
            content: "That is done, before it is saved",
            trigger: `${GUIDE} [data-step=away] .fa-check-circle`,
        },
        {
            content: "The test is next",
            trigger: `${GUIDE} [data-step=test][aria-current=step]`,
        },
        {
            content: "The groups of the channel",
            trigger: `${GUIDE} [data-step=groups]`,
            run: "click",
        },
        { content: "None yet", trigger: ".breadcrumb-item:contains(Flagship Shop)", run: "click" },
        {
            content: "Hide the guide",
            trigger: `${GUIDE} button:contains(Hide this guide)`,
            run: "click",
        },
        { content: "It is gone", trigger: `.o_form_saved:not(:has(${GUIDE}))` },
    ],
});

tours.add("im_livechat_subaccount.dispatch_setup_seen", {
    steps: () => [{ content: "Five steps", trigger: `${GUIDE} li:nth-child(5):contains(Test it)` }],
});
