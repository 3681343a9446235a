import pytest

from tools import addresses


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", None),
        (False, None),
        ("192.0.2.1", None),
        ("192.0.2.0/24, 2001:db8::/32", None),
        ("192.0.2.7/24；10.0.0.0/8", None),
        ("192.0.2.0/33", "192.0.2.0/33"),
        ("10.0.0.0/8 office", "office"),
        ("12", "12"),
        ("192.0.2", "192.0.2"),
    ],
)
def test_what_is_no_range_is_named(text, wrong):
    assert addresses.find_wrong(text) == wrong


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.200", True),
        ("192.0.3.1", False),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::7", True),
        ("2001:db8::7%eth0", True),
        ("2001:db9::7", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_an_address_is_inside_or_not(address, inside):
    assert addresses.contain("192.0.2.7/24, 2001:db8::/32", address) is inside
