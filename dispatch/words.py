"""Codes that records keep, and what people read for them."""

RULES = [
    ("exclusive", "Appointed to this buyer"),
    ("sticky", "Answered this buyer last"),
    ("share", "Highest credit"),
    ("least_load", "Lowest load for the weight"),
    ("by_hand", "Chosen by a colleague"),
    ("offline", "Takes messages while nobody is here"),
    ("nobody", "Nobody could"),
    ("line", "Others wait in line before"),
]

ORDER_STATES = [
    ("none", "No order"),
    ("quotation", "Quotation"),
    ("to_ship", "To ship"),
    ("shipped", "Shipped"),
    ("return", "Return"),
]
