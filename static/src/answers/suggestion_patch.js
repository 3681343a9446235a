import { Composer } from "@mail/core/common/composer";
import { UseSuggestion } from "@mail/core/common/suggestion_hook";
import { SuggestionService } from "@mail/core/common/suggestion_service";
import { patch } from "@web/core/utils/patch";
import { findAnswers, mayHaveAnswers, offerAnswers, toCannedResponse } from "./answers";

const TYPE = "livechat.answer";
const DELIMITERS = ["/", "::"];

patch(SuggestionService.prototype, {
    async fetchSuggestions({ delimiter, term }, { thread } = {}) {
        if (!DELIMITERS.includes(delimiter) || !mayHaveAnswers(thread)) {
            return super.fetchSuggestions(...arguments);
        }
        if (!term || !thread.answersAtHand) {
            await thread.fetchAnswersAtHand();
        }
        if (!thread.answersAtHand) {
            await super.fetchSuggestions(...arguments);
        }
    },

    searchSuggestions({ delimiter, term }, { thread } = {}) {
        const answers = mayHaveAnswers(thread) && thread.answersAtHand;
        if (!answers || !DELIMITERS.includes(delimiter)) {
            return super.searchSuggestions(...arguments);
        }
        const commands = delimiter === "/" ? super.searchSuggestions(...arguments).suggestions : [];
        return {
            type: TYPE,
            suggestions: offerAnswers(findAnswers(answers, term), commands, term),
        };
    },
});

patch(UseSuggestion.prototype, {
    insert(option) {
        if (option.cannedResponse && this.search.delimiter === "/") {
            // A command keeps its slash, an answer has none.
            this.search.delimiter = "::";
        }
        return super.insert(...arguments);
    },
});

patch(Composer.prototype, {
    get navigableListProps() {
        const props = super.navigableListProps;
        const { type, suggestions } = (this.hasSuggestions && this.suggestion.state.items) || {};
        if (type !== TYPE) {
            return props;
        }
        const options = suggestions.map((suggestion) => ({
            classList: "o-mail-Composer-suggestion",
            ...(suggestion.text === undefined
                ? {
                      label: suggestion.name,
                      help: suggestion.help,
                      optionTemplate: "mail.Composer.suggestionChannelCommand",
                  }
                : {
                      cannedResponse: toCannedResponse(suggestion),
                      label: suggestion.text,
                      source: suggestion.source,
                      title: suggestion.text,
                      optionTemplate: "mail.Composer.suggestionCannedResponse",
                  }),
        }));
        return { ...props, options };
    },
});
