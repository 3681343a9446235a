"""Scripts that ask without end, beside buyers: a script does not close the shop."""

import itertools
import multiprocessing
import random
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import shop as shops

import devenv

HONEST = 20
GARBAGE = (
    {"channel_id": "1; DROP TABLE res_users"},
    {"channel_id": 10**30},
    {"channel_id": {"id": 1}},
    {"previous_operator_id": [1]},
    {"persisted": "yes"},
    {"chatbot_script_id": -1},
)


def make_buyer(url, address):
    """A browser at this address, as the proxy in front of the shop says."""
    buyer = shops.Buyer(url)
    buyer.session.headers.update(
        {"X-Forwarded-Host": "shop.example.com", "X-Forwarded-For": address}
    )
    return buyer


class Flood:
    """Hostile browsers which share addresses, and send one request after the other at their pace
    until all are sent.

    :param within: seconds from the first request to the last.
    """

    def __init__(self, url, channel_id, requests, addresses, cookies, within):
        self.reception = shops.Reception(None, channel_id, ())
        self.requests, self.within = requests, within
        self.statuses = []
        self._dice = random.Random(7)
        self._hostile = itertools.cycle(
            [make_buyer(url, f"198.51.100.{n % addresses + 1}") for n in range(cookies)]
        )
        self._chats = {}

    def run(self):
        """Return the status of each answer."""
        began = time.monotonic()
        # As many as answer one second late do not slow the others down.
        with ThreadPoolExecutor(64) as pool:
            for number in range(self.requests):
                time.sleep(max(0, began + self.within * number / self.requests - time.monotonic()))
                kind = self._dice.choice((self._ask, self._look, self._babble, self._write))
                pool.submit(self._send, kind, next(self._hostile))
        return self.statuses

    def _send(self, kind, buyer):
        answer = kind(buyer)
        self.statuses.append(answer.status)

    def _ask(self, buyer):
        answer = buyer.open_chat(self.reception, words="")
        self._chats.setdefault(buyer, answer.chat_id)
        return answer

    def _look(self, buyer):
        return buyer.open_chat(self.reception, persisted=False)

    def _babble(self, buyer):
        return buyer.open_chat(self.reception, words="", **self._dice.choice(GARBAGE))

    def _write(self, buyer):
        return buyer.say(self._chats.get(buyer) or self._dice.randrange(1, 10**6), "spam " * 50)


def send_flood(*flood):
    """Run a :class:`Flood`, in a process of its own: no honest buyer waits for what a script
    does on its own machine."""
    return Flood(*flood).run()


def measure(buyer, channel, persisted):
    began = time.monotonic()
    answer = buyer.open_chat(channel, words="", persisted=persisted)
    seconds = time.monotonic() - began
    assert not answer.failed, answer.text
    return answer, seconds


def visit(url, reception, address, seconds):
    """Let an honest buyer look at the widget, open a chat and write twice; the chat and how long
    each ``get_session`` took."""
    buyer = make_buyer(url, address)
    _preview, looked = measure(buyer, reception, False)
    answer, asked = measure(buyer, reception, True)
    assert answer.chat_id, answer.text
    for words in ("Is it waterproof?", "And in red?"):
        said = buyer.say(answer.chat_id, words)
        assert not said.failed and said.body["result"]["message_id"], said.text
    seconds += [looked, asked]
    return answer.chat_id


def visit_all(url, reception, within, homes):
    """Let the honest buyers come one after the other within so many seconds.

    :param homes: addresses; who comes again in the same minute is somebody else.
    """
    seconds, chat_ids = [], []
    with ThreadPoolExecutor(HONEST) as pool:
        began = time.monotonic()
        coming = []
        for number in range(HONEST):
            time.sleep(max(0, began + within * number / HONEST - time.monotonic()))
            coming.append(pool.submit(visit, url, reception, next(homes), seconds))
        chat_ids = [one.result() for one in coming]
    return chat_ids, seconds


def p95(seconds):
    return sorted(seconds)[int(len(seconds) * 0.95)]


@pytest.mark.alone
@pytest.mark.parametrize(
    ("requests", "addresses", "cookies", "within", "rounds"),
    [
        pytest.param(200, 10, 40, 30, 2, id="a fifth"),
        pytest.param(2000, 50, 200, 60, 3, id="all", marks=pytest.mark.long),
    ],
)
def test_honest_buyers_are_answered_beside_two_thousand_hostile_requests_a_minute(
    template, requests, addresses, cookies, within, rounds
):
    with (
        devenv.temp_db(template) as db,
        devenv.Server(db, 4, args=["--proxy-mode"]) as server,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere,
    ):
        url = server.url
        shop = shops.Shop(db, url)
        shop.call("ir.config_parameter", "set_param", "im_livechat_subaccount.address_chats", "60")
        receptions = [
            # As many may write as there are strangers: each of them is a buyer until it is blocked.
            shop.open_reception([100] * 5, max_sessions=5, queue_enabled=True, queue_limit=300)
            for _reception in range(1 + 2 * rounds)
        ]
        homes = (f"203.0.113.{number}" for number in range(1, 255))
        # Each server process has answered before it is measured.
        visit_all(url, receptions.pop(), 2, homes)
        chat_ids, quiet, beside, statuses = [], [], [], []
        # In turns, so that what the machine does otherwise slows both.
        while receptions:
            _chats, seconds = visit_all(url, receptions.pop(), within, homes)
            quiet += seconds
            reception = receptions.pop()
            flood = elsewhere.submit(
                send_flood, url, reception.id, requests, addresses, cookies, within
            )
            chats, seconds = visit_all(url, reception, within, homes)
            chat_ids += chats
            beside += seconds
            statuses += flood.result()
        states = shop.sql(
            "SELECT dispatch_state, count(*) FROM discuss_channel WHERE id = ANY(%s) GROUP BY 1",
            chat_ids,
        )
        words = shop.sql(
            "SELECT count(*) FROM mail_message WHERE model = 'discuss.channel'"
            " AND res_id = ANY(%s) AND message_type = 'comment' AND author_guest_id IS NOT NULL",
            chat_ids,
        )
    print(f"p95 quiet {p95(quiet):.3f} s, beside {p95(beside):.3f} s, {dict(states)}")
    assert len(statuses) == requests * rounds
    assert max(statuses) < 500 and min(statuses) >= 200
    assert {state for state, _count in states} <= {"assigned", "queued"}
    assert words == [(2 * HONEST * rounds,)]
    assert p95(beside) <= 2 * p95(quiet)
