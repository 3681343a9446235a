"""What the server says to itself in a context. Objects, because a browser can put any JSON in the
context but never these."""

# Under ``livechat_dispatch_preview``: the call just shows the widget to a buyer.
PREVIEW = object()

# Under ``livechat_ticket``: who gets the ticket that is being made is decided already.
DECIDED = object()

# Under ``livechat_draining``: the line is being served, what becomes free is given away already.
DRAINING = object()

# Under ``livechat_told_later``: what pages are told of the members of a chat is put together when
# it is sent.
TOLD_LATER = object()

# Under ``livechat_mending``: rights beyond the boundary are being taken away, one after another.
MENDING = object()
