import { composerActionsRegistry } from "@mail/core/common/composer_actions";
import { AnswersDialog } from "./answers_dialog";
import { mayHaveAnswers } from "./answers";

// The button of core's own puts the two colons there; in a live chat it opens the search.
const action = composerActionsRegistry.get("add-canned-response");
const { condition, onSelected } = action;

Object.assign(action, {
    condition: (params) => mayHaveAnswers(params.composer.targetThread) || condition(params),
    onSelected: (params, ev) => {
        const { composer, store } = params;
        const thread = composer.targetThread;
        if (!mayHaveAnswers(thread)) {
            return onSelected(params, ev);
        }
        store.env.services.dialog.add(AnswersDialog, { composer, thread });
    },
});
