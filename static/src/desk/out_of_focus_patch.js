import { OutOfFocusService } from "@mail/core/common/out_of_focus_service";
import { patch } from "@web/core/utils/patch";

/** The title counts messages that nobody has seen; of live chats, the buyers who wait for an answer. */
patch(OutOfFocusService.prototype, {
    notify(message, thread) {
        const counted = this.counter;
        const done = super.notify(...arguments);
        if (thread?.dispatch_transferable && this.counter !== counted) {
            this.counter = counted;
            this.titleService.setCounters({ discuss: counted || undefined });
        }
        return done;
    },
});
