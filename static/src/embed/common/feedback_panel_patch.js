import { FeedbackPanel } from "@im_livechat/embed/common/feedback_panel/feedback_panel";
import { RATING } from "@im_livechat/embed/common/livechat_service";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

/** The faces by which a buyer rates a chat are pictures that core lets be clicked: here they are
 * buttons for the keyboard as well, and have names instead of numbers. */
patch(FeedbackPanel.prototype, {
    setup() {
        super.setup(...arguments);
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
});
