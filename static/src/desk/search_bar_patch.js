import { onMounted } from "@odoo/owl";
import { patch } from "@web/core/utils/patch";
import { SearchBar } from "@web/search/search_bar/search_bar";

// A list that is there at last takes the cursor into its search, also from the agent who meanwhile
// answers a buyer.
patch(SearchBar.prototype, {
    setup() {
        let composer;
        // Before the search takes the cursor, and after it.
        onMounted(() => {
            composer =
                !this.env.inDialog && document.activeElement?.closest(".o-mail-Composer-input");
        });
        super.setup(...arguments);
        onMounted(() => composer && composer.focus());
    },
});
