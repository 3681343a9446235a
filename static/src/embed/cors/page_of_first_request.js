import { getPage } from "@im_livechat_subaccount/embed/common/livechat_service_patch";
import { Store } from "@mail/core/common/store_service";
import { rpc } from "@web/core/network/rpc";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

patch(Store.prototype, {
    /**
     * As core's, but with the page on which the button is to be shown: rules of a channel ask for
     * it, and a browser tells another site no more than which one the page is of.
     */
    _fetchStoreDataRpc(fetchParams) {
        if (!fetchParams.some(([name]) => name === "init_livechat")) {
            return super._fetchStoreDataRpc(...arguments);
        }
        return rpc(
            this.fetchReadonly ? "/mail/data" : "/mail/action",
            { fetch_params: fetchParams, context: user.context, page_url: getPage() },
            { silent: this.fetchSilent },
        );
    },
});
