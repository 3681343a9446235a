import { Component, onWillStart, useState } from "@odoo/owl";
import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { useAutofocus } from "@web/core/utils/hooks";
import { findAnswers, toCannedResponse } from "./answers";

/** All canned answers that are at hand in a chat, to be searched by shortcut and words. */
export class AnswersDialog extends Component {
    static template = "im_livechat_subaccount.AnswersDialog";
    static components = { Dialog };
    static props = { composer: Object, thread: Object, close: Function };

    setup() {
        this.state = useState({ term: "" });
        this.thread = useState(this.props.thread);
        useAutofocus();
        onWillStart(() => this.props.thread.fetchAnswersAtHand());
    }

    get answers() {
        return findAnswers(this.thread.answersAtHand || [], this.state.term);
    }

    describeUse({ here }) {
        return here === 1 ? _t("Sent once on this page") : _t("Sent %s times on this page", here);
    }

    onSubmit() {
        const [first] = this.answers;
        if (first) {
            this.use(first);
        }
    }

    /** Put an answer where the cursor was. */
    use(answer) {
        const { close, composer } = this.props;
        composer.cannedResponses.push(toCannedResponse(answer));
        composer.insertText(answer.text, composer.selection.end);
        composer.autofocus++;
        close();
    }
}
