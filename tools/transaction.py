"""What a transaction remembers."""


def notes(cr) -> dict:
    """Return what this transaction remembers until it is committed or rolled back as a whole.

    That is ``cr.postcommit.data``. ``cr.precommit.data`` and ``cr.cache`` are emptied by whoever
    makes a savepoint meanwhile, or has the cursor flushed.
    """
    return cr.postcommit.data
