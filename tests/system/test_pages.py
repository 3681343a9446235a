"""Every page of the addon as its people open it: wide and narrow, in English and in Chinese.

No error in the console, and nothing that axe-core, which looks for what keeps disabled people out,
calls serious or critical. The screenshots are in the folder of the logs, to be looked at.
"""

import json
import re
from types import SimpleNamespace

import pytest
import requests
import shop as shops
from browsers import (
    DESKTOP,
    FIRST_PAGE,
    PHONE,
    activate_chinese,
    find_barriers,
    open_as,
    shoot,
)
from playwright.sync_api import expect

import devenv

SIZES = {"wide": DESKTOP, "narrow": PHONE}
LANGUAGES = {"en": "en_US", "zh": "zh_CN"}

# What core's own list, form, search bar and dialogs draw, on pages of any module.
OF_CORE = (
    ".o_control_panel",
    ".o_list_table thead",
    ".o_list_record_selector",
    ".o_statusbar_status",
    ".o_pager",
    ".o_search_panel",
    ".o_pivot",
    ".o_graph_renderer",
    ".o_hierarchy_view",
    ".o_calendar_view",
    ".o_tag",
    ".o_m2o_avatar",
    ".o_avatar",
    ".o_form_label",
    ".o_notebook_headers",
    ".o_field_selection",
    ".o-autocomplete--input",
    ".o-mail-Chatter",
)


@pytest.fixture(scope="module")
def owner(shop):
    """The main account of a shop in which something happens."""
    (owner,) = shop.add_agents(
        [100],
        online=False,
        group_ids=[
            [4, shop.ref("base.group_user")],
            [4, shop.ref("im_livechat_subaccount.group_main_account")],
        ],
    )
    reception = shop.open_reception(
        [200, 100, 50],
        max_sessions=1,
        name="Flagship Shop",
        main_account_id=owner.user_id,
        queue_enabled=True,
    )
    (group_id,) = shop.call(
        "livechat.dispatch.group",
        "create",
        [
            {
                "name": "After-sales",
                "channel_id": reception.id,
                "user_ids": [[4, reception.agents[0].user_id]],
            }
        ],
    )
    shop.call(
        "livechat.dispatch.scope",
        "create",
        [{"group_id": group_id, "kind": "page", "page_pattern": "/returns"}],
    )
    shop.call(
        "livechat.subaccount",
        "create",
        [
            {
                "name": "Chen Jing",
                "main_account_id": owner.user_id,
                "role_ids": [[4, shop.ref("im_livechat_subaccount.role_reception")]],
            }
        ],
    )
    for _buyer in range(6):
        shops.Buyer(shop.url).open_chat(reception)
    return owner


def read_menus(shop):
    """``{xmlid: path}`` of the addon's menu items that open a page of its own, not of Odoo's, and
    are not for administrators alone."""
    rows = shop.sql(
        """
        SELECT item.name, split_part(menu.action, ',', 2)
          FROM ir_ui_menu menu
          JOIN ir_model_data item ON item.model = 'ir.ui.menu' AND item.res_id = menu.id
         WHERE item.module = %s AND menu.action IS NOT NULL
           AND EXISTS (
                   SELECT
                     FROM ir_model_data action
                    WHERE action.module = item.module
                      AND action.model || ',' || action.res_id = menu.action
               )
           AND NOT EXISTS (
                   SELECT
                     FROM ir_ui_menu_group_rel rel
                     JOIN ir_model_data groups
                       ON groups.model = 'res.groups' AND groups.res_id = rel.gid
                    WHERE rel.menu_id = menu.id
                      AND (groups.module, groups.name) = ('base', 'group_system')
               )
      ORDER BY item.name
        """,
        devenv.ADDON,
    )
    return {name: f"/odoo/action-{action}" for name, action in rows}


def read_forms(shop, owner):
    """``{name: path}`` of a form of each kind of record that the addon's menu items list, and of a
    channel: of the newest that the owner may read."""
    session = requests.Session()
    account = {"db": shop.db, "login": owner.login, "password": owner.login}
    assert not shops.post(session, f"{shop.url}/web/session/authenticate", account).failed
    rows = shop.sql(
        """
        SELECT action.id, action.res_model
          FROM ir_ui_menu menu
          JOIN ir_model_data item ON item.model = 'ir.ui.menu' AND item.res_id = menu.id
          JOIN ir_act_window action
            ON menu.action = 'ir.actions.act_window,' || action.id::text
         WHERE (item.module = %s AND action.res_model LIKE 'livechat.%%'
                OR action.res_model = 'im_livechat.channel')
           AND action.view_mode LIKE '%%form%%'
        """,
        devenv.ADDON,
    )
    forms = {}
    for action, model in rows:
        newest = {"limit": 1, "order": "id DESC"}
        answer = shops.post(
            session,
            f"{shop.url}/web/dataset/call_kw/{model}/search",
            {"model": model, "method": "search", "args": [[]], "kwargs": newest},
        )
        for record_id in answer.body["result"]:
            forms[f"form-{model}"] = f"/odoo/action-{action}/{record_id}"
    return forms


def settle(page):
    """Wait until the page has drawn what it has to."""
    page.wait_for_selector(".o_action_manager > *", state="visible", timeout=FIRST_PAGE)
    page.wait_for_function("!document.querySelector('.o_blockUI, .o_loading_indicator')")
    # Pictures and graphs fade in, and half a colour has half a contrast.
    page.wait_for_timeout(700)


@pytest.mark.parametrize(
    ("language", "size"),
    [
        ("zh", "narrow"),
        # Rarely know more than that.
        pytest.param("en", "wide", marks=pytest.mark.long),
        pytest.param("en", "narrow", marks=pytest.mark.long),
        pytest.param("zh", "wide", marks=pytest.mark.long),
    ],
)
def test_pages_can_be_used_by_everybody(shop, owner, open_page, language, size):
    if language == "zh":
        activate_chinese(shop)
    shop.call("res.users", "write", [owner.user_id], {"lang": LANGUAGES[language]})
    page = open_as(open_page, shop, owner, "/odoo", SIZES[size])
    visit(shop, page, {**read_menus(shop), **read_forms(shop, owner)}, language, size)


def visit(shop, page, paths, language, size):
    """Open pages one after the other, and look at each."""
    errors = []
    page.on(
        "console",
        lambda message: message.type == "error" and errors.append(message.text),
    )
    troubles = {}
    for name, path in paths.items():
        response = page.goto(f"{shop.url}{path}", timeout=FIRST_PAGE)
        assert response.status == 200
        settle(page)
        shoot(page, f"page-{name}-{language}-{size}")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        barriers = find_barriers(page, [".o_action_manager"], OF_CORE)
        dialogs = page.locator(".o_error_dialog").count()
        if barriers or errors or page.errors or dialogs or wide > 0:
            troubles[name] = [*barriers, *errors, *page.errors, f"{dialogs} dialogs, {wide} px"]
        errors.clear()
        page.errors.clear()
        if language == "zh" and not name.startswith("form-"):
            title = page.locator(".o_breadcrumb, .o_control_panel_breadcrumbs").first.inner_text()
            assert re.search("[\u4e00-\u9fff]", title), f"{name}: {title}"
    assert not troubles, json.dumps(troubles, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("size", SIZES)
def test_an_administrators_page_can_be_used_by_everybody(shop, open_page, size):
    page = open_as(open_page, shop, SimpleNamespace(login="admin"), "/odoo", SIZES[size])
    action = shop.ref(f"{devenv.ADDON}.livechat_dispatch_health_action_open")
    visit(shop, page, {"health": f"/odoo/action-{action}"}, "en", size)
    expect(page.locator(".o_data_row")).to_have_count(12)
    page.get_by_role("button", name="Check Now").click()
    expect(page.locator(".o_data_row")).to_have_count(12)


@pytest.mark.parametrize(
    ("language", "size"),
    [
        ("zh", "narrow"),
        ("en", "wide"),
        pytest.param("en", "narrow", marks=pytest.mark.long),
        pytest.param("zh", "wide", marks=pytest.mark.long),
    ],
)
def test_what_opens_on_a_page_can_be_used_by_everybody(shop, owner, open_page, language, size):
    if language == "zh":
        activate_chinese(shop)
    shop.call("res.users", "write", [owner.user_id], {"lang": LANGUAGES[language]})
    page = open_as(open_page, shop, owner, read_menus(shop)["livechat_reception_menu"], SIZES[size])

    def look(name, part):
        expect(page.locator(part).first).to_be_visible()
        settle(page)
        shoot(page, f"opened-{name}-{language}-{size}")
        assert find_barriers(page, [part]) == [], name

    # An agent with a chat, whom one whispers to.
    agent = page.locator(".o_livechat_reception_agent:has(progress[value='100'])").first
    agent.locator(".o_livechat_reception_name").click(timeout=FIRST_PAGE)
    agent.locator(".o_livechat_reception_whispers").first.click()
    look("agent", ".o_livechat_reception_agent .o_livechat_reception_whisper")
    look("agent", ".o_livechat_reception_agent .o_livechat_reception_card")
    # A buyer who waits, and what can be done.
    buyer = page.locator(".o_livechat_reception_buyer").first
    buyer.locator(".o_livechat_reception_buyer_name").click()
    look("buyer", ".o_livechat_reception_buyer .o_livechat_reception_offered")
    look("buyer", ".o_livechat_reception_buyer")
    # Where else an agent could be.
    agent.locator(".o_livechat_reception_move").click()
    look("targets", ".o_livechat_reception_targets")
    assert page.errors == []
