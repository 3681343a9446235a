import io
import re
from pathlib import Path

import polib

from odoo.modules import Manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export

MODULE = "im_livechat_subaccount"
FOLDER = Path(__file__).parent.parent

# The same word in every language; translation files leave such entries empty.
SAME_IN_CHINESE = {"ID"}

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|<[^>]+>")


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = polib.pofile(str(FOLDER / f"i18n/{MODULE}.pot"))
        cls.chinese = polib.pofile(str(FOLDER / "i18n/zh_CN.po"))

    def _export_terms(self):
        """Return the terms of the installed module, those of its demo data left out."""
        demo_ids = set()
        for path in Manifest.for_addon(MODULE)["demo"]:
            demo_ids.update(re.findall(r'<record id="(\w+)"', (FOLDER / path).read_text()))
        buffer = io.BytesIO()
        self.assertTrue(trans_export(None, [MODULE], buffer, "po", self.env))
        return {
            entry.msgid
            for entry in polib.pofile(buffer.getvalue().decode())
            if not all(
                # "model:<model>,<field>:<module>.<name>"
                place.rpartition(f":{MODULE}.")[2] in demo_ids or self._names_core_model(place)
                for place, _line in entry.occurrences
            )
        }

    def _names_core_model(self, place):
        """Other modules may call a model we extend what they like."""
        return place.startswith("model:ir.model,") and ".model_livechat_" not in place

    def test_template_has_every_term_and_no_other(self):
        """``dev/odoo i18n export`` makes it anew."""
        exported = self._export_terms()
        template = {
            entry.msgid
            for entry in self.template
            if not all(self._names_core_model(place) for place, _line in entry.occurrences)
        }
        self.assertGreater(len(exported), 40)
        self.assertEqual(exported - template, set(), "missing")
        self.assertEqual(template - exported, set(), "obsolete")

    def test_chinese_is_complete(self):
        template = {entry.msgid for entry in self.template}
        translated = {entry.msgid for entry in self.chinese if not entry.obsolete}
        self.assertEqual(template ^ translated, set())
        for entry in self.chinese:
            with self.subTest(msgid=entry.msgid):
                self.assertFalse(entry.fuzzy)
                if entry.msgid not in SAME_IN_CHINESE:
                    self.assertTrue(entry.msgstr)
                    self.assertCountEqual(
                        PLACEHOLDER.findall(entry.msgid), PLACEHOLDER.findall(entry.msgstr)
                    )
