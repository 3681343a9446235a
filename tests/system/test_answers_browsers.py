"""Words at hand, and an agent who goes away, in real browsers."""

import re

import pytest
import shop as shops
from browsers import DESKTOP, PHONE, shoot, show_chat
from playwright.sync_api import expect
from test_buyer_panel import ask, come_in, fits, lamp, open_reception, visit

WIDE = {"width": 1366, "height": 768}
INPUT = ".o-mail-Composer-input"

__all__ = ["lamp"]


@pytest.fixture
def reception(shop):
    """The reception of a main account's shop: two agents, of whom none is here."""
    (owner,) = shop.add_agents(
        [100],
        online=False,
        group_ids=[
            [4, shop.ref("base.group_user")],
            [4, shop.ref("im_livechat_subaccount.group_main_account")],
        ],
    )
    reception = open_reception(shop, 2, main_account_id=owner.user_id)
    ids = [agent.user_id for agent in reception.agents]
    transfers = shop.ref("im_livechat_subaccount.group_transfer_chats")
    values = {"main_account_id": owner.user_id, "group_ids": [[4, transfers]]}
    shop.call("res.users", "write", ids, values)
    shops.Shop(shop.db, shop.url, owner.login, owner.login).call(
        "mail.canned.response",
        "create",
        [
            {
                "source": source,
                "substitution": words,
                "is_of_shop": True,
            }
            for source, words in (
                ("stock", "Yes, the {product} is in stock. Your order {order} is welcome"),
                ("thanks", "Thank you {buyer}, {agent} was happy to help"),
            )
        ],
    )
    return reception


@pytest.mark.parametrize("lang", [pytest.param("en_US", marks=pytest.mark.long), "zh_CN"])
def test_an_answer_of_the_shop_is_one_key_away_with_what_is_known_of_the_buyer(
    shop, open_page, lamp, reception, lang
):
    agent = reception.agents[0]
    agents_page = come_in(shop, open_page, agent, WIDE, lang)
    buyers_page = visit(shop, open_page, reception, lamp[1])
    ask(buyers_page, "Is the lamp in stock?")
    show_chat(agents_page, "Desk lamp")
    composer = agents_page.locator(INPUT).first

    composer.press_sequentially("/sto")
    offered = agents_page.locator(".o-mail-Composer-suggestion", has_text="stock")
    expect(offered).to_contain_text("Yes, the Desk lamp is in stock. Your order is welcome")
    shoot(agents_page, f"answers-suggested-{lang}")
    composer.press("Enter")
    expect(composer).to_have_value("Yes, the Desk lamp is in stock. Your order is welcome ")
    composer.press("Enter")
    expect(
        buyers_page.locator(".o-mail-Message", has_text="Yes, the Desk lamp is in stock")
    ).to_be_visible()

    # What was sent to a buyer of this page comes first; words are searched as well.
    agents_page.locator("[name=livechat-answers]").first.click()
    dialog = agents_page.locator(".o_livechat_answers")
    expect(dialog.locator(".o_livechat_answer small")).to_have_count(1)
    expect(dialog.locator(".o_livechat_answer").first).to_contain_text("stock")
    shoot(agents_page, f"answers-search-{lang}")
    dialog.get_by_role("searchbox").fill("happy")
    expect(dialog.locator(".o_livechat_answer")).to_have_count(1)
    dialog.get_by_role("searchbox").press("Enter")
    expect(composer).to_have_value(f"Thank you, {agent.name} was happy to help")
    assert (agents_page.errors, buyers_page.errors) == ([], [])


def test_who_goes_away_hands_over_whose_buyer_waits_and_colleagues_see_when_it_is_back(
    shop, open_page, lamp, reception
):
    goer, stayer = reception.agents
    goers_page = come_in(shop, open_page, goer, DESKTOP)
    buyers_page = visit(shop, open_page, reception, lamp[1])
    ask(buyers_page, "Is the lamp in stock?")
    expect(buyers_page.locator(".o-mail-ChatWindow")).to_contain_text(goer.name)
    stayers_page = come_in(shop, open_page, stayer, WIDE)

    bar = goers_page.locator(".o_menu_systray .o_livechat_dispatch_menu")
    bar.click()
    away = goers_page.locator(".o_livechat_dispatch_away")
    expect(away).to_contain_text("hand over 1 buyer")
    shoot(goers_page, "away-menu")
    away.click()
    expect(
        buyers_page.locator(".o-mail-NotificationMessage", has_text=f"{stayer.name} takes over")
    ).to_be_visible()
    assert reception.open_chats() == {stayer.user_id: 1}
    expect(bar).to_contain_text("Paused")
    shoot(buyers_page, "away-buyer")
    assert fits(buyers_page)

    bar.click()
    expect(away).to_have_count(0)
    goers_page.get_by_role("menuitem", name="Pause for 30 min").click()
    expect(bar).to_contain_text("Paused until")
    show_chat(stayers_page, "Desk lamp")
    stayers_page.locator("button[name=livechat-transfer]").click()
    row = stayers_page.locator(".o_livechat_transfer label", has_text=goer.name)
    expect(row).to_contain_text("back at")
    shoot(stayers_page, "away-back-at")

    bar.click()
    goers_page.get_by_role("menuitem", name="My Time Off").click()
    goers_page.locator(".o_list_button_add").click()
    goers_page.locator("[name=name] input").fill("Doctor")
    goers_page.locator(".o_list_button_save").click()
    expect(goers_page.locator(".o_data_row", has_text="Doctor")).to_be_visible()
    shoot(goers_page, "away-time-off")
    goers_page.set_viewport_size(PHONE)
    goers_page.reload()
    expect(goers_page.get_by_text("Doctor")).to_be_visible()
    assert fits(goers_page)
    shoot(goers_page, "away-time-off-phone")
    assert (goers_page.errors, stayers_page.errors, buyers_page.errors) == ([], [], [])


def test_a_command_that_is_written_out_is_meant(shop, open_page, reception):
    agent = reception.agents[0]
    page = come_in(shop, open_page, agent, WIDE)
    buyer = shops.Buyer(shop.url)
    assert buyer.open_chat(reception, "Is the lamp in stock?").chat_id
    show_chat(page, "Visitor")
    composer = page.locator(INPUT).first
    offered = page.locator(".o-mail-Composer-suggestion")
    # An answer that is begun, and then one that has it in its words: "how may I help you".
    composer.press_sequentially("/hel")
    expect(offered.first).to_contain_text("how may I help you")
    composer.press_sequentially("p")
    expect(offered.first).to_contain_text("Show a helper message")
    expect(offered.filter(has_text="how may I help you")).to_have_count(1)
    composer.press("Enter")
    expect(composer).to_have_value("/help ")
    # The key that ends a composition takes nothing: Safari says of it that nothing is composed.
    composer.fill("")
    composer.press_sequentially("/sto")
    expect(offered.first).to_contain_text("stock")
    composer.evaluate(
        """(field) => field.dispatchEvent(new KeyboardEvent("keydown", {
            key: "Enter", keyCode: 229, isComposing: false, bubbles: true, cancelable: true
        }))"""
    )
    page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(composer).to_have_value("/sto")
    composer.press("Enter")
    expect(composer).to_have_value(re.compile("is in stock"))
    assert page.errors == []
