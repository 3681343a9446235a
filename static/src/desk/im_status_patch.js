import { ImStatus } from "@mail/core/common/im_status";
import { patch } from "@web/core/utils/patch";
import { isUnheardOf } from "./unheard";

patch(ImStatus.prototype, {
    /** Of whom nothing is known core says so, beside the name of a chat and of who is in it. */
    get persona() {
        const { member } = this.props;
        return member?.persona && isUnheardOf(member) ? { im_status: undefined } : super.persona;
    },
});
