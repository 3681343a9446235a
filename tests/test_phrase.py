from odoo.fields import Command
from odoo.tests import tagged

from ..tools import phrase
from .common import DispatchCommon


@tagged("post_install", "-at_install")
class TestPhrase(DispatchCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("zh_CN")
        cls.chinese = cls.env(context={"lang": "zh_CN"})

    def test_names_are_joined_as_the_reader_writes(self):
        self.assertEqual(phrase.join(self.env, []), "")
        self.assertEqual(phrase.join(self.env, ["Ann", "Ben", "Cy"]), "Ann, Ben, and Cy")
        self.assertEqual(phrase.join(self.chinese, ["小美", "小雨", "阿杰"]), "小美、小雨和阿杰")

    def test_parts_follow_each_other(self):
        self.assertEqual(phrase.enumerate_parts(self.env, []), "")
        self.assertEqual(phrase.enumerate_parts(self.env, ["One", "", "Two"]), "One; Two")

    def test_the_name_of_a_choice_ends_at_the_readers_colon(self):
        self.assertEqual(phrase.name_choice("Share: new chats by weight"), "Share")
        self.assertEqual(phrase.name_choice("按比例：新对话按权重比例分配"), "按比例")
        self.assertEqual(phrase.name_choice("Native"), "Native")

    def test_a_group_names_what_it_receives_as_the_reader_writes(self):
        channel = self._create_channel(self._create_agent("phrase-agent"))
        countries = self.env["res.country"].search([], limit=3)
        group = self.env["livechat.dispatch.group"].create(
            {
                "name": "Abroad",
                "channel_id": channel.id,
                "scope_ids": [
                    Command.create({"kind": "country", "country_id": country.id})
                    for country in countries
                ],
            }
        )
        names = countries.with_env(self.chinese).mapped("name")
        self.assertIn(phrase.join(self.chinese, names), group.with_env(self.chinese).scope_summary)

    def test_the_change_log_names_agents_as_the_reader_writes(self):
        agents = [
            self._create_agent(f"phrase-agent-{number}", name=f"A{number}") for number in "123"
        ]
        channel = self._create_channel(agents[0])
        channel.user_ids = [Command.set([agent.id for agent in agents])]
        rows = self.env["livechat.dispatch.log"].search([("channel_id", "=", channel.id)])
        texts = rows.with_env(self.chinese).mapped("new_text")
        self.assertFalse([text for text in texts if ", " in text])
