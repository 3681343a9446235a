import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

registry.category("discuss.channel_commands").add("ticket", {
    channel_types: ["livechat"],
    condition: ({ thread }) => thread.hasTicketAction && !thread.dispatch_ticket,
    help: _t("Make a ticket of this chat (/ticket title)"),
    methodName: "execute_command_ticket",
});
