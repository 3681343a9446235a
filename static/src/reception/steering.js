import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { TransferDialog } from "../transfer/transfer_dialog";

/**
 * What who watches the reception does with one chat, by the id of its `discuss.channel`.
 *
 * @param {Object} model see `ReceptionModel`; it tells what the server refuses
 */
export function useSteering(model) {
    const action = useService("action");
    const dialog = useService("dialog");
    // The page's: a card goes with its chat, and what was asked from it is still done and said.
    const call = (method, id, args = []) =>
        model.try(() => model.orm.silent.call("discuss.channel", method, [[id], ...args]));
    return {
        call,
        /** Read along: noted on the chat before it is opened. */
        async listen(id) {
            if (await call("action_listen", id)) {
                await action.doAction({
                    type: "ir.actions.client",
                    tag: "mail.action_discuss",
                    params: { active_id: `discuss.channel_${id}` },
                });
            }
        },
        async takeOver(id) {
            if (await call("action_take_over", id)) {
                model.say(_t("The chat is yours now"));
            }
        },
        async give(id, agent) {
            if (await call("action_give_to", id, [agent.id])) {
                model.saySaved(
                    _t("Given to %s", agent.name),
                    () => call("action_take_back", id),
                    `chat-${id}`,
                );
            }
        },
        transfer(id) {
            // What the dialog has done is seen as soon as it is closed.
            const onClose = () => model.restNoMore();
            dialog.add(TransferDialog, { thread: { id } }, { onClose });
        },
        end(id) {
            dialog.add(ConfirmationDialog, {
                title: _t("End the chat"),
                body: _t("It ends for its buyer as well. End it?"),
                confirm: () => call("action_end_chat", id),
                confirmLabel: _t("End"),
                cancel: () => {},
            });
        },
    };
}
