"""A main account and its sub-accounts in real browsers, over the real websocket."""

from urllib.parse import urlsplit

import pytest
import requests
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, open_as, shoot, wait_until_online
from playwright.sync_api import expect

import devenv


@pytest.fixture
def owner(shop):
    """The main account of a shop with two agents, of whom nobody is there yet."""
    (owner,) = shop.add_agents(
        [100],
        online=False,
        group_ids=[
            [4, shop.ref("base.group_user")],
            [4, shop.ref("im_livechat_subaccount.group_main_account")],
        ],
    )
    return owner


@pytest.fixture
def reception(shop, owner):
    names = ["Chen Jing", "Wu Tao"]
    reception = shop.open_reception([], main_account_id=owner.user_id, name="Flagship Shop")
    role = shop.ref("im_livechat_subaccount.role_reception")
    ids = shop.call(
        "livechat.subaccount",
        "create",
        [
            {"name": name, "main_account_id": owner.user_id, "role_ids": [[4, role]]}
            for name in names
        ],
    )
    rows = shop.call("livechat.subaccount", "read", ids, ["user_id", "login", "name"])
    for row in rows:
        user_id, login = row["user_id"][0], row["login"]
        # As the activation page does.
        shop.call("res.users", "write", [user_id], {"password": login, "active": True})
        # The person itself sets it, there.
        shop.sql("UPDATE res_users SET password_is_foreign = false WHERE id = %s", user_id)
        ((partner_id,),) = shop.sql("SELECT partner_id FROM res_users WHERE id = %s", user_id)
        reception.agents.append(shops.Agent(user_id, partner_id, 100, row["name"], login))
    shop.call(
        "im_livechat.channel",
        "write",
        [reception.id],
        {"user_ids": [[6, 0, [agent.user_id for agent in reception.agents]]]},
    )
    return reception


def come_in(shop, open_page, agent):
    """Log in to Discuss and wait until dispatch knows of it."""
    page = open_as(open_page, shop, agent, "/odoo/discuss", DESKTOP)
    expect(page.locator(".o-mail-DiscussSidebar")).to_be_visible(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)
    return page


def ask(shop, reception, question):
    """A buyer opens a chat and writes a message; the chat's id."""
    buyer = shops.Buyer(shop.url)
    chat_id = buyer.open_chat(reception).chat_id
    assert chat_id
    message = {"body": question, "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
    answer = shops.post(
        buyer.session,
        f"{shop.url}/mail/message/post",
        {"thread_model": "discuss.channel", "thread_id": chat_id, "post_data": message},
    )
    assert not answer.failed, answer.text
    return chat_id


def make_api_key(shop, agent):
    code = (
        "import datetime\n"
        f"user = env['res.users'].browse({agent.user_id})\n"
        "keys = env['res.users.apikeys'].with_user(user)\n"
        "tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)\n"
        "print('key', keys._generate('rpc', 'script', tomorrow))\n"
        "env.cr.commit()\n"
    )
    (key,) = [line.split()[1] for line in devenv.shell(shop.db, code).splitlines() if "key" in line]
    return key


def call_with_key(shop, key):
    response = requests.post(
        f"{shop.url}/json/2/res.users/context_get",
        json={},
        headers={"Authorization": f"bearer {key}"},
        timeout=shops.TIMEOUT,
    )
    return response.status_code


def call_with_cookie(shop, cookie):
    """Whether the server still takes the session for somebody's."""
    session = requests.Session()
    session.cookies.set("session_id", cookie)
    return not shops.post(session, f"{shop.url}/web/session/check", {}).failed


def disable(page, shop, name):
    """The owner disables a sub-account by mouse."""
    page.goto(f"{shop.url}/odoo/action-im_livechat_subaccount.livechat_subaccount_action")
    page.locator(".o_data_row td[name=name]", has_text=name).click(timeout=FIRST_PAGE)
    page.locator(".o_form_statusbar button[name=action_disable_wizard]").click()
    page.locator(".modal footer button[name=action_disable]").click()


def test_disabling_an_agent_hands_over_its_chats_and_its_browser_is_told_and_leaves(
    shop, owner, reception, open_page
):
    leaver, colleague = reception.agents
    leavers_page = come_in(shop, open_page, leaver)
    # A second tab, on which nothing of the chats is shown.
    second_tab = leavers_page.context.new_page()
    second_tab.goto(f"{shop.url}/odoo/my-preferences", timeout=FIRST_PAGE)
    expect(second_tab.locator(".o_main_navbar")).to_be_visible(timeout=FIRST_PAGE)
    # A browser paints no tab that nobody sees.
    leavers_page.bring_to_front()
    questions = ["Is the blue one in stock?", "When will my parcel arrive?"]
    chats = [ask(shop, reception, question) for question in questions]
    assert reception.open_chats() == {leaver.user_id: 2}
    expect(
        leavers_page.locator(".o-mail-DiscussSidebarChannel-itemName", has_text="Visitor")
    ).to_have_count(2)
    key = make_api_key(shop, leaver)
    (cookie,) = [
        cookie["value"]
        for cookie in leavers_page.context.cookies()
        if cookie["name"] == "session_id"
    ]
    assert call_with_key(shop, key) == 200
    assert call_with_cookie(shop, cookie)
    colleagues_page = come_in(shop, open_page, colleague)
    owners_page = open_as(open_page, shop, owner, "/odoo", DESKTOP)
    asked = {page: [] for page in (leavers_page, second_tab)}
    for page, paths in asked.items():
        page.on("request", lambda request, paths=paths: paths.append(urlsplit(request.url).path))

    disable(owners_page, shop, leaver.name)

    # Nobody touches the two tabs: they are told, each asks whether it is so, and leaves.
    for page, paths in asked.items():
        expect(page).to_have_url(f"{shop.url}/web/login")
        assert 1 <= paths[: paths.index("/web/login")].count("/web/session/check") <= 3
    expect(leavers_page.locator("input[name=login]")).to_be_visible()
    shoot(leavers_page, "disabled-agent")
    assert call_with_key(shop, key) == 401
    assert not call_with_cookie(shop, cookie)
    assert reception.open_chats() == {colleague.user_id: 2}
    # The colleague's page is not loaded again: what it shows came over the websocket.
    threads = colleagues_page.locator(".o-mail-DiscussSidebarChannel-itemName", has_text="Visitor")
    expect(threads).to_have_count(len(chats))
    for index in range(len(chats)):
        threads.nth(index).click()
        message = colleagues_page.locator(".o-mail-Message", has_text="?")
        expect(message.first).to_be_visible()
    shoot(colleagues_page, "colleague-of-disabled-agent")
    expect(owners_page.locator(".o_form_statusbar .o_arrow_button_current")).to_have_text(
        "Disabled"
    )
    assert (leavers_page.errors, colleagues_page.errors, owners_page.errors) == ([], [], [])
    # The password is refused as well, with nothing but core's own words.
    leavers_page.fill("input[name=login]", leaver.login)
    leavers_page.fill("input[name=password]", leaver.login)
    leavers_page.click("button[type=submit].btn-primary")
    expect(leavers_page.locator(".alert-danger")).to_be_visible()


def test_the_end_of_another_users_session_changes_nothing_for_users_who_are_no_sub_accounts(
    shop, reception, open_page
):
    (agent,) = shop.add_agents([100], online=False)
    subaccount, _colleague = reception.agents
    page, subaccounts_page = (come_in(shop, open_page, one) for one in (agent, subaccount))

    for user in (agent, subaccount):
        shop.call("res.users", "write", [user.user_id], {"active": False})

    # Whoever hears of it later has left.
    expect(subaccounts_page).to_have_url(f"{shop.url}/web/login")
    expect(page).to_have_url(f"{shop.url}/odoo/discuss")


def test_who_may_not_leave_a_channel_is_not_shown_as_gone(shop, open_page, reception):
    agent = reception.agents[0]
    page = come_in(shop, open_page, agent)
    category = page.locator(".o-mail-DiscussSidebarCategory-livechat", has_text="Flagship Shop")
    leave = category.locator("button[title='Leave Flagship Shop']")
    expect(category).to_be_visible()
    category.hover()
    leave.click()
    expect(page.get_by_role("dialog")).to_contain_text("says who its agents are")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    category.hover()
    expect(leave).to_be_visible()
    expect(category.locator("button[title='Join Flagship Shop']")).to_have_count(0)
    (row,) = shop.call("im_livechat.channel", "read", [reception.id], ["user_ids"])
    assert agent.user_id in row["user_ids"]
