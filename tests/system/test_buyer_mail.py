"""What becomes of a chat when its buyer goes, who is reached by mail, or when it rests."""

import email.policy
import re
from datetime import datetime, timezone

import pytest
import shop as shops
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from browsers import FIRST_PAGE, PHONE, shoot
from playwright.sync_api import expect
from test_desk_browsers import as_agent, come_in, set_agents
from test_waiting_browsers import ask, fits, last_chat, last_visitor

import devenv

REACH = ".o-livechat-WaitingReach"


def run_cron(shop, xmlid):
    shop.run_cron(xmlid)


def run_timers(shop):
    run_cron(shop, "im_livechat_subaccount.ir_cron_dispatch")


class Postbox(Message):
    """Keeps the mails that a server takes, as a mailbox would have them."""

    def __init__(self):
        super().__init__(message_class=None)
        self.mails = []

    def prepare_message(self, session, envelope):
        return email.message_from_bytes(envelope.content, policy=email.policy.default)

    def handle_message(self, message):
        self.mails.append(message)

    def find(self, address):
        return [mail for mail in self.mails if address in str(mail["To"])]


@pytest.fixture
def postbox(shop):
    """Odoo's outgoing mail goes to a mail server in this process, on loopback."""
    postbox = Postbox()
    controller = Controller(postbox, hostname="127.0.0.1", port=devenv.free_port())
    controller.start()
    values = {
        "name": "Postbox",
        "smtp_host": controller.hostname,
        "smtp_port": controller.port,
        "smtp_encryption": "none",
    }
    server = shop.call("ir.mail_server", "create", [values])
    # Odoo sends nothing that has no sender.
    shop.call("res.company", "write", [1], {"email": "flagship@example.com"})
    yield postbox
    shop.call("ir.mail_server", "unlink", server)
    controller.stop()


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
    open_widget,
    open_page,
    postbox,
):
    reception = shop.open_reception([], offline_rule="pool", name="Flagship Shop")
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    page = open_widget(reception, "shop", PHONE)
    # Nobody is here, and the button is there all the same.
    ask(page, "Is the lamp in stock?")
    page.click(f"{REACH}-reach")
    mailbox = page.locator(f"{REACH}-email")
    expect(mailbox).to_be_focused()
    mailbox.fill("ella")
    mailbox.press("Enter")
    expect(page.locator(f"{REACH}-error")).to_have_text("This is no e-mail address.")
    shoot(page, "reach-phone")
    mailbox.fill("ella@example.com")
    page.fill(f"{REACH}-phone", "+32 470 12 34 56")
    page.click(f"{REACH}-send")
    expect(page.locator(".o-livechat-WaitingBanner-mails")).to_be_visible()
    expect(page.locator(".o-mail-Message", has_text="+32 470 12 34 56")).to_be_visible()
    shoot(page, "reach-phone-done")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()

    chat_id = last_chat(shop, reception)
    desk = come_in(shop, open_page, agent)
    expect(desk.locator(".o_livechat_answer_next_count")).to_have_text("1")
    desk.click(".o_livechat_answer_next")
    composer = desk.locator(".o-mail-Composer-input")
    expect(composer).to_be_focused()
    composer.fill("Three are left.")
    composer.press("Enter")
    expect(desk.locator(".o-mail-Message", has_text="Three are left.")).to_be_visible()
    shops.wait_until(
        lambda: shop.sql(
            "UPDATE discuss_channel SET dispatch_mail_at = dispatch_mail_at - interval '5 minutes'"
            " WHERE id = %s AND dispatch_mail_at IS NOT NULL",
            chat_id,
        ),
        "the answer is not to be mailed",
    )
    run_timers(shop)
    run_cron(shop, "mail.ir_cron_mail_scheduler_action")
    (mail,) = shops.wait_until(lambda: postbox.find("ella@example.com"), "no mail has come")
    assert mail["Subject"] == "Flagship Shop has answered"
    assert "flagship@example.com" in mail["From"]
    links = set()
    for kind in ("plain", "html"):
        words = mail.get_body([kind]).get_content()
        # The answer, and the transcript with what the buyer had asked.
        for said in ("Three are left.", "Is the lamp in stock?", "+32 470 12 34 56"):
            assert said in words, kind
        links |= set(re.findall(r"https?://[^\s\"'<>\]]*/livechat/return/[^\s\"'<>\]]+", words))
    (link,) = links
    letter = open_page("about:blank", PHONE)
    letter.set_content(mail.get_body(["html"]).get_content())
    shoot(letter, "answer-mail")
    ended_at = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    shop.call("discuss.channel", "write", [chat_id], {"livechat_end_dt": ended_at})

    # In a browser that has never been here.
    back = open_page(link, PHONE)
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


def test_a_chat_rests_on_hold_and_closes_silently_and_its_buyer_opens_it_again(
    shop,
    open_widget,
    open_page,
):
    reception = shop.open_reception([], close_after_hours=2)
    (agent,) = shop.add_agents([100], online=False)
    set_agents(shop, reception, [agent])
    desk = come_in(shop, open_page, agent)
    page = open_widget(reception, "shop", PHONE)
    window = ask(page, "Is the lamp in stock?")
    shops.wait_until(lambda: last_chat(shop, reception), "there is no chat")
    chat_id = last_chat(shop, reception)
    # Beside the name stands the clock, without a space between them.
    names = desk.locator(".o-mail-DiscussSidebarChannel-itemName")
    name = names.filter(has_text=last_visitor(shop, reception))
    header = desk.locator(".o-mail-DiscussContent-header")
    clock = header.locator(".o_livechat_reply_clock")

    def opens_it():
        # Odoo opens a chat of its own choice a moment after the page is there.
        name.click()
        desk.wait_for_timeout(500)
        return clock.is_visible()

    shops.wait_until(opens_it, "the chat does not open")

    hold = desk.locator("[title='Put on hold'], [name='livechat-hold']").first
    if not hold.is_visible():
        header.locator("[title='More']").click()
    hold.click()
    shoot(desk, "hold-dialog")
    desk.click(".o_livechat_hold_choice[data-choice=later]")
    expect(header.locator(".o_livechat_hold_mark")).to_be_visible()
    expect(clock).to_have_count(0)
    shoot(desk, "hold-mark")
    shop.sql(
        "UPDATE discuss_channel SET dispatch_held_until = now() AT TIME ZONE 'UTC' WHERE id = %s",
        chat_id,
    )
    run_timers(shop)
    expect(clock).to_be_visible()
    expect(header.locator(".o_livechat_hold_mark")).to_have_count(0)

    answer(shop, agent, chat_id, "Three are left.")
    expect(window.locator(".o-mail-Message", has_text="Three are left.")).to_be_visible()
    for _step in range(2):
        shop.sql(
            "UPDATE discuss_channel SET last_interest_dt = last_interest_dt - interval '3 hours',"
            " dispatch_told_close_at = dispatch_told_close_at - interval '3 hours' WHERE id = %s",
            chat_id,
        )
        run_timers(shop)
    expect(window).to_contain_text("This chat closes in an hour unless somebody writes")
    expect(window).to_contain_text("write to open it again")
    shoot(page, "closed-silently")
    assert fits(page)
    composer = page.locator(".o-mail-Composer-input")
    composer.fill("One more question")
    composer.press("Enter")
    expect(window).to_contain_text("is with you now")
    # The agent has it again, as a chat that has just come.
    waits = desk.locator(".o-mail-DiscussSidebarChannel .o_livechat_reply_clock")
    expect(waits).to_be_visible()
    shoot(page, "opened-again")
    assert page.errors == [] and desk.errors == []
