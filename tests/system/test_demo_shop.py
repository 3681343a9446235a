"""The second shop that dev/demo opens is Chinese throughout, and its buyers are dispatched."""

import re
from collections import Counter
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import SimpleNamespace

import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, log_in, shoot
from playwright.sync_api import expect

import devenv

# Weights 150, 100 and 100: as many of each seven buyers.
SERVED = {"小美": 3, "小雨": 2, "阿杰": 2}


def load_demo():
    loader = SourceFileLoader("demo", str(devenv.ROOT / "dev/demo"))
    module = module_from_spec(spec_from_loader("demo", loader))
    loader.exec_module(module)
    return module


def test_what_the_demo_adds_to_the_data_can_be_added(template):
    demo = load_demo()
    with devenv.temp_db(template) as db:
        for script in (demo.OPEN_RECEPTION, demo.OPEN_CHINESE_SHOP):
            devenv.shell(db, script)


@pytest.mark.long
def test_the_chinese_shop_speaks_chinese_and_shares_its_buyers(template, open_page):
    with devenv.temp_db(template) as db:
        devenv.shell(db, load_demo().OPEN_CHINESE_SHOP)
        with devenv.Server(db) as server:
            shop = shops.Shop(db, server.url)
            (channel,) = shop.call(
                "im_livechat.channel", "search_read", [["main_account_id.login", "=", "yunshang"]]
            )
            people = dict(
                shop.sql(
                    "SELECT users.id, partner.name FROM res_users users"
                    " JOIN res_partner partner ON partner.id = users.partner_id"
                    " JOIN livechat_subaccount account ON account.user_id = users.id"
                )
            )
            assert sorted(people.values()) == sorted(SERVED)
            shop.call(
                "mail.presence",
                "create",
                [
                    {"user_id": user_id, "status": "online", "last_poll": shops.EVER}
                    for user_id in people
                ],
            )
            reception = SimpleNamespace(id=channel["id"])
            for _number in range(sum(SERVED.values())):
                answer = shops.Buyer(server.url).open_chat(reception, "你好")
                assert answer.chat_id, answer.text
            served = Counter(
                people[user_id]
                for (user_id,) in shop.sql(
                    "SELECT users.id FROM discuss_channel chat JOIN res_users users"
                    " ON users.partner_id = chat.livechat_operator_id"
                )
            )
            assert served == SERVED

            page = open_page(f"{server.url}/web/login?redirect=/odoo", DESKTOP)
            log_in(page, SimpleNamespace(login="yunshang"))
            expect(page.locator(".o_livechat_reception")).to_be_visible(timeout=FIRST_PAGE)
            expect(page.locator("[role=alertdialog], .o_error_dialog")).to_have_count(0)
            said = page.locator(".o_action_manager").inner_text()
            shoot(page, "demo-chinese-reception")
    assert "小美" in said and "云裳女装旗舰店" in said
    # Addresses and units aside nothing is left in another language.
    assert re.findall(r"[A-Za-z]{3,}", said) == []
    assert page.errors == []
