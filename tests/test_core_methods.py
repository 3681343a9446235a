from odoo.tests import TransactionCase, tagged

from . import core_methods


@tagged("post_install", "-at_install")
class TestCoreMethods(TransactionCase):
    """An upgrade of core is a list to read."""

    def test_what_we_override_is_what_it_was_when_somebody_read_it(self):
        """Where this fails, read what changed in core, and in ours what follows from it; then
        ``dev/core-hashes`` notes what is there now."""
        found = {self._get_key(row): row for row in core_methods.find(self.env)}
        known = {self._get_key(row): row for row in core_methods.read()}
        self.assertEqual(sorted(found.keys() - known.keys()), [], "not noted yet")
        self.assertEqual(sorted(known.keys() - found.keys()), [], "gone from core, or from ours")
        for column in ("signature", "hash"):
            changed = [key for key, row in found.items() if row[column] != known[key][column]]
            self.assertEqual(changed, [], f"{column} changed")

    def _get_key(self, row):
        return tuple(row[column] for column in ("kind", "owner", "name", "core"))

    def test_hooks_of_each_kind_are_found(self):
        found = {(row["owner"], row["name"]) for row in core_methods.find(self.env)}
        self.assertIn(("im_livechat.channel", "_get_operator"), found)
        self.assertIn(("res.users", "write"), found)
        self.assertIn(("discuss.channel", "_to_store_defaults"), found)
        self.assertTrue({owner for owner, name in found if not name}, "scripts")
