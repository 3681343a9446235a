import hashlib
import logging
import os
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from statistics import fmean, pstdev

from markupsafe import Markup
from psycopg2 import InterfaceError, OperationalError
from psycopg2.errors import LockNotAvailable

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.modules import module
from odoo.modules.registry import Registry
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ...dispatch import ledger, policy
from ...dispatch.ledger import door, locks
from ...dispatch.line import (
    IS_ADMITTED,
    IS_IN_LINE,
    IS_IN_LINE_SQL,
    IS_IN_POOL,
    IS_WAITING,
    IS_WAITING_SQL,
    ORDER_BY,
    Round,
    Turn,
    estimate_wait,
    judge,
)
from ...tools import sent
from ...tools.here import read_now
from ...tools.mask import mask_addresses
from ...tools.names import say_in_one_line
from ...tools.sentinels import DRAINING

_logger = logging.getLogger(__name__)

# So long the next one waits for the line: longer than it takes to notice that the machine which
# serves it has vanished. A line that takes longer is looked at again by the cron.
_LONGEST_SERVICE = "30s"

# Whoever serves the lines of all shops waits no longer for one that somebody else is serving, and
# comes back to it when the others are served.
_GLANCE = "500ms"

# After so many seconds of serving it is asked anew who has room: seats become free meanwhile, and
# other lines wait as well.
_ROUND = 3

# Whoever serves a line says so before each chat; after such a silence PostgreSQL ends the turn.
_SILENCE = "60s"

# So often a chat that somebody else is changing is tried again; and so long the line waits for it,
# which is longer than a request takes: whoever keeps it for longer does not hold up the others.
_MAX_FAILURES = 20
_LONGEST_CHANGE = timedelta(seconds=2)

# Whom a channel names gets a mail of the pool no more often than this.
_DIGEST_AFTER = timedelta(minutes=5)

# So long an answer that its buyer has not seen opens on the next page.
_ANSWER_SHOWN = timedelta(days=7)

# So many at the head of a line are told each change of their places at once; the others ask when
# they give a sign of life. Else one who leaves a line of a hundred writes a hundred rows.
_TOLD_AT_ONCE = 3

# Of what places in a line are made.
_ORDERED_BY = [
    "active",
    "dispatch_assigned_at",
    "dispatch_goes_first",
    "dispatch_group_id",
    "dispatch_put_first",
    "dispatch_queued_at",
    "dispatch_state",
    "livechat_channel_id",
    "livechat_end_dt",
]

# So many of the last chats tell how long one takes; fewer than the minimum tell nothing.
_LAST_SERVICES = 200

_ENOUGH_SERVICES = 20

# For so many seconds a process tells the pace of a line as it has seen it: each who waits asks
# twice a minute, and of a large team it takes longer to find out than all else that is told.
_PACE_LASTS = 5
# ``{(database, channel id, group id): (moment, pace)}``, by the clock of the process that never
# goes back. There are no more of them than lines.
_paces = {}

# What stands for all channels among the ids of those whose lines are to be served.
_ALL_LINES = frozenset([None])


def _digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class ImLivechatChannel(models.Model):
    _inherit = "im_livechat.channel"

    dispatch_queued_count = fields.Integer("Waiting", compute="_compute_waiting_counts")
    dispatch_pool_count = fields.Integer("In the Pool", compute="_compute_waiting_counts")
    pool_told_at = fields.Datetime("Told of Messages At", copy=False, readonly=True)

    def _compute_waiting_counts(self):
        # sudo: discuss.channel - numbers only, of channels that may be read
        chats = self.env["discuss.channel"].sudo()
        groups = chats._read_group(
            [("livechat_channel_id", "in", self.ids), *IS_WAITING],
            ["livechat_channel_id", "dispatch_state"],
            ["__count"],
        )
        counts = {(channel, state): count for channel, state, count in groups}
        for channel in self:
            channel.dispatch_queued_count = counts.get((channel._origin, "queued"), 0)
            channel.dispatch_pool_count = counts.get((channel._origin, "pool"), 0)

    def write(self, vals):
        sent.expect_values(self.env, vals)
        result = super().write(vals)
        if vals.get("dispatch_mode") == "native":
            # sudo: discuss.channel - those who wait are not the editor's conversations
            self.sudo()._release_line()
        if "sticky_hours" in vals:
            # sudo: discuss.channel - as above
            self.sudo()._search_waiting(self)._note_regulars()
        return result

    def _dispatch(self, *args, **kwargs):
        outcome = super()._dispatch(*args, **kwargs)
        if outcome.agent and self.env.context.get("livechat_draining") is not DRAINING:
            # A seat that is given back, because the request fails, is another one's.
            self.env.cr.postrollback.add(partial(_drain_after_commit, self.env.cr.dbname))
        return outcome

    def get_livechat_info(self, username=None):
        """As core's; and who has a chat open here goes on with it while nobody else is taken."""
        info = super().get_livechat_info(username)
        if not info["available"] and self.dispatch_mode != "native":
            # A page elsewhere may bring no cookie: it finds out by itself (goes_on.js).
            info["options"] = {
                **self._get_channel_infos(),
                "default_username": username or self.env._("Visitor"),
            }
            info["available"] = bool(self._find_chats_to_go_on(*self._identify_buyer()))
        return info

    def _foretell_wait(self):
        """Return what a buyer is told before its first word, as of ``_describe_pool`` of the chat:
        ``False`` unless its words would be kept for who comes.

        :rtype: dict[str, str] | bool
        """
        if self.dispatch_mode == "native" or not self._keeps_words():
            return False
        return {"state": "pool", **self.calendar_id._describe_opening(read_now(self.env))}

    def _find_chats_to_go_on(self, partner, guest):
        """Return the chats of this channel in which a buyer goes on by a word.

        :rtype: discuss.channel
        """
        return self._find_open_chats(partner, guest, [("livechat_channel_id", "=", self.id)])

    def _join_open_chat(self, session=None):
        """Return the chat that whoever makes this request has open here, empty for none: a buyer
        has one chat a channel. For none, nobody else opens one for this buyer meanwhile.

        :param session: the secret of a browser that has no guest's cookie yet.
        :raise psycopg2.errors.SerializationFailure: the buyer is opening one; Odoo retries.
        :rtype: discuss.channel
        """
        self.ensure_one()
        partner, guest = self._identify_buyer()
        by_session = session and not (partner or guest) and f"session {_digest(session)}"
        if by_session:
            guest = guest.browse(door.find_guest(self.env.cr, self.id, by_session)).exists()
        chat = self._find_open_chats(partner, guest, [("livechat_channel_id", "=", self.id)])[:1]
        joins = chat and partner and partner not in chat.channel_member_ids.partner_id
        if joins or not chat:
            known = [f"{buyer._name} {buyer.id}" for buyer in (partner, guest) if buyer]
            door.claim(self.env.cr, self.id, [*known, *([by_session] if by_session else [])])
        elif by_session:
            # sudo: mail.guest - the same browser: its other tab has opened the chat
            guest.sudo()._set_auth_cookie()
        if joins:
            # Who has signed in since goes on.
            chat._go_on_as(partner, guest)
        return chat

    def _find_chat_of_before(self):
        """Return the chat that whoever loads a page had open here as a guest before signing in,
        which is the account's from now on; empty for none. Core shows an account nothing of the
        guest it was, whose page would seem gone while it waits.

        :rtype: discuss.channel
        """
        self.ensure_one()
        partner, guest = self._identify_buyer()
        nobody, nothing = partner.browse(), self.env["discuss.channel"]
        # Who works here has only tried how it is for a buyer.
        if not (partner and guest) or self._is_home_of(self.env.user) or self.env.cr.readonly:
            return nothing
        here = [("livechat_channel_id", "=", self.id)]
        chat = self._find_open_chats(nobody, guest, here)[:1]
        if not chat or self._find_open_chats(partner, guest.browse(), here):
            return nothing
        known = [f"{buyer._name} {buyer.id}" for buyer in (partner, guest)]
        door.claim(self.env.cr, self.id, known)
        chat._go_on_as(partner, guest)
        return chat

    def _find_unseen_answer(self):
        """Return the chat in which whoever loads a page has an answer that no page has shown and no
        mail has told: of who has waited, or left a message and closed its window. It may have ended
        meanwhile. Empty for none.

        :rtype: discuss.channel
        """
        self.ensure_one()
        partner, guest = self._identify_buyer()
        if self._is_home_of(self.env.user) or self.env.cr.readonly:
            return self.env["discuss.channel"]
        if partner:
            guest = guest.browse()
        since = read_now(self.env) - _ANSWER_SHOWN
        answered = Domain("livechat_channel_id", "=", self.id)
        answered &= Domain("dispatch_wait_count", ">", 0) & Domain(
            "dispatch_answered_at", ">", since
        )
        chat = self._find_chats_of(partner, guest, answered)[:1]
        return chat if chat and chat._find_unseen() else chat.browse()

    def _note_session(self, session, guest):
        """Keep which guest the browser with this session has become, for its other tabs."""
        if guest and self.env.user._is_public():
            door.note_guest(self.env.cr, self.id, f"session {_digest(session)}", guest.id)

    @api.autovacuum
    def _gc_buyers(self):
        door.forget(self.env.cr)

    @api.autovacuum
    def _gc_forgotten_seats(self):
        self.env["discuss.channel"].flush_model(["last_interest_dt", "dispatch_seat_partner_ids"])
        ledger.note_forgotten(self.env.cr)

    def _release_line(self):
        """Let Odoo choose for those who waited on channels that have just become its own."""
        for channel in self:
            wordless = [
                ("livechat_channel_id", "=", channel.id),
                ("dispatch_wordless_since", "!=", False),
                ("dispatch_state", "=", False),
                ("livechat_end_dt", "=", False),
            ]
            chats = self.env["discuss.channel"].search(wordless)
            for chat in self._search_waiting(channel) | chats:
                agent = channel._get_operator(
                    lang=chat.livechat_lang_id.code, country_id=chat.country_id.id
                )
                if agent:
                    chat._assign(channel._make_outcome(agent))
                else:
                    chat.livechat_status = "need_help"
                    chat._record({"kind": "nobody", "rule": "nobody"})
                    chat._send_pool()
                chat.write(
                    {
                        "dispatch_state": False,
                        "dispatch_queued_at": False,
                        "dispatch_wordless_since": False,
                    }
                )

    def _search_waiting(self, channels, domain=()):
        """Return the chats that wait on these channels, in order.

        :param domain: which of them.
        """
        domain = [("livechat_channel_id", "in", channels.ids), *IS_WAITING, *domain]
        chats = self.env["discuss.channel"].search(domain)
        return chats.sorted(lambda chat: chat._get_waiting())

    @api.ondelete(at_uninstall=False)
    def _unlink_except_waiting(self):
        # sudo: discuss.channel - how many wait
        waiting = self.sudo()._search_waiting(self)
        if waiting:
            raise UserError(
                self.env._(
                    "%(count)s buyers still wait on this channel. Let agents take them first, or "
                    "switch its dispatch to Odoo's own.",
                    count=len(waiting),
                )
            )

    def action_view_waiting(self):
        """Open the buyers who wait on this channel."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "im_livechat_subaccount.livechat_waiting_action"
        )
        return {**action, "context": {"search_default_livechat_channel_id": self.ids[:1]}}

    def _count_waiting(self, group):
        """Return how many buyers wait in the line of this group."""
        where = [("livechat_channel_id", "=", self.id), ("dispatch_group_id", "=", group.id)]
        return self.env["discuss.channel"].search_count([*where, *IS_IN_LINE])

    def _count_lines(self):
        """Return how many buyers wait in the lines of this channel, and how many lines it has."""
        return self.dispatch_queued_count, len(self.dispatch_group_ids) + 1

    def _find_freed_channels(self, names):
        # Whoever takes chats elsewhere as well does so by the settings of that channel.
        return self

    @api.model
    def _drain_soon(self, channels=None):
        """Give seats that this transaction frees to those who wait, once it is committed.

        :param channels: on whose lines, for who knows it: what one shop's agents can take is no
            reason to try the lines of all others. On all without.
        """
        if not self.env.registry.ready:
            # Modules are being loaded, and whoever serves this database otherwise will see to it.
            return
        channel_ids = _ALL_LINES if channels is None else set(channels.ids)
        if not channel_ids or self.env.context.get("livechat_draining") is DRAINING:
            return
        postcommit = self.env.cr.postcommit
        if "livechat_drain" not in postcommit.data:
            asked = postcommit.data["livechat_drain"] = set()
            postcommit.add(partial(_drain_after_commit, self.env.cr.dbname, asked))
        postcommit.data["livechat_drain"] |= channel_ids

    @api.model
    def _attempt(self, do, lock_timeout=locks.LOCK_TIMEOUT):
        """Do something about one chat, and commit it; what fails does not hold up the others.

        :param do: called without arguments.
        :param lock_timeout: so long it waits for who is changing the chat.
        :return: whether it was done.
        """
        if module.current_test:
            # Everything is one transaction, and a failure is to be seen.
            do()
            self.env.flush_all()
            return True
        try:
            # Whom it locks on the way is not to be held for hours.
            locks.guard(self.env.cr, lock_timeout)
            do()
            self.env.cr.commit()
            # Lines are served for longer than a request. Others are not to wait until all is done
            # for what this process changed, nor this one for what they did; asked while no
            # transaction is open, because whoever installs a module may wait for its end.
            self.env.registry.signal_changes()
            if self.env.registry.check_signaling() is not self.env.registry:
                self.env.transaction.reset()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            # Somebody is doing something about the same chat: next time, if it is still due.
            self._forget_failure()
            return False
        except Exception:
            self._forget_failure()
            _logger.exception("Dispatch could not see to a chat")
            return False
        return True

    def _forget_failure(self):
        self.env.registry.reset_changes()
        self.env.cr.rollback()
        self.env.invalidate_all(flush=False)

    @api.model
    def _drain_aside(self):
        """Serve the lines of all channels in which somebody waits, beside what this process does:
        nothing is to wait for a line of hundreds."""
        if module.current_test:
            # There it would share the one connection of the test.
            self._drain_all()
            return
        _drain_after_commit(self.env.cr.dbname)

    @api.model
    def _drain_all(self, channel_ids=None, in_turns=False):
        """Serve the lines of all channels in which somebody waits.

        :param channel_ids: only of these.
        :param in_turns: as of :meth:`_drain`.
        :return: the ids of the channels whose lines are to be served once more.
        :rtype: set[int]
        """
        domain = [*IS_WAITING, ("livechat_channel_id.dispatch_mode", "!=", "native")]
        if channel_ids is not None:
            domain.append(("livechat_channel_id", "in", list(channel_ids)))
        groups = self.env["discuss.channel"]._read_group(domain, ["livechat_channel_id"])
        how = {"in_turns": True} if in_turns else {}
        left = set()
        for (channel,) in groups:
            try:
                if not channel._drain(**how):
                    left.add(channel.id)
            except Exception:
                # One shop's trouble is not another's.
                if module.current_test:
                    raise
                self._forget_failure()
                _logger.exception("The line of channel %s could not be served", channel.id)
        return left

    def _drain(self, in_turns=False):
        """Give free seats to those who wait: the line first and in order, then the pool.

        Each chat is committed by itself. Whoever frees a seat calls this; of several at a time one
        works and one more waits to work after it, which sees what all the others have done.

        :param in_turns: for who serves other lines as well, which are not to wait for this one: it
            is served for one round only, and not at all while somebody else does.
        :return: whether it was served, or will be by who waits for that already; else somebody is
            to come once more.
        :rtype: bool
        """
        self.ensure_one()
        channel = self.sudo().with_context(livechat_draining=DRAINING)  # sudo: the server's line
        with channel._serving(_GLANCE if in_turns else None) as is_our_turn:
            return bool(is_our_turn) and channel._serve_line(is_our_turn, in_turns)

    @contextmanager
    def _serving(self, patience=None):
        """Yield a function that tells whether it is our turn to serve the line; it fails when that
        was, and is no more. ``None`` while somebody else is serving it for longer.

        :param patience: so long we wait for that one, ``_LONGEST_SERVICE`` if not given.
        """
        if module.current_test:
            # One transaction sees everything, and nobody else.
            yield lambda: True
            return
        cr = self.env.cr
        locks.guard(cr, _LONGEST_SERVICE)
        if not locks.try_take(cr, locks.serving_next(self.id)):
            yield lambda: False
            return
        # Each chat is committed by itself, so the turn is that of a transaction beside them.
        with self.env.registry.cursor() as turn:
            # It keeps no view of the past, which would hold up PostgreSQL's vacuum.
            turn.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            locks.guard(turn, patience or _LONGEST_SERVICE, _SILENCE)
            try:
                locks.take(turn, locks.serving(self.id))
            except LockNotAvailable:
                cr.rollback()
                yield None
                return
            # The next one may wait now. What was true before our wait is not read: here begins
            # another transaction.
            cr.commit()
            self.env.invalidate_all()
            try:
                yield lambda: locks.has_turn(turn)
            finally:
                # What is not committed failed.
                cr.rollback()

    def _serve_line(self, is_our_turn, in_turns=False):
        """Serve those who wait.

        :param in_turns: for one round only.
        :return: whether nobody is left who could be served.
        """
        while not (is_done := self._serve_round(is_our_turn)) and not in_turns:
            # Who had no room in that one may have some by now.
            pass
        return is_done

    def _serve_round(self, is_our_turn):
        """Serve those who wait, each of whom is tried once, for ``_ROUND`` seconds.

        :return: whether that was time enough.
        """
        serving, moved = Round(), set()
        failures, until, is_over = 0, time.monotonic() + _ROUND, False

        def find_next():
            nonlocal is_over
            # A round in which nobody is served is the last one, however long it takes.
            is_over = bool(moved) and time.monotonic() > until
            chat = not is_over and is_our_turn() and self._get_next_in_line(serving)
            return chat._get_waiting() if chat else None

        def take_turn(waiting):
            nonlocal failures
            chat, done = self.env["discuss.channel"].browse(waiting.number), []
            began = time.monotonic()
            if not self._attempt(
                lambda: done.append(self._serve(chat)),
                f"{_LONGEST_CHANGE.total_seconds():.0f}s",
            ):
                # The buyer is just writing, or leaving: once more, with what is true then.
                failures += 1
                was_long = time.monotonic() - began >= _LONGEST_CHANGE.total_seconds()
                return Turn.KEPT if was_long or failures > _MAX_FAILURES else Turn.AGAIN
            if done[0] is not Turn.NO_ROOM:
                moved.add(waiting.group_id)
            elif chat._get_givers():
                # Who gave it away may have room for others.
                return Turn.KEPT
            return done[0]

        serving.serve(find_next, take_turn, self._find_roomy_agents)
        for group_id in moved:
            group = self.env["livechat.dispatch.group"].browse(group_id or ())
            self._attempt(lambda group=group: self._send_places(group))
        return not is_over

    def _serve(self, chat):
        """Decide about one chat that waits, and do what follows.

        :rtype: Turn
        """
        chat._keep_others_out()
        outcome = self._dispatch_but(chat._get_givers(), chat)
        turn = judge(outcome.state, chat.dispatch_state == "pool")
        if turn is Turn.SERVED:
            chat._assign(outcome)
        elif turn is Turn.KEPT:
            chat._keep_for_later(outcome)
        elif not outcome.state and chat.livechat_status != "need_help":
            # A message of a pool that is none any more.
            chat.livechat_status = "need_help"
            return Turn.KEPT
        return turn

    def _find_roomy_agents(self):
        """Return the ids of the agents who could take a buyer of their own, even when paused; of
        nobody while none of those who wait has an agent of its own."""
        waiting = self.env["discuss.channel"]
        own = [*IS_WAITING, ("dispatch_regular_id", "!=", False)]
        # Served by discuss_channel__dispatch_waiting_idx.
        if not waiting.search_count([("livechat_channel_id", "=", self.id), *own], limit=1):
            return frozenset()
        return policy.find_roomy(self._read_dispatch_agents(), self._get_dispatch_rules())

    def _get_next_in_line(self, serving):
        """Return the first who waits and could be served.

        :param Round serving: what was tried so far.
        """
        self.env.flush_all()
        # Served by discuss_channel__dispatch_waiting_idx.
        self.env.cr.execute(
            f"""
            SELECT id
              FROM discuss_channel
             WHERE {IS_WAITING_SQL}
               AND livechat_channel_id = %(channel_id)s
               AND {IS_ADMITTED}
          ORDER BY {ORDER_BY}
             LIMIT 1
            """,
            {"channel_id": self.id, **serving.get_params()},
        )
        return self.env["discuss.channel"].browse(self.env.cr.fetchone())

    def _tell_of_messages(self):
        """Mail what buyers have left in the pool to whom the channel names, and what they add to
        it, with the words before: in one mail, and that every ``_DIGEST_AFTER`` at most. The
        minute's timer sends what comes in between."""
        now = read_now(self.env)
        for channel in self:
            told_at = channel.pool_told_at
            if not channel.pool_email or channel.pool_email_waits:
                continue
            if told_at and told_at > now - _DIGEST_AFTER:
                continue
            if not (sender := channel._get_sender()):
                continue
            is_new = [("livechat_channel_id", "=", channel.id), ("dispatch_is_told", "=", False)]
            waiting = self.env["discuss.channel"].search([*IS_IN_POOL, *is_new])
            untold = {chat: messages for chat in waiting if (messages := chat._find_untold())}
            if not untold:
                continue
            channel.pool_told_at = now
            is_masked = channel._mails_masked(channel.pool_email)
            for chat in untold:
                chat.dispatch_is_told = True
            subject = self.env._("%(channel)s: messages of buyers wait", channel=channel.name)
            if len(untold) == 1:
                (messages,) = untold.values()
                author = messages[0].author_id or messages[0].author_guest_id
                buyer = author.display_name
                subject = self.env._(
                    "%(channel)s: a message of %(buyer)s waits",
                    channel=channel.name,
                    buyer=mask_addresses(buyer) if is_masked else buyer,
                )
            # The mail queue sends it; a buyer does not wait for a mail server.
            self.env["mail.mail"].create(
                {
                    "email_to": channel.pool_email,
                    # Whoever happens to be at work has not written it.
                    "email_from": sender,
                    "author_id": False,
                    "subject": say_in_one_line(subject),
                    "body_html": Markup("<hr/>").join(
                        chat._describe_untold(messages, is_masked)
                        for chat, messages in untold.items()
                    ),
                    "auto_delete": True,
                }
            )

    def _get_line(self, group):
        """Return the chats in the line of this group, in order."""
        return self._search_waiting(self, [*IS_IN_LINE, ("dispatch_group_id", "=", group.id)])

    def _get_places(self, group):
        """Return the places in the line of this group, in order: ``{chat id: place}``.

        Each buyer of a line asks twice a minute, and who is served has it told to others: of the
        chats nothing but their order is read.
        """
        self.env["discuss.channel"].flush_model(_ORDERED_BY)
        # Served by discuss_channel__dispatch_waiting_idx.
        self.env.cr.execute(
            f"""
            SELECT id
              FROM discuss_channel
             WHERE {IS_IN_LINE_SQL}
               AND livechat_channel_id = %s
               AND dispatch_group_id IS NOT DISTINCT FROM %s
          ORDER BY {ORDER_BY}
            """,
            [self.id, group.id or None],
        )
        return {chat_id: place for place, (chat_id,) in enumerate(self.env.cr.fetchall(), 1)}

    def _send_places(self, group, newcomer=None):
        """Tell the first buyers in this line their places, and the channel's agents how many
        wait.

        :param newcomer: the chat that has just taken its place: whoever does not know that it
            waits asks for nothing.
        """
        if not self:
            return
        chats = self.env["discuss.channel"]
        places = self._get_places(group)
        told = dict(list(places.items())[:_TOLD_AT_ONCE])
        if newcomer and newcomer.id in places:
            told[newcomer.id] = places[newcomer.id]
        if told:
            pace = self._get_pace(group)
            for chat_id, place in told.items():
                chats.browse(chat_id)._send_wait(place, estimate_wait(place, pace))
        self._send_line()

    def _send_line(self):
        """Tell the channel's agents how many buyers wait in its lines."""
        self.invalidate_recordset(["dispatch_queued_count"])
        # _sendone: channel is safe (a record, which only its agents' pages listen to)
        self.env["bus.bus"]._sendone(
            self,
            "livechat_dispatch/line",
            {"channel_id": self.id, "waiting": self.dispatch_queued_count},
        )

    def _get_pace(self, group):
        """Return how fast this line moves: the mean and the standard deviation of the time a chat
        took here, in seconds, and the seats that take part; ``None`` while that is not known."""
        key, now = (self.env.cr.dbname, self.id, group.id), time.monotonic()
        seen_at, pace = _paces.get(key, (None, None))
        # A test changes what is seen without any time passing.
        if seen_at is None or now - seen_at >= _PACE_LASTS or module.current_test:
            pace = self._read_pace(group)
            _paces[key] = now, pace
        return pace

    def _read_pace(self, group):
        """As :meth:`_get_pace`, as it is now."""
        # A chat that closed by itself, or lay silent for a day until core's cleaning ended it: the
        # agent was free at its last word. Served by discuss_channel__dispatch_service_idx.
        self.env.cr.execute(
            """
            SELECT extract(epoch FROM
                       CASE WHEN dispatch_is_closed_silent
                              OR last_interest_dt <= livechat_end_dt - %s
                            THEN last_interest_dt
                            ELSE livechat_end_dt END
                       - dispatch_assigned_at)
              FROM discuss_channel
             WHERE livechat_channel_id = %s
               AND dispatch_assigned_at IS NOT NULL
               AND livechat_end_dt IS NOT NULL
          ORDER BY livechat_end_dt DESC
             LIMIT %s
            """,
            [ledger.FORGOTTEN_AFTER, self.id, _LAST_SERVICES],
        )
        services = [max(0.0, float(seconds)) for (seconds,) in self.env.cr.fetchall()]
        if len(services) < _ENOUGH_SERVICES:
            return None
        rules = self._get_dispatch_rules()
        members = self._get_member_ids(group.id)
        seats = sum(
            policy.capacity(rules.max_sessions, agent.weight) or 0
            for agent in self._read_dispatch_agents()
            if (members is None or agent.user_id in members)
            and policy.exclusion(agent, rules) in (None, *policy.PASSING_REASONS)
        )
        return (fmean(services), pstdev(services), seats) if seats else None


class _Drainer:
    """Serves the lines of one database, in a thread: nobody's request waits for it."""

    def __init__(self, dbname):
        self._dbname = dbname
        self._lock = threading.Lock()
        self._asked, self._running = set(), False

    def ask(self, channel_ids=_ALL_LINES):
        """Serve the lines of these channels, or once more when that is being done."""
        with self._lock:
            self._asked |= channel_ids
            if self._running:
                return
            self._running = True
        try:
            threading.Thread(
                target=self._run, name=f"livechat.line.{self._dbname}", daemon=True
            ).start()
        except Exception:
            # The machine has no more threads: the cron serves the line, and whoever asks next tries
            # again. What else follows a commit is not to fail.
            with self._lock:
                self._running = False
            _logger.exception("The waiting lines could not be served")

    def _run(self):
        threading.current_thread().dbname = self._dbname
        left, is_again = set(), False
        while True:
            with self._lock:
                asked, self._asked, left = self._asked | left, set(), set()
                if not asked:
                    self._running = False
                    return
            try:
                with Registry(self._dbname).check_signaling().cursor() as cr:
                    channels = api.Environment(cr, SUPERUSER_ID, {})["im_livechat.channel"]
                    left = channels._drain_all(None if asked & _ALL_LINES else asked, in_turns=True)
                is_again = False
            except (InterfaceError, OperationalError):
                # Where a server has several databases, a cron worker closes all connections to one
                # when it has done its jobs there: with another it is tried once more.
                left, is_again = set() if is_again else asked, not is_again
                if not left:
                    _logger.exception("The waiting lines could not be served")
            except Exception:
                # What freed the seat is committed; the cron serves the line within a minute.
                _logger.exception("The waiting lines could not be served")


_drainers: dict[str, _Drainer] = {}

# A child has none of its parent's threads.
os.register_at_fork(after_in_child=_drainers.clear)


def _drain_after_commit(dbname, channel_ids=_ALL_LINES):
    if not module.current_test:
        # There it would share the one connection of the test, whose own thread uses it.
        _drainers.setdefault(dbname, _Drainer(dbname)).ask(channel_ids)
