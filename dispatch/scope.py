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


class Scope(NamedTuple):
    """What one dispatch group receives."""

    group_id: int
    sequence: int
    values: tuple[tuple[str, frozenset], ...]
    """``(kind, values)``: one of the values of each kind must be true of the buyer. A page's value
    is its pattern."""


def clean_page(page) -> str:
    """Return an address that a browser said as PostgreSQL takes it; nothing for what is no text."""
    if not isinstance(page, str):
        return ""
    page = page[:PAGE_LENGTH_MAX].replace("\0", "")
    return page.encode("utf-8", "ignore").decode()


def find_group(scopes, buyer, pages=frozenset()):
    """Return the id of the group with the most specific scope that fits, or ``None``.

    Most specific is the scope with the most specific kind; at a tie the next kind decides, and
    more kinds win over fewer. Then the deeper product category wins, then the smaller sequence,
    then the smaller id.

    :param scopes: iterable of ``Scope``.
    :param pages: the patterns that match the buyer's page; the caller has asked PostgreSQL.
    """
    known = _describe(buyer, pages)
    fitting = [scope for scope in scopes if _fits(scope, known)]
    if not fitting:
        return None
    return min(fitting, key=lambda scope: _rank(scope, buyer)).group_id


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
        "lang": {buyer.lang} - {None},
        "country": {buyer.country_id} - {None},
        "visitor": {SIGNED_IN if buyer.partner_id else GUEST},
    }


def _fits(scope, known):
    return bool(scope.values) and all(known[kind] & values for kind, values in scope.values)


def _rank(scope, buyer):
    """Return what sorts the scopes that fit: smaller is more specific."""
    kinds = sorted((-_RANKS[kind] for kind, _values in scope.values))
    # The end of a shorter list sorts after whatever a longer one has there.
    kinds.append(0)
    return kinds, -_get_depth(scope, buyer), scope.sequence, scope.group_id


def _get_depth(scope, buyer):
    depths = dict(zip(buyer.category_ids, buyer.category_depths))
    categories = dict(scope.values).get("category", ())
    return max((depths.get(category, 0) for category in categories), default=0)


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
