import { Component, onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatList } from "@web/core/l10n/utils";
import { RPCError } from "@web/core/network/rpc";
import { Pager } from "@web/core/pager/pager";
import { registry } from "@web/core/registry";
import { Mutex } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

const LIMIT = 80;
const STATES = {
    pending: _t("Not activated"),
    enabled: _t("Enabled"),
    disabled: _t("Disabled"),
};

/** Who may do what, and why: roles × permissions to tick, sub-accounts × permissions to look at. */
export class PermissionMatrix extends Component {
    static template = "im_livechat_subaccount.PermissionMatrix";
    static components = { Layout, Pager };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.notification = useService("notification");
        this.orm = useService("orm");
        this.display = { controlPanel: {} };
        this.limit = LIMIT;
        this.turn = 0;
        this.mutex = new Mutex();
        this.state = useState({ search: "", roleOffset: 0, subaccountOffset: 0, matrix: {} });
        this.onSearch = useDebounced((search) => this.load({ search }), 300);
        onWillStart(() => this.load());
    }

    /**
     * Show another part of the matrix, or the same part as it is now.
     *
     * @param {{search?: string, roleOffset?: number, subaccountOffset?: number}} [part]
     */
    async load(part = {}) {
        if ("search" in part) {
            part = { ...part, roleOffset: 0, subaccountOffset: 0 };
        }
        Object.assign(this.state, part);
        const { search, roleOffset, subaccountOffset } = this.state;
        // Not a KeepLast, which never ends what it passes over: the next tick waits for this one.
        const turn = ++this.turn;
        const matrix = await this.orm.call("livechat.role", "get_matrix", [], {
            search,
            role_offset: roleOffset,
            subaccount_offset: subaccountOffset,
            limit: LIMIT,
        });
        if (turn === this.turn) {
            this.state.matrix = matrix;
        }
    }

    /** Put a permission into a role or take it out; the box falls back when the server refuses. */
    onTick(role, permission, ev) {
        const box = ev.target;
        const given = box.checked;
        return this.mutex.exec(async () => {
            try {
                role.permission_ids = await this.orm.call(
                    "livechat.role",
                    "toggle_permission",
                    [role.id, permission.id],
                    { given },
                );
            } catch (error) {
                box.checked = !given;
                if (!(error instanceof RPCError)) {
                    throw error;
                }
                this.notification.add(error.data?.message || error.message, { type: "danger" });
                return;
            }
            await this.load();
        });
    }

    open(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }

    isEditable(role, permission) {
        return role.editable && permission.grantable;
    }

    nameRoles(subaccount) {
        return formatList(subaccount.roles);
    }

    stateName(subaccount) {
        return STATES[subaccount.state];
    }

    /** Say what a cell is about, for those who do not see the head of its column. */
    describeCell(role, permission) {
        return _t("%(name)s: %(permission)s", { name: role.name, permission: permission.name });
    }

    describeGrant(subaccount, permission) {
        const parts = {
            name: subaccount.name,
            permission: permission.name,
            roles: formatList(subaccount.grants[permission.id]),
            availability: permission.availability,
        };
        return permission.availability
            ? _t("%(name)s: %(permission)s, from %(roles)s (%(availability)s)", parts)
            : _t("%(name)s: %(permission)s, from %(roles)s", parts);
    }
}

registry.category("actions").add("im_livechat_subaccount.permission_matrix", PermissionMatrix);
