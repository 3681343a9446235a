"""Who may do what, line by line: each call, as each kind of person, with what has to come of it.

A call names those who may; everybody else is refused. Who is in neither is not asked: what comes of
it is plain Odoo's, or hangs on more than the kind of person.
"""

from typing import NamedTuple

from odoo.fields import Command
from odoo.tests import new_test_user

from .security_matrix import ALLOWED, REFUSED, Attack, SecurityCommon

# Nobody's staff: buyers and strangers, employees, Odoo's own agents and administrators.
STRANGERS = frozenset({"public", "portal", "employee"})
PLAIN = frozenset({"agent", "livechat_admin", "admin"})
# The shop's: each template role, and the lesser managers' own roles.
AGENTS = frozenset({"reception", "colleague", "after_sales", "store_manager", "deputy"})
STAFF = AGENTS | {"main_account", "shipping", "audit", "planner"}
# Another shop's, and those who cannot log in.
FOREIGN = frozenset({"rival", "foreign_agent"})
GONE = frozenset({"pending", "disabled"})
EVERYBODY = STRANGERS | PLAIN | STAFF | FOREIGN | GONE

NOBODY = frozenset()
# Who manages accounts of those who can do as much as the template Reception; the deputy cannot.
MANAGE = frozenset({"main_account", "store_manager", "admin"})
DISPATCH = frozenset({"main_account", "store_manager", "planner", "livechat_admin", "admin"})
OVERSEE = DISPATCH | {"audit"}
# Whose page opens a list of these models at all, whatever is in it.
SEE_ACCOUNTS = frozenset({"main_account", "rival", "store_manager", "deputy", "planner", "admin"})
MAKE_LINKS = SEE_ACCOUNTS - {"planner"}
SEE_DISPATCH = OVERSEE | AGENTS | FOREIGN | {"agent"}
PLAN = DISPATCH | {"rival"}
WATCH = OVERSEE | {"rival"}

LISTS = {
    "livechat.subaccount": SEE_ACCOUNTS,
    "livechat.role": SEE_ACCOUNTS,
    "livechat.permission": SEE_ACCOUNTS | {"livechat_admin"},
    "livechat.subaccount.disable": MAKE_LINKS,
    "livechat.activation.link": MAKE_LINKS,
    "livechat.shop.handover": frozenset({"admin"}),
    "livechat.dispatch.group": SEE_DISPATCH,
    "livechat.dispatch.scope": SEE_DISPATCH,
    "livechat.dispatch.test": PLAN,
    "livechat.dispatch.decision": SEE_DISPATCH,
    "livechat.ticket.decision": SEE_DISPATCH,
    "livechat.dispatch.total": SEE_DISPATCH,
    "livechat.dispatch.presence": frozenset({"admin"}),
    "livechat.dispatch.compare": WATCH,
    "livechat.dispatch.whatif": PLAN,
    "livechat.dispatch.whatif.line": PLAN,
    "livechat.dispatch.change": WATCH,
    "livechat.dispatch.change.line": WATCH,
    "livechat.dispatch.forecast": WATCH,
    "livechat.dispatch.log": SEE_DISPATCH,
}


class Call(NamedTuple):
    """One thing to do, and who may."""

    model: str
    method: str
    ids: list | None
    args: tuple
    may: frozenset
    # Of whom nothing is said.
    unsaid: frozenset = NOBODY


class RightsCommon(SecurityCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Whom core names to themselves when it refuses.
        cls.rival.name, cls.victim.user_id.name = "Rival", "Foreign"
        cls.own_disabled = cls._create_staff(
            cls.owner, "disabled", cls.roles["reception"], state="disabled"
        )
        cls.users["livechat_admin"] = new_test_user(
            cls.env, "sec_livechat_admin", "im_livechat.im_livechat_group_manager"
        )
        cls.users["admin"] = new_test_user(
            cls.env, "sec_admin", "base.group_system,im_livechat.im_livechat_group_manager"
        )
        cls.users["rival"] = cls.rival
        cls.users["foreign_agent"] = cls.victim.user_id
        # They have no way in, so that their lines are for the ways from outside alone.
        cls.gone = {
            "pending": cls.subaccounts["pending"].user_id,
            "disabled": cls.own_disabled.user_id,
        }
        cls.empty_group = cls.env["livechat.dispatch.group"].create(
            {"name": "Empty", "channel_id": cls.shop["im_livechat.channel"].id}
        )
        cls.env.cr.flush()

    def get_calls(self):
        shop = self.shop
        colleague, user = self.subaccounts["colleague"].ids, self.users["colleague"]
        pending, disabled = self.subaccounts["pending"].ids, self.own_disabled.ids
        role, permission = self.role_planner.ids, self.permissions["manage_dispatch"].ids
        channel, group = shop["im_livechat.channel"], shop["livechat.dispatch.group"]
        change, chat = shop["livechat.dispatch.change"].ids, shop["discuss.channel"].ids
        decision = shop["livechat.dispatch.decision"].ids
        total = shop["livechat.dispatch.total"][:1].ids
        log = shop["livechat.dispatch.log"][:1].ids
        rows, roles, channels = "livechat.subaccount", "livechat.role", "im_livechat.channel"
        link, clear = Command.link, Command.clear
        for model, may in LISTS.items():
            yield Call(model, "search_count", None, ([],), may)
            yield Call(model, "web_search_read", None, ([], {"id": {}}), may)
        # Accounts
        yield Call(rows, "read", colleague, (["name"],), SEE_ACCOUNTS - {"rival"})
        yield Call(rows, "write", colleague, ({"name": "x"},), MANAGE)
        yield Call(rows, "write", colleague, ({"email": "x@example.com"},), MANAGE)
        yield Call(rows, "write", colleague, ({"role_ids": [clear()]},), MANAGE)
        yield Call(rows, "write", colleague, ({"dispatch_weight": 50},), MANAGE | {"planner"})
        yield Call(
            rows, "create", None, ({"name": "x"},), MAKE_LINKS - {"admin"}, frozenset({"admin"})
        )
        yield Call(rows, "action_activation_link", pending, (), MANAGE)
        yield Call(rows, "action_disable", colleague, (), MANAGE)
        yield Call(rows, "action_enable", disabled, (), MANAGE)
        yield Call(rows, "action_delete", pending, (), MANAGE)
        yield Call(rows, "action_apply_roles", colleague, (), MANAGE)
        yield Call(rows, "unlink", pending, (), MANAGE)
        # Roles and what they are made of
        yield Call(
            roles,
            "create",
            None,
            ({"name": "x"},),
            frozenset({*FOREIGN, "main_account", "admin"}) - {"foreign_agent"},
        )
        yield Call(roles, "read", role, (["name"],), SEE_ACCOUNTS - {"rival"})
        yield Call(roles, "write", role, ({"name": "x"},), frozenset({"main_account", "admin"}))
        yield Call(
            roles,
            "write",
            role,
            ({"permission_ids": [clear()]},),
            frozenset({"main_account", "admin"}),
        )
        yield Call(roles, "unlink", self.role_wide.ids, (), frozenset({"main_account", "admin"}))
        for values in ({"grantable": False}, {"name": "x"}, {"group_xmlids": "base.group_user"}):
            yield Call("livechat.permission", "write", permission, (values,), frozenset({"admin"}))
        yield Call("livechat.permission", "create", None, ({"name": "x"},), frozenset({"admin"}))
        yield Call("livechat.permission", "unlink", permission, (), frozenset({"admin"}))
        # The shop itself
        yield Call(
            "res.users",
            "action_hand_shop_over",
            self.owner.ids,
            (self.users["employee"].id,),
            frozenset({"admin"}),
        )
        yield Call(
            "livechat.shop.handover",
            "create",
            None,
            ({"main_account_id": self.owner.id, "successor_id": self.users["employee"].id},),
            frozenset({"admin"}),
        )
        yield Call("res.config.settings", "action_open_lost_shops", [], (), frozenset({"admin"}))
        for values in (
            {"main_account_id": self.rival.id},
            {"group_ids": [link(self.internal.id)]},
            {"active": False},
            {"login": "x"},
        ):
            yield Call(
                "res.users",
                "write",
                user.ids,
                (values,),
                frozenset({"admin"}),
                frozenset({"colleague"}),
            )
        yield Call(
            "res.groups",
            "write",
            self.role_planner.group_id.ids,
            ({"implied_ids": [clear()]},),
            frozenset({"admin"}),
        )
        readers = SEE_DISPATCH - FOREIGN
        for name in ("main_account_id", "dispatch_weight", "dispatch_paused"):
            yield Call("res.users", "read", user.ids, ([name],), readers)
        # The channel and its dispatch; Odoo's own agents see the groups of channels they serve.
        serve = readers - {"agent"}
        for values in (
            {"dispatch_mode": "least_load"},
            {"max_sessions": 7},
            {"queue_enabled": False},
            {"user_ids": [link(user.id)]},
        ):
            yield Call(channels, "write", channel.ids, (values,), DISPATCH)
        yield Call(
            channels, "create", None, ({"name": "x"},), frozenset({"livechat_admin", "admin"})
        )
        yield Call(
            channels,
            "write",
            channel.ids,
            ({"main_account_id": self.rival.id},),
            frozenset({"livechat_admin", "admin"}),
            frozenset({"rival"}),
        )
        yield Call("livechat.dispatch.group", "read", group.ids, (["name"],), serve)
        yield Call("livechat.dispatch.group", "write", group.ids, ({"name": "x"},), DISPATCH)
        yield Call("livechat.dispatch.group", "unlink", self.empty_group.ids, (), DISPATCH)
        yield Call(
            "livechat.dispatch.group",
            "create",
            None,
            ({"name": "x", "channel_id": channel.id},),
            DISPATCH,
        )
        yield Call(
            "livechat.dispatch.scope",
            "write",
            group.scope_ids.ids,
            ({"page_pattern": "/x"},),
            DISPATCH,
        )
        yield Call(
            "im_livechat.channel.rule",
            "write",
            channel.rule_ids.ids,
            ({"regex_url": "/x"},),
            DISPATCH,
            frozenset({"agent"}),
        )
        for method in ("dispatch_pause", "dispatch_away", "dispatch_resume"):
            yield Call("res.users", method, user.ids, (), DISPATCH | {"colleague"})
        yield Call("res.users", "dispatch_set_weight", user.ids, (50,), DISPATCH)
        yield Call(channels, "get_lamp_channels", None, (), PLAN)
        for method in ("get_reception", "get_reception_lines"):
            yield Call(channels, method, None, (), WATCH)
        # What dispatch did and will do
        yield Call("livechat.dispatch.change", "read", change, (["name"],), OVERSEE)
        yield Call("livechat.dispatch.change", "write", change, ({"name": "x"},), DISPATCH)
        for model, ids, may in (
            ("livechat.dispatch.decision", decision, OVERSEE | {"reception"}),
            (
                "livechat.ticket.decision",
                shop["livechat.ticket.decision"].ids,
                OVERSEE | {"reception"},
            ),
            ("livechat.dispatch.total", total, OVERSEE),
            ("livechat.dispatch.log", log, OVERSEE),
        ):
            unsaid = frozenset({"reception"}) - may
            yield Call(model, "read", ids, (["display_name"],), may, unsaid)
            yield Call(model, "write", ids, ({"create_uid": 1},), NOBODY)
            yield Call(model, "unlink", ids, (), NOBODY)
            yield Call(model, "create", None, ({},), NOBODY)
        # Conversations
        reads = frozenset({"main_account", "reception", "audit", "store_manager", *PLAIN})
        yield Call("discuss.channel", "read", chat, (["name"],), reads)
        yield Call("discuss.channel", "get_dispatch_reason", chat, (), reads)
        # Who only reads is answered nothing.
        yield Call("discuss.channel", "get_buyer_card", chat, (), reads)
        yield Call("discuss.channel", "action_make_contact", chat, (), NOBODY)
        # Without a helpdesk; with one: test_tickets.
        for method in ("get_ticket_draft", "make_ticket", "execute_command_ticket"):
            yield Call("discuss.channel", method, chat, (), NOBODY)
        yield Call(
            "discuss.channel",
            "message_post",
            chat,
            (),
            frozenset({"reception"}),
            reads - {"audit"},
        )
        yield Call(
            "discuss.channel",
            "get_transfer_targets",
            chat,
            (),
            frozenset({"reception"}),
            reads - {"audit"},
        )
        yield Call(
            "discuss.channel",
            "action_open_earlier",
            chat,
            (),
            frozenset({"reception"}),
            reads - {"audit"},
        )
        yield Call(
            "discuss.channel",
            "action_keep_chat",
            chat,
            (),
            frozenset({"reception"}),
            reads - {"audit"},
        )
        # Who manages dispatch does not answer in an agent's place.
        for method in ("action_accept", "action_pass_on"):
            yield Call("discuss.channel", method, chat, (), frozenset({"reception"}))
        # Accepted by now.
        yield Call("discuss.channel", "action_decline", chat, (), NOBODY)
        yield Call(
            "discuss.channel",
            "action_end_hold",
            chat,
            (),
            frozenset({"reception"}),
            reads - {"audit"},
        )

    def get_lines(self, outside=False):
        """Return the lines: ``(who, what, through what, expected)``.

        :param outside: those of who cannot log in as well.
        """
        for call in self.get_calls():
            for who in sorted(EVERYBODY - call.unsaid - (NOBODY if outside else GONE)):
                yield Attack(
                    "as the table says",
                    who,
                    call.model,
                    call.method,
                    call.ids,
                    call.args,
                    expected=ALLOWED if who in call.may else REFUSED,
                )
