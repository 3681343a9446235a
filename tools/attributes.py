"""What fields say of themselves, beside what Odoo knows of fields.

``frees_seats``
    Another value may give an agent to somebody who waits.
``shown``
    The part of open pages that shows it, or several: see ``livechat.announcement``.
``logged``
    A change leaves a row in the log of changes. ``"each"``: a row for each agent who comes or goes.
    The name of another field: it is told by that one's row.
``shop_may_set``
    The people of a shop may set it of what is theirs.
"""

ATTRIBUTES = frozenset({"frees_seats", "logged", "shop_may_set", "shown"})

#: What may be said of a field of core that stays core's: also what its groups are called where it
#: is empty, in words of :mod:`phrase`.
SAID_OF_CORE = ATTRIBUTES | {"falsy_value_label"}

#: What a setting of a shop says that may give a seat to somebody who waits.
SETTING = {"frees_seats": True, "logged": True, "shop_may_set": True}


def leave_to_core(definition):
    """Let a field that another module has made stay that module's, where this extension of the
    model says nothing of it but attributes: its labels are not ours to translate, nor is the field
    ours to remove."""
    for field in definition._field_definitions:
        if field._args__ and field._args__.keys() <= SAID_OF_CORE:
            field._module = None
    return definition
