"""Codes that records keep, and what people read for them."""

RULES = [
    ("exclusive", "Appointed to this buyer"),
    ("sticky", "Answered this buyer last"),
    ("share", "Next by share"),
    ("least_load", "Fewest chats for the weight"),
    ("by_hand", "Given or taken by hand"),
    ("offline", "Takes messages while nobody is here"),
    ("nobody", "Nobody was free"),
    ("line", "Others were in line before"),
]

ORDER_STATES = [
    ("none", "No order"),
    ("quotation", "Quotation"),
    ("to_ship", "To ship"),
    ("shipped", "Shipped"),
    ("return", "Return"),
]
