import { onMounted, useRef, useState } from "@odoo/owl";
import { serializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { ChatDialog } from "../desk/chat_dialog";

const { DateTime } = luxon;

/** When people go on with what they left yesterday. */
const MORNING = { hour: 9, minute: 0, second: 0, millisecond: 0 };

/** Lets a chat rest until a moment, of which its agent is reminded. */
export class HoldDialog extends ChatDialog {
    static template = "im_livechat_subaccount.HoldDialog";

    setup() {
        super.setup();
        const now = DateTime.fromMillis(useService("mail.store").livechatNow);
        this.state = useState({
            // Browsers know no other digits than these in such a field, whatever language it is.
            moment: now
                .plus({ hours: 1 })
                .toFormat("yyyy-MM-dd'T'HH:mm", { numberingSystem: "latn" }),
            error: "",
            isBusy: false,
        });
        this.choices = [
            { key: "soon", label: _t("In 30 minutes"), moment: now.plus({ minutes: 30 }) },
            { key: "later", label: _t("In 2 hours"), moment: now.plus({ hours: 2 }) },
            {
                key: "tomorrow",
                label: _t("Tomorrow at 9"),
                moment: now.plus({ days: 1 }).set(MORNING),
            },
        ];
        const choices = useRef("choices");
        onMounted(() => choices.el.querySelector("button").focus());
    }

    holdUntilMoment() {
        return this.hold(DateTime.fromISO(this.state.moment));
    }

    hold(moment) {
        if (!moment.isValid) {
            this.state.error = _t("Choose when you want to be reminded.");
            return;
        }
        return this.submit(() => this.call("action_hold", { until: serializeDateTime(moment) }));
    }
}
