from unittest.mock import patch

from odoo.tests import tagged

from ..dispatch import ledger
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestNative(DispatchCommon):
    """A channel in `native` mode behaves as without this addon."""

    def test_a_channel_is_native_unless_somebody_chose_otherwise(self):
        self.env["ir.config_parameter"].search(
            [("key", "=", "im_livechat_subaccount.dispatch_mode_default")]
        ).unlink()
        channel = self.env["im_livechat.channel"].create({"name": "Plain"})
        self.assertEqual(channel.dispatch_mode, "native")
        self.assertFalse(channel.reception_partner_id)

    def test_a_native_channel_never_meets_the_ledger(self):
        agent = self._create_agent("agent", 10)
        packer = self._create_agent("packer", groups="base.group_user")
        channel = self._create_channel(agent | packer, dispatch_mode="native")
        with (
            patch.object(ledger, "reserve_seat", side_effect=AssertionError),
            patch.object(ledger, "read_agents", side_effect=AssertionError),
            patch("random.choice", lambda choices: choices[-1]),
        ):
            self.assertEqual(channel._get_operator(), packer, "core asks for no right")
            self.assertEqual(channel.available_operator_ids, agent | packer)
            self.assertTrue(channel._is_livechat_available())
            info = channel._get_operator_info(
                lang=None, country_id=None, previous_operator_id=agent.partner_id.id
            )
            self.assertEqual(info["operator_partner"], agent.partner_id)
            self.assertEqual(channel.remaining_session_capacity, 20)

    def test_a_paused_agent_of_a_native_channel_is_chosen(self):
        agent = self._create_agent("agent", dispatch_paused=True)
        channel = self._create_channel(agent, dispatch_mode="native")
        self.assertEqual(channel._get_operator(), agent)

    def test_a_native_decision_has_nobody_served(self):
        agent = self._create_agent("agent")
        channel = self._create_channel(agent, dispatch_mode="native")
        self.env.flush_all()
        self.env.cr.postcommit.data.pop("livechat_drain", None)
        self.assertEqual(channel._get_operator(), agent)
        self.env["res.users"].write({"active": True})
        self.env.flush_all()
        self.assertNotIn("livechat_drain", self.env.cr.postcommit.data)
