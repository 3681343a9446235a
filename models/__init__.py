# The rooms, in the order of the write layers: what is imported later lies over what is imported
# earlier and may call it, never the other way round. tests/pure/test_house.py holds this order.
# isort: off
from . import livechat_announcement
from . import livechat_field_mixin
from . import rights
from . import accounts
from . import groups
from . import channel
from . import figures
from . import changes
from . import decision
from . import waiting
from . import handover
from . import reception
from . import tickets
