from . import (
    test_channel_settings,
    test_demo,
    test_dispatch,
    test_get_session,
    test_ledger,
    test_native,
    test_role,
    test_security,
    test_subaccount,
    test_tours,
    test_translations,
    test_users,
)
