"""A shop's life beside the addons of others, from its first account to the last, as its people live
it: each over a log-in of its own, buyers on the widget's own routes, and some pages in a browser.

Each test is a step and goes on where the one before it ended.
"""

import contextlib
import os
import re
import signal
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, SCREENSHOTS, shoot, wait_until_online
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

import devenv

# The policy of the addon password_security asks for all of these.
PASSWORD = "Orchid-Lamp-2041"
MINE = devenv.ADDON
# How long a page may take to answer a question, in milliseconds, and to be opened at all, in
# seconds; and after how many that fail the others are given up.
PAGE, PAGE_END, TROUBLES_MAX = 30_000, 100, 5
# The website has a form of its own on each page.
SUBMIT = "form:has(input[name=password]) button[type=submit].btn-primary"
FIELD = re.compile(r'name="(csrf_token|token|login|name|redirect)"[^>]*?value="([^"]*)"')


@pytest.fixture(scope="module")
def day(server):
    """What the steps so far have made."""
    return SimpleNamespace(
        server=server,
        admin=shops.Shop(server.db, server.url),
        staff={},
        buyers=[],
        logins={},
    )


def log_in(day, login):
    """Log in on the page as a person does; an account's calls from then on."""
    session = requests.Session()
    page = session.get(f"{day.server.url}/web/login", timeout=shops.TIMEOUT)
    answer = session.post(
        f"{day.server.url}/web/login",
        {**dict(FIELD.findall(page.text)), "login": login, "password": PASSWORD},
        timeout=shops.TIMEOUT,
    )
    assert answer.status_code == 200
    # Some addons ask whoever logs in for something first; a shop's staff lands on its work.
    assert "/odoo" in answer.url or "/web" in answer.url, answer.url
    person = shops.Shop.__new__(shops.Shop)
    person.db, person.url, person.session = day.server.db, day.server.url, session
    assert read_session(person)["username"] == login
    return person


def read_session(person):
    answer = shops.post(person.session, f"{person.url}/web/session/get_session_info", {})
    return answer.body["result"]


def log_in_here(page, login, password=PASSWORD):
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", password)
    page.click(SUBMIT)
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)


def link_of(action):
    return action["context"]["default_url"]


def be_here(day, *names):
    """Give these people the sign of life that their pages give, one that lasts."""
    for name in names:
        user = day.staff[name]["user_id"][0]
        day.admin.sql("DELETE FROM mail_presence WHERE user_id = %s", user)
        day.admin.call(
            "mail.presence",
            "create",
            [{"user_id": user, "status": "online", "last_poll": shops.EVER}],
        )


def come(day, count):
    """So many buyers come one after another and say a word; their chats."""
    chats = []
    for _number in range(count):
        buyer = shops.Buyer(day.server.url)
        answer = buyer.open_chat(day.reception)
        assert not answer.failed, answer.text
        assert answer.chat_id
        day.buyers.append((buyer, answer.chat_id))
        chats.append(answer.chat_id)
    return chats


def state_of(day, chat_id):
    """Whether the chat waits or is assigned, and to whom of the staff."""
    ((state, user_id),) = day.admin.sql(
        """
        SELECT chat.dispatch_state, users.id
          FROM discuss_channel chat
     LEFT JOIN res_users users ON users.partner_id = chat.livechat_operator_id
         WHERE chat.id = %s
        """,
        chat_id,
    )
    names = {row["user_id"][0]: name for name, row in day.staff.items()}
    return state, names.get(user_id)


def open_chats(day):
    """``{name: open chats}`` of the staff."""
    rows = day.owner.call("livechat.subaccount", "search_read", [], ["name", "open_chat_count"])
    return {row["name"]: row["open_chat_count"] for row in rows}


def test_01_all_addons_are_installed(day):
    wanted = {*devenv.compat_modules(), MINE}
    assert len(wanted) > 40
    rows = day.admin.sql(
        "SELECT name FROM ir_module_module WHERE state = 'installed' AND name = ANY(%s)",
        list(wanted),
    )
    assert {name for (name,) in rows} == wanted


def test_02_an_administrator_opens_a_shop(day):
    wizard = {
        "name": "Lin Owner",
        "login": "owner@flagship.example.com",
        "channel": "new",
        "channel_name": "Flagship Shop",
    }
    (dialog,) = day.admin.call("livechat.main.account", "create", [wizard])
    day.link = link_of(day.admin.call("livechat.main.account", "action_create", [dialog]))


def test_03_the_main_account_sets_its_password_behind_its_link(day, open_page):
    page = open_page(day.link, DESKTOP)
    for name in ("password", "confirm_password"):
        page.fill(f"input[name={name}]", PASSWORD)
    page.click(SUBMIT)
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)
    assert not page.errors


def test_04_and_logs_in(day):
    day.owner = log_in(day, "owner@flagship.example.com")


def test_05_it_finds_its_channel(day):
    (channel,) = day.owner.call(
        "im_livechat.channel", "search_read", [], ["name", "dispatch_mode", "main_account_id"]
    )
    assert (channel["name"], channel["dispatch_mode"]) == ("Flagship Shop", "share")
    day.reception = SimpleNamespace(id=channel["id"], shop=day.admin)


def test_06_sets_two_chats_an_agent_and_a_line(day):
    settings = {"max_sessions_mode": "limited", "max_sessions": 2, "queue_enabled": True}
    day.owner.call("im_livechat.channel", "write", [day.reception.id], settings)


def test_07_makes_three_sub_accounts(day):
    role = day.admin.ref(f"{MINE}.role_after_sales")
    values = [
        {"name": name, "role_ids": [[4, role]], "email": f"{name.split()[0].lower()}@example.com"}
        for name in ("Chen Jing", "Wu Tao", "Zhao Min")
    ]
    ids = day.owner.call("livechat.subaccount", "create", values)
    fields = ["name", "login", "state", "user_id", "rights_differ"]
    for row in day.owner.call("livechat.subaccount", "read", ids, fields):
        assert row["login"].startswith("owner:desk")
        assert (row["state"], row["rights_differ"]) == ("pending", False)
        day.staff[row["name"]] = row


def test_08_who_is_not_activated_does_not_get_in(day):
    answer = shops.post(
        requests.Session(),
        f"{day.server.url}/web/session/authenticate",
        {"db": day.server.db, "login": day.staff["Chen Jing"]["login"], "password": PASSWORD},
    )
    assert answer.failed


def test_09_and_a_link_for_each(day):
    for row in day.staff.values():
        action = day.owner.call("livechat.subaccount", "action_activation_link", [row["id"]])
        row["link"] = link_of(action)


def test_10_a_password_against_the_policy_is_refused_with_its_words(day, open_page):
    page = open_page(day.staff["Chen Jing"]["link"], DESKTOP)
    for name in ("password", "confirm_password"):
        page.fill(f"input[name={name}]", "onlyletterslikethese")
    page.click(SUBMIT)
    expect(page.locator(".alert-danger")).to_be_visible()
    assert not page.errors


def test_11_the_first_is_activated_in_a_browser(day, open_page):
    page = open_page(day.staff["Chen Jing"]["link"], DESKTOP)
    for name in ("password", "confirm_password"):
        page.fill(f"input[name={name}]", PASSWORD)
    page.click(SUBMIT)
    page.wait_for_url("**/odoo**", timeout=FIRST_PAGE)
    expect(page.locator(".o_main_navbar")).to_be_visible(timeout=FIRST_PAGE)
    shoot(page, "compat-desk")
    assert not page.errors
    # Its websocket is gone before somebody is said to be here without one.
    agent = SimpleNamespace(user_id=day.staff["Chen Jing"]["user_id"][0])
    wait_until_online(day.admin, agent)
    page.context.close()
    shops.wait_until(
        lambda: (
            not day.admin.sql(
                "SELECT FROM mail_presence WHERE user_id = %s AND status = 'online'", agent.user_id
            )
        ),
        "a browser that was closed is online for ever",
    )


def test_12_the_others_too(day):
    for name in ("Wu Tao", "Zhao Min"):
        session, link = requests.Session(), day.staff[name]["link"]
        page = session.get(link, timeout=shops.TIMEOUT)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
        form = {"csrf_token": token, "password": PASSWORD, "confirm_password": PASSWORD}
        answer = session.post(link, form, timeout=shops.TIMEOUT)
        assert answer.status_code == 200 and "/odoo" in answer.url, answer.url


def test_13_a_link_works_once(day):
    answer = requests.get(day.staff["Wu Tao"]["link"], timeout=shops.TIMEOUT)
    assert answer.status_code == 404


def test_14_each_logs_in(day):
    for name, row in day.staff.items():
        day.logins[name] = log_in(day, row["login"])
    rows = day.owner.call("livechat.subaccount", "search_read", [], ["state", "rights_differ"])
    assert {(row["state"], row["rights_differ"]) for row in rows} == {("enabled", False)}


def test_15_the_owner_weighs_them(day):
    for name, weight in (("Chen Jing", 200), ("Wu Tao", 100), ("Zhao Min", 50)):
        row = day.staff[name]
        day.owner.call("livechat.subaccount", "write", [row["id"]], {"dispatch_weight": weight})


def test_16_seven_buyers_fill_the_seats_by_weight(day):
    be_here(day, *day.staff)
    chats = come(day, 7)
    assert {state_of(day, chat)[0] for chat in chats} == {"assigned"}
    assert open_chats(day) == {"Chen Jing": 4, "Wu Tao": 2, "Zhao Min": 1}


def test_17_two_more_stand_in_line(day):
    day.waiting = come(day, 2)
    assert [state_of(day, chat)[0] for chat in day.waiting] == ["queued", "queued"]


def test_18_the_owner_reads_the_line(day):
    assert day.owner.call("im_livechat.channel", "get_reception_lines")


def test_19_whoever_leaves_makes_room_for_the_first(day):
    buyer, chat_id = day.buyers[0]
    _state, agent = state_of(day, chat_id)
    buyer.leave(chat_id)
    first, second = day.waiting
    shops.wait_until(lambda: state_of(day, first) == ("assigned", agent), "nobody was served")
    assert state_of(day, second)[0] == "queued"


def test_20_an_agent_answers(day):
    chat_id = day.waiting[0]
    _state, agent = state_of(day, chat_id)
    answer = shops.post(
        day.logins[agent].session,
        f"{day.server.url}/mail/message/post",
        {
            "thread_model": "discuss.channel",
            "thread_id": chat_id,
            "post_data": {"body": "Good day!", "message_type": "comment"},
        },
    )
    assert not answer.failed, answer.text


def test_21_why_it_came_is_told(day):
    chat_id = day.waiting[0]
    _state, agent = state_of(day, chat_id)
    reason = day.logins[agent].call("discuss.channel", "get_dispatch_reason", [chat_id])
    assert reason["text"]
    day.decision = reason["decision_id"]


def test_22_the_record_is_opened_in_a_browser(day, open_page):
    action = day.admin.ref(f"{MINE}.livechat_dispatch_decision_action")
    page = open_page(f"{day.server.url}/web/login?redirect=/odoo", DESKTOP)
    log_in_here(page, "owner@flagship.example.com")
    page.goto(f"{day.server.url}/odoo/action-{action}/{day.decision}", timeout=FIRST_PAGE)
    expect(page.locator(".o_form_view")).to_be_visible(timeout=FIRST_PAGE)
    shoot(page, "compat-decision")
    assert not page.errors and not page.locator(".o_error_dialog").count()


def test_23_reception_shows_everybody(day, open_page):
    page = open_page(f"{day.server.url}/web/login?redirect=/odoo/livechat-reception", DESKTOP)
    log_in_here(page, "owner@flagship.example.com")
    rows = page.locator(".o_livechat_reception_agent")
    expect(rows.first).to_be_visible(timeout=FIRST_PAGE)
    for name in day.staff:
        expect(rows.filter(has_text=name).first).to_be_visible()
    shoot(page, "compat-reception")
    assert not page.errors and not page.locator(".o_error_dialog").count()


def test_24_a_group_with_a_scope(day):
    (day.group,) = day.owner.call(
        "livechat.dispatch.group",
        "create",
        [
            {
                "name": "Returns",
                "channel_id": day.reception.id,
                "user_ids": [[4, day.staff["Zhao Min"]["user_id"][0]]],
            }
        ],
    )
    page = {"group_id": day.group, "kind": "page", "page_pattern": "/returns"}
    day.owner.call("livechat.dispatch.scope", "create", [page])


def test_25_its_buyers_are_its_agents(day):
    for buyer, chat_id in day.buyers:
        buyer.leave(chat_id)
    buyer = shops.Buyer(day.server.url)
    buyer.session.headers["Referer"] = f"{day.server.url}/returns"
    chat_id = buyer.open_chat(day.reception).chat_id
    assert state_of(day, chat_id) == ("assigned", "Zhao Min")
    day.chat = (buyer, chat_id)


def test_26_who_gives_a_chat_away_says_why(day):
    giver, chat_id = day.logins["Zhao Min"], day.chat[1]
    reasons = giver.call("discuss.channel", "get_transfer_reasons")
    assert "knowledge" in dict(reasons)
    targets = giver.call("discuss.channel", "get_transfer_targets", [chat_id])
    assert targets
    receiver = day.staff["Wu Tao"]["user_id"][0]
    given = giver.call("discuss.channel", "transfer", [chat_id], "knowledge", user_id=receiver)
    assert given["state"] == "assigned"
    assert open_chats(day)["Wu Tao"] == 1


def test_27_the_record_of_it_says_the_reason(day):
    domain = [["discuss_channel_id", "=", day.chat[1]], ["kind", "=", "transfer"]]
    (record,) = day.owner.call("livechat.dispatch.decision", "search_read", domain, ["reason"])
    assert "knows more" in record["reason"]


def test_28_a_chat_becomes_a_ticket(day):
    (team,) = day.admin.call("helpdesk.ticket.team", "create", [{"name": "Repairs"}])
    day.owner.call("livechat.dispatch.group", "write", [day.group], {"helpdesk_team": f"{team}"})
    ticket = day.logins["Wu Tao"].call("discuss.channel", "make_ticket", [day.chat[1]])
    assert ticket


def test_29_an_agent_pauses_and_goes_on(day):
    agent = day.logins["Wu Tao"]
    user = day.staff["Wu Tao"]["user_id"][0]
    agent.call("res.users", "dispatch_pause", [user])
    assert day.owner.call("res.users", "read", [user], ["dispatch_paused"])[0]["dispatch_paused"]
    agent.call("res.users", "dispatch_resume", [user])


def test_30_disabling_hands_the_chat_over_at_once(day):
    row = day.staff["Wu Tao"]
    values = {"subaccount_ids": [[6, 0, [row["id"]]]]}
    (dialog,) = day.owner.call("livechat.subaccount.disable", "create", [values])
    day.owner.call("livechat.subaccount.disable", "action_disable", [dialog])
    ((seats,),) = day.admin.sql(
        """
        SELECT count(*)
          FROM discuss_channel_member member JOIN res_users users USING (partner_id)
         WHERE member.channel_id = %s AND users.id = %s
        """,
        day.chat[1],
        row["user_id"][0],
    )
    assert not seats


def test_31_who_is_disabled_is_out(day):
    agent = day.logins["Wu Tao"]
    assert shops.post(agent.session, f"{day.server.url}/web/session/check", {}).failed


def test_32_enabling_lets_in_again(day):
    row = day.staff["Wu Tao"]
    day.owner.call("livechat.subaccount", "action_enable", [row["id"]])
    day.logins["Wu Tao"] = log_in(day, row["login"])


def test_33_a_new_name_is_everywhere(day):
    row = day.staff["Wu Tao"]
    day.owner.call("livechat.subaccount", "write", [row["id"]], {"name": "Wu Xiaotao"})
    ((name,),) = day.admin.sql(
        "SELECT partner.name FROM res_users users"
        " JOIN res_partner partner ON partner.id = partner_id WHERE users.id = %s",
        row["user_id"][0],
    )
    assert name == "Wu Xiaotao"
    day.staff["Wu Xiaotao"] = day.staff.pop("Wu Tao")


def test_34_staff_is_imported(day):
    columns = ["name", "login", "dispatch_weight", "role_ids"]
    rows = [
        ["Sun Li", "owner:sun", "100", "Reception"],
        ["Qian Bo", "owner:qian", "50", "Reception,Shipping"],
    ]
    result = day.owner.call("livechat.subaccount", "load", columns, rows)
    assert result["ids"], result["messages"]
    day.imported = result["ids"]


def test_35_one_of_them_is_deleted(day):
    day.owner.call("livechat.subaccount", "action_delete", day.imported[:1])
    assert not day.owner.call("livechat.subaccount", "search", [["id", "=", day.imported[0]]])
    day.owner.call("livechat.subaccount", "create", [{"name": "Sun Li", "login": "owner:sun"}])


def test_36_a_user_role_of_an_administrator_leaves_the_roles_alone(day):
    group = day.admin.ref("base.group_partner_manager")
    (role,) = day.admin.call(
        "res.users.role", "create", [{"name": "Address book", "implied_ids": [[4, group]]}]
    )
    row = day.staff["Chen Jing"]
    line = {"role_id": role}
    day.admin.call("res.users", "write", row["user_id"][:1], {"role_line_ids": [[0, 0, line]]})
    fields = ["rights_differ", "has_user_roles"]
    (told,) = day.owner.call("livechat.subaccount", "read", [row["id"]], fields)
    assert (told["rights_differ"], told["has_user_roles"]) == (False, True)
    chat_id = come(day, 1)[0]
    assert state_of(day, chat_id)[0] == "assigned"


def test_37_both_forms_say_so_in_a_browser(day, open_page):
    page = open_page(f"{day.server.url}/web/login?redirect=/odoo", DESKTOP)
    log_in_here(page, "owner@flagship.example.com")
    row = day.staff["Chen Jing"]
    action = day.admin.ref(f"{MINE}.livechat_subaccount_action")
    page.goto(f"{day.server.url}/odoo/action-{action}/{row['id']}", timeout=FIRST_PAGE)
    expect(page.locator(".o_form_view .alert", has_text="User Roles")).to_be_visible()
    shoot(page, "compat-subaccount")
    admin = open_page(f"{day.server.url}/web/login?redirect=/odoo", DESKTOP)
    log_in_here(admin, "admin", "admin")
    action = day.admin.ref("base.action_res_users")
    admin.goto(f"{day.server.url}/odoo/action-{action}/{row['user_id'][0]}", timeout=FIRST_PAGE)
    admin.locator(".o_notebook .nav-link", has_text="Access Rights").click()
    expect(admin.locator(".alert", has_text="User Roles neither give nor take")).to_be_visible()
    shoot(admin, "compat-user")
    assert not page.errors and not admin.errors


def read_actions(day):
    """``[(action, model, view modes, target, domain)]`` of each window of this addon."""
    return day.admin.sql(
        """
        SELECT action.id, action.res_model, action.view_mode, action.target, action.domain
          FROM ir_act_window action
          JOIN ir_model_data data
            ON data.model = 'ir.actions.act_window' AND data.res_id = action.id
         WHERE data.module = %s
      ORDER BY action.id
        """,
        MINE,
    )


def open_views(person, actions):
    """Open every view of these actions as the web client does; how many could be opened."""
    opened = 0
    for action, model, modes, *_other in actions:
        kinds = [[False, kind] for kind in modes.split(",")]
        answer = call(person, model, "get_views", kinds, options={"action_id": action})
        if is_refused(answer):
            continue
        assert not answer.failed, f"{model}: {answer.text}"
        views = answer.body["result"]["views"]
        for kind, view in views.items():
            if kind not in ("list", "kanban", "form"):
                continue
            fields = re.findall(r'<field name="(\w+)"', view["arch"])
            known = answer.body["result"]["models"][model]["fields"]
            specification = {name: {} for name in fields if name in known}
            found = call(person, model, "web_search_read", [], specification, limit=20)
            assert is_refused(found) or not found.failed, f"{model} {kind}: {found.text}"
            if not is_refused(found):
                ids = [row["id"] for row in found.body["result"]["records"][:1]]
                read = call(person, model, "web_read", ids, specification)
                assert not read.failed, f"{model} {kind}: {read.text}"
            opened += 1
    return opened


def call(person, model, method, *args, **kwargs):
    return shops.post(
        person.session,
        f"{person.url}/web/dataset/call_kw/{model}/{method}",
        {"model": model, "method": method, "args": args, "kwargs": kwargs},
    )


def is_refused(answer):
    error = answer.body.get("error", {}).get("data", {}).get("name")
    return error == "odoo.exceptions.AccessError"


def find_person(day, who):
    return {
        "an administrator": day.admin,
        "the owner": day.owner,
        "an agent": day.logins["Chen Jing"],
    }[who]


@pytest.mark.parametrize("who", ["an administrator", "the owner", "an agent"])
def test_38_every_view_is_read_by(day, who):
    actions = read_actions(day)
    opened = open_views(find_person(day, who), actions)
    assert opened >= {"an agent": 1}.get(who, len(actions) // 2), f"{opened} of {len(actions)}"


def find_pages(day, person):
    """``{address: selector of what it shows}`` of each view of ours that this person may read, and
    of each page that is no view and in its menus."""
    pages = {}
    uid = read_session(person)["uid"]
    for action, model, modes, target, domain in read_actions(day):
        seen = eval(domain or "[]", {"uid": uid})
        found = call(person, model, "search", seen, limit=1)
        if is_refused(found):
            continue
        if target == "new":
            pages[f"action-{action}"] = ".modal .o_form_view"
            continue
        for kind in modes.split(","):
            if kind != "form":
                pages[f"action-{action}?view_type={kind}"] = f".o_{kind}_view"
            elif found.body["result"]:
                pages[f"action-{action}/{found.body['result'][0]}"] = ".o_form_view"
            elif call(person, model, "has_access", [], "create").body["result"]:
                pages[f"action-{action}/new"] = ".o_form_view"
    rows = day.admin.sql(
        """
        SELECT action.path
          FROM ir_act_client action
          JOIN ir_model_data data
            ON data.model = 'ir.actions.client' AND data.res_id = action.id
         WHERE data.module = %s
        """,
        MINE,
    )
    menus = call(person, "ir.ui.menu", "load_web_menus", [], False).body["result"].values()
    offered = {menu.get("actionPath") for menu in menus}
    pages.update((path, ".o_action_manager > .o_action") for (path,) in rows if path in offered)
    return pages


class WatchedBrowser:
    """A browser that is killed when a page takes too long. One whose script never ends answers no
    question any more, and Playwright waits for its answer, whatever the timeout."""

    def __init__(self, launcher, state):
        # By this its process is found, and no other.
        self.mark = f"--watched-{uuid.uuid4().hex}"
        args = ["--no-sandbox", self.mark]
        self.browser = launcher.launch(executable_path=devenv.CHROMIUM, args=args)
        self.context = self.browser.new_context(
            viewport=DESKTOP, locale="en-US", storage_state=state
        )

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.browser.close()

    @property
    def is_alive(self):
        return self.browser.is_connected()

    @contextlib.contextmanager
    def open_window(self):
        """Yield a page, for so long as it may take."""
        timer = threading.Timer(PAGE_END, self._kill)
        timer.start()
        try:
            page = self.context.new_page()
            yield page
            page.close()
        finally:
            timer.cancel()

    def _kill(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGKILL)


def find_trouble(browser, url, selector):
    """Open this address in a window of its own; return what went wrong."""
    errors = []
    try:
        with browser.open_window() as page:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(url, wait_until="commit", timeout=PAGE)
            try:
                shown = page.locator(f"{selector}, .o_error_dialog").first
                expect(shown).to_be_visible(timeout=PAGE)
                expect(page.locator(".o_blockUI, .o_error_dialog")).to_have_count(0, timeout=PAGE)
            except AssertionError as error:
                errors.append(str(error))
                shoot_what_went_wrong(page, url)
    except PlaywrightError as error:
        errors.append(str(error))
    return errors


def shoot_what_went_wrong(page, url):
    name = re.sub(r"\W+", "-", url.partition("/odoo/")[2])
    page.screenshot(path=SCREENSHOTS / f"compat-trouble-{name}.png", timeout=PAGE)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("who", ["an administrator", "the owner", "an agent"])
def test_39_every_view_opens_in_a_browser_for(day, open_page, who):
    logins = {"the owner": "owner@flagship.example.com"}
    person = find_person(day, who)
    page = open_page(f"{day.server.url}/web/login?redirect=/odoo", DESKTOP)
    if who == "an administrator":
        log_in_here(page, "admin", "admin")
    else:
        log_in_here(page, logins.get(who) or day.staff["Chen Jing"]["login"])
    pages = find_pages(day, person)
    assert len(pages) > (5 if who == "an agent" else 50)
    launcher, state = page.context.browser.browser_type, page.context.storage_state()
    page.context.close()
    troubles = {}
    with WatchedBrowser(launcher, state) as browser:
        for address, selector in pages.items():
            if trouble := find_trouble(browser, f"{day.server.url}/odoo/{address}", selector):
                troubles[address] = trouble
            assert browser.is_alive and len(troubles) < TROUBLES_MAX, troubles
    assert not troubles


@pytest.mark.always
def test_40_no_traceback_is_in_the_servers_log(day):
    text = day.server.log.read_text(errors="replace")
    records = re.split(r"(?m)^(?=\d{4}-\d\d-\d\d )", text)
    assert len(records) > 100
    wrong = [
        record[-3000:]
        for record in records
        if "Traceback" in record or re.match(r"\S+ \S+ \d+ (ERROR|CRITICAL) ", record)
    ]
    assert not wrong, "\n".join(wrong[:5])
