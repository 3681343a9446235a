"""Two nodes that start and undo one dated change at the same moment: it happens once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import shop as shops

import devenv

ROUNDS = 5


def call_together(shops_of_nodes, method, change_id):
    """Call a method on all nodes at once; return the errors of the calls that were refused."""

    def call(node):
        try:
            node.call("livechat.dispatch.change", method, [change_id])
        except AssertionError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(len(shops_of_nodes)) as pool:
        return [error for error in pool.map(call, shops_of_nodes) if error]


def test_two_nodes_start_and_undo_a_change_once(server, shop):
    reception = shop.open_reception([100, 100])
    maria, _omar = reception.agents
    now = datetime.now(timezone.utc).replace(microsecond=0, tzinfo=None)
    (change_id,) = shop.call(
        "livechat.dispatch.change",
        "create",
        [
            {
                "name": "Race",
                "channel_id": reception.id,
                "start": str(now + timedelta(days=1)),
                "stop": str(now + timedelta(days=2)),
                "line_ids": [[0, 0, {"user_id": maria.user_id, "weight": 300}]],
            }
        ],
    )

    def read_weight():
        return shop.sql("SELECT dispatch_weight FROM res_users WHERE id = %s", maria.user_id)

    def count_rows():
        return shop.sql(
            "SELECT count(*) FROM livechat_dispatch_log WHERE agent_id = %s"
            " AND what = 'res.users.dispatch_weight'",
            maria.user_id,
        )[0][0]

    with devenv.Server(server.db, workers=2) as node:
        nodes = [shops.Shop(server.db, url) for url in (server.url, node.url) * 2]
        for _round in range(ROUNDS):
            for method, weight in (("action_start", 300), ("action_undo", 100)):
                rows = count_rows()
                errors = call_together(nodes, method, change_id)
                assert len(errors) == len(nodes) - 1, errors
                # A clear error, and no other, is what those who came too late get.
                assert all("odoo.exceptions." in error for error in errors), errors
                assert read_weight() == [(weight,)]
                assert count_rows() == rows + 1
