"""Only agents who may receive buyers at the moment of the decision get them, on every worker."""

import pytest
import shop as shops


@pytest.fixture
def role(shop):
    """A group that gives the right to receive buyers by implication, as a role does."""
    (group_id,) = shop.call(
        "res.groups",
        "create",
        [
            {
                "name": "Reception",
                "implied_ids": [[4, shop.ref("im_livechat.im_livechat_group_user")]],
            }
        ],
    )
    return group_id


def lose_own_group(shop, agent, role):
    shop.call(
        "res.users",
        "write",
        [agent.user_id],
        {"group_ids": [[3, shop.ref("im_livechat.im_livechat_group_user")]]},
    )


def lose_role(shop, agent, role):
    shop.call("res.users", "write", [agent.user_id], {"group_ids": [[3, role]]})


def lose_through_the_role(shop, agent, role):
    shop.call(
        "res.groups",
        "write",
        [role],
        {"implied_ids": [[3, shop.ref("im_livechat.im_livechat_group_user")]]},
    )


def archive(shop, agent, role):
    shop.call("res.users", "write", [agent.user_id], {"active": False})


def pause(shop, agent, role):
    shop.call("res.users", "write", [agent.user_id], {"dispatch_paused": True})


def go_offline(shop, agent, role):
    shop.sql("UPDATE mail_presence SET status = 'away' WHERE user_id = %s", agent.user_id)


def leave_the_channel(shop, agent, role):
    ids = shop.call("im_livechat.channel", "search", [["user_ids", "in", [agent.user_id]]])
    shop.call("im_livechat.channel", "write", ids, {"user_ids": [[3, agent.user_id]]})


@pytest.mark.parametrize(
    ("by_role", "lose"),
    [
        (False, lose_own_group),
        (True, lose_role),
        (True, lose_through_the_role),
        (False, archive),
        (False, pause),
        (False, go_offline),
        (False, leave_the_channel),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_from_the_next_decision_on_nobody_is_sent_to_an_agent_who_cannot(
    shop, server, role, by_role, lose
):
    # The one who goes is owed nearly every buyer; the other one only gets what is left.
    reception = shop.open_reception([10])
    goner, *_ = shop.add_agents(
        [1000],
        **({"group_ids": [[4, shop.ref("base.group_user")], [4, role]]} if by_role else {}),
    )
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[4, goner.user_id]]})
    for _buyer in range(4):
        assert shops.Buyer(shop.url).open_chat(reception).chat_id
    assert set(reception.served()) == {goner.user_id}

    lose(shop, goner, role)
    answers = reception.arrive_together([server.url], 16)
    assert not [answer for answer in answers if answer.failed]
    assert all(answer.chat_id for answer in answers)
    assert set(reception.served()[4:]) == {reception.agents[0].user_id}


def test_an_agent_who_may_again_gets_buyers_again(shop):
    reception = shop.open_reception([100])
    agent = reception.agents[0]
    lose_own_group(shop, agent, None)
    assert shops.Buyer(shop.url).open_chat(reception).chat_id is None
    shop.call(
        "res.users",
        "write",
        [agent.user_id],
        {"group_ids": [[4, shop.ref("im_livechat.im_livechat_group_user")]]},
    )
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[4, agent.user_id]]})
    assert shops.Buyer(shop.url).open_chat(reception).chat_id


def test_a_user_without_the_right_is_never_chosen(shop, server):
    reception = shop.open_reception([10])
    outsider, *_ = shop.add_agents([1000], group_ids=[[4, shop.ref("base.group_user")]])
    shop.sql(
        "INSERT INTO im_livechat_channel_im_user (channel_id, user_id) VALUES (%s, %s)",
        reception.id,
        outsider.user_id,
    )
    answers = reception.arrive_together([server.url], 8)
    assert all(answer.chat_id for answer in answers)
    assert set(reception.served()) == {reception.agents[0].user_id}
