"""What happens to people later changes no sheet, no matrix and no rate of before."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest

from courses import corrections, marks, matrices_out, roll_call
from courses.models import Course
from courses.sheets import sheets_out
from credits import exemptions, ledger, statements, verification
from credits.models import LedgerEntry, Posting, Standing
from portal import appointments, members
from portal.models import Role
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def closed(city, schedule, secretary, lin):
    """A week ago: 林小满 was late, a third member ill, 周明远 present."""
    ill = city.enrol(city.jia, "何病休", number="00000901")
    session = schedule(day=days_ago(7))
    session = roll_call.open_(session, by=secretary, at=session.starts_at)
    wishes = wish(mark_of(session, lin), "late") | wish(mark_of(session, ill), "leave:sick")
    roll_call.close(session, wishes, by=secretary, at=session.ends_at)
    session.refresh_from_db()
    return session


def cells(export):
    book = openpyxl.load_workbook(BytesIO(export.data()))
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def column(session, programme, city, by):
    """The session's column of the matrix, by name."""
    rows = cells(matrices_out.matrix(programme, city.jia, by=by, at=NOW))
    at = next(n for n, row in enumerate(rows) if row[0] == "序号")
    place = next(n for n, name in enumerate(rows[at]) if name and session.title in name)
    return {row[1]: row[place] for row in rows[at + 1 :] if row[1]}


def exempt(city, programme, person):
    asked = exemptions.ask(programme, person, target=None, since=TODAY, until=None,
                               reason="长期患病", by=city.by, at=NOW)  # fmt: skip
    exemptions.decide(asked, approve=True, answer="", by=city.actor("shi"), at=NOW)


CHANGES = {
    "transfer": lambda city, programme, who: members.transfer(
        who, city.bing, on=TODAY, by=city.by, at=NOW
    ),
    "leave": lambda city, programme, who: members.leave(who, on=TODAY, by=city.by, at=NOW),
    "exempt": exempt,
    "secretary": lambda city, programme, who: appointments.appoint(
        who, Role.SECRETARY, city.yi, since=TODAY, by=city.by, at=NOW
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_mistake_01_no_figure_of_an_earlier_sheet_column_or_rate_changes(
    city, programme, closed, secretary, lin, change
):
    sheet = cells(sheets_out.session_sheet(closed, by=secretary, at=NOW))
    matrix = column(closed, programme, city, secretary)
    counts = marks.count(list(closed.attendances.all()))

    CHANGES[change](city, programme, lin)

    assert cells(sheets_out.session_sheet(closed, by=secretary, at=NOW)) == sheet
    assert column(closed, programme, city, secretary) == matrix
    assert marks.count(list(closed.attendances.all())) == counts
    assert (counts.due, counts.there, counts.leave) == (3, 2, 1)
    assert verification.verify(at=NOW).problems == []


def test_mistake_09_leave_approved_after_closing_corrects_and_reverses_exactly_once(
    city, programme, closed, secretary, zhou, lin
):
    """周明远 stood as present by mistake; the leave was granted before, and noted afterwards."""
    by = city.actor("guan", "organiser")
    change = wish(mark_of(closed, zhou), "leave:official")
    assert Standing.objects.get(member=zhou).recognised == 200

    corrections.correct(closed, change, reason="补批公出", by=by, at=NOW)
    with pytest.raises(Refusal, match="没有改动"):
        corrections.correct(closed, wish(mark_of(closed, zhou), "leave:official"),
                            reason="补批公出", by=by, at=NOW)  # fmt: skip

    row = mark_of(closed, zhou)
    assert (row.status, row.leave, row.is_there) == ("leave", "official", False)
    hours = LedgerEntry.objects.filter(member=zhou).order_by("pk").values_list("hours", flat=True)
    assert list(hours) == [200, -200]
    assert Standing.objects.get(member=lin).recognised == 200
    assert Posting.objects.count() == 2


def test_mistake_21_a_rerun_attended_is_credited_once_and_the_second_line_says_why(
    schedule, secretary, lin, zhou
):
    for number, day in enumerate((days_ago(5), days_ago(3))):
        session = schedule(f"专题课 {number}", day=day, content="course:yan-an")
        roll_call.open_(session, by=secretary, at=session.starts_at)
        absent = wish(mark_of(session, zhou), "absent") if number == 0 else {}
        posted = roll_call.close(session, absent, by=secretary, at=session.ends_at)

    [refused] = posted[0].refused
    assert refused.credit.member == lin
    assert refused.message == "同一内容已在《专题课 0》中记过学时，不重复计算。"
    assert [line.member for line in posted[0].lines] == [zhou.pk]
    kept = mark_of(session, lin).credits.get()
    assert (kept.state, kept.reason) == ("refused", refused.message)


def test_mistake_28_deleted_courses_leave_statements_and_the_chain_as_they_were(
    programme, schedule, secretary, lin
):
    course = Course.objects.create(key="yan-an", title="延安精神", kind="course", form="seminar")
    session = schedule("延安精神专题课", day=days_ago(2), content="course:yan-an")
    roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.close(session, {}, by=secretary, at=session.ends_at)
    before = [(n.entry.posting.title, n.recognised) for n in statements.of(programme, lin).lines]

    course.delete()

    after = [(n.entry.posting.title, n.recognised) for n in statements.of(programme, lin).lines]
    assert after == before == [("延安精神专题课", 200)]
    assert verification.verify(at=NOW).problems == []


def test_mistake_27_toggling_reopening_and_closing_again_earns_nothing_a_second_time(
    programme, closed, secretary, lin, zhou
):
    for turn in range(3):
        at = moment(TODAY, 20, turn)
        session = corrections.reopen(closed, reason="核对", by=secretary, at=at)
        assert Standing.objects.get(member=lin).recognised == 0
        for mark in ("absent", "present", "late"):
            roll_call.save(session, wish(mark_of(session, lin), mark), by=secretary, at=at)
        roll_call.close(session, {}, by=secretary, at=at)

    assert Standing.objects.get(member=lin).recognised == 200
    assert Standing.objects.get(member=zhou).recognised == 200
    assert ledger.next_revision(programme, ledger.Source("session", closed.key, "")) == 8
    assert verification.verify(at=NOW + timedelta(hours=1)).problems == []
