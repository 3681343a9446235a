"""What an open page hears, over real websockets: a right that is taken away ends it at once, for
who loses the right and not for who keeps it."""

import json
import time

import pytest
import shop as shops
import websocket

BEFORE, AFTER, FENCE = "is it waterproof", "my street is", "from the administrator"


class Page:
    """An open page of somebody: what the server sends over its websocket."""

    def __init__(self, server, shop, agent):
        session = shops.Shop(shop.db, server.url, agent.login, agent.login).session
        self.url, self.session = server.url, session
        self.heard, self.is_open = [], True
        self.socket = websocket.create_connection(
            f"ws{server.url.removeprefix('http')}/websocket",
            # A page of another site is nobody's.
            origin=server.url,
            cookie=f"session_id={session.cookies['session_id']}",
            timeout=shops.PATIENCE,
        )
        self.socket.settimeout(1)

    def subscribe(self, *channels):
        data = {"channels": list(channels), "last": 0}
        self.socket.send(json.dumps({"event_name": "subscribe", "data": data}))

    def give_sign(self):
        data = {"event_name": "livechat_dispatch/here", "data": {"inactivity_period": 0}}
        self.socket.send(json.dumps(data))

    def listen(self):
        """Take in what has come, within a second."""
        try:
            self.heard.append(self.socket.recv())
        except websocket.WebSocketTimeoutException:
            pass
        except (websocket.WebSocketConnectionClosedException, OSError):
            self.is_open = False
        if self.heard and not self.heard[-1]:
            # The frame that closes it has no words.
            self.is_open = False

    def hears(self, words):
        return any(words in text for text in self.heard)

    def wait_for(self, words):
        """Listen until these words come, or the server closes the connection."""
        deadline = time.monotonic() + shops.PATIENCE
        while self.is_open and not self.hears(words):
            assert time.monotonic() < deadline, f"{words!r} never came"
            self.listen()


@pytest.fixture
def owner(shop):
    return add_owner(shop)


def add_owner(shop):
    groups = [shop.ref("base.group_user"), shop.ref("im_livechat_subaccount.group_main_account")]
    (owner,) = shop.add_agents([100], group_ids=[[6, 0, groups]])
    return owner


def make_role(shop, owner, scope):
    permission = shop.ref("im_livechat_subaccount.permission_receive_buyers")
    values = {
        "name": f"Desk of {owner.name}",
        "main_account_id": owner.user_id,
        "permission_ids": [[6, 0, [permission]]],
        "conversation_scope": scope,
    }
    (role,) = shop.call("livechat.role", "create", [values])
    return role


def add_staff(shop, owner, role):
    """A sub-account with this role and nothing besides; the agent, and its row."""
    groups = [[6, 0, [shop.ref("base.group_user")]]]
    (agent,) = shop.add_agents([100], group_ids=groups, main_account_id=owner.user_id)
    (row,) = shop.call("livechat.subaccount", "search", [["user_id", "=", agent.user_id]])
    shop.call("livechat.subaccount", "write", [row], {"role_ids": [[6, 0, [role]]]})
    return agent, row


def lose_the_role(scene):
    scene.shop.call("livechat.subaccount", "write", [scene.row], {"role_ids": [[5]]})


def lose_the_permission(scene):
    scene.shop.call("livechat.role", "write", [scene.role], {"permission_ids": [[5]]})


def see_less(scene):
    scene.shop.call("livechat.role", "write", [scene.role], {"conversation_scope": "own"})


def be_disabled(scene):
    scene.shop.call("livechat.subaccount", "action_disable", [scene.row])


def work_elsewhere(scene):
    other = add_owner(scene.shop)
    values = {"main_account_id": other.user_id}
    scene.shop.call("res.users", "write", [scene.watcher.user_id], values)


def leave_the_channel(scene):
    values = {"user_ids": [[3, scene.watcher.user_id]]}
    scene.shop.call("im_livechat.channel", "write", [scene.reception.id], values)


class Scene:
    """A buyer's chat that somebody serves or looks at, and its shop's owner who looks at it."""

    def __init__(self, server, shop, owner, scope, serves):
        self.shop = shop
        self.role = make_role(shop, owner, scope)
        self.watcher, self.row = add_staff(shop, owner, self.role)
        self.colleague, _row = add_staff(shop, owner, make_role(shop, owner, "own"))
        first, later = (self.watcher, self.colleague)
        if not serves:
            first, later = later, first
        self.reception = shop.open_reception([], main_account_id=owner.user_id)
        self._let_serve(first)
        self.buyer = shops.Buyer(server.url)
        self.chat_id = self.buyer.open_chat(self.reception).chat_id
        assert self.chat_id
        assert self.reception.served() == [first.user_id]
        self._let_serve(later)
        self.page, self.control = (Page(server, shop, who) for who in (self.watcher, owner))
        for page in (self.page, self.control):
            page.subscribe(f"discuss.channel_{self.chat_id}")

    def _let_serve(self, agent):
        values = {"user_ids": [[4, agent.user_id]]}
        self.shop.call("im_livechat.channel", "write", [self.reception.id], values)

    def say(self, words):
        answer = self.buyer.say(self.chat_id, words)
        assert not answer.failed and answer.body["result"]["message_id"], answer.text

    def send_to_watcher(self, words):
        """Tell the watcher's page something that nobody has taken away from it."""
        code = (
            f"env['res.users'].browse({self.watcher.user_id})"
            f"._bus_send('simple_notification', {{'message': '{words}'}})"
        )
        values = {
            "name": "Tell",
            "model_id": self.shop.ref("base.model_res_users"),
            "state": "code",
            "code": code,
        }
        (action,) = self.shop.call("ir.actions.server", "create", [values])
        self.shop.call("ir.actions.server", "run", [action])


@pytest.mark.parametrize(
    ("lose", "scope", "serves"),
    [
        (lose_the_role, "own", True),
        (lose_the_permission, "own", True),
        (be_disabled, "own", True),
        (work_elsewhere, "own", True),
        (lose_the_role, "shop", False),
        (see_less, "shop", False),
        (be_disabled, "shop", False),
        (work_elsewhere, "shop", False),
        (leave_the_channel, "group", False),
    ],
)
def test_the_buyers_next_words_do_not_reach_who_has_lost_the_right(
    server, shop, owner, lose, scope, serves
):
    scene = Scene(server, shop, owner, scope, serves)
    # It hears the buyer for as long as it may.
    scene.say(BEFORE)
    for page in (scene.page, scene.control):
        page.wait_for(BEFORE)
        assert page.hears(BEFORE), "the page is closed"
    lose(scene)
    scene.say(AFTER)
    scene.control.wait_for(AFTER)
    assert scene.control.hears(AFTER)
    # What is sent later comes later: until then the words would have come.
    scene.send_to_watcher(FENCE)
    scene.page.wait_for(FENCE)
    assert scene.page.hears(FENCE) or lose in (be_disabled, work_elsewhere)
    assert not scene.page.hears(AFTER)


def test_what_core_overheard_is_told_with_the_next_sign_of_life(server, shop):
    """When the database restarts, core's listener hears nothing for 50 s; the rows are there."""
    (agent,) = shop.add_agents([100], online=False)
    page = Page(server, shop, agent)
    page.subscribe()
    shop.open_reception([], user_ids=[[6, 0, [agent.user_id]]])
    page.wait_for("livechat_dispatch/status")
    partner = shop.sql("SELECT partner_id FROM res_users WHERE id = %s", agent.user_id)[0][0]
    shop.sql(
        "INSERT INTO bus_bus (create_date, channel, message)"
        " VALUES (now() AT TIME ZONE 'UTC', %s, %s)",
        json.dumps([shop.db, "res.partner", partner], separators=(",", ":")),
        json.dumps({"type": "livechat_dispatch/line", "payload": {"channel_id": 0, "waiting": 0}}),
    )
    page.listen()
    assert not page.hears("livechat_dispatch/line")
    page.give_sign()
    page.wait_for("livechat_dispatch/line")
