"""Two people give the same buyers to two groups, in the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import requests
import shop as shops

ROUNDS = 6


def test_one_of_two_equal_scopes_is_refused(shop):
    reception = shop.open_reception([100])
    groups = shop.call(
        "livechat.dispatch.group",
        "create",
        [{"name": name, "channel_id": reception.id} for name in ("Returns", "After-sales")],
    )
    gate = Barrier(len(groups))
    sessions = []
    for _group in groups:
        session = requests.Session()
        session.cookies.update(shop.session.cookies)
        sessions.append(session)

    def claim(session, group_id, pattern):
        gate.wait()
        return shops.post(
            session,
            f"{shop.url}/web/dataset/call_kw/livechat.dispatch.scope/create",
            {
                "model": "livechat.dispatch.scope",
                "method": "create",
                "args": [[{"group_id": group_id, "kind": "page", "page_pattern": pattern}]],
                "kwargs": {},
            },
        )

    with ThreadPoolExecutor(len(groups)) as pool:
        for number in range(ROUNDS):
            pattern = f"/returns{number}"
            asked = [
                pool.submit(claim, session, group_id, pattern)
                for session, group_id in zip(sessions, groups)
            ]
            answers = [answer.result() for answer in asked]
            refused = [answer for answer in answers if answer.failed]
            assert len(refused) == 1, [answer.text for answer in answers]
            assert "would receive the same buyers" in refused[0].text
            ((claims,),) = shop.sql(
                "SELECT count(*) FROM livechat_dispatch_scope WHERE page_pattern = %s", pattern
            )
            assert claims == 1
            # The next round begins with groups that differ in nothing.
            shop.sql("DELETE FROM livechat_dispatch_scope WHERE page_pattern = %s", pattern)
