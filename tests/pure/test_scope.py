import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.scope import (
    KINDS,
    PATTERN_SIZE_MAX,
    Buyer,
    Scope,
    find_claimed_twice,
    find_group,
    get_closeness,
    measure_pattern,
    rate_languages,
)

BUYER = Buyer(
    page="https://shop.example.com/shop/kettle-12",
    product_id=12,
    category_ids=(3, 4),
    category_depths=(1, 2),
    order_state="to_ship",
    lang="zh_CN",
    country_id=44,
    partner_id=7,
    tag_ids=(5,),
)
PAGES = frozenset({"/shop/"})
# A value of each kind that is true of the buyer.
TRUE = {
    "product": 12,
    "category": 3,
    "page": "/shop/",
    "order_state": "to_ship",
    "tag": 5,
    "lang": "zh_CN",
    "country": 44,
    "visitor": "signed_in",
}


def make_scope(group_id, sequence=10, **values):
    return Scope(
        group_id,
        sequence,
        tuple(
            (kind, frozenset(found if isinstance(found, (list, tuple)) else [found]))
            for kind, found in values.items()
        ),
    )


def find(*scopes, buyer=BUYER):
    return find_group(scopes, buyer, PAGES)


def test_lines_of_one_kind_are_alternatives():
    assert find(make_scope(1, lang=["fr_FR", "zh_CN"])) == 1
    assert find(make_scope(1, lang=["fr_FR", "de_DE"])) is None


def test_every_kind_has_to_fit():
    assert find(make_scope(1, lang="zh_CN", country=44)) == 1
    assert find(make_scope(1, lang="zh_CN", country=45)) is None


def test_each_kind_is_true_of_the_buyer_and_false_of_a_stranger():
    stranger = Buyer()
    for kind, value in TRUE.items():
        assert find(make_scope(1, **{kind: value})) == 1, kind
        assert find_group([make_scope(1, **{kind: value})], stranger) is None, kind
    assert find_group([make_scope(1, visitor="guest")], stranger) == 1
    assert find(make_scope(1, visitor="guest")) is None


def test_a_group_without_scope_gets_nobody():
    assert find(make_scope(1)) is None


def test_the_more_specific_kind_wins_whatever_else_the_other_asks():
    for better, worse in zip(KINDS, KINDS[1:]):
        scopes = [
            make_scope(1, 1, **{kind: TRUE[kind] for kind in KINDS[KINDS.index(worse) :]}),
            make_scope(2, 2, **{better: TRUE[better]}),
        ]
        assert find(*scopes) == 2, (better, worse)


def test_more_kinds_win_over_fewer_when_the_first_ones_are_the_same():
    plain, country = make_scope(1, 1, product=12), make_scope(1, 1, product=12, country=44)
    assert find(plain, make_scope(2, 2, product=12, visitor="signed_in")) == 2
    assert find(country, make_scope(2, 2, product=12, tag=5)) == 2


def test_the_deeper_category_wins_then_the_sequence_then_the_older_group():
    assert find(make_scope(1, 1, category=3), make_scope(2, 2, category=4)) == 2
    assert find(make_scope(1, 2, lang="zh_CN"), make_scope(2, 1, lang="zh_CN")) == 2
    assert find(make_scope(2, 1, lang="zh_CN"), make_scope(1, 1, lang="zh_CN")) == 1


def test_groups_claim_the_same_buyers_only_with_the_same_kinds_and_a_value_of_each():
    both = make_scope(1, lang=["zh_CN", "fr_FR"], country=44)
    assert find_claimed_twice([both, make_scope(2, lang="zh_CN")]) is None
    assert find_claimed_twice([both, make_scope(2, lang="de_DE", country=44)]) is None
    assert find_claimed_twice([make_scope(1), make_scope(2)]) is None
    first, second, shared = find_claimed_twice([both, make_scope(2, lang="fr_FR", country=44)])
    assert (first.group_id, second.group_id) == (1, 2)
    assert shared == {"lang": "fr_FR", "country": 44}


kind_values = st.fixed_dictionaries(
    {},
    optional={
        "product": st.sets(st.integers(12, 14), min_size=1),
        "lang": st.sets(st.sampled_from(["zh_CN", "fr_FR"]), min_size=1),
        "country": st.sets(st.integers(43, 45), min_size=1),
        "visitor": st.sets(st.sampled_from(["guest", "signed_in"]), min_size=1),
    },
)
buyers = st.builds(
    Buyer,
    product_id=st.integers(12, 14) | st.none(),
    lang=st.sampled_from(["zh_CN", "fr_FR"]) | st.none(),
    country_id=st.integers(43, 45) | st.none(),
    partner_id=st.just(7) | st.none(),
)


@given(st.lists(kind_values, max_size=8), buyers, st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_and_fits_the_buyer(many, buyer, random):
    scopes = [
        make_scope(number, 10, **{kind: tuple(found) for kind, found in values.items()})
        for number, values in enumerate(many, 1)
    ]
    chosen = find_group(scopes, buyer)
    shuffled = list(scopes)
    random.shuffle(shuffled)
    assert find_group(shuffled, buyer) == chosen
    truths = {
        "product": buyer.product_id,
        "lang": buyer.lang,
        "country": buyer.country_id,
        "visitor": "signed_in" if buyer.partner_id else "guest",
    }
    fitting = [
        scope.group_id
        for scope in scopes
        if scope.values and all(truths[kind] in found for kind, found in scope.values)
    ]
    assert (chosen in fitting) if fitting else chosen is None


@given(st.lists(kind_values, max_size=6), buyers)
def test_without_double_claims_no_buyer_fits_two_groups_of_the_same_kinds(many, buyer):
    scopes = [
        make_scope(number, 10, **{kind: tuple(found) for kind, found in values.items()})
        for number, values in enumerate(many, 1)
    ]
    if find_claimed_twice(scopes):
        return
    fitting = [
        frozenset(dict(scope.values)) for scope in scopes if find_group([scope], buyer) is not None
    ]
    assert len(fitting) == len(set(fitting))


# --- page addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("", 0),
        ("/shop", 5),
        (r"\{2}\\", 4),
        ("[[:alpha:]]{3}[]a]{2}[^]a\\]]", 6),
        ("a{x", 3),
        ("(ab){3}", 6),
        ("((a{5}){2}b{3,4}){10}", 140),
        ("a{7,}", 7),
        # What may be left out.
        ("a?", 9),
        ("(ab)*", 10),
        ("a{0,3}", 11),
        ("(a|)(|b)", 18),
        # Edges: once, between words, repeated.
        ("^a$", 17),
        (r"\ya", 151),
        ("(^a){2}", 418),
        # Looking around: everything else ten times for each.
        ("^(?!/a)b", 110),
        ("(?=a)(?=b)", 40),
        ("(?=a(?=b))", math.inf),
        (r"(a)\1", math.inf),
        ("(?i)a", math.inf),
        # Not valid, which PostgreSQL says.
        ("(", 0),
        (")]}", 3),
    ],
)
def test_size_of_a_pattern(pattern, size):
    assert measure_pattern(pattern) == size


@pytest.mark.parametrize(
    "pattern",
    [
        r"^https?://(www\.)?shop\.example\.com/(fr|de|nl|es)?/refunds?(/[0-9]{1,10})?([?#]|$)",
        r"^(?!.*/admin/).*/shop/[\w-]+-\d+$",
        "(?!.*/blog/)(?!.*/help/)/shop",
        "|".join(f"^/page-{number}$" for number in range(20)),
        "x" * 500,
        "(/[^/]+)+/returns",
    ],
)
def test_what_shops_write_is_small(pattern):
    assert measure_pattern(pattern) <= PATTERN_SIZE_MAX


@given(st.text(alphabet="ab/.*+?{}(),|[]^$\\123=!<:", max_size=60))
def test_whatever_is_written_has_a_size_and_more_of_it_is_not_smaller(pattern):
    size = measure_pattern(pattern)
    assert size >= 0
    assert measure_pattern(f"(?:{pattern}){{3}}") >= size


# ------------------------------------------------------------------------------------ languages


@pytest.mark.parametrize(
    ("wanted", "spoken", "closeness"),
    [
        ("zh-CN", "zh_CN", 3),
        ("ZH-cn", "zh_CN", 3),
        ("zh-Hans-CN", "zh_CN", 3),
        ("zh-TW", "zh_CN", 1),
        ("zh-TW", "en_US", 0),
        ("zh-HK", "zh_TW", 2),
        ("zh-HK", "zh_CN", 1),
        ("zh-Hant", "zh_TW", 2),
        ("zh", "zh_CN", 2),
        ("en-US", "en_GB", 2),
        ("en", "en_US", 2),
        ("es-MX", "es_419", 2),
        ("es-419", "es_419", 3),
        ("sr-Latn", "sr@latin", 3),
        ("sr", "sr@Cyrl", 3),
        ("sr-Latn-RS", "sr@Cyrl", 1),
        ("pt-BR", "pt_PT", 2),
        ("de", "den", 0),
        ("*", "en_US", 0),
        ("", "en_US", 0),
        ("en_US", "", 0),
        ("e\0n", "en_US", 0),
        ("en" + "-xx" * 1000, "en_US", 0),
        ("中文", "zh_CN", 0),
    ],
)
def test_variants_of_a_language_are_close_and_other_languages_are_not(wanted, spoken, closeness):
    assert get_closeness(wanted, spoken) == closeness


def test_any_variant_of_the_buyers_language_goes_before_whatever_else_the_buyer_reads():
    buyer = Buyer(lang="zh_TW", other_langs=("en_US", "fr_FR", "de_DE", "it_IT", "zh_CN"))
    langs = ("it_IT", "de_DE", "fr_FR", "en_GB", "zh_CN", "zh_HK", "zh_TW", "ja_JP")
    rates = rate_languages(buyer, langs)
    assert sorted(rates, key=rates.get, reverse=True)[:4] == ["zh_TW", "zh_HK", "zh_CN", "en_GB"]
    assert min(rates.values()) == 1
    assert max(rates.values()) == 7
    assert "ja_JP" not in rates
    assert rate_languages(Buyer(), langs) == {}


def test_a_variant_of_the_language_is_enough_and_the_closest_wins():
    chinese, english = make_scope(1, lang="zh_CN"), make_scope(2, lang="en_US", sequence=1)
    reader = Buyer(lang="zh_TW", other_langs=("en_US",))
    assert find(chinese, english, buyer=reader) == 1
    assert find(english, buyer=reader) == 2
    assert find(chinese, english, buyer=Buyer(lang="en_GB")) == 2
    assert find(chinese, make_scope(3, lang="zh_TW", sequence=99), buyer=reader) == 3
    # The closest is somebody else's as long as the rest of the scope does not fit.
    elsewhere = make_scope(4, lang="zh_TW", country=44)
    assert find(chinese, elsewhere, buyer=reader) == 1
    assert find(chinese, elsewhere, buyer=reader._replace(country_id=44)) == 4
    assert find(chinese, english, buyer=Buyer(lang="fr_FR")) is None
