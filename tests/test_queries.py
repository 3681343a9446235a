"""What people who have nothing to do with live chat pay for it: no query."""

from collections import Counter
from contextlib import contextmanager
from unittest.mock import patch

from odoo.api import Environment
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged

# The row of a new employee is read once more, of some 170 statements.
_MORE = {"make a user": 1}
_OURS = "odoo.addons.im_livechat_subaccount."


@contextmanager
def without_us(registry, *names):
    """Let these models be as if the addon had no layers on them: no methods, no constraints and no
    stored computed fields. Its columns stay, which core reads in the rows that it reads anyway."""
    taken = []
    add_to_compute = Environment.add_to_compute

    def add_to_compute_of_core(env, field, records):
        if field._module != "im_livechat_subaccount":
            add_to_compute(env, field, records)

    with patch.object(Environment, "add_to_compute", add_to_compute_of_core):
        try:
            for name in names:
                model = registry[name]
                for layer in model.__mro__:
                    if not layer.__module__.startswith(_OURS):
                        continue
                    for method in ("create", "write", "unlink"):
                        if method in vars(layer):
                            taken.append((layer, method, vars(layer)[method]))
                            delattr(layer, method)
                kept = [
                    check
                    for check in model._constraint_methods
                    if not check.__module__.startswith(_OURS)
                ]
                taken.append((model, "_constraint_methods", vars(model).get("_constraint_methods")))
                model._constraint_methods = kept
            yield
        finally:
            for layer, name, value in reversed(taken):
                setattr(layer, name, value)


@tagged("post_install", "-at_install")
class TestQueries(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = new_test_user(
            cls.env, "admin_of_users", "base.group_erp_manager,base.group_partner_manager"
        )
        cls.user = new_test_user(cls.env, "nobodys_staff", "base.group_user")
        cls.group = cls.env["res.groups"].create({"name": "Plain"})
        cls.contact = cls.env["res.partner"].create({"name": "Contact"})
        cls.company = cls.env["res.partner"].create({"name": "Company", "is_company": True})
        cls.env.cr.flush()

    def _list_statements(self, call):
        """Return what the database is asked when somebody does something and commits."""
        statements = Counter()
        execute = type(self.env.cr).execute

        def note(cursor, query, params=None, log_exceptions=True):
            text = getattr(query, "code", query)
            statements[" ".join(text.split())] += 1
            return execute(cursor, query, params, log_exceptions)

        # What every request asks before, and a process remembers.
        self.env["res.groups"]._get_group_definitions()
        savepoint = self.env.cr.savepoint()
        self.env.transaction.clear()
        try:
            with patch.object(type(self.env.cr), "execute", note):
                call()
                self.env.cr.flush()
        finally:
            self.env.clear()
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.transaction.clear()
            self.env.cr.precommit.clear()
        return statements

    def _get_calls(self):
        """Return what administrators do all day to people who are nobody's staff.

        What a group implies is not among it: by that a role may reach beyond the boundary, which is
        asked for all. Nor is the end of a user, of whom the log of dispatch keeps no number.
        """
        env = self.env(user=self.admin.id)
        user, group = self.user.with_env(env), self.group.with_env(env)
        contact, company = self.contact.with_env(env), self.company.with_env(env)
        users = env["res.users"].with_context(no_reset_password=True)
        return {
            "give a group": lambda: user.write({"group_ids": [Command.link(group.id)]}),
            "take all groups": lambda: user.write(
                {"group_ids": [Command.set(env.ref("base.group_user").ids)]}
            ),
            "archive a user": lambda: user.write({"active": False}),
            "rename a user": lambda: user.write({"name": "Another"}),
            "another login": lambda: user.write({"login": "another_login"}),
            "make a user": lambda: users.create(
                {
                    "name": "New",
                    "login": "new_nobody",
                    "group_ids": [Command.set(env.ref("base.group_user").ids)],
                }
            ),
            "make a portal user": lambda: users.create(
                {
                    "name": "New",
                    "login": "new_portal",
                    "group_ids": [Command.set(env.ref("base.group_portal").ids)],
                }
            ),
            "make a group": lambda: env["res.groups"].create({"name": "New"}),
            "rename a group": lambda: group.write({"name": "Another"}),
            "put into a group": lambda: group.write({"user_ids": [Command.link(user.id)]}),
            "delete a group": lambda: group.unlink(),
            "make a contact": lambda: env["res.partner"].create({"name": "New"}),
            "rename a contact": lambda: contact.write({"name": "Another"}),
            "move a contact": lambda: contact.write({"parent_id": company.id}),
            "a contact is a company": lambda: contact.write({"is_company": True}),
            "archive a contact": lambda: contact.write({"active": False}),
            "delete a contact": lambda: contact.unlink(),
        }

    def test_who_has_nothing_to_do_with_live_chat_pays_no_query(self):
        models = ("res.users", "res.groups", "res.partner")
        for what, call in self._get_calls().items():
            with self.subTest(what):
                # Once before, so that caches hold the same in both.
                self._list_statements(call)
                ours = self._list_statements(call)
                with without_us(self.env.registry, *models):
                    self._list_statements(call)
                    plain = self._list_statements(call)
                more = _MORE.get(what, 0)
                self.assertLessEqual(ours.total(), plain.total() + more, dict(ours - plain))
