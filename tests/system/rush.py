"""Buyers who come all the time while something breaks, and what of them is watched."""

import random
import socket
import threading
import time
from collections import Counter
from typing import NamedTuple

import psycopg2
import shop as shops

import devenv

#: Seconds after which a buyer's browser, or what balances the load before the nodes, gives up on a
#: node that does not answer, and asks the next.
ANSWERS_WITHIN = 15
#: Seconds within which service is to be normal again.
NORMAL_WITHIN = 60
#: Nobody fails for so many seconds in a shop that is well.
CALM = 1

# Seconds that a buyer stays with an agent.
_STAYS = (1, 3)
# A buyer may open twenty chats an hour.
_VISITS = 8


class Visitor(shops.Buyer):
    """A buyer who asks the next node when one does not answer."""

    def __init__(self, urls):
        super().__init__(urls[0])
        self.urls = urls

    def ask(self, route, **params):
        """Return the answer, or ``None`` when it was none."""
        if self.url not in self.urls:
            self.url = self.urls[0]
        answer = shops.post(self.session, f"{self.url}{route}", params, timeout=ANSWERS_WITHIN)
        if not answer.failed:
            return answer
        nodes = list(self.urls)
        self.url = (
            nodes[(nodes.index(self.url) + 1) % len(nodes)] if self.url in nodes else nodes[0]
        )
        return None

    def open(self, channel_id):
        """Return the id of the chat, ``None`` for no proper answer, 0 for none."""
        answer = self.ask("/im_livechat/get_session", channel_id=channel_id, persisted=True)
        return answer and (answer.chat_id or 0)

    def write(self, chat_id, words="Hello"):
        """Tell whether these words were taken."""
        data = {"body": words, "message_type": "comment", "subtype_xmlid": "mail.mt_comment"}
        params = {"thread_model": "discuss.channel", "thread_id": chat_id, "post_data": data}
        return bool(self.ask("/mail/message/post", **params))

    def go(self, chat_id):
        """Tell whether it could leave."""
        return bool(self.ask("/im_livechat/visitor_leave_session", channel_id=chat_id))


class Look(NamedTuple):
    """What the database said at a moment."""

    moment: float
    states: dict
    """``{chat id: dispatch_state}`` of the chats that are open."""
    loads: Counter
    """``{user id: open chats}``, from core's own records."""


class Rush:
    """Buyers of one reception, each in a thread of its own: it asks until it has a chat, writes,
    waits for an agent, stays for a moment and leaves. Bounded by :meth:`finish`.

    :param urls: of the nodes; who balances the load takes one out by taking it out of this list.
    :param capacity: how many chats each agent may have.
    """

    def __init__(self, reception, urls, capacity, buyers, seed=0):
        self.reception, self.urls, self.capacity = reception, urls, capacity
        self.told, self.over = set(), set()
        self.failures, self.filled = [], []
        self.unanswered = self.abandoned = self.served = 0
        self.look = None
        self._lock = threading.Lock()
        self._ended, self._given_up, self._unwatched = (threading.Event() for _event in range(3))
        self._threads = [
            threading.Thread(target=self._come_and_go, args=(random.Random(f"{seed} {number}"),))
            for number in range(buyers)
        ]
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self):
        self._watcher.start()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._given_up.set()
        self._unwatched.set()
        for thread in (*self._threads, self._watcher):
            thread.join()

    def wait_until_busy(self):
        """Wait until each seat has been taken and somebody waits."""

        def is_busy():
            return self.look and "queued" in self.look.states.values() and self.served >= 5

        shops.wait_until(is_busy, "the buyers did not fill the seats")

    def wait_until_normal(self, since):
        """Return how many seconds after ``since`` service was normal: a new buyer gets an agent or
        its place, who waits gets a seat that is free, and nobody's request fails any more."""
        served_at = None
        while (now := time.monotonic()) - since < 2 * NORMAL_WITHIN:
            if self.try_buyer():
                served_at = served_at or time.monotonic()
            else:
                served_at = None
            filled_at = min((moment for moment in self.filled if moment > since), default=None)
            normal_at = max([since, served_at or now, filled_at or now, *self.failures])
            if served_at and filled_at and time.monotonic() - normal_at > CALM:
                return normal_at - since
            time.sleep(0.05)
        return float("inf")

    def try_buyer(self):
        """Tell whether a new buyer gets an agent or its place; it leaves at once."""
        visitor = Visitor(list(self.urls))
        chat_id = self.note(visitor.open(self.reception.id), is_open=True)
        # Who has not written yet has no place.
        if not chat_id or not self.note(visitor.write(chat_id)):
            return False
        try:
            ((state,),) = self.reception.shop.sql(
                "SELECT dispatch_state FROM discuss_channel WHERE id = %s", chat_id
            )
        except psycopg2.Error:
            state = None
        return bool(self.note(visitor.go(chat_id)) and state in ("assigned", "queued"))

    def note(self, answer, is_open=False):
        """Count what a request brought, false for no proper answer; returns it.

        :param is_open: whether it asked for a chat; the answer is its id.
        """
        with self._lock:
            if not answer:
                self.failures.append(time.monotonic())
                self.unanswered += is_open
            elif is_open:
                self.told.add(answer)
        return answer

    def finish(self):
        """Let the buyers who are here be served and leave, and no others come."""
        self._ended.set()
        deadline = time.monotonic() + 2 * NORMAL_WITHIN
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        self._given_up.set()
        for thread in self._threads:
            thread.join()
        self._unwatched.set()
        self._watcher.join()

    # ------------------------------------------------------------

    def _come_and_go(self, chance):
        while not self._ended.wait(chance.uniform(0, 0.2)):
            visitor = Visitor(self.urls)
            visitor.url = chance.choice(list(self.urls))
            for _visit in range(_VISITS):
                if self._ended.is_set():
                    break
                if not self._visit(visitor, chance):
                    self.abandoned += 1
                    return

    def _visit(self, visitor, chance):
        """Tell whether a buyer got all that it came for."""
        chat_id = self._insist(lambda: visitor.open(self.reception.id), is_open=True)
        if not chat_id or not self._insist(lambda: visitor.write(chat_id)):
            return False
        while not ((look := self.look) and look.states.get(chat_id) == "assigned"):
            if self._given_up.wait(0.05):
                return False
        self.served += 1
        self._ended.wait(chance.uniform(*_STAYS))
        return bool(self._insist(lambda: visitor.go(chat_id)))

    def _insist(self, do, is_open=False):
        while not (answer := self.note(do(), is_open)):
            if self._given_up.wait(0.3):
                return None
        return answer

    def _watch(self):
        """Look ten times a second; while the database is away there is nothing to see."""
        connection = None
        while not self._unwatched.wait(0.1):
            try:
                connection = connection or devenv.connect(self.reception.shop.db)
                self._look(connection)
            except psycopg2.Error:
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    def _look(self, connection):
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT chat.id, chat.dispatch_state, users.id
                  FROM discuss_channel chat
             LEFT JOIN (discuss_channel_member member
                        JOIN res_users users ON users.partner_id = member.partner_id
                                            AND users.id = ANY(%s))
                    ON member.channel_id = chat.id
                 WHERE chat.livechat_channel_id = %s AND chat.livechat_end_dt IS NULL
                """,
                [[agent.user_id for agent in self.reception.agents], self.reception.id],
            )
            rows = cursor.fetchall()
        states = {chat_id: state for chat_id, state, _user in rows}
        loads = Counter(user_id for _chat, _state, user_id in rows if user_id)
        self.over |= {(user, load) for user, load in loads.items() if load > self.capacity}
        moment, before = time.monotonic(), self.look
        if before and any(
            state == "assigned" and before.states.get(chat_id) == "queued"
            for chat_id, state in states.items()
        ):
            self.filled.append(moment)
        self.look = Look(moment, states, loads)


def answers(port):
    """Tell whether somebody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
