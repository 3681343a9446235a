"""What is known about a buyer, and which dispatch group's scope fits: pure."""

import functools
import math
import re
from typing import NamedTuple

# What a scope can ask about, the most specific first.
KINDS = ("product", "category", "page", "order_state", "tag", "lang", "country", "visitor")
_RANKS = {kind: len(KINDS) - index for index, kind in enumerate(KINDS)}

GUEST = "guest"
SIGNED_IN = "signed_in"
PAGE_LENGTH_MAX = 2000

# The most that `measure_pattern` may say of a pattern that is matched with buyers' pages.
PATTERN_SIZE_MAX = 1000
# What no pattern has in it: a back reference, for which the engine goes back, or an option.
FORBIDDEN = re.compile(r"^\*\*\*|^\(\?[a-z]|(?<!\\)(?:\\\\)*\\[1-9]")
# What counts as more than one place. PostgreSQL's engine links every place with all those that can
# be reached from it without a character: over one that may be left out, over an edge, and along all
# the ways there are around an edge that is repeated. It looks around anew at every character.
_LEFT_OUT = 8
_EDGE = 8
_WORD_EDGE = 150
_REPEATED_EDGE = 200
_LOOKING_AROUND = 10
_EDGES = {
    **dict.fromkeys(("^", "$", r"\A", r"\Z"), _EDGE),
    **dict.fromkeys((r"\m", r"\M", r"\y", r"\Y"), _WORD_EDGE),
}
_TOKEN = re.compile(
    r"""
    \\.
    | \[\^?\]? (?: \\. | \[([:.=]).*?\1\] | [^\]\\] )* \]
    | \( (?: \? (?: [:=!] | <[=!] ) )?
    | [*+?] \??
    | \{ (?P<low>\d+) ,? (?P<high>\d*) \} \??
    | .
    """,
    re.DOTALL | re.VERBOSE,
)

#: The domain of a buyer who is in the chat still, of ``im_livechat.channel.member.history``: of who
#: has left, or was deleted, the history stays.
IS_IN_CHAT = (("livechat_member_type", "=", "visitor"), ("member_id", "!=", False))


class Buyer(NamedTuple):
    """What is known about a buyer at the moment of a decision. What the browser says (the page)
    only chooses among groups; it opens nothing."""

    page: str = ""
    """Address of the page the buyer is on, at most 2000 characters."""
    product_id: int | None = None
    """``product.template`` id of the page's product."""
    category_ids: tuple[int, ...] = ()
    """``product.public.category`` ids of the page or of its product, parents included."""
    order_state: str | None = None
    """``none``, ``quotation``, ``to_ship``, ``shipped`` or ``return``; ``None``: not known."""
    lang: str | None = None
    """Code of the buyer's language, such as ``zh_CN``."""
    country_id: int | None = None
    partner_id: int | None = None
    """Who is signed in."""
    guest_id: int | None = None
    tag_ids: tuple[int, ...] = ()
    """``res.partner.category`` ids."""
    category_depths: tuple[int, ...] = ()
    """How deep in the tree each of ``category_ids`` is; 0 where nothing is said."""
    other_langs: tuple[str, ...] = ()
    """What the buyer reads as well, the best first."""
    wished_group_id: int | None = None
    """The group whose lamp the buyer has clicked, as its browser says."""


class Scope(NamedTuple):
    """What one dispatch group receives."""

    group_id: int
    sequence: int
    values: tuple[tuple[str, frozenset], ...]
    """``(kind, values)``: one of the values of each kind must be true of the buyer. A page's value
    is its pattern."""
    has_lamp: bool = False
    """Whether buyers may ask for the group themselves."""


def clean_page(page) -> str:
    """Return an address that a browser said as PostgreSQL takes it; nothing for what is no text."""
    if not isinstance(page, str):
        return ""
    page = page[:PAGE_LENGTH_MAX].replace("\0", "")
    return page.encode("utf-8", "ignore").decode()


def find_group(scopes, buyer, pages=frozenset()):
    """Return the id of the group that the buyer asks for and may, else of the one with the most
    specific scope that fits, or ``None``.

    Most specific is the scope with the most specific kind; at a tie the next kind decides, and
    more kinds win over fewer. Then the closer language wins, then the deeper product category,
    then the smaller sequence, then the smaller id.

    :param scopes: iterable of ``Scope``.
    :param pages: the patterns that match the buyer's page; the caller has asked PostgreSQL.
    """
    if any(scope.has_lamp and scope.group_id == buyer.wished_group_id for scope in scopes):
        return buyer.wished_group_id
    known = _describe(buyer, pages)
    known["lang"] = rate_languages(
        buyer, {lang for scope in scopes for lang in dict(scope.values).get("lang", ())}
    )
    fitting = [scope for scope in scopes if _fits(scope, known)]
    if not fitting:
        return None
    return min(fitting, key=lambda scope: _rank(scope, buyer, known["lang"])).group_id


def find_claimed_twice(scopes):
    """Return the first two scopes that one buyer could fit equally specifically, with a value of
    each kind that they share, or ``None``.

    :rtype: tuple[Scope, Scope, dict]
    """
    by_kinds = {}
    for scope in scopes:
        if not scope.values:
            continue
        values = dict(scope.values)
        others = by_kinds.setdefault(frozenset(values), [])
        for other in others:
            shared = {kind: values[kind] & found for kind, found in other.values}
            if all(shared.values()):
                return other, scope, {kind: min(found) for kind, found in shared.items()}
        others.append(scope)
    return None


def _describe(buyer, pages):
    """Return what is true of a buyer, as a set of values for each kind."""
    return {
        "product": {buyer.product_id} - {None},
        "category": set(buyer.category_ids),
        "page": set(pages),
        "order_state": {buyer.order_state} - {None},
        "tag": set(buyer.tag_ids),
        "country": {buyer.country_id} - {None},
        "visitor": {SIGNED_IN if buyer.partner_id else GUEST},
    }


def _fits(scope, known):
    return bool(scope.values) and all(
        not values.isdisjoint(known[kind]) for kind, values in scope.values
    )


def _rank(scope, buyer, langs):
    """Return what sorts the scopes that fit: smaller is more specific."""
    kinds = sorted((-_RANKS[kind] for kind, _values in scope.values))
    # The end of a shorter list sorts after whatever a longer one has there.
    kinds.append(0)
    closest = max((langs.get(lang, 0) for lang in dict(scope.values).get("lang", ())), default=0)
    return kinds, -closest, -_get_depth(scope, buyer), scope.sequence, scope.group_id


def _get_depth(scope, buyer):
    depths = dict(zip(buyer.category_ids, buyer.category_depths))
    categories = dict(scope.values).get("category", ())
    return max((depths.get(category, 0) for category in categories), default=0)


# --------------------------------------------------------------------------- languages

# A language as a page, a browser or Odoo names it: zh-CN, zh-Hant-TW, es_419, sr@latin.
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_@][a-zA-Z0-9]{2,8})*")
LANGUAGE_LENGTH_MAX = 35
# In which script a language is written where its name does not say so.
_SCRIPTS = {"zh": "hans", "zh_tw": "hant", "zh_hk": "hant", "zh_mo": "hant", "sr": "cyrl"}
_SCRIPT_NAMES = {"latin": "latn", "cyrillic": "cyrl"}

# So close is a language to itself; one of another country, or in another script, is less.
_SAME, _OTHER_COUNTRY, _OTHER_SCRIPT = 3, 2, 1
#: The closest that :func:`rate_languages` says.
RATE_MAX = 7


@functools.lru_cache(maxsize=4096)
def _read_language(name):
    """Return language, script and country of a name; ``None`` for what names no language."""
    if len(name) > LANGUAGE_LENGTH_MAX or not _LANGUAGE.fullmatch(name):
        return None
    language, *parts = re.split("[-_@]", name.lower())
    country = next((part for part in parts if len(part) == 2 or part.isdigit()), "")
    usual = _SCRIPTS.get(f"{language}_{country}") or _SCRIPTS.get(language, "")
    script = next((part for part in parts if part.isalpha() and len(part) > 3), usual)
    return language, _SCRIPT_NAMES.get(script, script), country


@functools.lru_cache(maxsize=2**15)
def get_closeness(wanted, spoken) -> int:
    """Return how close one language is to another, 0 to 3; 0 for another language altogether.

    :param wanted: the name of a language, whatever a browser made of it, and so is ``spoken``.
    """
    wanted, spoken = _read_language(wanted), _read_language(spoken)
    if not wanted or not spoken or wanted[0] != spoken[0]:
        return 0
    if wanted[1] != spoken[1]:
        return _OTHER_SCRIPT
    return _SAME if wanted[2] == spoken[2] else _OTHER_COUNTRY


def rate_languages(buyer, langs) -> dict[str, int]:
    """Return how well each of these languages suits a buyer, 1 to ``RATE_MAX``, without those that
    do not: any variant of the buyer's language before whatever else the buyer reads."""
    rates = {}
    for lang in langs if buyer.lang else ():
        closeness = get_closeness(buyer.lang or "", lang)
        place = next(
            (place for place, other in enumerate(buyer.other_langs) if get_closeness(other, lang)),
            None,
        )
        if closeness:
            rates[lang] = RATE_MAX - _SAME + closeness
        elif place is not None:
            rates[lang] = max(1, _SAME - place)
    return rates


# --------------------------------------------------------------------------- page addresses


@functools.lru_cache(maxsize=4096)
def measure_pattern(pattern):
    """Return how large PostgreSQL's engine makes a regular expression, in places.

    The engine writes repetitions out: ``(a{1,100}){1,100}`` has 10,000 places. It does not go back,
    so the work of matching is bounded by the places and the length of the address, whatever the
    address is. Infinitely large is what is forbidden, and what looks around while it looks around.

    :rtype: float
    """
    if FORBIDDEN.search(pattern):
        return math.inf
    size = edges = last_size = last_edges = depth = looks = 0
    before, outer = "(", []
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text[0] == "(":
            is_look = text[-1] in "=!"
            depth += is_look
            looks += is_look
            if depth > 1:
                return math.inf
            outer.append((size, edges, is_look))
            size = edges = 0
        elif text == ")" and outer:
            last_size = size + (_LEFT_OUT if before in "(|" else 0)
            outer_size, outer_edges, is_look = outer.pop()
            depth -= is_look
            last_edges = edges + is_look
            size, edges = outer_size + last_size, outer_edges + last_edges
        elif text == "|":
            size += _LEFT_OUT if before in "(|" else 0
        elif text[0] in "*+?" or token["low"]:
            low = int(token["low"]) if token["low"] else int(text[0] == "+")
            times = max(1, low, int(token["high"] or 0))
            more = last_size * (times - 1) + _REPEATED_EDGE * last_edges * times
            more += 0 if low else _LEFT_OUT
            size, edges = size + more, edges + last_edges * (times - 1)
            last_size, last_edges = last_size + more, last_edges * times
        else:
            last_size, last_edges = _EDGES.get(text, 1), int(text in _EDGES)
            size, edges = size + last_size, edges + last_edges
        before = text[0]
    return size * max(1, _LOOKING_AROUND * looks)
