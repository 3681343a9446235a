"""How contact data looks to whoever may not see it: enough to recognise, too little to use."""

import re

# Begun nowhere but where a word begins: else a long name without an address would take a minute.
_ADDRESS = re.compile(r"(?<![^\s<>@,;:\"])([^\s<>@,;:\"]?)[^\s<>@,;:\"]*@")
_SHOWN_DIGITS = 2


def mask_addresses(text):
    """Return a text in which of each e-mail address the first letter and the domain are left."""
    return _ADDRESS.sub(r"\1***@", text) if isinstance(text, str) else text


def mask(value):
    """Return an e-mail address as ``a***@example.com``, a phone number as ``***78``, all else that
    is a text as ``***``; what is empty stays empty."""
    if not value or not isinstance(value, str):
        return value
    if "@" in value:
        return mask_addresses(value)
    digits = re.sub(r"\D", "", value)
    return f"***{digits[-_SHOWN_DIGITS:] if len(digits) > 2 * _SHOWN_DIGITS else ''}"
