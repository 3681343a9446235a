from odoo.tests import tagged

from .common import DispatchCommon, create_user
from .core_methods import ADDON


@tagged("post_install", "-at_install")
class TestReadOnly(DispatchCommon):
    """What only reads may be asked of a replica; what a page asks for because the bus said so, may
    not: the replica has not heard of it yet."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = f"base.group_user,{ADDON}.group_main_account"
        cls.owner = create_user(cls.env, "owner", groups)
        cls.agent = cls._create_agent("agent", main_account_id=cls.owner.id)
        cls.channel = cls._create_channel(cls.agent, main_account_id=cls.owner.id)

    def _find_marked(self):
        """Return what of ours is marked so, as ``{(model, method)}``."""
        return {
            (model_name, name)
            for model_name, model in self.env.registry.items()
            for base in model.__mro__
            if base.__module__.startswith(f"odoo.addons.{ADDON}.")
            for name, method in vars(base).items()
            if getattr(method, "_readonly", False)
        }

    def test_each_runs_in_a_transaction_that_may_only_read(self):
        calls = {
            ("livechat.role", "get_matrix"): (self.owner, ()),
            ("im_livechat.channel", "get_first_day"): (self.owner, ()),
            ("res.users", "get_pause_reasons"): (self.agent, self.agent.ids),
            ("discuss.channel", "get_transfer_reasons"): (self.agent, ()),
        }
        self.assertEqual(self._find_marked(), calls.keys())
        self.env.flush_all()
        for (model, method), (user, ids) in calls.items():
            with self.subTest(f"{model}.{method}"), self.env.cr.savepoint(flush=False):
                self.env.invalidate_all()
                # Until the savepoint's end, or undone with it; PostgreSQL refuses what writes.
                self.env.cr.execute("SAVEPOINT replica; SET TRANSACTION READ ONLY")
                records = self.env[model].with_user(user).browse(ids)
                self.assertTrue(getattr(records, method)())
                self.env.flush_all()
                self.env.cr.execute("ROLLBACK TO SAVEPOINT replica")
