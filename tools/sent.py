import re


def without_defaults(context):
    """Return a context that says nothing which nobody has checked."""
    return {key: value for key, value in context.items() if not key.startswith("default_")}


def is_record_id(value):
    """Tell whether this can be a record's id: PostgreSQL's are integers of 32 bits."""
    return type(value) is int and 0 < value < 2**31


def is_storable(text):
    """Tell whether PostgreSQL takes this text."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)
