import { registry } from "@web/core/registry";
import { GraphModel } from "@web/views/graph/graph_model";
import { graphView } from "@web/views/graph/graph_view";

// What is shown side by side as bars: each is worth little without the other.
const PAIRS = { entitled: "served", served: "entitled" };

/** Shows what agents were entitled to beside what they got, as bars of one graph. */
export class FairnessGraphModel extends GraphModel {
    /** @override */
    async _loadDataPoints(metaData) {
        const [points, currencies] = await super._loadDataPoints(metaData);
        const measure = PAIRS[metaData.measure];
        if (!measure) {
            return [points, currencies];
        }
        const [companions] = await super._loadDataPoints({ ...metaData, measure });
        for (const point of companions) {
            point.companion = measure;
        }
        return [[...points, ...companions], currencies];
    }

    /** @override */
    _getProcessedDataPoints() {
        if (this.metaData.mode === "bar") {
            return super._getProcessedDataPoints();
        }
        const points = this.dataPoints;
        this.dataPoints = points.filter((point) => !point.companion);
        try {
            return super._getProcessedDataPoints();
        } finally {
            this.dataPoints = points;
        }
    }

    /** @override */
    _getDatasetLabel(point) {
        const { measure, measures, mode } = this.metaData;
        if (mode !== "bar" || !PAIRS[measure]) {
            return super._getDatasetLabel(point);
        }
        return [measures[point.companion || measure].string, ...point.labels.slice(1)].join(" / ");
    }
}

registry.category("views").add("livechat_dispatch_fairness_graph", {
    ...graphView,
    Model: FairnessGraphModel,
});
