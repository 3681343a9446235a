"""Requests that no widget sends: no traceback, no 5xx, no chat, nothing revealed beyond core."""

import json

import pytest
import requests
import shop as shops

ROUTES = ("/im_livechat/get_session", "/im_livechat/cors/get_session")
HUGE = "x" * 2**20

# What no answer to a stranger may contain: where the server lives, what it runs, who works there.
SECRETS = (
    "Traceback",
    "psycopg2",
    "site-packages",
    "dist-packages",
    "SELECT ",
    "INSERT INTO",
    "odoo.sql_db",
)

# Arguments that make no sense: no chat. `None` as a value is JSON null.
SENSELESS = {
    "unknown channel": {"channel_id": 999_999},
    "channel missing": {"channel_id": ...},
    "channel null": {"channel_id": None},
    "channel zero": {"channel_id": 0},
    "channel negative": {"channel_id": -1},
    "channel true": {"channel_id": True},
    "channel a number as text": {"channel_id": "1"},
    "channel text": {"channel_id": "abc"},
    "channel empty text": {"channel_id": ""},
    "channel huge text": {"channel_id": HUGE},
    "channel SQL": {"channel_id": "1; DROP TABLE res_users"},
    "channel fraction": {"channel_id": 1.5},
    "channel float of a whole number": {"channel_id": 1.0},
    "channel not a number": {"channel_id": float("nan")},
    "channel infinite": {"channel_id": float("inf")},
    "channel beyond integer": {"channel_id": 2**31},
    "channel beyond bigint": {"channel_id": 10**30},
    "channel list": {"channel_id": [1, 2]},
    "channel empty list": {"channel_id": []},
    "channel object": {"channel_id": {"id": 1}},
    "channel a domain": {"channel_id": [["id", ">", 0]]},
    "previous agent text": {"previous_operator_id": "abc"},
    "previous agent true": {"previous_operator_id": True},
    "previous agent list": {"previous_operator_id": [1]},
    "previous agent object": {"previous_operator_id": {"id": 1}},
    "previous agent negative": {"previous_operator_id": -5},
    "previous agent fraction": {"previous_operator_id": 2.5},
    "previous agent beyond bigint": {"previous_operator_id": 10**30},
    "previous agent huge text": {"previous_operator_id": HUGE},
    "chatbot text": {"chatbot_script_id": "abc"},
    "chatbot list": {"chatbot_script_id": [1]},
    "chatbot object": {"chatbot_script_id": {"a": 1}},
    "chatbot negative": {"chatbot_script_id": -1},
    "chatbot beyond bigint": {"chatbot_script_id": 10**30},
    "persisted text": {"persisted": "yes"},
    "persisted number": {"persisted": 1},
    "persisted null": {"persisted": None},
    "persisted list": {"persisted": []},
    "persisted object": {"persisted": {"a": 1}},
}

# Arguments that are not the route's, next to good ones: an ordinary chat, as if without them.
IGNORED = {
    "lang": {"lang": "fr_FR"},
    "lang huge": {"lang": HUGE},
    "lang object": {"lang": {"a": 1}},
    "country": {"country_id": 1},
    "country text": {"country_id": "abc"},
    "agent": {"agent": 1},
    "users": {"users": [1, 2]},
    "user": {"uid": 1, "user_id": 1, "login": "admin"},
    "livechat channel": {"livechat_channel": 1, "livechat_channel_id": 1},
    "operator": {"operator_partner": 3, "operator_model": "res.users", "operator_info": {}},
    "expertises": {"expertises": [1]},
    "chatbot": {"chatbot_script": 1},
    "unknown chatbot": {"chatbot_script_id": 999_999},
    "unknown previous agent": {"previous_operator_id": 999_999},
    "names of Python": {"cls": 1, "env": {}, "args": [], "kwargs": {"a": 1}},
    "empty name": {"": 1},
    "context of defaults": {
        "context": {
            "default_livechat_operator_id": 3,
            "default_channel_type": "channel",
            "default_livechat_end_dt": "2020-01-01",
            "default_name": "forged",
            "default_partner_id": 3,
        }
    },
    "context of unknown language": {"context": {"lang": "xx_XX"}},
    "context of a wrong time zone": {"context": {"tz": "Nowhere/Land"}},
    "context of a preview": {"context": {"livechat_dispatch_preview": True}},
    "context of a guest": {"context": {"guest": 1}},
    "context of companies": {"context": {"allowed_company_ids": [999_999]}},
    "context that archives nothing": {"context": {"active_test": False, "tracking_disable": True}},
    "context with the key of a user": {"context": {"uid": 1, "su": True, "force_company": 1}},
}

COOKIES = {
    "guest without a token": {"dgid": "1"},
    "guest of letters": {"dgid": "abc|def"},
    "guest of nothing": {"dgid": "|"},
    "guest beyond bigint": {"dgid": f"{10**30}|abc"},
    "guest negative": {"dgid": "-1|abc"},
    "guest with a wrong token": {"dgid": "1|00000000-0000-0000-0000-000000000000"},
    "guest of many parts": {"dgid": "1|2|3|4"},
    "guest not ASCII": {"dgid": '"1|\\303\\251"'},
    "time zone": {"tz": "Nowhere/Land"},
    "language": {"frontend_lang": "xx_XX"},
    "language huge": {"frontend_lang": "x" * 3000},
    "language of SQL": {"frontend_lang": "' OR 1=1 --"},
    "session": {"session_id": "../../etc/passwd"},
    "visitor": {"visitor_uuid": "'\"<script>"},
}

TOKENS = {
    "letters": "abc|def",
    "one part": "abc",
    "no number": "|",
    "beyond bigint": f"{10**30}|abc",
    "negative": "-1|abc",
    "wrong": "1|00000000-0000-0000-0000-000000000000",
    "huge": HUGE,
    "a number": 5,
    "null": None,
    "a list": [1],
    "an object": {"a": 1},
    "true": True,
}


@pytest.fixture(scope="module")
def reception(shop):
    return shop.open_reception([100])


def send(shop, reception, route, params, **options):
    params = {"channel_id": reception.id, "persisted": True, **params}
    params = {name: value for name, value in params.items() if value is not ...}
    before = all_chats(shop)
    session = requests.Session()
    for name, value in options.pop("cookies", {}).items():
        session.cookies.set(name, value)
    answer = shops.post(session, shop.url + route, params, **options)
    check_discreet(shop, reception, answer)
    return answer, all_chats(shop) - before


def all_chats(shop):
    return shop.sql("SELECT count(*) FROM discuss_channel WHERE channel_type = 'livechat'")[0][0]


def check_discreet(shop, reception, answer):
    assert 200 <= answer.status < 500, (answer.status, answer.text[:2000])
    for secret in (*SECRETS, "Administrator", *(agent.login for agent in reception.agents)):
        assert secret not in answer.text, answer.text[:3000]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", SENSELESS)
def test_senseless_arguments_open_no_chat(shop, reception, route, name):
    answer, opened = send(shop, reception, route, SENSELESS[name])
    assert opened == 0
    assert answer.chat_id is None


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", IGNORED)
def test_arguments_of_nobody_change_nothing(shop, reception, route, name):
    answer, opened = send(shop, reception, route, IGNORED[name])
    assert opened == 1
    check_ordinary(shop, reception, answer)


def check_ordinary(shop, reception, answer):
    """An open chat of this reception, with its agent and a guest and nobody else."""
    chat = shop.sql(
        "SELECT channel_type, livechat_channel_id, livechat_operator_id, livechat_end_dt"
        " FROM discuss_channel"
        " WHERE id = %s",
        answer.chat_id,
    )
    (agent,) = reception.agents
    assert chat == [("livechat", reception.id, agent.partner_id, None)]
    members = shop.sql(
        "SELECT partner_id, guest_id IS NOT NULL FROM discuss_channel_member WHERE channel_id = %s",
        answer.chat_id,
    )
    assert sorted(members, key=str) == sorted([(agent.partner_id, False), (None, True)], key=str)
    ((name,),) = shop.sql("SELECT name FROM discuss_channel WHERE id = %s", answer.chat_id)
    assert "forged" not in name


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", COOKIES)
def test_malformed_cookies_do_no_harm(shop, reception, route, name):
    answer, _opened = send(shop, reception, route, {}, cookies=COOKIES[name])
    check_ordinary(shop, reception, answer)


@pytest.mark.parametrize("name", TOKENS)
def test_a_malformed_guest_token_makes_a_new_guest(shop, reception, name):
    answer, opened = send(shop, reception, ROUTES[1], {"guest_token": TOKENS[name]})
    assert opened == 1
    check_ordinary(shop, reception, answer)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("persisted", [True, False])
def test_a_forged_previous_agent_is_neither_chosen_nor_shown(shop, reception, route, persisted):
    """Not the administrator, not an agent of another reception, not one who has gone."""
    other = shop.open_reception([100])
    ((admin,),) = shop.sql("SELECT partner_id FROM res_users WHERE login = 'admin'")
    for partner in (admin, 1, 2, 3, other.agents[0].partner_id):
        answer, _opened = send(
            shop, reception, route, {"previous_operator_id": partner, "persisted": persisted}
        )
        assert not answer.failed
        partners = {row["id"] for row in answer.body["result"]["store_data"].get("res.partner", [])}
        assert not partners & {admin, other.agents[0].partner_id}
        if persisted:
            check_ordinary(shop, reception, answer)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "raw",
    [
        *("", "null", "[]", "5", '"text"', "{", '{"params": {"channel_id": 1', "\x00"),
        *('{"params": null}', '{"params": [1]}', '{"params": {"channel_id": 1, "self": 1}}'),
        '{"params": {"channel_id": 1, "context": "text"}}',
    ],
    ids=repr,
)
def test_what_odoo_refuses_before_any_controller_opens_no_chat(shop, route, raw):
    """How it is refused is up to Odoo's framework, which this addon does not touch."""
    before = all_chats(shop)
    shops.post(requests.Session(), shop.url + route, None, raw=raw)
    assert all_chats(shop) == before


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("raw", ["{}", '{"params": {}}', '{"params": {"channel_id": null}}'])
def test_a_request_without_arguments_opens_no_chat(shop, reception, route, raw):
    before = all_chats(shop)
    answer = shops.post(requests.Session(), shop.url + route, None, raw=raw)
    check_discreet(shop, reception, answer)
    assert all_chats(shop) == before


@pytest.mark.parametrize("route", ROUTES)
def test_a_flood_of_nested_json_opens_no_chat(shop, reception, route):
    answer, opened = send(shop, reception, route, {"channel_id": json.loads("[" * 500 + "]" * 500)})
    assert opened == 0
    assert answer.chat_id is None


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_methods_open_no_chat(shop, route, method):
    before = all_chats(shop)
    answer = requests.request(
        method, shop.url + route, json={"params": {"channel_id": 1}}, timeout=30
    )
    assert 400 <= answer.status_code < 500
    assert all_chats(shop) == before
