from contextlib import suppress
from unittest.mock import patch

from odoo.tests import tagged

from ..models.waiting import im_livechat_channel
from .test_dated_changes import DatedChangeCommon


def _succeed(cr):
    """Do something that may fail, as any addon may, and it does not."""
    cr.precommit.add(lambda: None)
    with cr.savepoint():
        cr.precommit.add(lambda: None)


def _fail(cr):
    """Do something that may fail, and it does."""
    with suppress(ZeroDivisionError), cr.savepoint():
        raise ZeroDivisionError


def _flush(cr):
    cr.precommit.add(lambda: None)
    cr.flush()


@tagged("post_install", "-at_install")
class TestTransaction(DatedChangeCommon):
    """What a transaction remembers survives whoever makes a savepoint meanwhile."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_online(cls.maria | cls.omar)

    def _disturb_before(self, model, name, disturb):
        """Let another addon, over all the others, do something before a method."""
        models = type(self.env[model])
        method = getattr(models, name)

        def disturbed(records, *args, **kwargs):
            disturb(records.env.cr)
            return method(records, *args, **kwargs)

        return patch.object(models, name, disturbed)

    def _come_disturbed(self, disturb):
        with (
            self._disturb_before(
                "im_livechat.channel", "_get_livechat_discuss_channel_vals", disturb
            ),
            self._disturb_before("discuss.channel", "create", disturb),
        ):
            return self._come(self.channel)

    def test_between_a_choice_and_its_chat(self):
        self.channel.write({"max_sessions": 1, "queue_enabled": True, "queue_limit": 1})
        self.channel.offline_rule = "pool"
        for disturb in (_succeed, _fail, _flush):
            with self.subTest(disturb=disturb.__name__):
                chats = [self._come_disturbed(disturb) for _buyer in range(4)]
                self.assertEqual(
                    [chat.dispatch_state for chat in chats],
                    ["assigned", "assigned", "queued", "pool"],
                )
                self.assertEqual(
                    [chat.dispatch_decision_ids.kind for chat in chats],
                    ["assign", "assign", "queue", "pool"],
                )
                self.assertFalse(self.channel._take_outcome())
                for chat in reversed(chats):
                    self._close(chat)

    def test_between_a_choice_and_the_record_that_it_was_nobody(self):
        (self.maria | self.omar).dispatch_paused = True
        for disturb in (_succeed, _fail, _flush):
            with self.subTest(disturb=disturb.__name__):
                self.assertFalse(self.channel._get_operator())
                disturb(self.env.cr)
                self.channel._record_nobody()
        records = self.env["livechat.dispatch.decision"].search(
            [("livechat_channel_id", "=", self.channel.id)]
        )
        self.assertEqual(records.mapped("kind"), ["nobody"] * 3)

    def test_what_is_rolled_back_as_a_whole_is_forgotten(self):
        self.assertTrue(self.channel._get_operator())
        for callbacks in (self.env.cr.precommit, self.env.cr.postcommit):
            callbacks.clear()  # as a rollback does, and a commit at its end
        self.assertFalse(self.channel._take_outcome())

    def test_in_a_block_that_says_who_changes_something(self):
        log = self.env["livechat.dispatch.log"]
        for disturb in (_succeed, _fail, _flush):
            with self.subTest(disturb=disturb.__name__):
                last = log.search([], limit=1).id
                with log._by("dispatch"):
                    disturb(self.env.cr)
                    self.maria.dispatch_paused = not self.maria.dispatch_paused
                    with log._by("undo"):
                        disturb(self.env.cr)
                    self.omar.dispatch_paused = not self.omar.dispatch_paused
                self.maria.dispatch_weight += 10
                rows = log.search([("id", ">", last)], order="id")
                self.assertEqual(rows.mapped("way"), ["dispatch", "dispatch", "hand"])

    def test_in_a_block_that_logs_what_changes(self):
        log = self.env["livechat.dispatch.log"]
        for disturb in (_succeed, _fail, _flush):
            with self.subTest(disturb=disturb.__name__):
                last = log.search([], limit=1).id
                with log._comparing(self.maria, ["dispatch_weight"]):
                    disturb(self.env.cr)
                    self.maria.dispatch_weight += 10
                self.assertEqual(len(log.search([("id", ">", last)])), 1)

    def test_pages_look_again_at_what_is_not_undone(self):
        announcement = self.env["livechat.announcement"]
        sent = []

        def find(_announcement, marks):
            sent.append({part: set(ids) for part, ids in marks.items() if ids})
            return []

        self.env.cr.flush()
        with patch.object(type(announcement), "_find_watchers", find):
            for disturb in (_succeed, _fail, _flush):
                with self.subTest(disturb=disturb.__name__):
                    sent.clear()
                    announcement._get_reception_marks()["agents"].add(self.maria.id)
                    disturb(self.env.cr)
                    with suppress(ZeroDivisionError), self.env.cr.savepoint():
                        announcement._get_reception_marks()["agents"].add(self.omar.id)
                        raise ZeroDivisionError
                    self.env.cr.flush()
                    self.assertEqual(sent, [{"agents": {self.maria.id}}])

    def test_a_line_is_served_though_somebody_fails_after_a_seat_became_free(self):
        self.env.cr.flush()
        for disturb in (_succeed, _fail, _flush):
            self.env.cr.postcommit.clear()
            with (
                self.subTest(disturb=disturb.__name__),
                patch.object(im_livechat_channel, "_drain_after_commit") as drain,
            ):
                self.channel._drain_soon()
                disturb(self.env.cr)
                self.channel._drain_soon()
                self.env.cr.postcommit.run()
                drain.assert_called_once()
