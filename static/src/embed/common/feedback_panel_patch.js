import { FeedbackPanel } from "@im_livechat/embed/common/feedback_panel/feedback_panel";
import { RATING } from "@im_livechat/embed/common/livechat_service";
import { _t } from "@web/core/l10n/translation";
import { RPCError, rpc } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";
import { patch } from "@web/core/utils/patch";

/** The faces by which a buyer rates a chat are pictures that core lets be clicked: here they are
 * buttons for the keyboard as well, and have names instead of numbers. */
patch(FeedbackPanel.prototype, {
    setup() {
        super.setup(...arguments);
        this.notification = useService("notification");
        this.faceNames = {
            [RATING.GOOD]: _t("Satisfied"),
            [RATING.OK]: _t("Okay"),
            [RATING.BAD]: _t("Dissatisfied"),
        };
    },

    onKeydownFace(event, rating) {
        if (["Enter", " "].includes(event.key)) {
            event.preventDefault();
            this.select(rating);
        }
    },

    /** As core's, which thanks for what was lost on the way as well: that can be sent again. */
    async onClickSendFeedback() {
        const { feedback, rating } = this.state;
        const { review_link: link } = this.livechatService.options;
        this.state.step = this.STEP.THANKS;
        if (rating === RATING.GOOD && link) {
            // At once: a browser opens none long after the click.
            window.open(link, "_blank", "noopener");
        }
        let isKept = false;
        try {
            isKept = await rpc(
                "/im_livechat/feedback",
                { reason: feedback, rate: rating, channel_id: this.props.thread.id },
                { silent: true },
            );
        } catch (error) {
            if (error instanceof RPCError) {
                // Odoo's own channels refuse a second rating so, and thank for it.
                throw error;
            }
            // It was lost on the way: the buyer is told below.
        }
        if (!isKept) {
            this.state.step = this.STEP.RATING;
            this.notification.add(_t("That did not work. Please try again."), { type: "warning" });
        }
    },
});
