import pytest

from tools import passwords

NAMES = ("flagship:desk1", "chen@example.com", "Flagship Store", "flagship")


@pytest.mark.parametrize(
    ("password", "weakness"),
    [
        ("", "short"),
        ("abc12", "short"),
        ("       a       ", "short"),
        ("aaaaaaaa", "row"),
        ("ababababab", "row"),
        ("12345678", "row"),
        ("87654321", "row"),
        ("1qaz2wsx", "row"),
        ("1q2w3e4r", "row"),
        ("qwertyuiop", "row"),
        ("abc123abc123", "row"),
        ("Qwerty123!@#", "row"),
        ("password", "common"),
        ("P@ssw0rd2026", "common"),
        ("Welcome123!", "common"),
        ("iloveyou99", "common"),
        ("woaini520520", "common"),
        ("PASSWORDPASSWORD", "common"),
        ("20261130", "common"),
        ("flagship:desk1", "own"),
        ("Flagship2026", "own"),
        ("1234Flagship", "own"),
        ("chen@example.com", "own"),
        ("desk-2026!", "own"),
        ("sesame-open", None),
        ("correct horse battery", None),
        ("reception-password", None),
        ("p" * 97 + "qrs", None),
        ("我们的小店很好看", None),
        ("x8#Lm2!vQz", None),
    ],
)
def test_what_is_guessed_first_is_weak(password, weakness):
    assert passwords.find_weakness(password, NAMES) == weakness


def test_a_long_password_takes_no_time():
    assert passwords.find_weakness("abcd" * 30_000, NAMES) == "row"
