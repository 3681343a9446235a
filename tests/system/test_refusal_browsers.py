"""What a buyer sees who asks too often or is blocked: the reason, in the language of the page, on
the shop's own site and on a page elsewhere. An open chat goes on where nobody else is taken."""

import contextlib
import re

import pytest
import shop as shops
from browsers import DESKTOP, FIRST_PAGE, PHONE, foreign_page, shoot
from playwright.sync_api import expect
from test_pages import activate_chinese
from test_waiting_browsers import ask, fits, last_chat

NOTICE = ".o_notification"
WAIT = {"en": "Please wait a minute", "zh": "请等一分钟再试"}
BLOCKED = {"en": "This chat is not open to you", "zh": "您暂时无法使用在线咨询"}
LOCALES = {"en": "en-US", "zh": "zh-CN"}


@pytest.fixture
def counted(shop):
    """Requests are counted, as on every server whose administrator has not switched it off."""
    name = "im_livechat_subaccount.address_chats"
    shop.call("ir.config_parameter", "set_param", name, "60")
    yield
    shop.call("ir.config_parameter", "set_param", name, "0")


@pytest.fixture
def open_site(shop, open_page):
    """Open a page with the chat of a reception, on the shop's site or elsewhere, in a language."""
    with contextlib.ExitStack() as stack:

        def open_site(reception, place, language, viewport):
            if place == "elsewhere":
                shop.call("ir.config_parameter", "set_param", "web.base.url", shop.url)
                (channel,) = shop.call(
                    "im_livechat.channel", "read", [reception.id], ["script_external"]
                )
                html = (
                    f'<!DOCTYPE html><html lang="{LOCALES[language]}"><head><meta name="viewport"'
                    ' content="width=device-width, initial-scale=1">'
                    f"{channel['script_external']}</head><body></body></html>"
                )
                url = stack.enter_context(foreign_page(html))
                # Whatever the browser speaks, it is the page that is read.
                return open_page(url, viewport)
            codes = [["code", "in", ["en_US", "zh_CN"]]]
            langs = shop.call("res.lang", "search", codes)
            websites = shop.call("website", "search", [])
            values = {"channel_id": reception.id, "language_ids": [[6, 0, langs]]}
            shop.call("website", "write", websites, values)
            prefix = "/zh_CN" if language == "zh" else ""
            return open_page(f"{shop.url}{prefix}/shop", viewport, LOCALES[language])

        yield open_site


def fill_all(shop):
    """Let everybody have asked for all that it may ask for, and nothing run out for an hour."""
    shop.sql(
        "UPDATE livechat_dispatch_rate SET level = amount, asked_at = asked_at + interval '1 hour'"
    )


def end_last_of_many(shop, chat_id):
    """End the chat of a guest who has opened in this hour as many as there may be, and let its page
    show nothing of it."""
    shop.sql(
        """
        INSERT INTO livechat_dispatch_rate (what, who, amount, level, asked_at, is_refused)
        SELECT 'chat', 'mail.guest ' || guest_id, 20, 20,
               now() AT TIME ZONE 'UTC' + interval '1 hour', false
          FROM discuss_channel_member
         WHERE channel_id = %s AND guest_id IS NOT NULL
        """,
        chat_id,
    )
    shop.sql(
        "UPDATE discuss_channel SET livechat_status = NULL, livechat_end_dt = create_date"
        " WHERE id = %s",
        chat_id,
    )
    shop.sql("DELETE FROM discuss_channel_member WHERE channel_id = %s", chat_id)


def block_buyer(shop, chat_id):
    return shop.sql(
        """
        INSERT INTO livechat_dispatch_block (livechat_channel_id, guest_id, name)
        SELECT chat.livechat_channel_id, member.guest_id, 'Visitor'
          FROM discuss_channel chat
          JOIN discuss_channel_member member ON member.channel_id = chat.id
         WHERE chat.id = %s AND member.guest_id IS NOT NULL
        """,
        chat_id,
    )


def say(page, window, words):
    composer = window.locator(".o-mail-Composer-input")
    composer.fill(words)
    composer.press("Enter")


@pytest.mark.parametrize(
    ("place", "language", "viewport"),
    [
        ("shop", "en", DESKTOP),
    ],
)
def test_who_is_refused_reads_why_and_loses_no_word(
    shop, counted, open_site, place, language, viewport
):
    if language == "zh":
        activate_chinese(shop)
    reception = shop.open_reception([100], max_sessions=9, name="Flagship Shop")
    page = open_site(reception, place, language, viewport)
    window = ask(page, "Is the blue one in stock?")
    shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    chat_id = last_chat(shop, reception)
    shops.wait_until(lambda: count_words(shop, chat_id) == 1, "the first words never came")

    fill_all(shop)
    say(page, window, "And the red one?")
    notice = page.locator(NOTICE, has_text=WAIT[language])
    expect(notice).to_be_visible()
    shoot(page, f"refusal-wait-{place}-{language}")
    assert fits(page)
    assert count_words(shop, chat_id) == 1
    # What was not sent is there to be sent again.
    lost = window.locator(".o-mail-Message", has_text="And the red one?")
    expect(lost).to_be_visible()
    shop.sql("DELETE FROM livechat_dispatch_rate")
    lost.hover()
    lost.locator("button", has=page.locator(".fa-warning")).click()
    shops.wait_until(lambda: count_words(shop, chat_id) == 2, "it was not sent again")

    assert block_buyer(shop, chat_id) == 1
    say(page, window, "Hello?")
    expect(page.locator(NOTICE, has_text=BLOCKED[language])).to_be_visible()
    shoot(page, f"refusal-blocked-{place}-{language}")
    assert count_words(shop, chat_id) == 2

    assert page.errors == []


def count_words(shop, chat_id):
    ((count,),) = shop.sql(
        "SELECT count(*) FROM mail_message WHERE model = 'discuss.channel' AND res_id = %s"
        " AND message_type = 'comment' AND author_guest_id IS NOT NULL",
        chat_id,
    )
    return count


@pytest.mark.parametrize(
    ("place", "viewport", "language"),
    [
        ("shop", PHONE, "zh"),
        ("elsewhere", DESKTOP, "en"),
        pytest.param("shop", PHONE, "en", marks=pytest.mark.long),
        pytest.param("elsewhere", DESKTOP, "zh", marks=pytest.mark.long),
    ],
)
def test_who_opens_too_many_chats_reads_why_in_the_language_of_the_page(
    shop, counted, open_site, place, viewport, language
):
    if language == "zh":
        activate_chinese(shop)
    reception = shop.open_reception([100], max_sessions=9, name="Flagship Shop")
    page = open_site(reception, place, language, viewport)
    ask(page, "Is the blue one in stock?")
    shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    end_last_of_many(shop, last_chat(shop, reception))

    page.reload()
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    say(page, page, "And the red one?")
    expect(page.locator(NOTICE, has_text=WAIT[language])).to_be_visible()
    # What was not sent is there to be sent again.
    composer = page.locator(".o-mail-Composer-input")
    expect(composer).to_have_value("And the red one?")
    shoot(page, f"refusal-chats-{place}-{language}")
    assert fits(page)
    # As soon as it may, it is one key.
    before = last_chat(shop, reception)
    shop.sql("DELETE FROM livechat_dispatch_rate")
    composer.press("Enter")
    wait_for_new_chat(shop, reception, before)
    assert page.errors == []


def wait_for_new_chat(shop, reception, before=None):
    def has_come():
        chat_id = last_chat(shop, reception)
        return chat_id != before and count_words(shop, chat_id) == 1

    shops.wait_until(has_come, "it was not sent again")


def open_window(page):
    """Open the chat window; where the buyer writes."""
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    composer = page.locator(".o-mail-Composer-input")
    expect(composer).to_be_visible()
    return composer


def test_a_first_message_that_is_lost_on_the_way_is_there_to_be_sent_again(shop, open_site):
    reception = shop.open_reception([100], name="Flagship Shop")
    page = open_site(reception, "shop", "en", PHONE)
    composer = open_window(page)
    page.route("**/im_livechat/get_session", lambda route: route.abort())
    say(page, page, "Is the blue one in stock?")
    expect(page.locator(NOTICE, has_text="did not work")).to_be_visible()
    expect(composer).to_have_value("Is the blue one in stock?")
    page.unroute("**/im_livechat/get_session")
    composer.press("Enter")
    wait_for_new_chat(shop, reception)
    assert page.errors == []


def test_who_finds_nobody_any_more_reads_so_and_loses_no_word(shop, open_site):
    reception = shop.open_reception([100], name="Flagship Shop")
    (agent,) = reception.agents
    page = open_site(reception, "elsewhere", "en", PHONE)
    composer = open_window(page)
    shop.sql(
        "UPDATE mail_presence SET status = 'offline',"
        " livechat_offline_since = now() - interval '1 h' WHERE user_id = %s",
        agent.user_id,
    )
    say(page, page, "Is the blue one in stock?")
    expect(page.locator(NOTICE, has_text="Nobody can answer right now")).to_be_visible()
    expect(composer).to_have_value("Is the blue one in stock?")
    assert fits(page)
    shop.sql(
        "UPDATE mail_presence SET status = 'online', livechat_offline_since = NULL"
        " WHERE user_id = %s",
        agent.user_id,
    )
    composer.press("Enter")
    wait_for_new_chat(shop, reception)
    assert page.errors == []


PASTE = """(field, names) => {
    const clipboardData = new DataTransfer();
    for (const name of names) {
        clipboardData.items.add(new File(["lamp"], name, { type: "text/plain" }));
    }
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def wait_for_swap(shop, page, reception, count=0):
    """Wait until the chat, with so many words of its buyer, is in the place of its preview."""
    shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    chat_id = last_chat(shop, reception)
    shops.wait_until(lambda: count_words(shop, chat_id) == count, "the words never came")
    page.wait_for_function(
        "id => (localStorage['mail.ChatHub'] || '').includes(`\"id\":${id},`)", arg=chat_id
    )
    return chat_id


@pytest.mark.parametrize("place", ["shop", pytest.param("elsewhere", marks=pytest.mark.long)])
def test_what_is_being_typed_goes_on_in_the_chat_that_pictures_begin(shop, open_site, place):
    reception = shop.open_reception([100, 100], name="Flagship Shop")
    page = open_site(reception, place, "en", DESKTOP)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    composer = page.locator(".o-mail-Composer-input")
    composer.fill("Is this one in stock?")
    # The page has noted it down for whoever comes back.
    page.wait_for_function("() => Object.values(localStorage).some(v => v.includes('in stock'))")
    composer.evaluate(PASTE, ["lamp.txt", "shade.txt"])
    files = page.locator(".o-mail-AttachmentContainer", has_text=re.compile("lamp|shade"))
    expect(files).to_have_count(2)
    chat_id = wait_for_swap(shop, page, reception)
    expect(composer).to_have_value("Is this one in stock?")
    expect(composer).to_be_focused()
    expect(files).to_have_count(2)
    # Whoever sends before they have come sends without them.
    expect(files.locator(".fa-spin")).to_have_count(0)
    composer.press("Enter")
    assert wait_for_swap(shop, page, reception, count=1) == chat_id
    message = page.locator(".o-mail-Message", has_text="Is this one in stock?")
    expect(message.locator(files)).to_have_count(2)
    assert count_chats(shop, reception) == 1
    assert sum(reception.open_chats().values()) == 1

    # What was typed in the one is not in the next.
    end_last_of_many(shop, chat_id)
    shop.sql("DELETE FROM livechat_dispatch_rate")
    page.evaluate("localStorage.removeItem('mail.ChatHub')")
    page.reload(timeout=FIRST_PAGE)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    expect(composer).to_be_visible()
    expect(composer).to_have_value("")
    assert page.errors == []


def count_chats(shop, reception):
    ((count,),) = shop.sql(
        "SELECT count(*) FROM discuss_channel WHERE livechat_channel_id = %s", reception.id
    )
    return count


def hold(page, pattern):
    """Let what the page asks there wait; what does, and a function that lets it go on, or fail."""
    held, is_over = [], []
    page.route(pattern, lambda route: route.continue_() if is_over else held.append(route))

    def release(*, is_lost=False):
        is_over.append(True)
        for route in held:
            if is_lost:
                route.abort()
            else:
                route.continue_()

    return held, release


def test_what_is_typed_while_the_first_words_are_under_way_is_kept(shop, open_site):
    reception = shop.open_reception([100], name="Flagship Shop")
    page = open_site(reception, "shop", "en", DESKTOP)
    composer = open_window(page)
    held, release = hold(page, "**/im_livechat/get_session")
    say(page, page, "Hello")
    shops.wait_until(lambda: page.evaluate("1") and held, "nothing was sent")
    composer.fill("Is the blue one")
    release()
    chat_id = wait_for_swap(shop, page, reception, count=1)
    expect(composer).to_have_value("Is the blue one")
    composer.press_sequentially(" in stock?")
    composer.press("Enter")
    shops.wait_until(lambda: count_words(shop, chat_id) == 2, "the second words never came")
    expect(page.locator(".o-mail-Message").last).to_contain_text("Is the blue one in stock?")
    assert page.errors == []


@pytest.mark.parametrize("place", [pytest.param("shop", marks=pytest.mark.long), "elsewhere"])
def test_all_that_is_sent_before_there_is_a_chat_goes_into_one(shop, open_site, place):
    reception = shop.open_reception([100, 100], name="Flagship Shop")
    page = open_site(reception, place, "en", DESKTOP)
    open_window(page)
    held, release = hold(page, "**/get_session")
    for words in ("Hello", "Is the blue one in stock?"):
        say(page, page, words)
    shops.wait_until(lambda: page.evaluate("1") and held, "nothing was sent")
    # Both are under way, whichever asked.
    page.wait_for_timeout(500)
    release()
    chat_id = wait_for_swap(shop, page, reception, count=2)
    messages = page.locator(".o-mail-Message", has_text=re.compile("Hello|Is the blue"))
    expect(messages).to_have_text([re.compile("Hello"), re.compile("Is the blue one")])
    assert count_chats(shop, reception) == 1
    assert sum(reception.open_chats().values()) == 1

    # Lost on the way, all of it is there to be sent again.
    end_last_of_many(shop, chat_id)
    page.evaluate("localStorage.removeItem('mail.ChatHub')")
    page.reload(timeout=FIRST_PAGE)
    composer = open_window(page)
    held, release = hold(page, "**/get_session")
    for words in ("And the red one?", "And the green one?"):
        say(page, page, words)
    shops.wait_until(lambda: page.evaluate("1") and held, "nothing was sent")
    page.wait_for_timeout(500)
    release(is_lost=True)
    expect(composer).to_have_value("And the red one?\nAnd the green one?")
    assert page.errors == []


@pytest.mark.parametrize("composing", ["Safari", "others"])
def test_the_key_that_ends_a_composition_sends_nothing(shop, open_site, composing):
    reception = shop.open_reception([100], name="Flagship Shop")
    page = open_site(reception, "shop", "en", DESKTOP)
    window = ask(page, "你好")
    wait_for_swap(shop, page, reception, count=1)
    composer = window.locator(".o-mail-Composer-input")
    composer.fill("tai deng")
    # Safari tells of the end of the composition before it tells of the key.
    said = {"Safari": {"isComposing": False}, "others": {"isComposing": True}}[composing]
    composer.evaluate(
        """(field, said) => field.dispatchEvent(new KeyboardEvent("keydown", {
            key: "Enter", keyCode: 229, bubbles: true, cancelable: true, ...said
        }))""",
        said,
    )
    page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(composer).to_have_value("tai deng")
    composer.fill("台灯有货吗？")
    composer.press("Enter")
    shops.wait_until(
        lambda: count_words(shop, last_chat(shop, reception)) == 2, "the words never came"
    )
    messages = window.locator(".o-mail-Message", has_text=re.compile("你好|tai|台灯"))
    expect(messages).to_have_text([re.compile("你好"), re.compile("台灯有货吗")])
    assert page.errors == []


@pytest.mark.long
def test_the_key_that_takes_back_a_composition_closes_nothing(shop, open_site):
    reception = shop.open_reception([100], name="Flagship Shop")
    page = open_site(reception, "shop", "en", DESKTOP)
    page.click(".o-livechat-LivechatButton", timeout=FIRST_PAGE)
    window = page.locator(".o-mail-ChatWindow")
    composer = window.locator(".o-mail-Composer-input")
    composer.fill("tai deng")
    # Safari tells of the end of the composition before it tells of the key.
    composer.evaluate(
        """(field) => field.dispatchEvent(new KeyboardEvent("keydown", {
            key: "Escape", keyCode: 229, isComposing: false, bubbles: true, cancelable: true
        }))"""
    )
    page.wait_for_timeout(500)
    expect(composer).to_have_value("tai deng")
    # And Escape is Escape.
    composer.press("Escape")
    expect(window).to_have_count(0)
    assert page.errors == []


@pytest.mark.parametrize(("place", "viewport"), [("elsewhere", PHONE)])
def test_who_writes_into_what_has_ended_reads_so_and_loses_no_word(
    shop, open_site, place, viewport
):
    reception = shop.open_reception([100], name="Flagship Shop")
    page = open_site(reception, place, "en", viewport)
    window = ask(page, "Is the blue one in stock?")
    shops.wait_until(lambda: last_chat(shop, reception), "no chat has begun")
    chat_id = last_chat(shop, reception)
    shops.wait_until(lambda: count_words(shop, chat_id) == 1, "the first words never came")
    # Its page slept, and has not heard of it.
    shop.sql(
        "UPDATE discuss_channel SET livechat_status = NULL,"
        " livechat_end_dt = now() AT TIME ZONE 'UTC' WHERE id = %s",
        chat_id,
    )
    say(page, window, "And the red one?")
    expect(page.locator(NOTICE, has_text="has ended")).to_be_visible()
    expect(window.locator(".o-mail-Message", has_text="And the red one?")).to_be_visible()
    expect(window).to_contain_text("This livechat conversation has ended")
    assert count_words(shop, chat_id) == 1
    assert fits(page)
    assert page.errors == []


def make_bot(shop, reception):
    """Let a bot meet the buyers of a reception, ask one thing and take its leave."""
    steps = [
        {"step_type": "free_input_single", "message": "What is it?"},
        {"step_type": "text", "message": "Thank you, goodbye"},
    ]
    lines = [[0, 0, {**step, "sequence": number}] for number, step in enumerate(steps)]
    bot = shop.call("chatbot.script", "create", {"title": "Bot", "script_step_ids": lines})
    rule = {"channel_id": reception.id, "chatbot_script_id": bot}
    shop.call("im_livechat.channel.rule", "create", rule)


@pytest.mark.parametrize(
    ("place", "viewport"),
    [("shop", DESKTOP), pytest.param("elsewhere", DESKTOP, marks=pytest.mark.long)],
)
def test_who_may_not_begin_anew_with_a_bot_reads_why(shop, counted, open_site, place, viewport):
    """The bot goes on from its end otherwise, or the page fails."""
    reception = shop.open_reception([100], name="Flagship Shop")
    make_bot(shop, reception)
    page = open_site(reception, place, "en", viewport)
    window = ask(page, "A kettle")
    expect(window).to_contain_text("goodbye", timeout=FIRST_PAGE)
    said = window.locator(".o-mail-Message").count()
    restart = window.locator("button[title='Restart Conversation']")
    shop.sql(
        """
        INSERT INTO livechat_dispatch_rate (what, who, amount, level, asked_at, is_refused)
        SELECT 'look', 'mail.guest ' || guest_id, 240, 240,
               now() AT TIME ZONE 'UTC' + interval '1 hour', false
          FROM discuss_channel_member
         WHERE channel_id = %s AND guest_id IS NOT NULL
        """,
        last_chat(shop, reception),
    )
    restart.click()
    expect(page.locator(NOTICE, has_text=WAIT["en"])).to_be_visible()
    assert window.locator(".o-mail-Message").count() == said
    shop.sql("DELETE FROM livechat_dispatch_rate")
    restart.click()
    expect(window).to_contain_text("Restarting conversation")
    assert page.errors == []


@pytest.mark.parametrize(
    ("place", "viewport"),
    [("shop", PHONE), pytest.param("elsewhere", DESKTOP, marks=pytest.mark.long)],
)
def test_an_open_chat_survives_a_reload_where_nobody_else_is_taken(
    shop, open_site, place, viewport
):
    reception = shop.open_reception([100], max_sessions=1, name="Flagship Shop")
    page = open_site(reception, place, "en", viewport)
    ask(page, "Is the blue one in stock?")
    chat_id = wait_for_swap(shop, page, reception, count=1)

    page.reload(timeout=FIRST_PAGE)
    words = page.locator(".o-mail-Message", has_text="Is the blue one in stock?")
    expect(words).to_be_visible(timeout=FIRST_PAGE)
    expect(page.locator(".o-livechat-LivechatButton")).to_have_count(0)
    say(page, page, "And the red one?")
    shops.wait_until(lambda: count_words(shop, chat_id) == 2, "the chat does not go on")
    # Of others there is nothing to be seen.
    page.context.clear_cookies()
    page.evaluate("localStorage.clear()")
    page.reload(timeout=FIRST_PAGE)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".o-mail-ChatWindow")).to_have_count(0)
    assert page.errors == []
