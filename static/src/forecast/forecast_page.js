import { registry } from "@web/core/registry";
import { formView } from "@web/views/form/form_view";

/** A page that answers what is asked on it: there is nothing to save, to discard or to lose. */
class ForecastPage extends formView.Controller {
    static template = "im_livechat_subaccount.ForecastPage";

    displayName() {
        return this.archInfo.xmlDoc.getAttribute("string");
    }

    beforeVisibilityChange() {}

    async beforeLeave() {}

    async beforeUnload() {}
}

registry.category("views").add("livechat_dispatch_forecast", {
    ...formView,
    Controller: ForecastPage,
});
