"""How a name and what it is about, or several names, are put together in the reader's language.

The marks between them differ: English has ": " and ", ", Chinese "：" and "、".
"""

import re
from functools import reduce

from odoo.tools.i18n import format_list
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

# What people read in the place of a name where records are grouped by a field that is empty
# (``falsy_value_label``), instead of core's "None".
NOBODY = _lt("Nobody")
ALL_GROUPS = _lt("All groups")
NO_CHANNEL = _lt("No channel")
NO_MAIN_ACCOUNT = _lt("No main account")
OTHER_BUYERS = _lt("All other buyers")
NO_AGENT = _lt("No agent")
NO_AGENT_CHOSEN = _lt("No agent chosen")
NO_ADDRESS = _lt("No address")
NO_GROUP_ABOVE = _lt("No group above")
NO_OUTCOME = _lt("No outcome yet")
NO_RATING = _lt("No rating")
NO_REASON = _lt("No reason given")
NO_ROLE = _lt("No role")
SERVER = _lt("The server")
NOT_DISPATCHED = _lt("Not with dispatch")


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
