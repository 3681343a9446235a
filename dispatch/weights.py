"""The weight of an agent, and how many chats it may have: what they may be."""

WEIGHT_DEFAULT = 100
WEIGHT_MIN = 10
WEIGHT_MAX = 1000

# Nobody has more chats than these at the same time.
CHATS_MAX = 10_000
