from odoo import Command
from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestDispatchSetup(WalkCase, DispatchCommon):
    """The five steps that a channel's form leads through."""

    def _read_done(self, channel):
        channel.invalidate_recordset(["dispatch_setup_steps"])
        return [step["name"] for step in channel.dispatch_setup_steps if step["done"]]

    def test_each_step_is_done_by_what_it_asks_for(self):
        channel = self._create_channel(self.env["res.users"])
        self.assertEqual(
            [step["name"] for step in channel.dispatch_setup_steps],
            ["agents", "weights", "groups", "away", "test"],
        )
        self.assertEqual(self._read_done(channel), [])
        channel.user_ids = new_test_user(self.env, "no_agent_yet", "base.group_user")
        self.assertEqual(self._read_done(channel), [])
        channel.user_ids = self._create_agent("setup_agent")
        self.assertEqual(self._read_done(channel), ["agents"])
        channel.write({"max_sessions_mode": "limited", "max_sessions": 5})
        self.assertEqual(self._read_done(channel), ["agents", "weights"])
        channel.dispatch_group_ids = [Command.create({"name": "After-sales"})]
        self.assertEqual(self._read_done(channel), ["agents", "weights", "groups"])
        channel.queue_enabled = True
        self.assertEqual(self._read_done(channel), ["agents", "weights", "groups", "away"])
        self._come(channel)
        self.assertEqual(self._read_done(channel), ["agents", "weights", "groups", "away", "test"])

    def test_different_weights_are_a_choice_of_weights(self):
        agents = self._create_agent("one", 100) | self._create_agent("two", 200)
        channel = self._create_channel(agents)
        self.assertEqual(self._read_done(channel), ["agents", "weights"])

    @walk
    def test_the_way_through_the_guide(self):
        agents = self._create_agent("one", 100) | self._create_agent("two", 200)
        channel = self._create_channel(agents)
        admin = new_test_user(
            self.env, "admin_guide", "base.group_erp_manager,im_livechat.im_livechat_group_manager"
        )
        url = f"/odoo/action-im_livechat.im_livechat_channel_action/{channel.id}"
        self.start_tour(url, "im_livechat_subaccount.dispatch_setup", login=admin.login)
        self.assertTrue(channel.queue_enabled)
        self.assertTrue(channel.dispatch_setup_hidden)
