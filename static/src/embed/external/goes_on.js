import { expirableStorage } from "@im_livechat/core/common/expirable_storage";
import { GUEST_TOKEN_STORAGE_KEY } from "@im_livechat/embed/common/store_service_patch";
import { session } from "@web/session";

// Who may have a chat open goes on with it, though the channel takes nobody else: then there is no
// button. Comes before core looks.
const { livechatData } = session;
if (livechatData?.options?.channel_id && expirableStorage.getItem(GUEST_TOKEN_STORAGE_KEY)) {
    livechatData.can_load_livechat = true;
}
