import inspect

from odoo.tests import TransactionCase, tagged

from .. import models

# In the order in which they are imported, which tests/pure/test_house.py holds.
ROOMS = [name for name, module in vars(models).items() if inspect.ismodule(module)]


@tagged("post_install", "-at_install")
class TestHouse(TransactionCase):
    def test_the_layers_of_each_model_lie_in_the_order_of_the_rooms(self):
        for name in (
            "im_livechat.channel",
            "discuss.channel",
            "discuss.channel.member",
            "livechat.dispatch.group",
            "res.users",
        ):
            with self.subTest(model=name):
                modules = [base.__module__ for base in self.env.registry[name]._base_classes__]
                layers = [
                    module.split(".models.")[1].split(".")[0]
                    for module in modules
                    if module.startswith("odoo.addons.im_livechat_subaccount.models.")
                ]
                # What is called first lies on top.
                self.assertEqual(layers, sorted(layers, key=ROOMS.index, reverse=True))
                self.assertGreater(len(set(layers)), 1)
