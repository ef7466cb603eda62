"""Canonical forms: written by hand for speed, and always what a JSON encoder would write."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from credits import digests

TEXT = st.text(max_size=12)  # with quotes, backslashes, controls and everything beyond ASCII
WHOLE = st.integers(-(10**6), 10**6)
MOMENT = st.none() | st.datetimes(timezones=st.just(UTC))
LINE = {
    "programme": TEXT, "book": TEXT, "kind": TEXT, "key": TEXT, "revision": WHOLE, "line": WHOLE,
    "member": TEXT, "home": TEXT, "form": TEXT, "period": TEXT, "content": TEXT,
    "day": st.dates(), "minutes": WHOLE, "start": MOMENT, "end": MOMENT, "hours": WHOLE,
    "rules": WHOLE, "reverses": TEXT,
}  # fmt: skip
POSTING = {
    "previous": TEXT, "programme": TEXT, "book": TEXT, "sequence": WHOLE, "kind": TEXT,
    "key": TEXT, "revision": WHOLE, "asked": TEXT, "reason": TEXT, "by": TEXT,
    "at": st.datetimes(timezones=st.just(UTC)),
}  # fmt: skip


def written(value):
    """A value as the encoder gets it: days and moments in their one written form."""
    if isinstance(value, datetime):
        return digests.moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


def encoded(parts):
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.fixed_dictionaries(LINE))
def test_a_lines_check_value_is_that_of_its_json_list(line):
    form = encoded([written(line[name]) for name in LINE])

    assert digests.check_value(**line) == hashlib.sha256(form).hexdigest()[:32]


@given(st.fixed_dictionaries(POSTING), st.lists(TEXT, max_size=5), st.sampled_from(["", "sm3"]))
def test_a_postings_digest_is_that_of_its_json_list_with_all_check_values(posting, checks, name):
    form = encoded([*(written(posting[name]) for name in POSTING), len(checks), *checks])
    digest = hashlib.new(name or "sha256", form).hexdigest()

    assert digests.posting_digest(**posting, checks=checks, name=name) == (
        f"{name or 'sha256'}:{digest}"
    )


def test_the_form_that_stands_in_every_ledger_is_still_this_one():
    """Written down once: whoever changes the canonical form makes every ledger invalid."""
    check = digests.check_value(
        programme="dsxx-2021", book="YL-QC-1", kind="session", key="s1", revision=1, line=1,
        member="m1", home="YL-QC-1", form="seminar", period="reform", content="",
        day=date(2021, 6, 3), minutes=90, start=datetime(2021, 6, 3, 1, tzinfo=UTC),
        end=datetime(2021, 6, 3, 2, 30, tzinfo=UTC), hours=200, rules=1, reverses="",
    )  # fmt: skip

    assert (
        check
        == hashlib.sha256(
            b'["dsxx-2021","YL-QC-1","session","s1",1,1,"m1","YL-QC-1","seminar","reform","",'
            b'"2021-06-03",90,"2021-06-03T01:00:00.000000Z","2021-06-03T02:30:00.000000Z",200,1,""]'
        ).hexdigest()[:32]
    )
