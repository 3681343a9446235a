"""Which passwords are tried first by whoever guesses them."""

import re
import unicodedata

LENGTH_MIN = 8

# What people take for a password, bare of the digits and signs that they put around it. Of the most
# common passwords all others are rows of keys or too short.
_COMMON = frozenset(
    """
    access admin administrator alexander amanda america andrea andrew angel apple arsenal asdf
    ashley august autumn babygirl barcelona baseball basketball batman biteme butterfly changeme
    charlie cheese chelsea chocolate christian computer cookie corvette customer dallas daniel
    database december default desktop diamond dragon eminem facebook falcon ferrari flower football
    forever freedom friend friends fuckyou george ginger google guest guitar hammer hannah harley
    hello hellokitty helpdesk heather hunter iloveu iloveyou internet jasmine jennifer jessica
    jesus jordan joshua justin killer king letmein liverpool livechat login london love lovely
    loveme lover maggie manager marina market master matrix matthew maverick merlin michael
    michelle microsoft mercedes monday monkey mother mustang mynoob naruto nicole nintendo ninja
    november october odoo office onlineshop orange pass passw passwd password passwort patrick
    pepper phoenix pokemon porsche princess public purple qwer qwert qwerty rachel ranger reception
    robert rockyou root samantha samsung secret september service shadow shop silver slipknot
    snoopy soccer spiderman spring starwars store summer sunday sunshine superman superuser support
    system taobao tmall jingdong jd alibaba alipay wechat weixin temp temppass tempo test testing
    tester thomas thunder tigger tomorrow trustno unknown user vanessa victoria welcome whatever
    william winner winter woaini woaiwojia woaini yankees zhang zhangsan lisi wangwu mima kefu
    dianpu huanying nihao aini xiaoming wodemima yamaha yellow
    """.split()
)

# How the keys stand, and what people count by; in both directions.
_ROWS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "!@#$%^&*()",
    "147258369",
)
_ROWS += tuple(row[::-1] for row in _ROWS)
_ROW_LENGTH = max(map(len, _ROWS))

# Of a password of any length; longer ones come from no person.
_LOOKED_AT = 256

# Signs and digits that stand for a letter.
_LETTERS = str.maketrans("0134578@$!", "oieastbasi")


def find_weakness(password: str, names=()) -> str | None:
    """Return why a password is guessed easily: ``short``, ``common``, ``own`` or ``row``; ``None``
    if it is not.

    :param names: what everybody knows of the account: logins, addresses, names of the shop.
    """
    if len(password.strip()) < LENGTH_MIN:
        return "short"
    text = unicodedata.normalize("NFKC", password).casefold().strip()
    if len(set(text)) <= 3 or _is_of_rows(text[:_LOOKED_AT]):
        return "row"
    bare = _bare(text)
    cores = {bare, _bare(bare.translate(_LETTERS)), _bare(text.translate(_LETTERS))}
    if any(_is_common(core) for core in cores):
        return "common"
    for name in filter(None, names):
        name = unicodedata.normalize("NFKC", name).casefold().strip()
        parts = {_bare(part) for part in (name, *re.split(r"[\W_]+", name))}
        if text in (name, name[::-1]) or cores & {part for part in parts if len(part) > 2}:
            return "own"
    return None


def _bare(text):
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)


def _is_common(core):
    if not core or core in _COMMON:
        return True
    # Twice the same word.
    half = len(core) // 2
    return core[:half] == core[half:] and core[:half] in _COMMON


def _is_of_rows(text):
    """Tell whether a text is nothing but rows of three or more keys."""
    place = 0
    while place < len(text):
        length = max(
            (
                length
                for length in range(3, min(_ROW_LENGTH, len(text) - place) + 1)
                if any(text[place : place + length] in row for row in _ROWS)
            ),
            default=0,
        )
        if not length:
            return False
        place += length
    return True
