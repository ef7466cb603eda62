"""What changes between reading a sheet, planning it and locking what it writes: nobody's scan,
correction or move is written over unseen."""

from __future__ import annotations

import pytest
from django.db import connection

from courses import check_in, corrections, roll_call, sessions
from courses.models import SheetImport
from courses.sheets import long_sheets, sheet_texts, sheet_writing, sheets_in
from courses.sheets.sheet_plans import Moved
from credits.models import LedgerEntry
from portal import jobs, members
from tests.cast import days_ago
from tests.courses.conftest import mark_of, wish
from tests.courses.test_sheets_in import EVENING, both, hours, marks_in, sheet

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture(params=["short", "long"])
def stage(request, city, secretary, monkeypatch):
    """Stage a sheet; a long one is read by a worker."""
    if request.param == "long":
        monkeypatch.setattr(sheets_in, "LONG", 0)

    def make(data):
        staged = sheets_in.stage(city.jia, data, "六月三日签到表.xlsx", by=secretary, at=EVENING)
        if staged.is_long:
            job = long_sheets.check_later(
                staged, by=secretary, at=EVENING, back_url="/", refused_url="/"
            )
            jobs.run(job.pk)
            staged.refresh_from_db()
        return staged

    return make


@pytest.fixture
def confirm_while(monkeypatch, secretary):
    """Confirm what is seen now, while something happens after the sheet was read (`text_of`, before
    any lock) or planned (before `write`, which locks the rolls)."""

    def make(staged, happens, *, planned=False):
        seen = sheets_in.look(staged, at=EVENING).fingerprint
        read, write = sheet_texts.text_of, sheet_writing.write

        def reads(*args, **kwargs):
            text = read(*args, **kwargs)
            happens()
            return text

        def writes(*args, **kwargs):
            happens()
            return write(*args, **kwargs)

        with monkeypatch.context() as patch:
            if planned:
                patch.setattr(sheet_writing, "write", writes)
            else:
                patch.setattr(sheet_texts, "text_of", reads)
            return sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)

    return make


@pytest.fixture
def happenings(city, secretary, lin, zhou):
    """What others do of a session meanwhile."""
    by = {"by": secretary, "at": EVENING}

    def save(session):
        change = wish(mark_of(session, lin), "left_early")
        roll_call.save(session, change, by=secretary, at=session.starts_at)

    def scan(session):
        start = session.starts_at
        check_in.accept(session, zhou, scanned_at=start, nonce="n", at=start)

    def correct(session):
        corrections.correct(session, wish(mark_of(session, lin), "late"), reason="堵车", **by)

    def reopen(session):
        corrections.reopen(session, reason="重新核对", **by)

    def leave(session):
        members.transfer(lin, city.bing, on=days_ago(1), by=city.by, at=EVENING)

    def change(session):
        said = {"place": "二楼会议室"}
        sessions.change(session, said, seen_version=session.version, by=secretary, at=EVENING)

    def call_off(session):
        sessions.cancel(session, reason="停电", **by)

    told = save, scan, correct, reopen, leave, change, call_off
    return {verb.__name__: verb for verb in told}


@pytest.fixture
def session_in(schedule, secretary):
    """A session of that day in one of its states; the roll of an open one is taken by code."""

    def make(state):
        session = schedule()
        if state != "planned":
            session = roll_call.open_(session, by=secretary, at=session.starts_at)
        if state == "by code":
            roll_call.take_by_code(session, by=secretary, at=session.starts_at)
        if state == "closed":
            roll_call.close(session, {}, by=secretary, at=EVENING)
        session.refresh_from_db()
        return session

    return make


@pytest.mark.parametrize("planned", [False, True], ids=["read", "planned"])
@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("open", "save"),
        ("by code", "scan"),  # which makes no new version of the session
        ("closed", "correct"),
        ("closed", "reopen"),
        ("planned", "leave"),
        ("planned", "change"),
    ],
)
def test_what_others_do_meanwhile_stops_it(
    session_in, stage, confirm_while, happenings, state, what, planned
):
    session = session_in(state)
    staged = stage(both("迟到", "病假"))

    def happens():
        happenings[what](session)

    with pytest.raises(Moved):
        confirm_while(staged, happens, planned=planned)

    staged.refresh_from_db()
    assert staged.state == "read"
    assert "病假" not in marks_in(session).values()


def test_what_others_did_stays_and_is_seen_by_whoever_looks_again(
    session_in, secretary, stage, confirm_while, happenings, lin, programme
):
    session = session_in("closed")
    staged = stage(both("病假", "√"))

    with pytest.raises(Moved):
        confirm_while(staged, lambda: happenings["correct"](session))

    assert marks_in(session) == {"林小满": "迟到", "周明远": "出席"}
    assert hours(programme)[lin.pk] == 200
    found = sheets_in.look(staged, at=EVENING)
    assert [change.before.status for plan in found.plans for change in plan.changes] == ["late"]
    sheets_in.confirm(staged, seen=found.fingerprint, by=secretary, at=EVENING)
    assert marks_in(session) == {"林小满": "病假", "周明远": "出席"}
    assert hours(programme)[lin.pk] == 0


def test_a_session_that_is_called_off_meanwhile_takes_no_marks(
    session_in, stage, confirm_while, happenings
):
    session = session_in("planned")
    staged = stage(both())

    with pytest.raises(Moved):
        confirm_while(staged, lambda: happenings["call_off"](session))

    assert not session.attendances.exists()


def test_an_answer_that_is_taken_back_meanwhile_stops_it(schedule, secretary, stage, confirm_while):
    session = schedule()
    staged = stage(sheet([1, "林小满", "√", ""]))  # 周明远 is due and does not stand in it
    [plan] = sheets_in.look(staged, at=EVENING).plans
    staged = sheets_in.answer(staged, {plan.asks[0].key: "absent"}, by=secretary)

    def happens():
        sheets_in.answer(staged, {plan.asks[0].key: ""}, by=secretary)

    with pytest.raises(Moved):
        confirm_while(staged, happens)

    assert not session.attendances.exists()


def test_mistake_30_a_sheet_that_another_confirms_meanwhile_is_written_once(
    schedule, secretary, stage, monkeypatch
):
    session = schedule()
    staged = stage(both())
    seen = sheets_in.look(staged, at=EVENING).fingerprint
    read = sheet_texts.text_of

    def reads(found, *, at):
        text = read(found, at=at)
        monkeypatch.setattr(sheet_texts, "text_of", read)
        same = SheetImport.objects.get(pk=staged.pk)
        sheets_in.confirm(same, seen=seen, by=secretary, at=EVENING)
        return text

    monkeypatch.setattr(sheet_texts, "text_of", reads)
    again = sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)

    assert again.state == "written"
    assert marks_in(session) == {"林小满": "出席", "周明远": "出席"}
    assert LedgerEntry.objects.count() == 2


def test_a_sheet_is_read_before_any_lock(schedule, secretary, stage, monkeypatch):
    """On SQLite whoever locks keeps everybody else from writing."""
    schedule()
    staged = stage(both())
    seen = sheets_in.look(staged, at=EVENING).fingerprint
    read, depths = sheet_texts.text_of, []

    def reads(*args, **kwargs):
        depths.append(len(connection.savepoint_ids))
        return read(*args, **kwargs)

    monkeypatch.setattr(sheet_texts, "text_of", reads)
    outside = len(connection.savepoint_ids)
    sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)

    assert depths == [outside]
