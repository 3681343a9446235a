"""How people read and write a login, an address or a number, which is not how a computer compares
it."""

import re
import unicodedata

# Alphabets whose letters look alike. Chinese, Japanese, Korean and digits go with any of them.
_ALIKE = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LATIN"})


def fold(text):
    """Return a text as people read it: large and small letters, and the wide ones of Chinese, are
    the same."""
    return unicodedata.normalize("NFKC", text).casefold()


def fold_typed(text):
    """Return what somebody typed or pasted into a field, in the digits and signs that every
    keyboard has: other digits, letters of full width and dashes become those, and marks of
    direction, which nobody sees, are gone."""
    folded = []
    for sign in unicodedata.normalize("NFKC", text):
        match unicodedata.category(sign):
            case "Nd":
                folded.append(str(unicodedata.decimal(sign)))
            case "Pd":
                folded.append("-")
            case "Cf":
                continue
            case _:
                folded.append(sign)
    return "".join(folded)


def is_plain(text):
    """Tell whether a text is what it seems: without letters that nobody sees, and without words of
    two alphabets."""
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Cn") for letter in text):
        return False
    for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", text)):
        alphabets = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        if len(alphabets & _ALIKE) > 1:
            return False
    return True


def say_in_one_line(text):
    """Return a text as the subject of a mail, which has no line breaks; names may have some."""
    return " ".join(text.split())
