"""A shop at work: agents who come and go, pass chats on and pause, and buyers who come when they
come; afterwards the database says that every promise was kept all the way."""

import crowd

import audit

# However fast the machine is: a visit takes five seconds of thinking, and more come than eight
# people can serve.
AGENTS, BUYERS, SECONDS = 8, 60, 25


def test_a_shop_under_load_keeps_each_promise_all_the_way(server, shop):
    reception = shop.open_reception([], max_sessions=1, queue_enabled=True)
    reception.agents = shop.add_agents([100] * AGENTS, online=False)
    ids = [agent.user_id for agent in reception.agents]
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})
    sids = dict(zip(ids, crowd.make_sessions(shop.db, ids)))
    outcome = crowd.run(
        server,
        reception,
        crowd.plan(1, BUYERS, SECONDS),
        sids,
        # Nobody goes away unserved because the machine is slow.
        crowd.LIVELY._replace(patience=300),
        limit=300,
    )
    crowd.wait_until_quiet(shop)
    meter = outcome.meter
    assert not meter.errors, meter.errors
    assert meter.counts["served"] == BUYERS, meter.counts
    # It was a load: agents passed chats on, and buyers stood in line.
    assert meter.counts["transfer refused"] + len(meter.seconds["transfer"]), meter.counts
    assert shop.sql(
        "SELECT FROM livechat_dispatch_decision WHERE livechat_channel_id = %s AND kind = 'queue'",
        reception.id,
    )
    report = audit.run(shop.db, [reception.id], outcome.told, outcome.unanswered)
    assert report.is_clean, str(report)
