"""Mistake 26: no person's shortfall, and no named member outside the scope, in anything answered.

Every address, inside and outside, is opened by everybody; pages, spreadsheets and file names are
read as text. One person's shortfall is a number that occurs nowhere else.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from urllib.parse import unquote

import openpyxl
import pytest
from django.urls import reverse

from credits import ledger
from credits.ledger import Credit, Source
from tests.access.test_matrix import NAMES, address
from tests.cast import NOW, days_ago, moment

pytestmark = pytest.mark.both
EXPORTS = {
    "ranking-export",
    "class-sheet",
    "sheet-session",
    "sheet-scans",
    "sheet-matrix",
    "sheet-summary",
    "members-out",
    "organizations-out",
}
# 夏外人 has a log, an exemption asked for and a place on an open roll; the others have completed.
OUTSIDE = ("夏外人", "丙支部学满", "丙支部结业")
INSIDE = ("林小满", "甲支部学满", "甲支部结业")
SHORTFALL = ("19.75", "19.8", "82.3%")  # of 林小满: 4.25 hours of 24


@pytest.fixture
def studied(laid):
    """林小满 has 4.25 hours: the shortfall of 19.75 is nobody else's."""
    start = moment(days_ago(12), 8)
    credit = Credit(laid.city.people["lin"], "seminar", days_ago(12), 192, "reform", start=start,
                    end=start + timedelta(minutes=192))  # fmt: skip
    posted = ledger.post(laid.programme, Source("session", "odd", "单数"), organiser=laid.city.jia,
                         credits=[credit], by=laid.city.by, at=NOW)  # fmt: skip
    assert [line.hours for line in posted.lines] == [425]
    return laid


def read(response):
    """All text of an answer with its file name."""
    name = unquote(response.headers.get("Content-Disposition", ""))
    if "spreadsheetml" not in response.headers.get("Content-Type", ""):
        return name + (b"" if response.streaming else response.content).decode(errors="ignore")
    book = openpyxl.load_workbook(BytesIO(response.content))
    rows = (row for sheet in book for row in sheet.iter_rows(values_only=True))
    return name + "\n".join(str(row) for row in rows) + str(book.sheetnames)


def answers(client, laid):
    """Everything that answers 200, by its address."""
    for name in NAMES:
        for ids in (laid.inside, laid.outside):
            url = address(name, ids)
            methods = ("post",) if name in EXPORTS else ("get",)
            for method in methods:
                response = getattr(client, method)(url)
                if response.status_code == 200:
                    yield f"{method} {url}", read(response)


def found_in(client, laid, words):
    hits = {}
    for url, text in answers(client, laid):
        there = [word for word in words if word in text]
        if there:
            hits[url] = there
    return hits


@pytest.mark.parametrize("role", ["member", "secretary", "organiser", "helper", "official"])
def test_mistake_26_nobody_of_the_county_reads_a_name_from_outside(studied, as_role, role):
    assert found_in(as_role(role), studied, OUTSIDE) == {}


@pytest.mark.parametrize("role", ["guidance", "stranger"])
def test_mistake_26_whoever_sees_figures_only_reads_no_name_at_all(studied, as_role, role):
    """But for exemplars, which their authors agreed to sign for everybody of the county."""
    found = found_in(as_role(role), studied, INSIDE + OUTSIDE)
    listed, shown = reverse("exemplar-list"), studied.inside["exemplar"]

    assert found.pop(f"get {reverse('exemplar-detail', args=[shown])}") == [INSIDE[0]]
    assert set(found) == {f"get {listed}"}


@pytest.mark.parametrize("role", ["stranger", "guidance", "official", "administrator", "city"])
def test_mistake_26_nobody_above_the_branch_reads_a_persons_shortfall(studied, as_role, role):
    assert found_in(as_role(role), studied, SHORTFALL) == {}


@pytest.mark.parametrize("role", ["member", "secretary", "organiser", "helper"])
def test_the_shortfall_is_read_by_the_person_and_those_who_help(studied, as_role, role):
    """Otherwise the tests above could not fail."""
    assert found_in(as_role(role), studied, SHORTFALL[:1]) != {}


def test_an_official_of_the_whole_city_reads_the_names_inside_and_outside(studied, as_role):
    """Nor could they fail without these."""
    found = found_in(as_role("city"), studied, INSIDE + OUTSIDE)

    assert set().union(*found.values()) == {*INSIDE, *OUTSIDE}
