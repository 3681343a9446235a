"""A shop lights its lamps: on a page of its website, and on a page elsewhere."""

import re

import pytest
import requests
import shop as shops
from browsers import AXE, DESKTOP, FIRST_PAGE, PHONE, foreign_page, open_as, shoot
from playwright.sync_api import expect
from test_waiting_browsers import fits, last_chat

import devenv

# What a website's editor and a buyer see of the building block.
BLOCK, THUMBNAIL = "Live Chat Lamps", ".o_snippet[name='{}'] .o_snippet_thumbnail"
LAMP = ".o_livechat_lamps .lamp"


class Lamps:
    """A reception with an agent before and one after the sale, each a group with a lamp."""

    def __init__(self, shop):
        self.shop = shop
        self.reception = shop.open_reception(
            [100, 100], max_sessions=9, name="Flagship Shop", offline_rule="pool"
        )
        self.sales, self.service = self.reception.agents
        self.newest = 0
        self.groups = {
            name: shop.call(
                "livechat.dispatch.group",
                "create",
                [
                    {
                        "name": name,
                        "channel_id": self.reception.id,
                        "user_ids": [[6, 0, [agent.user_id]]],
                        "lamp": lamp,
                    }
                ],
            )[0]
            for name, agent, lamp in (
                ("Pre-sales", self.sales, "light"),
                ("After-sales", self.service, "names"),
            )
        }

    def leave(self, agent):
        self._set_presence(agent, "offline")

    def come_back(self, agent):
        self._set_presence(agent, "online")

    def _set_presence(self, agent, status):
        self.shop.sql(
            "UPDATE mail_presence SET status = %s, livechat_offline_since = now() - interval '1 h'"
            " WHERE user_id = %s",
            status,
            agent.user_id,
        )


@pytest.fixture
def lamps(shop):
    return Lamps(shop)


def check_lamps(page, lamps):
    """The lamps are as they are, and nobody is kept out."""
    before, after = page.locator(LAMP, has_text="Pre-sales"), page.locator(LAMP, has_text="After")
    expect(before).to_have_class(re.compile("lit"), timeout=FIRST_PAGE)
    expect(after).to_have_class(re.compile("lit"))
    expect(after).to_contain_text(lamps.service.name)
    expect(before).not_to_contain_text(lamps.sales.name)
    assert fits(page)
    page.add_script_tag(path=AXE)
    faults = page.evaluate(
        "axe.run('.o_livechat_lamps').then(({ violations }) => violations.map(({ id }) => id))"
    )
    assert faults == []
    return before, after


def click_and_ask(page, lamp, question):
    """A buyer clicks a lamp and writes; the chat window."""
    lamp.click()
    composer = page.locator(".o-mail-Composer-input")
    expect(composer).to_be_visible()
    composer.fill(question)
    composer.press("Enter")
    window = page.locator(".o-mail-ChatWindow")
    expect(window.locator(".o-mail-Message", has_text=question)).to_be_visible()
    return window


def check_chat(lamps, group, agent):
    """A new chat is one of the group, with its agent, because the buyer asked for it."""

    def find_new():
        newest = last_chat(lamps.shop, lamps.reception) or 0
        return newest > lamps.newest and newest

    # The page shows what was written before there is a chat.
    lamps.newest = shops.wait_until(find_new, "no chat has begun")

    def read():
        ((*chosen, state, partner_id),) = lamps.shop.sql(
            "SELECT dispatch_group_id, dispatch_by_wish, dispatch_state, livechat_operator_id"
            " FROM discuss_channel WHERE id = %s",
            lamps.newest,
        )
        assert chosen == [lamps.groups[group], True]
        return state and (state, partner_id)

    # Who waits has a place as soon as there is a word.
    state, partner_id = shops.wait_until(read, "the chat goes nowhere")
    if agent:
        assert (state, partner_id) == ("assigned", agent.partner_id)
    else:
        assert state == "pool"


def drop_block(page):
    """Drag the building block onto the page that is being edited, as a merchant does."""
    thumbnail = page.locator(THUMBNAIL.format(BLOCK))
    expect(thumbnail).to_be_visible(timeout=FIRST_PAGE)
    thumbnail.scroll_into_view_if_needed()
    # Nobody drags in the moment in which the editor appears, while it still prepares the page.
    page.wait_for_timeout(3000)
    start = thumbnail.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] - 60, start["y"] - 20, steps=8)
    website = page.frame_locator("iframe:not(.o_ignore_in_tour)").first
    zones = website.locator("main .oe_drop_zone")
    expect(zones.first).to_be_attached()
    # The way to the column at the right leads over no other zone, where the block would make room
    # for itself.
    boxes = [box for box in (zone.bounding_box() for zone in zones.all()) if box]
    target = max((box for box in boxes if 200 < box["y"] < 800), key=lambda box: box["x"])
    x, y = target["x"] + target["width"] / 2, target["y"] + target["height"] / 2
    page.mouse.move(x, y, steps=12)
    block = website.locator(".s_livechat_lamps")
    # Whoever drags sees where it will be before letting go.
    expect(block).to_have_count(1)
    page.mouse.move(x, y + 1)
    page.wait_for_timeout(500)
    page.mouse.up()
    expect(website.locator(".oe_drop_zone")).to_have_count(0)
    return block


def test_a_block_dropped_on_a_website_leads_each_buyer_to_the_group_it_clicks(fragile, open_page):
    _server, shop = fragile
    lamps = Lamps(shop)
    ((chinese,),) = shop.sql("SELECT id FROM res_lang WHERE code = 'zh_CN'")
    install = shop.call("base.language.install", "create", [{"lang_ids": [[6, 0, [chinese]]]}])
    shop.call("base.language.install", "lang_install", install)
    websites = shop.call("website", "search", [])
    shop.call(
        "website",
        "write",
        websites,
        {"channel_id": lamps.reception.id, "language_ids": [[4, chinese]]},
    )
    editor = open_page("about:blank", {"width": 1366, "height": 900})
    # The editor asks for a font from outside, and does not begin without an answer.
    editor.route(
        "https://fonts.googleapis.com/**",
        lambda route: route.fulfill(status=200, content_type="text/css", body=""),
    )
    editor.goto(
        f"{shop.url}/web/login?redirect=/odoo/action-website.website_preview"
        "%3Fpath%3D%252Fcontactus%26enable_editor%3D1",
        timeout=FIRST_PAGE,
    )
    editor.fill("input[name=login]", "admin")
    editor.fill("input[name=password]", "admin")
    editor.click("button[type=submit].btn-primary")
    block = drop_block(editor)
    expect(block).to_have_count(1)
    # It shows what buyers will see, of the website's own channel, and nothing to click.
    expect(block.locator("span.lamp")).to_have_count(2)
    option = editor.locator(".o_customize_tab [data-label='Channel']")

    def select():
        # While the editor is at work with what was dropped, it hears no click.
        block.click()
        editor.wait_for_timeout(500)
        return option.is_visible()

    shops.wait_until(select, "the block has no options")
    shoot(editor, "lamps-editor")
    editor.click(".o_customize_tab [data-label='Channel'] .dropdown-toggle")
    editor.click(".o_popover .o-dropdown-item:has-text('Flagship Shop')")
    expect(block).to_have_attribute("data-channel-id", str(lamps.reception.id))
    expect(block.locator("span.lamp")).to_have_count(2)
    editor.click("button[data-action=save]")
    expect(editor.locator("body:not(.o_builder_open)")).to_have_count(1)
    ((view_id, arch),) = shop.sql(
        "SELECT id, arch_db ->> 'en_US' FROM ir_ui_view WHERE arch_db ->> 'en_US' LIKE %s",
        "%s_livechat_lamps%data-snippet%",
    )
    assert "After-sales" not in arch, "a page keeps the place of the lamps and not what they show"
    # Odoo leaves the other languages of a page as they were until it is translated.
    arch = arch.replace("s_livechat_lamps pt16", "s_livechat_lamps pt24")
    shop.call("ir.ui.view", "write", [view_id], {"arch_db": arch})
    assert editor.errors == []

    for lang, device, viewport, group, agent in (
        ("en", "desktop", DESKTOP, "After-sales", lamps.service),
        ("en", "phone", PHONE, "Pre-sales", lamps.sales),
        ("zh", "desktop", DESKTOP, "Pre-sales", lamps.sales),
        ("zh", "phone", PHONE, "After-sales", lamps.service),
    ):
        path = "/contactus" if lang == "en" else "/zh_CN/contactus"
        page = open_page(f"{shop.url}{path}", viewport, {"en": "en-US", "zh": "zh-CN"}[lang])
        before, after = check_lamps(page, lamps)
        if lang == "zh":
            expect(before).not_to_contain_text("Here now")
        else:
            expect(before).to_contain_text("Here now")
        before.scroll_into_view_if_needed()
        shoot(page, f"lamps-website-{lang}-{device}")
        lamp, other = (after, before) if group == "After-sales" else (before, after)
        click_and_ask(page, lamp, "Hello, is this the right desk?")
        check_chat(lamps, group, agent)
        shoot(page, f"lamps-website-{lang}-{device}-chat")
        if device == "desktop":
            # Who has a chat goes on with it.
            other.click()
            expect(page.locator(".o-mail-ChatWindow")).to_have_count(1)
            assert last_chat(shop, lamps.reception) == lamps.newest
        assert page.errors == []


@pytest.mark.parametrize(
    ("device", "viewport"),
    [pytest.param("desktop", DESKTOP, marks=pytest.mark.long), ("phone", PHONE)],
)
def test_lamps_on_a_page_elsewhere_lead_to_their_group_and_go_out(
    shop, lamps, open_page, device, viewport
):
    shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
    (channel,) = shop.call(
        "im_livechat.channel",
        "read",
        [lamps.reception.id],
        ["script_external", "lamps_embed", "web_page"],
    )
    html = (
        "<!DOCTYPE html><html lang='en'><head><title>Elsewhere</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{channel['script_external']}</head><body><h1>Elsewhere</h1>"
        f"<main>{channel['lamps_embed']}</main></body></html>"
    )
    with foreign_page(html) as url:
        page = open_page(url, viewport)
        _before, after = check_lamps(page, lamps)
        shoot(page, f"lamps-elsewhere-{device}")
        click_and_ask(page, after, "My parcel is broken")
        check_chat(lamps, "After-sales", lamps.service)
        assert page.errors == []

        # A lamp goes out on an open page; a click leads to what the channel does then.
        another = open_page(url, viewport)
        before, _after = check_lamps(another, lamps)
        lamps.leave(lamps.sales)
        expect(before).to_have_class(re.compile("dark"))
        expect(before).to_contain_text("Nobody here now")
        shoot(another, f"lamps-elsewhere-{device}-dark")
        click_and_ask(another, before, "Is there a green one?")
        check_chat(lamps, "Pre-sales", None)
        assert another.errors == []

        # With nobody here at all and nothing to wait for there is nothing to click.
        shop.call("im_livechat.channel", "write", [lamps.reception.id], {"offline_rule": "native"})
        lamps.leave(lamps.service)
        closed = open_page(url, viewport)
        expect(closed.locator("span.lamp.dark")).to_have_count(2, timeout=FIRST_PAGE)
        shoot(closed, f"lamps-elsewhere-{device}-closed")
        lamps.come_back(lamps.service)
        # The page's own chat was not loaded: a click opens the channel's page.
        lamp = closed.locator("a.lamp.lit", has_text="After-sales")
        expect(lamp).to_be_visible()
        with closed.expect_popup() as popup:
            lamp.click()
        support = popup.value
        assert support.url == f"{channel['web_page']}?group={lamps.groups['After-sales']}"
        composer = support.locator(".o-mail-Composer-input")
        expect(composer).to_be_visible(timeout=FIRST_PAGE)
        composer.fill("Hello from the channel's page")
        composer.press("Enter")
        expect(support.locator(".o-mail-Message", has_text="Hello from")).to_be_visible()
        check_chat(lamps, "After-sales", lamps.service)
        assert closed.errors == []


SHOW_LAMPS = """id => {
    const lamps = odoo.loader.modules.get("@im_livechat_subaccount/embed/common/lamps");
    // Not before its services have started: a click would find none.
    if (!lamps || !odoo.__WOWL_DEBUG__) {
        return false;
    }
    const node = document.createElement("div");
    node.className = "o_livechat_lamps";
    node.dataset.channelId = id;
    document.querySelector("main").prepend(node);
    lamps.showLamps(node);
    return true;
}"""


def test_an_agent_who_clicks_a_lamp_has_a_chat_of_its_own_and_opens_no_buyers(
    shop, lamps, open_page
):
    websites = shop.call("website", "search", [])
    shop.call("website", "write", websites, {"channel_id": lamps.reception.id})
    wish = lamps.groups["Pre-sales"]
    buyers = shops.Buyer(shop.url).open_chat(lamps.reception, "Hello", wished_group_id=wish).chat_id
    assert lamps.reception.open_chats() == {lamps.sales.user_id: 1}
    lamps.newest = buyers
    page = open_as(open_page, shop, lamps.sales, "/shop", DESKTOP)
    # As a desk in another tab leaves it.
    page.evaluate(
        """id => localStorage.setItem("mail.ChatHub", JSON.stringify(
            { opened: [{ id, model: "discuss.channel" }], folded: [] }
        ))""",
        buyers,
    )
    page.reload(timeout=FIRST_PAGE)
    windows = page.locator(".o-mail-ChatWindow")
    expect(windows).to_have_count(1, timeout=FIRST_PAGE)
    page.wait_for_function(SHOW_LAMPS, arg=lamps.reception.id)
    page.locator(LAMP, has_text="After-sales").click()
    expect(windows).to_have_count(2)
    own = windows.filter(has_text="Flagship Shop")
    composer = own.locator(".o-mail-Composer-input")
    composer.fill("What does a buyer see?")
    composer.press("Enter")
    check_chat(lamps, "After-sales", lamps.service)
    assert page.errors == []

    # As in Odoo itself, who tries it alone meets itself.
    shop.call("im_livechat.channel", "write", [lamps.reception.id], {"offline_rule": "native"})
    end = {"livechat_end_dt": "2026-01-01 00:00:00"}
    shop.call("discuss.channel", "write", [lamps.newest], end)
    lamps.leave(lamps.service)
    alone = open_as(open_page, shop, lamps.sales, "/shop", DESKTOP)
    alone.wait_for_function(SHOW_LAMPS, arg=lamps.reception.id)
    alone.locator(LAMP, has_text="Pre-sales").click(timeout=FIRST_PAGE)
    composer = alone.locator(".o-mail-Composer-input").last
    composer.fill("Am I here?")
    composer.press("Enter")
    notice = alone.locator(".o_notification", has_text="the agent of this chat as well")
    expect(notice).to_be_visible()
    assert alone.errors == []


IS_OFFERED = """
block = "t-snippet='im_livechat_subaccount.s_livechat_lamps'"
menu = env.ref("website.snippets")._get_combined_arch()
assert len(menu.findall(f".//t[@{block}]")) == 1, "the menu of blocks has no lamps"
"""


@pytest.mark.long
def test_the_block_is_offered_whichever_comes_first_and_goes_with_the_website():
    with devenv.postgres(), devenv.temp_db(devenv.template_db((devenv.ADDON,))) as db:
        devenv.shell(db, "assert not env.ref('im_livechat_subaccount.website_snippets', False)")
        devenv.install(db, ["website"])
        devenv.shell(db, IS_OFFERED)
        devenv.shell(
            db,
            "env['ir.module.module'].search([('name', '=', 'website')])"
            ".button_immediate_uninstall()",
        )
        devenv.shell(db, "assert not env.ref('im_livechat_subaccount.website_snippets', False)")


def test_the_block_is_offered_where_the_website_was_first(template):
    with devenv.temp_db(template) as db:
        devenv.shell(db, IS_OFFERED)


PUT_ON_PAGE = """
block = env["ir.qweb"]._render("im_livechat_subaccount.s_livechat_lamps")
page = env.ref("website.contactus")
page.arch_db = page.arch_db.replace('<div id="wrap"', f'<div>{block}</div><div id="wrap"', 1)
assert "o_livechat_lamps" in page.arch_db
env.cr.commit()
"""
UNINSTALL = """
addon = env["ir.module.module"].search([("name", "=", "im_livechat_subaccount")])
addon.button_immediate_uninstall()
"""
IS_GONE = """
menu = env["ir.ui.view"].search([("key", "=", "website.snippets")], limit=1)
assert "s_livechat_lamps" not in etree.tostring(menu._get_combined_arch(), encoding="unicode")
assert not env["ir.ui.view"].search([("key", "=like", "im_livechat_subaccount.%")])
"""


@pytest.mark.long
def test_pages_with_the_block_go_on_without_the_addon(template):
    with devenv.temp_db(template) as db:
        devenv.shell(db, PUT_ON_PAGE)
        devenv.shell(db, UNINSTALL)
        devenv.shell(db, f"from lxml import etree\n{IS_GONE}")
        with devenv.Server(db, workers=2) as server:
            page = requests.get(f"{server.url}/contactus", timeout=shops.TIMEOUT)
    assert page.status_code == 200
    # An empty place is left, which shows nothing.
    assert "o_livechat_lamps" in page.text
    assert "</footer>" in page.text
