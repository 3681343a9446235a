"""Beside another addon, which does what any addon may between our choice and the chat."""

import pytest
import shop as shops

import devenv

MANIFEST = '{"name": "Neighbour", "depends": ["im_livechat_subaccount"], "license": "LGPL-3"}'
# Something that may fail belongs in a savepoint, and does fail now and then; the cursor runs or
# forgets what was to be done before the commit each time.
MODELS = """
from contextlib import suppress

from odoo import api, models


def try_something(cr):
    cr.precommit.add(lambda: None)
    with cr.savepoint():
        cr.execute("SELECT 1")
    with suppress(ZeroDivisionError), cr.savepoint():
        raise ZeroDivisionError


class Channel(models.Model):
    _inherit = "im_livechat.channel"

    def _get_operator(self, *args, **kwargs):
        agent = super()._get_operator(*args, **kwargs)
        try_something(self.env.cr)
        return agent

    def _get_livechat_discuss_channel_vals(self, /, **kwargs):
        try_something(self.env.cr)
        values = super()._get_livechat_discuss_channel_vals(**kwargs)
        try_something(self.env.cr)
        return values


class Chat(models.Model):
    _inherit = "discuss.channel"

    @api.model_create_multi
    def create(self, vals_list):
        try_something(self.env.cr)
        chats = super().create(vals_list)
        try_something(self.env.cr)
        return chats
"""


# A busy machine takes its time to install an addon.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def neighbourhood(template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("addons")
    addon = folder / "livechat_neighbour"
    addon.mkdir()
    (addon / "__manifest__.py").write_text(MANIFEST)
    (addon / "__init__.py").write_text(MODELS)
    paths = [*devenv.odoo().addons, devenv.ADDONS_PATH, folder]
    args = ("--addons-path", ",".join(map(str, paths)))
    with devenv.temp_db(template) as db:
        devenv.install(db, [addon.name], args=args)
        with devenv.Server(db, workers=2, args=args) as server:
            yield shops.Shop(db, server.url)


def test_each_chat_has_its_record_and_its_seat(neighbourhood):
    shop = neighbourhood
    reception = shop.open_reception(
        [100, 100], max_sessions=1, queue_enabled=True, queue_limit=1, offline_rule="pool"
    )
    chats = [shops.Buyer(shop.url).open_chat(reception).chat_id for _buyer in range(4)]
    assert all(chats)
    rows = shop.sql(
        """
        SELECT chat.dispatch_state, decision.kind, decision.user_id IS NOT NULL
          FROM discuss_channel chat
     LEFT JOIN livechat_dispatch_decision decision ON decision.discuss_channel_id = chat.id
         WHERE chat.livechat_channel_id = %s
      ORDER BY chat.id
        """,
        reception.id,
    )
    assert rows == [
        ("assigned", "assign", True),
        ("assigned", "assign", True),
        ("queued", "queue", False),
        ("pool", "pool", False),
    ]
    assert sorted(reception.open_chats().values()) == [1, 1]


def test_who_is_turned_away_leaves_a_record(neighbourhood):
    shop = neighbourhood
    reception = shop.open_reception([100], max_sessions=1)
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    answer = shops.Buyer(shop.url).open_chat(reception)
    assert not answer.failed
    assert not answer.chat_id
    kinds = shop.sql(
        "SELECT kind FROM livechat_dispatch_decision WHERE livechat_channel_id = %s ORDER BY id",
        reception.id,
    )
    assert kinds == [("assign",), ("nobody",)]
