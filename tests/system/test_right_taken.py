"""Whoever loses the right to a chat hears no more of it, though its page stays open."""

import json
import threading
import time

import pytest
import shop as shops
import simulate
import websocket
from browsers import wait_until_online


class Desks:
    """A shop with two sub-accounts at open pages; the first gets the buyers."""

    def __init__(self, shop):
        self.shop = shop
        self.owner, self.rival = shop.add_agents([100, 100], online=False)
        shop.call(
            "res.users",
            "write",
            [self.owner.user_id, self.rival.user_id],
            {"group_ids": [[4, shop.ref("im_livechat_subaccount.group_main_account")]]},
        )
        self.office = shops.Shop(shop.db, shop.url, self.owner.login, self.owner.login)
        self.agents = shop.add_agents(
            [1000, 10],
            online=False,
            group_ids=[[4, shop.ref("base.group_user")]],
            main_account_id=self.owner.user_id,
        )
        permission = shop.ref("im_livechat_subaccount.permission_receive_buyers")
        self.roles, self.rows = [], []
        for agent in self.agents:
            (role,) = self.office.call(
                "livechat.role",
                "create",
                [{"name": f"Role {agent.name}", "permission_ids": [[6, 0, [permission]]]}],
            )
            rows = self.office.call(
                "livechat.subaccount", "search", [["user_id", "=", agent.user_id]]
            )
            self.office.call("livechat.subaccount", "write", rows, {"role_ids": [[6, 0, [role]]]})
            self.roles.append(role)
            self.rows += rows
        self.reception = shop.open_reception([], main_account_id=self.owner.user_id)
        shop.call(
            "im_livechat.channel",
            "write",
            [self.reception.id],
            {"user_ids": [[6, 0, [agent.user_id for agent in self.agents]]]},
        )
        self.pages = [
            simulate.Agent(shop.url, threading.Event(), shop.db, agent.login)
            for agent in self.agents
        ]
        for agent, page in zip(self.agents, self.pages):
            page.connect()
            wait_until_online(shop, agent)


def hears(page, words, seconds):
    """Whether a page gets these words; one whose socket the server closed gets none."""
    try:
        return any(words in json.dumps(payload) for _kind, payload in page.notifications(seconds))
    except (OSError, websocket.WebSocketException):
        return False


def edit_the_role(desks, chat_id):
    desks.office.call("livechat.role", "write", desks.roles[:1], {"permission_ids": [[6, 0, []]]})


def leave_the_channel(desks, chat_id):
    desks.shop.call(
        "im_livechat.channel",
        "write",
        [desks.reception.id],
        {"user_ids": [[3, desks.agents[0].user_id]]},
    )


def disable(desks, chat_id):
    desks.office.call("livechat.subaccount", "action_disable", desks.rows[:1])


def move_to_another_shop(desks, chat_id):
    desks.shop.call(
        "res.users",
        "write",
        [desks.agents[0].user_id],
        {"main_account_id": desks.rival.user_id},
    )


@pytest.mark.parametrize("lose", [edit_the_role, leave_the_channel, disable, move_to_another_shop])
def test_a_right_taken_away_ends_what_an_open_page_hears(shop, lose):
    desks = Desks(shop)
    loser, colleague = desks.pages
    try:
        buyer = shops.Buyer(shop.url)
        chat_id = buyer.open_chat(desks.reception).chat_id
        assert set(desks.reception.served()) == {desks.agents[0].user_id}
        # A new chat is a new bus channel; the page subscribes again, as a browser does.
        loser.subscribe()
        time.sleep(1)
        assert not buyer.say(chat_id, "what everybody may hear").failed
        assert hears(loser, "what everybody may hear", 15)

        lose(desks, chat_id)
        shops.wait_until(
            lambda: desks.reception.open_chats().get(desks.agents[1].user_id),
            "the chat was not handed over",
        )
        colleague.subscribe()
        time.sleep(1)
        assert not buyer.say(chat_id, "what is for the colleague").failed
        assert hears(colleague, "what is for the colleague", 15)
        # Both pages are told in one go: what has not come by now does not come.
        assert not hears(loser, "what is for the colleague", 2)
    finally:
        for page in desks.pages:
            page.close()
