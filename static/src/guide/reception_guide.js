import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/** On a phone applications and menus are in a drawer. */
const drawer = {
    isActive: ["mobile"],
    trigger: ".o_main_navbar .o_menu_toggle",
    tooltipPosition: "bottom",
    run: "click",
};

/** The way a newcomer is led, who has Odoo's *Onboarding* switched on. */
registry.category("web_tour.tours").add("livechat_reception_guide", {
    url: "/odoo/livechat-reception",
    steps: () => [
        { trigger: ".o_livechat_reception" },
        {
            isActive: [".o_livechat_reception_up"],
            content: _t(
                "More weight, more buyers: press the arrow. The shares of the whole group and this agent's capacity follow at once.",
            ),
            trigger: ".o_livechat_reception_up",
            tooltipPosition: "top",
            run: "click",
        },
        drawer,
        {
            isActive: ["desktop"],
            content: _t(
                "Who waits, why a chat went where it went, what would have been: all here.",
            ),
            trigger:
                '.o_menu_sections [data-menu-xmlid="im_livechat_subaccount.livechat_reports_menu_root"]',
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            content: _t("What each agent received, answered and missed, and how fair it was."),
            trigger: '[data-menu-xmlid="im_livechat_subaccount.livechat_team_menu"]',
            tooltipPosition: "bottom",
            run: "click",
        },
        { trigger: ".o_livechat_team" },
    ],
});
