"""The meeting link on sheets, out and in; a sheet closes no session at a distance."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest

from courses import class_rolls_out, matrices_out, roll_call
from courses.models import StudySession
from courses.sheets import sheets_in, sheets_out
from tests.cast import TODAY, moment
from tests.courses.test_sheets_in import both, sheet
from tests.courses.test_sheets_out import opened_book, pairs

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LINK = "https://meeting.example.com/dm/a1B2c3?p=4"
EVENING = moment(TODAY, 20)


@pytest.fixture
def live(schedule, secretary):
    session = schedule(link=LINK, method="check_in")
    return roll_call.open_(session, by=secretary, at=session.starts_at)


@pytest.fixture
def bring(city, secretary):
    """Stage a sheet, answer what it asks, confirm it; returns its plan and the session."""

    def take(data, **answers):
        staged = sheets_in.stage(city.jia, data, "签到表.xlsx", by=secretary, at=EVENING)
        if answers:
            named = {key.replace("_", ":", 1): value for key, value in answers.items()}
            staged = sheets_in.answer(staged, named, by=secretary)
        preview = sheets_in.look(staged, at=EVENING)
        assert not preview.open_asks, preview.open_asks
        sheets_in.confirm(staged, seen=preview.fingerprint, by=secretary, at=EVENING)
        return preview.plans[0]

    return take


def with_link(text):
    """The hand-made sheet with a line that names the meeting."""
    book = openpyxl.load_workbook(BytesIO(both()))
    book.active.insert_rows(3)
    book.active["A3"] = f"会议链接：{text}"
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


ANSWERS = {"0_form": "seminar", "0_occasion": "three", "0_period": "reform"}


def asked(city, secretary, data):
    """What the sheet leaves open, by its keys."""
    staged = sheets_in.stage(city.jia, data, "签到表.xlsx", by=secretary, at=EVENING)
    return {ask.key for ask in sheets_in.look(staged, at=EVENING).open_asks}


def test_the_sessions_own_sheet_tells_the_link_as_text(live, secretary):
    export = sheets_out.session_sheet(live, by=secretary, at=EVENING)
    page = opened_book(export)["考勤表"]

    assert pairs(page)["会议链接"] == LINK
    assert all(cell.hyperlink is None for row in page.iter_rows() for cell in row)


def test_in_a_room_the_sheet_has_no_such_line(opened, secretary):
    page = opened_book(sheets_out.session_sheet(opened, by=secretary, at=EVENING))["考勤表"]

    assert "会议链接" not in pairs(page)


def test_exports_of_more_than_the_session_tell_no_link(live, class_, programme, secretary, city):
    class_.sessions.update(link=LINK, method="roll_call")
    exports = [
        sheets_out.scans(live, by=secretary, at=EVENING),
        class_rolls_out.sheet(class_, by=secretary, at=EVENING),
        matrices_out.matrix(programme, city.jia, by=secretary, at=EVENING),
        matrices_out.summary(programme, city.county, by=city.by, at=EVENING),
    ]
    for export in exports:
        book = opened_book(export)
        text = str([[c.value for c in row] for page in book for row in page.iter_rows()])
        assert "meeting.example.com" not in text, export.name


def test_mistake_32_the_exported_sheet_of_a_live_session_comes_back_unchanged(
    live, secretary, city
):
    data = sheets_out.session_sheet(live, by=secretary, at=EVENING).data()
    staged = sheets_in.stage(city.jia, data, "考勤表.xlsx", by=secretary, at=EVENING)
    preview = sheets_in.look(staged, at=EVENING)

    assert preview.plans[0].session == live
    assert preview.changes_nothing
    assert preview.plans[0].told.link == LINK


def test_a_sheet_that_names_a_meeting_makes_a_live_session_and_leaves_it_to_be_compared(
    bring, city, secretary, programme
):
    data = with_link(LINK)
    plan = bring(data, **_answers(asked(city, secretary, data)))

    session = StudySession.objects.get()
    assert (session.link, session.method, session.state) == (LINK, "roll_call", "open")
    assert session.attendances.filter(status="present").count() == 2
    assert any("核对会议人数" in warning for warning in plan.warnings)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "http://meeting.example.com/", "腾讯会议"])
def test_a_link_that_cannot_be_kept_is_left_out_and_said(bring, city, secretary, programme, text):
    data = with_link(text)
    plan = bring(data, **_answers(asked(city, secretary, data)))

    session = StudySession.objects.get()
    assert (session.link, session.method, session.state) == ("", "paper", "closed")
    assert any("不是完整的 https 链接" in warning for warning in plan.warnings)


def test_a_whole_sheet_closes_no_planned_live_session(schedule, bring, secretary):
    session = schedule(link=LINK, method="check_in")
    plan = bring(both())

    session.refresh_from_db()
    assert session.state == "open"
    assert any("核对会议人数" in warning for warning in plan.warnings)
    roll_call.close(session, {}, by=secretary, at=EVENING + timedelta(minutes=1), compared=2)
    assert StudySession.objects.get().is_closed


def test_in_a_room_a_whole_sheet_closes_as_before(schedule, bring):
    schedule()
    plan = bring(sheet([1, "林小满", "√", ""], [2, "周明远", "√", ""]))

    assert StudySession.objects.get().is_closed
    assert plan.warnings == []


def _answers(keys):
    return {key.replace(":", "_", 1): ANSWERS[key.replace(":", "_", 1)] for key in keys}
