"""What becomes of a chat when its buyer goes, who is reached by mail."""

import re

import shop as shops
from browsers import FIRST_PAGE, PHONE, shoot
from playwright.sync_api import expect
from test_desk_browsers import as_agent, come_in, set_agents
from test_waiting_browsers import ask, last_chat, open_widget  # noqa: F401

REACH = ".o-livechat-WaitingReach"


def run_timers(shop):
    shop.call(
        "ir.cron", "method_direct_trigger", [shop.ref("im_livechat_subaccount.ir_cron_dispatch")]
    )


def answer(shop, agent, chat_id, words):
    as_agent(shop, agent).call(
        "discuss.channel",
        "message_post",
        [chat_id],
        body=words,
        message_type="comment",
        subtype_xmlid="mail.mt_comment",
    )


def test_who_leaves_a_message_on_a_phone_reads_the_answer_in_its_mail_and_goes_on(
    shop,
    open_widget,  # noqa: F811
    open_page,
):
    reception = shop.open_reception([], offline_rule="pool")
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = open_widget(reception, "elsewhere", PHONE)
    # Nobody is here, and the button is there all the same.
    ask(page, "Is the lamp in stock?")
    page.click(f"{REACH}-reach")
    email = page.locator(f"{REACH}-email")
    expect(email).to_be_focused()
    email.fill("ella")
    email.press("Enter")
    expect(page.locator(f"{REACH}-error")).to_have_text("This is no e-mail address.")
    shoot(page, "reach-phone")
    email.fill("ella@example.com")
    page.fill(f"{REACH}-phone", "+32 470 12 34 56")
    page.click(f"{REACH}-send")
    expect(page.locator(".o-livechat-WaitingBanner-mails")).to_be_visible()
    expect(page.locator(".o-mail-Message", has_text="+32 470 12 34 56")).to_be_visible()
    shoot(page, "reach-phone-done")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()

    chat_id = last_chat(shop, reception)
    desk = come_in(shop, open_page, agent)
    expect(desk.locator(".o-mail-DiscussSidebarChannel", has_text="Visitor")).not_to_have_count(0)
    answer(shop, agent, chat_id, "Three are left.")
    shop.sql(
        "UPDATE discuss_channel SET dispatch_mail_at = dispatch_mail_at - interval '5 minutes'"
    )
    run_timers(shop)
    (mail,) = shop.call(
        "mail.mail", "search_read", [("email_to", "=", "ella@example.com")], ["body_html"]
    )
    assert "Three are left." in mail["body_html"]
    link = re.search(r"/livechat/return/[^\"'<\s]+", mail["body_html"])[0]
    shop.call("discuss.channel", "write", [chat_id], {"livechat_end_dt": "2026-01-01 00:00:00"})

    back = open_page(f"{shop.url}{link}", PHONE)
    shoot(back, "return-phone")
    back.click("button[type=submit].btn-primary")
    window = back.locator(".o-mail-ChatWindow")
    expect(window.locator(".o-mail-Message", has_text="Three are left.")).to_be_visible(
        timeout=FIRST_PAGE
    )
    shoot(back, "return-phone-open")
    composer = back.locator(".o-mail-Composer-input")
    composer.fill("Keep one for me!")
    composer.press("Enter")
    expect(window.locator(".o-mail-Message", has_text="Keep one for me!")).to_be_visible()
    shops.wait_until(
        lambda: shop.sql(
            "SELECT FROM discuss_channel WHERE id = %s AND dispatch_state = 'assigned'", chat_id
        ),
        "the buyer who came back has no agent",
    )
    assert back.errors == [] and desk.errors == []
