import { LampsBlock } from "@im_livechat_subaccount/website/lamps_block";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

const LampsBlockEdit = (Block) =>
    class extends Block {
        get options() {
            return {
                isEdited: true,
                hint: _t(
                    "No lamps yet: choose a channel, and the lamp of each of its dispatch groups " +
                        "that buyers are to see.",
                ),
            };
        }
    };

registry
    .category("public.interactions.edit")
    .add("im_livechat_subaccount.lamps_block", { Interaction: LampsBlock, mixin: LampsBlockEdit });
