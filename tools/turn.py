"""Whether a chat is unanswered: the last word is the buyer's, and the present agent has not written
since the chat is theirs. It is a matter of this agent's turn, whoever had the chat before.

Said once for the ORM and, beside it, in SQL; ``tests/test_definitions.py`` holds the two together.
"""

#: The last word is the buyer's.
ASKED = [("dispatch_state", "=", "assigned"), ("dispatch_asked_at", "!=", False)]

UNANSWERED = [*ASKED, ("dispatch_answered_at", "=", False)]

#: Its agent is asked to accept it, and has not said a word yet.
PROPOSED = [
    ("dispatch_state", "=", "assigned"),
    ("dispatch_proposed_at", "!=", False),
    ("dispatch_answered_at", "=", False),
    ("livechat_channel_id.asks_to_accept", "=", True),
]

#: The last word is the buyer's although the present agent has written in its turn before.
SILENT = [*ASKED, ("dispatch_answered_at", "!=", False)]

#: Its agent owes the buyer a word: either of the two above, of an open chat that does not rest, or
#: the one that was promised for the end of its rest. Of that the agent is reminded, and who goes
#: away by choice gives it to another; no clock runs out for it, and who is gone for a while keeps
#: it: the buyer does not wait by the window, and who knows of the matter may come any moment.
OWED = [
    ("livechat_end_dt", "=", False),
    ("dispatch_held_until", "=", False),
    "|",
    ("dispatch_asked_at", "!=", False),
    ("dispatch_reminded_at", "!=", False),
]

#: It rests, and has an end of its own: it is on hold or was until just now, or closes by itself.
RESTS = [
    *("|", ("dispatch_held_until", "!=", False)),
    *("|", ("dispatch_reminded_at", "!=", False)),
    *("&", ("dispatch_state", "=", "assigned")),
    *("&", ("dispatch_asked_at", "=", False)),
    *("&", ("livechat_channel_id.close_after_hours", ">", 0)),
    ("livechat_channel_id.dispatch_mode", "!=", "native"),
]

#: Nobody answered at all, or not the one who had the chat when it ended.
MISSED = [
    ("livechat_end_dt", "!=", False),
    "|",
    ("livechat_failure", "in", ("no_answer", "no_agent")),
    *("&", "&"),
    *UNANSWERED,
]


def is_asked(chat):
    """Return :data:`ASKED` in SQL.

    :param chat: what ``discuss_channel`` is called there.
    """
    return f"({chat}.dispatch_state = 'assigned' AND {chat}.dispatch_asked_at IS NOT NULL)"


def is_unanswered(chat):
    """Return :data:`UNANSWERED` in SQL."""
    return f"({is_asked(chat)} AND {chat}.dispatch_answered_at IS NULL)"


def is_missed(chat):
    """Return :data:`MISSED` in SQL."""
    return f"""({chat}.livechat_end_dt IS NOT NULL
                    AND ({chat}.livechat_failure IN ('no_answer', 'no_agent')
                         OR {is_unanswered(chat)}))"""
