import { Thread } from "@mail/core/common/thread_model";
import { patch } from "@web/core/utils/patch";

patch(Thread.prototype, {
    setup() {
        super.setup();
        /** @type {Object[]|undefined} What `get_answers_at_hand` has said. */
        this.answersAtHand = undefined;
    },

    async fetchAnswersAtHand() {
        const { orm } = this.store.env.services;
        const answers = await orm.silent.call("discuss.channel", "get_answers_at_hand", [
            [this.id],
        ]);
        this.answersAtHand = answers || undefined;
    },
});
