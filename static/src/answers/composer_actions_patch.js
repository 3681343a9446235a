import {
    composerActionsRegistry,
    registerComposerAction,
} from "@mail/core/common/composer_actions";
import { _t } from "@web/core/l10n/translation";
import { mayHaveAnswers } from "./answers";
import { AnswersDialog } from "./answers_dialog";

registerComposerAction("livechat-answers", {
    condition: ({ composer }) => mayHaveAnswers(composer.targetThread) && !composer.message,
    icon: "fa fa-file-text-o",
    name: _t("Canned answers"),
    onSelected: ({ composer, store }) =>
        store.env.services.dialog.add(AnswersDialog, { composer, thread: composer.targetThread }),
    sequenceQuick: 10,
});

// Core's own button, which types the two colons, stays elsewhere.
const typed = composerActionsRegistry.get("add-canned-response");
const { condition } = typed;
typed.condition = (params) => !mayHaveAnswers(params.composer.targetThread) && condition(params);
