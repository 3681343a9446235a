import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getColor } from "@web/core/colors/colors";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const RUNS = [
    // What is past is grey; the line of what might have been is dashed.
    { key: "real", name: _t("Really"), color: "#8f8f8f", dash: [] },
    { key: "baseline", name: _t("Replayed as it was"), color: 0, dash: [6, 4] },
    { key: "changed", name: _t("With this sheet"), color: 4, dash: [2, 2] },
];

/**
 * What a what-if replay found: tables, and the same figures as graphs.
 *
 * The value is what `livechat.dispatch.whatif._describe` returns.
 */
export class WhatifResult extends Component {
    static template = "im_livechat_subaccount.WhatifResult";
    static props = { ...standardFieldProps };

    setup() {
        this.runs = RUNS;
        this.agentsRef = useRef("agents");
        this.waitsRef = useRef("waits");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => {
                const charts = this.draw();
                return () => charts.forEach((chart) => chart.destroy());
            },
            () => [JSON.stringify(this.result)],
        );
    }

    get result() {
        return this.props.record.data[this.props.name];
    }

    /** The rows of the summary: what, and its words for each run. */
    get figures() {
        const seconds = (value) => this.formatSeconds(value);
        const count = (value) => `${value}`;
        return [
            { key: "served", name: _t("Got an agent"), format: count },
            { key: "waited", name: _t("Of these, waited in line"), format: count },
            { key: "mean", name: _t("Waiting time, on average"), format: seconds },
            { key: "p95", name: _t("Waiting time, 95 of 100 at most"), format: seconds },
            { key: "longest", name: _t("Longest wait"), format: seconds },
            { key: "pooled", name: _t("Left a message"), format: count },
            { key: "unanswered", name: _t("Unanswered"), format: count },
        ];
    }

    get arrivalsText() {
        return _t("%s buyers", this.result.arrivals);
    }

    get unknownText() {
        return _t(
            "%s buyers could not be replayed: of teams above 50 agents only the best are recorded.",
            this.result.unknown,
        );
    }

    get unseenText() {
        return _t(
            "No decision of this period looked at %s: they are taken to be away. Choose on the sheet when they take buyers.",
            this.result.unseen,
        );
    }

    get accuracyText() {
        return _t(
            "Replayed as it was, %s of the buyers come to the agent they really came to. The difference between the first two columns is the error of the replay itself.",
            `${Math.round(1000 * this.result.accuracy) / 10} %`,
        );
    }

    get estimatedText() {
        return _t(
            "Of %s buyers nobody knows how long their chats take: they got no agent, or the chat was deleted. They count with the median of the period.",
            this.result.estimated,
        );
    }

    formatSeconds(value) {
        if (value < 100) {
            return _t("%s s", Math.round(value * 10) / 10);
        }
        if (value < 6000) {
            return _t("%s min", Math.round(value / 6) / 10);
        }
        return _t("%s h", Math.round(value / 360) / 10);
    }

    formatLoad(value) {
        return `${Math.round(value * 10) / 10}`;
    }

    /** The difference that the sheet makes, with its sign. */
    difference(agent) {
        const more = agent.changed.served - agent.baseline.served;
        return more > 0 ? `+${more}` : `${more}`.replace("-", "−");
    }

    draw() {
        if (!this.agentsRef.el || !this.result?.arrivals) {
            return [];
        }
        const { agents, waits } = this.result;
        return [
            this.drawChart(this.agentsRef.el, "bar", _t("Chats"), {
                labels: agents.map((agent) => agent.name),
                values: (key) => agents.map((agent) => agent[key].served),
            }),
            this.drawChart(this.waitsRef.el, "line", _t("Waiting time (s)"), {
                labels: waits.labels,
                values: (key) => waits[key],
            }),
        ];
    }

    drawChart(canvas, type, title, { labels, values }) {
        const scheme = cookie.get("color_scheme");
        const paint = (color) => (color.length ? color : getColor(color, scheme, "xs"));
        const style = getComputedStyle(canvas);
        const axis = { ticks: { color: style.color }, grid: { color: "#88888840" } };
        // Chart is a global of the bundle.
        return new window.Chart(canvas, {
            type,
            data: {
                labels,
                datasets: RUNS.map(({ key, name, dash, color }) => ({
                    label: `${name}`,
                    data: values(key),
                    backgroundColor: paint(color),
                    borderColor: paint(color),
                    borderDash: type === "line" ? dash : undefined,
                    borderWidth: type === "line" ? 2 : 0,
                })),
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                plugins: { legend: { labels: { color: style.color } } },
                scales: {
                    x: axis,
                    y: {
                        ...axis,
                        beginAtZero: true,
                        title: { display: true, text: `${title}`, color: style.color },
                    },
                },
            },
        });
    }
}

registry.category("fields").add("livechat_whatif_result", {
    component: WhatifResult,
    supportedTypes: ["json", "jsonb"],
});
