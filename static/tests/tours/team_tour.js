import { Team } from "@im_livechat_subaccount/team/team_action";
import { registry } from "@web/core/registry";
import { fit, openFromReception, press, say, withClicks } from "./walk";

const tours = registry.category("web_tour.tours");

tours.add("im_livechat_subaccount.team", {
    steps: () => [
        // On a phone the menu is one click further away.
        ...withClicks("compare two agents", fit(3, 4), [
            ...openFromReception(
                "o_livechat_reception_team",
                "im_livechat_subaccount.livechat_team_menu",
            ),
            {
                content: "What came today, of all",
                trigger: ".o_livechat_team_figures [data-figure=received]:contains(4)",
            },
            {
                content: "Three of four chats were Maria's by her weight",
                trigger:
                    ".o_livechat_team_agent[data-agent='Maria Santos']:has([data-figure=received]:contains(3)):has([data-figure=share]:contains(75))",
            },
            {
                content: "Open her row",
                trigger: ".o_livechat_team_agent[data-agent='Maria Santos'] button",
                run: press,
            },
            {
                content: "Her week, today last",
                trigger: ".o_livechat_team_trend tbody tr:last:contains(3)",
            },
            {
                content: "Compare with Omar",
                trigger: ".o_livechat_team_compare button:contains(Omar Haddad)",
                run: press,
            },
            {
                content: "The sentence",
                trigger: `.modal .alert:contains(${say(
                    "Maria Santos received 2 more than Omar Haddad because: weight +2.0",
                    "Maria Santos 比 Omar Haddad 多接 2 个对话，原因：分流权重 +2.0",
                )})`,
            },
        ]),
        {
            content: "Close",
            trigger: `.modal footer button:contains(${say("Close", "关闭")})`,
            run: press,
        },
        {
            content: "Another period",
            trigger: "body:not(:has(.modal)) [data-period=yesterday]",
            run: press,
        },
        {
            content: "Nothing came then",
            trigger: ".o_livechat_team_figures [data-figure=received] dd:contains(0)",
        },
        { content: "Seven days", trigger: "[data-period=week]", run: press },
        {
            content: "All of them again",
            trigger: ".o_livechat_team_figures [data-figure=received]:contains(4)",
        },
    ],
});

const opened = (name) => `.o_livechat_team_agent[data-agent='${name}'] + .o_livechat_team_opened`;
const rowOf = (name) => `.o_livechat_team_agent[data-agent='${name}'] button`;

tours.add("im_livechat_subaccount.team_report", {
    steps: () => [
        {
            content: "Leave the page by its foot",
            trigger: `.o_livechat_team button:contains(${say("report of agents", "Odoo 客服报告")})`,
            run: press,
        },
        { content: "The report", trigger: ".o_pivot_view, .o_graph_view" },
    ],
});

tours.add("im_livechat_subaccount.team_busy", {
    steps: () => {
        let answer;
        const { fetchPauses } = Team.prototype;
        return [
            {
                content: "Open Maria's row while the server is busy",
                trigger: rowOf("Maria Santos"),
                async run(helpers) {
                    Team.prototype.fetchPauses = async function (...asked) {
                        Team.prototype.fetchPauses = fetchPauses;
                        await new Promise((resolve) => (answer = resolve));
                        return fetchPauses.apply(this, asked);
                    };
                    await press(helpers);
                },
            },
            {
                content: "Another period before it has answered",
                trigger: `body:has(${opened("Maria Santos")}) [data-period=yesterday]`,
                run: press,
            },
            {
                content: "It answers",
                trigger: "[data-period=yesterday].active",
                run: () => answer(),
            },
            {
                content: "Her week is there all the same",
                trigger: `${opened("Maria Santos")} .o_livechat_team_trend tbody tr:last:contains(3)`,
            },
        ];
    },
});

tours.add("im_livechat_subaccount.team_large", {
    steps: () => [
        { content: "Open Maria's row", trigger: rowOf("Maria Santos"), run: press },
        {
            content: "Of many colleagues one is chosen, and there is one button",
            trigger: `${opened("Maria Santos")} .o_livechat_team_compare:has(select):not(:has(button ~ button)) select`,
            run: "selectByLabel Omar Haddad",
        },
        {
            content: "Compare with Omar",
            trigger: ".o_livechat_team_compare button:enabled",
            run: press,
        },
        {
            content: "The sentence",
            trigger: ".modal .alert:contains(Maria Santos):contains(Omar Haddad)",
        },
    ],
});
