"""What was said in live chats, as it is searched: one index for every language.

Only messages that people or bots wrote in live chats are in the index, by a column of their own
that :func:`mark` fills for those that were there before; for any other message PostgreSQL looks at
that column and does nothing.

Words are those of PostgreSQL's text search, without markup and punctuation, in lower case.
Languages that put no space between words are cut into pairs of characters, every one of which is a
word: most Chinese words have two, and trigrams (``pg_trgm``) find nothing shorter than three. So no
extension is needed, and a database of any locale finds the same.
"""

import re

from odoo.tools import SQL

# Of what is longer, the rest is not found: no message may be refused because it cannot be indexed.
_LENGTH_MAX = 20000

# Up to so many characters and words are looked for; the rest of what somebody pastes into the box
# adds nothing.
TEXT_MAX, WORDS_MAX = 400, 8

# A shorter word is looked for as it is, a longer one finds all that begin with it.
_PREFIX_MIN = 3

# Han, Japanese kana and Korean.
_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"

# ASCII's punctuation, that of Unicode in general, of Chinese and of full width.
_MARKS = r"!-/:-@\[-`{-~\u00a0-\u00bf\u2000-\u206f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20"

_NO_WORD = f"<[^>]*>|&[#a-zA-Z0-9]+;|[{_MARKS}]+"
_PLAIN = f"regexp_replace(left(body, {_LENGTH_MAX}), '{_NO_WORD}', ' ', 'g')"

# The pairs that begin with the first, the third… character of a run, and those that begin with the
# second, the fourth…; the last character of a run is alone in one of the two.
_PAIRS = f"""regexp_replace(%s, '([{_HAN}][{_HAN}]?)', ' \\1 ', 'g')"""
_FROM_SECOND = f"regexp_replace({_PLAIN}, '[{_HAN}]([{_HAN}]*)|[^{_HAN}]+', ' \\1', 'g')"

#: The words of a message: an expression of ``mail_message``, the same in index and search.
WORDS = f"to_tsvector('simple', {_PAIRS % _PLAIN} || ' ' || {_PAIRS % _FROM_SECOND})"

#: The index: ``USING`` and ``WHERE`` of it.
INDEX = f"USING gin ({WORDS}) WHERE is_said_in_livechat"


def mark(cr):
    """Say of the messages that are there which were said in live chats.

    Safe to run again.
    """
    cr.execute("ALTER TABLE mail_message ADD COLUMN IF NOT EXISTS is_said_in_livechat boolean")
    # Served by the index on (model, res_id), from the live chats.
    cr.execute(
        """
        UPDATE mail_message message
           SET is_said_in_livechat = true
          FROM discuss_channel chat
         WHERE chat.channel_type = 'livechat'
           AND message.model = 'discuss.channel'
           AND message.res_id = chat.id
           AND message.message_type = 'comment'
           AND message.is_said_in_livechat IS NOT TRUE
        """
    )


def list_chats(text):
    """Return the statement that lists the ids of the chats in which all words of a text were said
    in one message; ``None`` if there is no word in it.

    :param str text: what somebody looks for, of any length.
    """
    text = re.sub(f"[{_MARKS}]+", " ", text[:TEXT_MAX])
    runs = re.findall(f"[{_HAN}]+|[^{_HAN}\\s]+", text)[:WORDS_MAX]
    if not runs:
        return None
    # Pairs do not say that they stand one after another.
    long = [run for run in runs if re.match(f"[{_HAN}]{{3}}", run)]
    in_order = SQL(" AND NOT EXISTS (SELECT FROM unnest(%s) run WHERE strpos(body, run) = 0)", long)
    # Served by mail_message_said_idx. Each chat once: of a word in every second of a million
    # messages half a million rows would be joined (0.42 → 0.28 s for the list, and as much
    # for the count of it).
    return SQL(
        """
        SELECT DISTINCT res_id
          FROM mail_message
         WHERE is_said_in_livechat
           AND %(words)s @@ to_tsquery('simple', %(query)s)%(in_order)s
        """,
        words=SQL(WORDS),
        query=" & ".join(term for run in runs for term in _list_terms(run)),
        in_order=in_order if long else SQL(),
    )


def _list_terms(run):
    """Yield what text search is asked for: nothing in it is an operator any more."""
    if not re.match(f"[{_HAN}]", run):
        yield f"'{run}'{':*' if len(run) >= _PREFIX_MIN else ''}"
    elif len(run) == 1:
        yield f"'{run}':*"
    else:
        for place in range(len(run) - 1):
            yield f"'{run[place : place + 2]}'"
