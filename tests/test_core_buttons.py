from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged

from .common import ShopCommon

MODULE = "im_livechat_subaccount"


@tagged("post_install", "-at_install")
class TestCoreButtons(ShopCommon, TransactionCase):
    """Core's own buttons on records that carry fields of ours, for people without our groups."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = new_test_user(
            cls.env, "clerk", "base.group_user,base.group_partner_manager,base.group_allow_export"
        )
        cls.agent_clerk = new_test_user(
            cls.env,
            "agent_clerk",
            "base.group_allow_export,base.group_partner_manager,im_livechat.im_livechat_group_user",
        )
        cls.appointed = new_test_user(cls.env, "appointed", "im_livechat.im_livechat_group_user")
        cls.buyer = cls.env["res.partner"].create(
            {"name": "Ella", "email": "ella@buyer.test", "livechat_agent_id": cls.appointed.id}
        )

    def test_no_stored_field_of_ours_with_groups_is_copied(self):
        """A field that somebody may not read must not be in the way of core's *Duplicate*."""
        looked_at = 0
        for model in self.env.registry.values():
            # Who duplicates users reads what is ours of them; our own models are not core's.
            if model._original_module == MODULE or model._abstract or model._name == "res.users":
                continue
            for field in model._fields.values():
                if field.store and field.groups and MODULE in field._modules:
                    looked_at += 1
                    with self.subTest(field=str(field)):
                        self.assertFalse(field.copy)
        self.assertGreater(looked_at, 20)

    def test_who_may_not_see_the_agent_duplicates_a_contact(self):
        copy = self.buyer.with_user(self.clerk).copy()
        self.assertFalse(copy.sudo().livechat_agent_id)

    def test_an_agent_duplicates_a_tag(self):
        tag = self.env["im_livechat.conversation.tag"].create({"name": "Refund, please"})
        copy = tag.with_user(self.agent_clerk).copy({"name": "Refund, later"})
        self.assertEqual(copy.color, tag.color)

    def test_a_merge_keeps_the_agent_whoever_merges(self):
        for user in (self.clerk, self.agent_clerk):
            for appointed_first in (True, False):
                with self.subTest(user=user.login, appointed_first=appointed_first):
                    kept, gone = self.env["res.partner"].create(
                        [
                            {
                                "name": "Ella",
                                "email": "ella@two.test",
                                "livechat_agent_id": self.appointed.id if has else False,
                            }
                            for has in (appointed_first, not appointed_first)
                        ]
                    )
                    wizard = self.env["base.partner.merge.automatic.wizard"].with_user(user)
                    wizard.create({})._merge((kept + gone).ids, kept.with_user(user))
                    self.assertFalse(gone.exists())
                    self.assertEqual(kept.sudo().livechat_agent_id, self.appointed)

    def test_a_merge_of_an_agents_contact_is_an_administrators_and_what_we_keep_of_it_follows(self):
        row = self.Subaccounts.create({"name": "Desk", "email": "desk@two.test"}).sudo()
        gone = row.user_id.partner_id
        kept = self.env["res.partner"].create({"name": "Jing Li", "email": "desk@two.test"})
        self.env.flush_all()
        wizard = self.env["base.partner.merge.automatic.wizard"]
        # Its activation link goes to the contact's address.
        with self.assertRaises(AccessError):
            wizard.with_user(self.clerk).create({})._merge(
                (kept + gone).ids, kept.with_user(self.clerk)
            )
        wizard.create({})._merge((kept + gone).ids, kept)
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(row.user_id.partner_id, kept)
        self.assertEqual(kept.livechat_main_account_id, self.owner)
        self.assertEqual((row.name, row.email), ("Jing Li", "desk@two.test"))
        with self.assertRaises(AccessError):
            kept.with_user(self.clerk).email = "clerk@two.test"

    def test_a_value_that_stays_is_not_refused(self):
        contact = self.buyer.with_user(self.agent_clerk)
        contact.write({"livechat_agent_id": self.appointed.id, "name": "Ella B."})
        self.assertEqual(contact.name, "Ella B.")
        with self.assertRaises(AccessError):
            contact.write({"livechat_agent_id": self.agent_clerk.id})

    def test_a_contact_is_exported_imported_and_archived(self):
        contact = self.buyer.with_user(self.agent_clerk)
        names = ["id", "name", "livechat_agent_id/.id"]
        rows = contact.export_data(names)["datas"]
        result = contact.load(names, [[str(value) for value in row] for row in rows])
        self.assertEqual(result["ids"], contact.ids, result["messages"])
        contact = self.buyer.with_user(self.clerk)
        rows = contact.export_data(["id", "name"])["datas"]
        self.assertEqual(contact.load(["id", "name"], rows)["ids"], contact.ids)
        contact.action_archive()
        self.assertFalse(self.buyer.active)
        self.assertEqual(self.buyer.livechat_agent_id, self.appointed)
