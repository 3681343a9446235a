from odoo.tests import TransactionCase, tagged

from ..tools.attributes import SAID_OF_CORE

MODULE = "im_livechat_subaccount"
MODELS = ("im_livechat.channel", "livechat.dispatch.group", "res.users")


@tagged("post_install", "-at_install")
class TestAttributes(TransactionCase):
    """What fields say of themselves; see ``tools.attributes``."""

    def _find_writable(self, model):
        for field in self.env[model]._fields.values():
            if (
                field._module == MODULE
                and not field.readonly
                and field.store
                and field.name != "id"
            ):
                yield field

    def test_each_field_of_ours_that_can_be_written_says_what_follows(self):
        for model in MODELS:
            for field in self._find_writable(model):
                # Lines are written on their own.
                if field.type != "one2many" and field.name not in ("channel_id", "parent_path"):
                    for attribute in ("frees_seats", "logged"):
                        with self.subTest(field=str(field), attribute=attribute):
                            self.assertTrue(hasattr(field, attribute))
        for field in self._find_writable("im_livechat.channel"):
            if field.type != "one2many":
                with self.subTest(field=str(field)):
                    self.assertTrue(hasattr(field, "shop_may_set"))

    def test_whatever_a_shop_may_set_of_dispatch_is_logged(self):
        channels = self.env["im_livechat.channel"]
        for name in channels._fields:
            if channels._says(name, "shop_may_set") and channels._says(name, "frees_seats"):
                with self.subTest(field=name):
                    self.assertTrue(channels._says(name, "logged"))

    def test_what_is_said_of_a_field_of_core_changes_nothing_else_of_it(self):
        extended = 0
        for model_class in self.env.registry.values():
            if model_class._original_module == MODULE:
                continue
            for definition in model_class._model_classes__:
                if not definition.__module__.startswith(f"odoo.addons.{MODULE}."):
                    continue
                for ours in getattr(definition, "_field_definitions", ()):
                    if ours._args__ and set(ours._args__) <= SAID_OF_CORE:
                        extended += 1
                        field = model_class._fields[ours.name]
                        with self.subTest(field=str(field)):
                            self.assertNotIn(MODULE, field._modules)
                            self.assertTrue(field._module)
                            self.assertIs(type(field), type(ours))
        self.assertGreater(extended, 20)
