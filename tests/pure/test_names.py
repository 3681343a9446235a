import pytest

from tools import names


@pytest.mark.parametrize(
    "text",
    ["flagship:desk1", "旗舰店:客服1", "чен", "müller@example.com", "A1中文", "ぎふ-kana", ""],
)
def test_plain_names(text):
    assert names.is_plain(text)


@pytest.mark.parametrize("text", ["p\u0430ypal", "\u03bfrder", "a\u200bb", "a\u202eb", "a\u00adb"])
def test_names_that_are_not_what_they_seem(text):
    assert not names.is_plain(text)


def test_names_are_folded_as_people_read_them():
    assert names.fold("Ｆｌａｇship:Desk1") == "flagship:desk1"
