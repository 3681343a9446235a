from odoo.tests import tagged

from .rights_lines import EVERYBODY, GONE, RightsCommon
from .test_security_rpc import RpcCommon

# So many lines are run in both ways at least.
_LINES_MIN = 600


@tagged("post_install", "-at_install")
class TestRightsLines(RightsCommon):
    """Who may do what, through the ORM."""

    def test_everybody_may_what_the_table_says_and_nothing_else(self):
        self.assertEqual(self.users.keys() | GONE, EVERYBODY)
        lines = list(self.get_lines())
        self.assertGreaterEqual(len(lines), _LINES_MIN)
        self.run_attacks(lines)


@tagged("post_install", "-at_install")
class TestRightsLinesCallKw(RpcCommon, RightsCommon):
    """The same through ``/web/dataset/call_kw``, and with those who cannot log in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users.update(cls.gone)

    def test_everybody_may_what_the_table_says_and_nothing_else(self):
        # One person after the other, so that each logs in once.
        lines = sorted(self.get_lines(outside=True), key=lambda line: line.who)
        self.assertGreaterEqual(len(lines), _LINES_MIN)
        self.run_attacks(lines, self.call_kw)
