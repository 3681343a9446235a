"""What is known about a buyer, and which dispatch group's scope fits: pure."""

from typing import NamedTuple


class Buyer(NamedTuple):
    """What is known about a buyer at the moment of a decision. What the browser says (the page)
    only chooses among groups; it opens nothing."""

    page: str = ""
    """Address of the page the buyer is on, at most 2000 characters."""
    product_id: int | None = None
    """``product.template`` id of the page's product."""
    category_ids: tuple[int, ...] = ()
    """``product.public.category`` ids of the page or of its product, parents included."""
    order_state: str | None = None
    """``none``, ``quotation``, ``to_ship``, ``shipped`` or ``return``; ``None``: not known."""
    lang: str | None = None
    """Code of the buyer's language, such as ``zh_CN``."""
    country_id: int | None = None
    partner_id: int | None = None
    """Who is signed in."""
    guest_id: int | None = None
    tag_ids: tuple[int, ...] = ()
    """``res.partner.category`` ids."""
