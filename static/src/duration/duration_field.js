import { Component, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { formatDuration } from "../reception/reception_texts";

/** Seconds in lists, pivots and graphs, as people say them: "45 s", "12 min 34 s"; empty of none. */
function formatSeconds(value) {
    return typeof value === "number" ? formatDuration(Math.round(value)) : "";
}

/** Seconds that nobody edits. */
export class DurationField extends Component {
    static template = xml`<span t-out="text"/>`;
    static props = { ...standardFieldProps };

    get text() {
        return formatSeconds(this.props.record.data[this.props.name]);
    }
}

registry.category("formatters").add("livechat_duration", formatSeconds);
registry.category("fields").add("livechat_duration", {
    component: DurationField,
    supportedTypes: ["integer", "float"],
});
