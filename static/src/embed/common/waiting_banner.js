import { isTaken } from "@im_livechat_subaccount/common/composer_patch";
import { ChatWindow } from "@mail/core/common/chat_window";
import { Component, useEffect, useRef, useState } from "@odoo/owl";
import { deserializeDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

const TIME = { hour: "numeric", minute: "2-digit" };
const DAY_AND_TIME = { weekday: "long", day: "numeric", month: "long", ...TIME };

/** Say how long a wait of so many seconds is; in minutes, rounded up. */
export function describeEstimate([shortest, longest]) {
    if (longest < 60) {
        return _t("less than a minute");
    }
    const low = Math.max(1, Math.ceil(shortest / 60));
    const high = Math.ceil(longest / 60);
    if (low < high) {
        return _t("about %(low)s to %(high)s minutes", { low, high });
    }
    return high === 1 ? _t("about 1 minute") : _t("about %s minutes", high);
}

/** Tells a buyer who waits for an agent the place in line, and lets it leave a message instead. */
export class WaitingBanner extends Component {
    static template = "im_livechat_subaccount.WaitingBanner";
    static props = { thread: Object };

    setup() {
        this.notification = useService("notification");
        this.state = useState({
            isLeaving: false,
            asksReach: false,
            isSending: false,
            email: "",
            phone: "",
            error: "",
        });
        this.reach = useRef("reach");
        // Whoever asks for the form types in it next. An agent may have come with the click.
        useEffect(
            (asks) => asks && this.reach.el?.querySelector("input").focus(),
            () => [this.state.asksReach],
        );
        // A page that slept, or had no network, hears that it was gone: it is here.
        const signs = useService("im_livechat_subaccount.buyers_sign_of_life");
        useEffect(
            (hasGone) => {
                if (hasGone) {
                    signs.giveSign();
                }
            },
            () => [Boolean(this.wait?.has_gone)],
        );
    }

    /** What the buyer is told; nothing as soon as an agent has come, or has answered who took the
     * chat while away, or the chat has ended. */
    get wait() {
        const { thread } = this.props;
        return !thread.livechat_end_dt && (thread.dispatch_wait || thread.dispatch_away);
    }

    get place() {
        return _t("You are number %s in line", this.wait.place);
    }

    get estimate() {
        const { estimate } = this.wait;
        return estimate && _t("Estimated wait: %s", describeEstimate(estimate));
    }

    get othersFirst() {
        return _t("Some customers of this shop go first.");
    }

    get poolText() {
        return this.wait.has_left || this.wait.has_gone
            ? _t("Write your message: we keep it and answer as soon as somebody is free.")
            : _t(
                  "Nobody is here right now. Write your message: we keep it and answer as soon " +
                      "as somebody comes.",
              );
    }

    /** When the shop is open next, by the clock of the buyer. */
    get opensText() {
        const { opens_at: opensAt, closes_at: closesAt } = this.wait;
        if (!opensAt) {
            return "";
        }
        const [opens, closes] = [opensAt, closesAt].map((moment) => deserializeDateTime(moment));
        const isOneDay = opens.hasSame(closes, "day");
        return _t("The shop is open from %(start)s to %(end)s, by your clock.", {
            start: opens.toLocaleString(DAY_AND_TIME),
            end: closes.toLocaleString(isOneDay ? TIME : DAY_AND_TIME),
        });
    }

    /** What is offered to who is not going to look at this page. */
    get reachLabel() {
        if (!this.wait.takes_email) {
            return _t("Answer me by telephone");
        }
        if (this.wait.state === "pool") {
            return this.wait.mails
                ? _t("Another address, or a telephone number")
                : _t("Answer me by e-mail or telephone");
        }
        return this.wait.mails ? _t("Another address") : _t("Tell me by e-mail when it is my turn");
    }

    get mailsText() {
        return this.wait.state === "pool"
            ? _t("Answers are also mailed to you.")
            : _t("You are told by e-mail when it is your turn.");
    }

    onClickReach() {
        Object.assign(this.state, { asksReach: true, error: "" });
    }

    onKeydownReach(event) {
        if (event.key === "Tab") {
            // The window would take the cursor of who goes on by it back to where one writes.
            event.stopPropagation();
        } else if (event.key === "Escape" && this.state.asksReach && !isTaken(event)) {
            // The window would close as well, with the form.
            event.stopPropagation();
            this.state.asksReach = false;
            this.props.thread.chat_window?.focus();
        }
    }

    async onSubmitReach() {
        const { email, phone, isSending } = this.state;
        if (isSending) {
            return;
        }
        Object.assign(this.state, { isSending: true, error: "" });
        try {
            const { error } = await rpc("/im_livechat_subaccount/reach", {
                channel_id: this.props.thread.id,
                email: email.trim(),
                phone: phone.trim(),
            });
            this.state.error = error || "";
            this.state.asksReach = Boolean(error);
        } catch {
            this.state.error = _t("That did not work. Please try again.");
        } finally {
            this.state.isSending = false;
        }
        if (!this.state.asksReach) {
            this.state.phone = "";
            this.props.thread.chat_window?.focus();
        }
    }

    async onClickLeaveMessage() {
        if (this.state.isLeaving) {
            return;
        }
        const { thread } = this.props;
        this.state.isLeaving = true;
        let hasLeft = false;
        try {
            // That it is so comes over the bus, to every page of this buyer.
            hasLeft = await rpc("/im_livechat_subaccount/leave_message", {
                channel_id: thread.id,
            });
        } catch {
            // The buyer is told below.
        } finally {
            this.state.isLeaving = false;
        }
        if (!hasLeft && this.wait?.state === "queued") {
            // It was lost on the way, or is refused; no agent has come meanwhile.
            this.notification.add(_t("That did not work. You are still in line; try again."), {
                type: "warning",
            });
            return;
        }
        // The button is gone: whoever used the keyboard goes on with the message.
        thread.chat_window?.focus();
    }
}

Object.assign(ChatWindow.components, { WaitingBanner });
