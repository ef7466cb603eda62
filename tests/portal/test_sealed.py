"""What is sealed is read by the keys that count, and by nobody else."""

from __future__ import annotations

import pytest

from portal import sealed
from portal.sealed import Unreadable

OLD, NEW = "o" * 40, "n" * 40
TEXT = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=secret"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SEALING_KEYS = [OLD]
    return settings


def test_what_is_sealed_says_nothing_and_never_the_same_twice():
    first, second = (sealed.seal(TEXT, purpose="robot") for _ in range(2))
    assert first != second
    assert "secret" not in first
    assert sealed.unseal(first, purpose="robot") == TEXT


def test_another_purpose_or_a_changed_text_opens_nothing_and_is_not_repeated_in_the_error():
    kept = sealed.seal(TEXT, purpose="robot")
    for wrong, purpose in ((kept, "other"), (kept[:-8] + "AAAAAAA=", "robot"), ("x", "robot")):
        with pytest.raises(Unreadable) as refused:
            sealed.unseal(wrong, purpose=purpose)
        assert kept[10:30] not in str(refused.value)
        assert refused.value.__cause__ is None


def test_after_a_new_key_the_old_one_still_opens_until_it_is_taken_out(keys):
    kept = sealed.seal(TEXT, purpose="robot")
    keys.SEALING_KEYS = [NEW, OLD]
    assert sealed.unseal(kept, purpose="robot") == TEXT
    anew = sealed.sealed_anew(kept, purpose="robot")
    keys.SEALING_KEYS = [NEW]
    assert sealed.unseal(anew, purpose="robot") == TEXT
    with pytest.raises(Unreadable):
        sealed.unseal(kept, purpose="robot")
    with pytest.raises(Unreadable):
        sealed.sealed_anew(kept, purpose="robot")


def test_a_mark_finds_the_same_text_under_each_key(keys):
    [kept] = sealed.marks(TEXT, purpose="robot")
    keys.SEALING_KEYS = [NEW, OLD]
    assert kept in sealed.marks(TEXT, purpose="robot")
    assert kept not in sealed.marks(TEXT + "x", purpose="robot")
    assert kept not in sealed.marks(TEXT, purpose="other")
