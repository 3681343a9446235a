from . import test_channel_settings
from . import test_dispatch
from . import test_get_session
from . import test_ledger
from . import test_native
from . import test_tours
from . import test_translations
from . import test_users
