"""How a name and what it is about, or several names, are put together in the reader's language.

The marks between them differ: English has ": " and ", ", Chinese "：" and "、".
"""

import re
from functools import reduce

from odoo.tools.i18n import format_list


def label(env, name, value):
    """Return a name with what it is about: "Language: French"."""
    return env._("%(name)s: %(value)s", name=name, value=value)


def join(env, names):
    """Return these names as one text: "Ann, Ben, and Cy"; empty without names."""
    return format_list(env, list(names))


def enumerate_parts(env, parts):
    """Return parts that may hold several names themselves as one text: "Ann, Ben; Least load"."""
    parts = [part for part in parts if part]
    return reduce(
        lambda first, second: env._("%(first)s; %(second)s", first=first, second=second),
        parts or [""],
    )


def name_choice(text):
    """Return the name of a choice that goes on with what it does: "Share: new chats in …"."""
    return re.split("[:：]", text, maxsplit=1)[0]
