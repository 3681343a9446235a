"""Ranges of network addresses, as people type them."""

import ipaddress
import re

RANGES_MAX = 50


def split(text: str | bool) -> list[str]:
    """Return the ranges of a text, which commas, semicolons, spaces or new lines part."""
    return [part for part in re.split(r"[\s,;，；、]+", text or "") if part]


def find_wrong(text: str | bool) -> str | None:
    """Return the first range that is none, ``None`` if all are."""
    for part in split(text):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            return part
    return None


def contain(text: str, address: str) -> bool:
    """Tell whether an address is in one of the ranges of a text that was found right."""
    try:
        place = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    place = getattr(place, "ipv4_mapped", None) or place
    networks = (ipaddress.ip_network(part, strict=False) for part in split(text))
    return any(place in network for network in networks)


def is_within(part: str, whole: str) -> bool:
    """Tell whether an address, or a range of some, lies in another range; both were found right."""
    part, whole = (ipaddress.ip_network(text, strict=False) for text in (part, whole))
    return part.version == whole.version and part.subnet_of(whole)
