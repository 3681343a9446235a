"""A buyer who only looks: `persisted: false`."""

import pytest
import shop as shops


@pytest.mark.parametrize("mode", ["share", "least_load"])
def test_a_preview_shows_the_desk_and_nobody_behind_it(shop, mode):
    reception = shop.open_reception([100, 50], mode=mode, max_sessions=1)
    ((desk_id, desk_name),) = shop.sql(
        "SELECT partner.id, partner.name FROM im_livechat_channel channel"
        " JOIN res_partner partner ON partner.id = reception_partner_id WHERE channel.id = %s",
        reception.id,
    )
    for _look in range(5):
        answer = shops.Buyer(shop.url).open_chat(reception, persisted=False)
        assert not answer.failed, answer.text
        result = answer.body["result"]
        assert result["channel_id"] == -1
        (chat,) = result["store_data"]["discuss.channel"]
        assert chat["livechat_operator_id"] == desk_id
        assert desk_name in answer.text
        partners = {partner["id"] for partner in result["store_data"].get("res.partner", [])}
        users = {user["id"] for user in result["store_data"].get("res.users", [])}
        for agent in reception.agents:
            assert agent.name not in answer.text
            assert agent.login not in answer.text
            assert agent.partner_id not in partners
            assert agent.user_id not in users


def test_a_preview_takes_no_seat_and_costs_no_credit(shop):
    reception = shop.open_reception([100, 100], max_sessions=1)
    for _look in range(5):
        assert shops.Buyer(shop.url).open_chat(reception, persisted=False).body["result"]
    assert set(reception.credits().values()) == {0}
    assert not shop.sql(
        "SELECT FROM livechat_dispatch_reservation WHERE user_id = ANY(%s)",
        [agent.user_id for agent in reception.agents],
    )
    assert all(shops.Buyer(shop.url).open_chat(reception).chat_id for _buyer in reception.agents)


def test_a_preview_of_a_full_reception_says_that_nobody_is_available(shop):
    reception = shop.open_reception([100], max_sessions=1)
    assert shops.Buyer(shop.url).open_chat(reception).chat_id
    answer = shops.Buyer(shop.url).open_chat(reception, persisted=False)
    assert not answer.failed, answer.text
    assert answer.body["result"] is False


def test_a_preview_binds_nothing(shop):
    """The chat that follows goes where it would have gone without it."""
    reception = shop.open_reception([100, 50, 10])
    for _number in range(16):
        buyer = shops.Buyer(shop.url)
        assert buyer.open_chat(reception, persisted=False).body["result"]
        assert buyer.open_chat(reception).chat_id
    served = reception.served()
    assert [served.count(agent.user_id) for agent in reception.agents] == [10, 5, 1]
