"""What an agent sees of a buyer, hears of a new chat and hands over, in real browsers: the agent's
large screen or phone, and the buyer's phone."""

import re

import pytest
import shop as shops
from browsers import (
    DESKTOP,
    FIRST_PAGE,
    PHONE,
    activate_chinese,
    open_as,
    shoot,
    show_chat,
    wait_until_online,
)
from playwright.sync_api import expect
from test_desk_browsers import answer, open_chat, serve, set_skew

import devenv

PANEL = ".o_livechat_buyer_panel"


@pytest.fixture
def lamp(shop):
    """A product on the shop's site: its id and the path of its page."""
    (product_id,) = shop.call(
        "product.template",
        "create",
        [{"name": "Desk lamp", "list_price": 30.5, "is_published": True, "type": "consu"}],
    )
    return product_id, f"/shop/desk-lamp-{product_id}"


def come_in(shop, open_page, agent, viewport, lang="en_US"):
    """Log in to Discuss and wait until dispatch knows of it."""
    if lang == "zh_CN":
        activate_chinese(shop)
    shop.call("res.users", "write", [agent.user_id], {"lang": lang})
    page = open_as(open_page, shop, agent, "/odoo/discuss", viewport)
    expect(page.locator(".o_menu_systray").first).to_be_visible(timeout=FIRST_PAGE)
    wait_until_online(shop, agent)
    return page


def visit(shop, open_page, reception, path):
    """A buyer opens a page of the shop and its chat."""
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": reception.id})
    page = open_page(f"{shop.url}{path}", PHONE)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    return page


def ask(page, words):
    composer = page.locator(".o-mail-Composer-input")
    composer.fill(words)
    composer.press("Enter")
    expect(page.locator(".o-mail-Message", has_text=words)).to_be_visible()


def open_reception(shop, count, **values):
    """A shop of agents of whom none is here."""
    reception = shop.open_reception([], queue_enabled=True, name="Flagship Shop", **values)
    reception.agents = shop.add_agents([100] * count, online=False)
    ids = [agent.user_id for agent in reception.agents]
    shop.call("im_livechat.channel", "write", [reception.id], {"user_ids": [[6, 0, ids]]})
    return reception


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def test_who_looks_at_another_chat_meanwhile_sees_its_buyer(shop, open_page):
    reception, agent = serve(shop)
    for name, words in (("Ella", "Write to me: ella@example.com"), ("Omar", "Is it in stock?")):
        open_chat(shop, reception, words, name=name)
    page = come_in(shop, open_page, agent, {"width": 1366, "height": 768})
    panel = page.locator(PANEL)
    show_chat(page, "Ella")
    offer = panel.locator(".o_livechat_buyer_offer")
    expect(offer).to_contain_text("ella@example.com")
    held = []
    page.route("**/action_make_contact", lambda route: held.append(route))
    offer.locator("button").click()
    shops.wait_until(lambda: page.evaluate("1") and held, "nothing was asked")
    show_chat(page, "Omar")
    contact = panel.locator(".o_livechat_buyer_contact")
    expect(contact).to_contain_text("Omar")
    with page.expect_response("**/action_make_contact"):
        held[0].continue_()
    page.wait_for_timeout(500)
    expect(contact).to_contain_text("Omar")
    expect(contact).not_to_contain_text("Ella")
    assert page.errors == []


@pytest.mark.parametrize("lang", [pytest.param("en_US", marks=pytest.mark.long), "zh_CN"])
def test_beside_the_chat_stands_who_it_is_and_a_guest_becomes_a_contact(
    shop, open_page, lamp, lang
):
    reception = open_reception(shop, 1)
    (agent,) = reception.agents
    agents_page = come_in(shop, open_page, agent, {"width": 1366, "height": 768}, lang)
    buyers_page = visit(shop, open_page, reception, lamp[1])
    ask(buyers_page, "Is the lamp in stock?")

    ring = agents_page.locator(".o_livechat_ring", has_text="Is the lamp in stock?")
    expect(ring).to_contain_text("Desk lamp")
    # Chats are told apart by what they are about.
    item = agents_page.locator(".o-mail-DiscussSidebar-item", has_text="Desk lamp")
    show_chat(agents_page, "Desk lamp")
    expect(ring).to_have_count(0)
    clock = agents_page.locator(".o-mail-DiscussContent-header .o_livechat_reply_clock")
    expect(clock).to_be_visible()
    panel = agents_page.locator(PANEL)
    expect(panel).to_contain_text("Desk lamp")
    expect(panel).to_contain_text("30.50")
    expect(panel.locator("img")).to_be_visible()
    ask(buyers_page, "Write to me: ella@example.com")
    offer = panel.locator(".o_livechat_buyer_offer")
    expect(offer).to_contain_text("ella@example.com")
    shoot(agents_page, f"buyer-panel-{lang}")
    offer.locator("button").click()

    expect(offer).to_have_count(0)
    expect(panel.locator(".o_livechat_buyer_contact button")).to_be_visible()
    # It is done before the guest's eyes.
    line = buyers_page.locator(".o-mail-NotificationMessage", has_text=agent.name)
    expect(line).to_be_visible()
    shoot(agents_page, f"buyer-panel-contact-{lang}")

    # A person's answer stops the clock, and whoever is served makes room for the next.
    expect(clock).to_be_visible()
    composer = agents_page.locator(".o-mail-Composer-input").first
    composer.fill("Three are left")
    composer.press("Enter")
    expect(clock).to_have_count(0)
    expect(buyers_page.locator(".o-mail-Message", has_text="Three are left")).to_be_visible()
    agents_page.locator("button[name=livechat-close-next]").click()
    expect(buyers_page.locator(".o-mail-ChatWindow")).to_contain_text("has ended")
    expect(item).to_have_count(0)
    assert fits(buyers_page)
    assert (agents_page.errors, buyers_page.errors) == ([], [])


def test_what_is_put_into_the_cart_meanwhile_is_seen_with_the_next_word(shop, open_page, lamp):
    reception = open_reception(shop, 1)
    (agent,) = reception.agents
    agents_page = come_in(shop, open_page, agent, {"width": 1366, "height": 768})
    buyers_page = visit(shop, open_page, reception, "/shop")
    ask(buyers_page, "Is the lamp in stock?")
    show_chat(agents_page, "Visitor")
    panel = agents_page.locator(PANEL)
    expect(panel).to_be_visible()
    (template,) = shop.call("product.template", "read", [lamp[0]], ["product_variant_id"])
    buyers_page.evaluate(
        """([template, product]) => odoo.loader.modules.get("@web/core/network/rpc").rpc(
            "/shop/cart/add",
            {product_template_id: template, product_id: product, quantity: 3},
        )""",
        [lamp[0], template["product_variant_id"][0]],
    )
    ask(buyers_page, "I have put it into the cart")
    expect(panel).to_contain_text("3 pieces")
    expect(agents_page.locator(".o-mail-DiscussSidebar-item", has_text="cart 3")).to_be_visible()
    assert agents_page.errors == []


@pytest.mark.long
def test_how_long_ago_the_buyer_had_its_last_agent_goes_on(shop, open_page):
    reception, agent = serve(shop)
    buyer, chat_id = open_chat(shop, reception, name="Ella")
    answer(shop, agent, chat_id)
    buyer.leave(chat_id)
    page = come_in(shop, open_page, agent, {"width": 1366, "height": 768})
    shop.sql(
        "UPDATE discuss_channel SET last_interest_dt = now() AT TIME ZONE 'UTC'"
        " - interval '5 min 10 s' WHERE id = %s",
        chat_id,
    )
    assert buyer.open_chat(reception, "And the red one?").chat_id != chat_id
    show_chat(page, "Ella")
    last = page.locator(f"{PANEL} .o_livechat_buyer_last")
    expect(last).to_contain_text(f"{agent.name}, 5 minutes ago")
    set_skew(page, 600)
    expect(last).to_contain_text(f"{agent.name}, 15 minutes ago")
    assert page.errors == []


CARD_WITHOUT_SHOP = """
assert not {"sale.order", "product.template", "stock.picking"} & set(env.registry)
groups = ["base.group_user", "im_livechat.im_livechat_group_user"]
agent = env["res.users"].create({
    "name": "Maria", "login": "maria", "group_ids": [(4, env.ref(xmlid).id) for xmlid in groups],
})
channel = env["im_livechat.channel"].create({
    "name": "Flagship Shop", "dispatch_mode": "share", "user_ids": [(4, agent.id)],
})
guest = env["mail.guest"].create({"name": "Ella", "timezone": "Asia/Tokyo"})
page = channel.get_base_url() + "/shop/desk-lamp-7"
chat = env["discuss.channel"].create({
    "name": "Ella", "channel_type": "livechat", "livechat_channel_id": channel.id,
    "livechat_operator_id": agent.partner_id.id, "livechat_lang_id": env.ref("base.lang_en").id,
    "dispatch_page": page, "dispatch_order_number": "S00042", "dispatch_cart_id": 7,
    "channel_member_ids": [
        (0, 0, {"partner_id": agent.partner_id.id, "livechat_member_type": "agent"}),
        (0, 0, {"guest_id": guest.id, "livechat_member_type": "visitor"}),
    ],
})
env.flush_all()
card = chat.with_user(agent).get_buyer_card()
expected = {
    "title": "Ella",
    "about": {"page": page, "url": page},
    "cart": False,
    "orders": [],
    "named": {"number": "S00042", "order": False, "is_own": False},
    "contact": {"id": False, "name": "Ella", "email": False, "phone": False},
    "offer": False,
    "language": "English (US)",
    "country": False,
    "timezone": "Asia/Tokyo",
    "group": False,
    "waited": 0,
    "last": False,
    "earlier": {"count": 0, "chats": []},
}
assert card == expected, card
"""


@pytest.mark.long
def test_without_the_shops_modules_the_card_shows_what_is_there():
    with devenv.postgres(), devenv.temp_db(devenv.template_db((devenv.ADDON,))) as db:
        devenv.shell(db, CARD_WITHOUT_SHOP)


@pytest.mark.parametrize("lang", ["en_US", pytest.param("zh_CN", marks=pytest.mark.long)])
def test_on_a_phone_the_newest_chat_says_who_and_what_and_is_one_tap_away(
    shop, open_page, lamp, lang
):
    reception = open_reception(shop, 1)
    (agent,) = reception.agents
    agents_page = come_in(shop, open_page, agent, PHONE, lang)
    buyers_page = visit(shop, open_page, reception, lamp[1])
    ask(buyers_page, "Is the lamp in stock?")

    ring = agents_page.locator(".o_notification", has_text="Is the lamp in stock?")
    expect(ring).to_contain_text("Desk lamp")
    assert fits(agents_page)
    shoot(agents_page, f"ring-phone-{lang}")
    ring.locator(".o_notification_buttons button").click()

    expect(agents_page.locator(".o-mail-Message", has_text="Is the lamp in stock?")).to_be_visible()
    expect(ring).to_have_count(0)
    assert fits(agents_page)
    shoot(agents_page, f"ring-phone-open-{lang}")
    assert (agents_page.errors, buyers_page.errors) == ([], [])


def test_a_chat_is_promised_to_who_is_full_and_goes_there_as_soon_as_there_is_room(
    shop, open_page, lamp
):
    reception = open_reception(shop, 2, max_sessions=1)
    giver, taker = reception.agents
    givers_page = come_in(shop, open_page, giver, DESKTOP)
    buyers_page = visit(shop, open_page, reception, lamp[1])
    ask(buyers_page, "Is the lamp in stock?")
    expect(buyers_page.locator(".o-mail-ChatWindow")).to_contain_text(giver.name)
    takers_page = come_in(shop, open_page, taker, PHONE)
    others_page = visit(shop, open_page, reception, "/shop")
    ask(others_page, "Where is my parcel?")
    expect(others_page.locator(".o-mail-ChatWindow")).to_contain_text(taker.name)

    show_chat(givers_page, "Desk lamp")
    givers_page.locator("button[name=livechat-transfer]").click()
    dialog = givers_page.locator(".o_livechat_transfer")
    dialog.get_by_label("Reason").select_option("knowledge")
    dialog.get_by_label("Note").fill("She wants to know about dyes")
    row = dialog.locator("label", has_text=taker.name)
    expect(row).to_contain_text("Full")
    row.get_by_role("button", name="Send when free").click()
    shoot(givers_page, "promise-dialog")
    dialog.locator("button[type=submit]").click()
    expect(givers_page.locator(".o_notification", has_text=taker.name)).to_be_visible()
    assert reception.open_chats() == {giver.user_id: 1, taker.user_id: 1}

    ((others_chat,),) = shop.sql(
        "SELECT max(id) FROM discuss_channel WHERE livechat_channel_id = %s", reception.id
    )
    shop.call("discuss.channel", "write", [others_chat], {"livechat_end_dt": "2026-01-01 00:00:00"})

    line = buyers_page.locator(".o-mail-NotificationMessage", has_text="takes over")
    expect(line).to_have_text(re.compile(rf"^\s*{taker.name} takes over"))
    ring = takers_page.locator(".o_notification", has_text="She wants to know about dyes")
    expect(ring).to_contain_text("Is the lamp in stock?")
    expect(takers_page.locator(".o_notification", has_text="invited")).to_have_count(0)
    shoot(takers_page, "promise-ring")
    assert fits(takers_page)
    shoot(buyers_page, "promise-buyer")
    assert reception.open_chats() == {taker.user_id: 1}
    errors = (givers_page.errors, takers_page.errors, buyers_page.errors, others_page.errors)
    assert errors == ([], [], [], [])
