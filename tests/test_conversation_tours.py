from odoo.tests import new_test_user, tagged

from .common import DispatchCommon
from .walks import WalkCase, walk


@tagged("post_install", "-at_install")
class TestConversationTours(WalkCase, DispatchCommon):
    """Two buyers wrote, one in Chinese and one in English."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(
            cls.env,
            "conversation_owner",
            "im_livechat_subaccount.group_main_account",
            name="Lin Yue",
        )
        cls.maria = cls._create_agent(
            "maria_conversation", name="Maria Santos", main_account_id=cls.owner.id
        )
        cls.channel = cls._create_channel(cls.maria, main_account_id=cls.owner.id)
        for name, words in (("Lu Wei", "请问退货什么时候到账？"), ("John", "Where is my parcel?")):
            guest = cls._create_guest(name)
            chat = cls._come(cls.channel, guest)
            chat.name = name
            cls._say(chat, guest, words)

    @walk
    def test_owner_finds_a_conversation_by_a_word_in_two_clicks(self):
        self.start_tour(
            "/odoo/action-im_livechat_subaccount.livechat_reception_action",
            "im_livechat_subaccount.conversation",
            login="conversation_owner",
        )
