import { Component, onMounted, useRef, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { serializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RPCError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

const { DateTime } = luxon;

/** When people go on with what they left yesterday. */
const MORNING = { hour: 9, minute: 0, second: 0, millisecond: 0 };

/** Lets a chat rest until a moment, of which its agent is reminded. */
export class HoldDialog extends Component {
    static template = "im_livechat_subaccount.HoldDialog";
    static components = { Dialog };
    static props = { thread: Object, close: Function };

    setup() {
        this.orm = useService("orm");
        const now = DateTime.fromMillis(useService("mail.store").livechatNow);
        this.state = useState({
            moment: now.plus({ hours: 1 }).toFormat("yyyy-MM-dd'T'HH:mm"),
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

    async hold(moment) {
        if (this.state.isBusy) {
            return;
        }
        if (!moment.isValid) {
            this.state.error = _t("Choose when you want to be reminded.");
            return;
        }
        this.state.isBusy = true;
        try {
            await this.orm.call("discuss.channel", "action_hold", [
                [this.props.thread.id],
                serializeDateTime(moment),
            ]);
            this.props.close();
        } catch (error) {
            if (!(error instanceof RPCError)) {
                throw error;
            }
            this.state.error = error.data?.message || error.message;
        } finally {
            this.state.isBusy = false;
        }
    }
}
