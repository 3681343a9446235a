import { Component, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { formatDuration } from "../reception/reception_texts";

// What a figure counts in. Pivots and lists tell a formatter nothing but the value.
const UNITS = {
    livechat_duration: 1,
    livechat_duration_minutes: 60,
    livechat_duration_hours: 3600,
};

/** Durations that nobody edits. */
class DurationField extends Component {
    static template = xml`<span t-out="text"/>`;
    static props = { ...standardFieldProps };

    get text() {
        return this.constructor.format(this.props.record.data[this.props.name]);
    }
}

for (const [name, seconds] of Object.entries(UNITS)) {
    /** As people say it: "45 s", "12 min 34 s"; empty of none. */
    const format = (value) =>
        typeof value === "number" ? formatDuration(Math.round(value * seconds)) : "";
    registry.category("formatters").add(name, format);
    registry.category("fields").add(name, {
        component: class extends DurationField {
            static format = format;
        },
        supportedTypes: ["integer", "float"],
    });
}
