"""Sheets filled in offline: previewed, asked about, written once, taken back."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import openpyxl
import pytest

from courses import corrections, matrices, roll_call
from courses.models import Attendance, SheetImport, StudySession
from courses.sheets import sheets_in, sheets_out
from courses.sheets.sheet_staging import Unreadable
from courses.sheets.sheets_in import Unanswered
from credits import verification
from credits.models import CreditTotal, LedgerEntry, Standing
from portal.models import AuditEvent
from portal.refusals import Conflict, Refusal
from portal.workbook_refusals import WorkbookRefusal
from tests.cast import TODAY, days_ago, moment
from tests.courses.conftest import mark_of, wish

EVENING = moment(TODAY, 20)


def sheet(*rows, title="青川县甲支部签到表", when="时间：2021年6月3日 9:00-10:30"):
    """A small hand-made sheet as bytes."""
    book = openpyxl.Workbook()
    page = book.active
    for row in ([title], [when], ["序号", "姓名", "签到", "备注"], *rows):
        page.append(list(row))
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def both(lin="√", zhou="√", *more):
    return sheet([1, "林小满", lin, ""], [2, "周明远", zhou, ""], *more)


@pytest.fixture
def stage(city, secretary):
    def make(data, name="六月三日签到表.xlsx", at=EVENING):
        return sheets_in.stage(city.jia, data, name, by=secretary, at=at)

    return make


@pytest.fixture
def confirm(secretary):
    def make(staged, at=EVENING, **answers):
        if answers:
            named = {key.replace("_", ":", 1): value for key, value in answers.items()}
            staged = sheets_in.answer(staged, named, by=secretary)
        seen = sheets_in.look(staged, at=at).fingerprint
        return sheets_in.confirm(staged, seen=seen, by=secretary, at=at)

    return make


def marks_in(session):
    return {a.member.name: a.word for a in session.attendances.select_related("member")}


def hours(programme):
    return dict(Standing.objects.filter(programme=programme).values_list("member", "recognised"))


def ledger_state(programme):
    totals = CreditTotal.objects.exclude(earned=0)
    return hours(programme), set(totals.values_list("member", "form", "earned"))


# --- Planned sessions ------------------------------------------------------------------------


def test_a_sheet_fills_the_planned_session_of_that_day_and_its_hours_are_credited(
    schedule, stage, confirm, programme, lin, zhou
):
    session = schedule()

    staged = confirm(stage(both("√", "病假")))

    session.refresh_from_db()
    assert staged.state == "written"
    assert session.state == "closed"
    assert marks_in(session) == {"林小满": "出席", "周明远": "病假"}
    assert (hours(programme)[lin.pk], hours(programme)[zhou.pk]) == (200, 0)
    assert StudySession.objects.count() == 1


def test_a_sheet_that_lists_everybody_closes_a_roll_in_which_somebody_stands_as_it_says(
    opened, secretary, stage, confirm, programme, lin, zhou
):
    late, absent = mark_of(opened, lin), mark_of(opened, zhou)
    wishes = wish(late, "late") | wish(absent, "absent")
    roll_call.save(opened, wishes, by=secretary, at=opened.starts_at)

    confirm(stage(both("迟到", "√")))

    opened.refresh_from_db()
    assert opened.state == "closed"
    assert hours(programme)[lin.pk] == 200


def test_the_preview_says_what_would_change_and_writes_nothing(schedule, city, stage):
    schedule()
    staged = stage(both("√", "病假"))
    before = AuditEvent.objects.count()

    found = sheets_in.look(staged, at=EVENING)

    [plan] = found.plans
    assert {c.member.name: c.after.word for c in plan.changes} == {
        "林小满": "出席",
        "周明远": "病假",
    }
    assert plan.session.state == "planned"
    assert not Attendance.objects.exists()
    assert AuditEvent.objects.count() == before


def test_mistake_30_confirming_twice_or_uploading_again_writes_each_row_once(
    schedule, stage, confirm, secretary, programme
):
    schedule()
    data = both()  # written once: a workbook holds the second in which it was made
    staged = stage(data)
    seen = sheets_in.look(staged, at=EVENING).fingerprint
    first = sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)
    before, entries = ledger_state(programme), LedgerEntry.objects.count()

    again = sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)
    same = stage(data)

    assert same.pk == first.pk == again.pk
    assert again.written_at == first.written_at
    assert (ledger_state(programme), LedgerEntry.objects.count()) == (before, entries)


def test_mistake_30_a_second_upload_in_another_format_changes_nothing_either(
    schedule, stage, confirm, programme
):
    schedule()
    confirm(stage(both()))
    before, entries = ledger_state(programme), LedgerEntry.objects.count()
    other = stage(sheet([1, "林小满", "出席", ""], [2, "周明远", "到", ""]), "another.xlsx")

    assert sheets_in.look(other, at=EVENING).changes_nothing
    confirm(other)

    assert (ledger_state(programme), LedgerEntry.objects.count()) == (before, entries)


def test_mistake_30_undo_restores_every_total(schedule, stage, confirm, secretary, programme):
    session = schedule()
    before = ledger_state(programme)
    staged = confirm(stage(both("√", "迟到")))
    assert ledger_state(programme) != before

    kept = sheets_in.undo(staged, by=secretary, at=EVENING + timedelta(hours=1))

    session.refresh_from_db()
    assert kept == []
    assert ledger_state(programme) == before
    assert session.state == "planned"
    assert not session.attendances.exists()
    assert verification.verify(at=EVENING).ok
    assert sheets_in.undo(staged, by=secretary, at=EVENING) == []


def test_mistake_30_undo_keeps_by_name_what_was_edited_since(
    schedule, stage, confirm, secretary, programme, lin, zhou
):
    session = schedule()
    staged = confirm(stage(both()))
    session.refresh_from_db()
    edit = wish(mark_of(session, lin), "late")
    corrections.correct(session, edit, reason="堵车", by=secretary, at=EVENING)

    kept = sheets_in.undo(staged, by=secretary, at=EVENING + timedelta(hours=1))

    session.refresh_from_db()
    assert kept == ["林小满（读书班第 1 次）"]
    assert marks_in(session) == {"林小满": "迟到", "周明远": "未签到"}
    assert (hours(programme)[lin.pk], hours(programme)[zhou.pk]) == (200, 0)
    assert verification.verify(at=EVENING).ok


def test_an_undone_sheet_can_be_imported_once_more(schedule, stage, confirm, secretary, programme):
    schedule()
    staged = confirm(stage(both()))
    after = ledger_state(programme)
    sheets_in.undo(staged, by=secretary, at=EVENING)

    again = confirm(stage(both()))

    assert again.pk != staged.pk
    assert ledger_state(programme) == after


def test_people_who_do_not_stand_in_the_sheet_get_no_status_unless_it_is_answered(
    schedule, stage, confirm, city
):
    city.enrol(city.jia, "何在外")
    session = schedule()
    staged = stage(both())

    with pytest.raises(Unanswered):
        confirm(staged)
    confirm(staged, **{"0_unlisted": "later"})

    session.refresh_from_db()
    assert session.state == "open"
    assert marks_in(session)["何在外"] == "未签到"


def test_unlisted_people_can_be_called_absent(schedule, stage, confirm, city):
    city.enrol(city.jia, "何在外")
    session = schedule()

    confirm(stage(both()), **{"0_unlisted": "absent"})

    session.refresh_from_db()
    assert session.state == "closed"
    assert marks_in(session)["何在外"] == "缺席"


# --- Sessions that nobody planned ----------------------------------------------------------------


def test_without_a_planned_session_times_and_form_are_asked_on_confirming_not_in_the_reading(
    stage, confirm, programme, lin
):
    staged = stage(
        sheet([1, "林小满", "√"], [2, "周明远", "√"], when="2021年6月3日", title="读书班签到表")
    )
    found = sheets_in.look(staged, at=EVENING)

    assert found.reading.outcome == "read"
    assert [ask.key for ask in found.open_asks] == ["0:start", "0:end", "0:form", "0:period"]
    confirm(
        staged,
        **{"0_start": "14:30", "0_end": "16:00", "0_form": "seminar", "0_period": "reform"},
    )

    session = StudySession.objects.get()
    assert (session.title, session.state, session.minutes) == ("读书班签到表", "closed", 90)
    assert hours(programme)[lin.pk] == 200


def test_undoing_an_import_that_made_its_session_cancels_it(stage, confirm, secretary, programme):
    before = ledger_state(programme)
    staged = confirm(
        stage(both()),
        **{"0_form": "seminar", "0_period": "reform", "0_occasion": "class"},
    )

    sheets_in.undo(staged, by=secretary, at=EVENING)

    assert StudySession.objects.get().state == "cancelled"
    assert ledger_state(programme) == before


def test_two_sessions_of_the_day_are_asked_about_not_guessed(schedule, stage, confirm):
    schedule("上午的", hour=9)
    second = schedule("下午的", hour=14)
    staged = stage(
        sheet([1, "林小满", "√"], [2, "周明远", "√"], when="2021年6月3日", title="甲支部签到表")
    )

    asks = sheets_in.look(staged, at=EVENING).open_asks
    assert [ask.key for ask in asks] == ["0:session"]
    confirm(staged, **{"0_session": str(second.pk)})

    second.refresh_from_db()
    assert second.state == "closed"
    assert StudySession.objects.get(title="上午的").state == "planned"


# --- Limits, and all or nothing ----------------------------------------------------------------


def test_limits_are_warnings_in_the_preview_and_refused_only_on_confirming(
    schedule, stage, confirm, programme
):
    session = schedule(day=days_ago(40))
    day = days_ago(40)
    staged = stage(
        sheet([1, "林小满", "√"], [2, "周明远", "√"], when=f"{day.year}年{day.month}月{day.day}日")
    )

    found = sheets_in.look(staged, at=EVENING)
    assert found.reading.outcome == "read"
    assert any("超过了补记期限 30 天" in text for text in found.plans[0].warnings)
    with pytest.raises(Refusal, match="超过了补记期限"):
        confirm(staged)

    session.refresh_from_db()
    assert session.state == "planned"
    assert not Attendance.objects.exists()
    staged.refresh_from_db()
    assert (staged.state, staged.wrote()) == ("read", (0, 0))


def test_a_date_outside_the_programme_is_said_before_and_refused_on_confirming(
    stage, confirm, programme
):
    staged = stage(
        sheet([1, "林小满", "√"], [2, "周明远", "√"], when="时间：2021年2月3日 9:00-10:30")
    )
    found = sheets_in.look(staged, at=EVENING)

    assert any("起止日期" in text for text in found.plans[0].warnings)
    with pytest.raises(Refusal):
        confirm(staged, **{"0_form": "seminar", "0_period": "reform", "0_occasion": "class"})
    assert not StudySession.objects.exists()


def test_mistake_31_one_bad_session_leaves_nothing_half_written(schedule, stage, confirm):
    schedule("第一次")
    schedule("第二次", day=days_ago(40))
    far = days_ago(40)
    book = openpyxl.Workbook()
    for name, day in (("一", TODAY), ("二", far)):
        page = book.create_sheet(name)
        for row in (["签到表"], [f"{day.year}年{day.month}月{day.day}日"], ["序号", "姓名", "签到"],
                    [1, "林小满", "√"], [2, "周明远", "√"]):  # fmt: skip
            page.append(row)
    del book["Sheet"]
    buffer = BytesIO()
    book.save(buffer)

    with pytest.raises(Refusal, match="超过了补记期限"):
        confirm(stage(buffer.getvalue(), "two.xlsx"))

    assert not Attendance.objects.exists()
    assert set(StudySession.objects.values_list("state", flat=True)) == {"planned"}


def test_whoever_confirms_an_old_preview_is_told_of_the_change(schedule, stage, secretary, lin):
    session = schedule()
    staged = stage(both())
    seen = sheets_in.look(staged, at=EVENING).fingerprint
    roll_call.open_(session, by=secretary, at=EVENING)
    roll_call.save(session, wish(mark_of(session, lin), "absent"), by=secretary, at=EVENING)

    with pytest.raises(Conflict):
        sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)

    assert mark_of(session, lin).status == "absent"


# --- Questions --------------------------------------------------------------------------------


def test_mistake_31_namesakes_doubled_rows_and_strangers_are_asked_in_one_list(
    schedule, stage, confirm, city, secretary
):
    first = city.enrol(city.jia, "王伟")
    second = city.enrol(city.jia, "王伟")
    session = schedule()
    rows = [[3, "王伟", "√"], [4, "王伟", "×"], [5, "林小满", "×"], [6, "吴远舟", "√"]]
    staged = stage(both("√", "√", *rows))

    found = sheets_in.look(staged, at=EVENING)
    about = sorted(q.about for q in found.reading.questions)
    assert about == ["duplicate", "homonym", "homonym", "other_branch"]
    with pytest.raises(Unanswered):
        confirm(staged)
    keys = {q.about + str(q.row): q.key for q in found.reading.questions}
    given = {
        keys["homonym6"]: first.number,
        keys["other_branch9"]: city.people["wu"].number,
        next(key for about, key in keys.items() if about.startswith("duplicate")): "B4",
    }
    staged = sheets_in.answer(staged, given, by=secretary)
    confirm(staged)

    marks = {a.member_id: a for a in session.attendances.all()}
    assert (marks[first.pk].status, marks[second.pk].status) == ("present", "absent")
    assert marks[city.people["wu"].pk].guest
    assert marks[city.people["lin"].pk].status == "present"


def test_mistake_04_an_answer_outside_the_candidates_is_no_answer(schedule, stage, secretary, city):
    city.enrol(city.jia, "王伟")
    city.enrol(city.jia, "王伟")
    schedule()
    staged = stage(both("√", "√", [3, "王伟", "√"]))
    [question] = sheets_in.look(staged, at=EVENING).reading.questions

    staged = sheets_in.answer(staged, {question.key: city.people["shi"].number}, by=secretary)

    assert [ask.key for ask in sheets_in.look(staged, at=EVENING).open_asks] == [
        question.key,
        "0:unlisted",
    ]


def test_a_footer_that_says_another_number_is_said_before_confirming(schedule, stage):
    schedule()
    staged = stage(both("√", "×", ["实到2人"]))

    warnings = [str(w) for w in sheets_in.look(staged, at=EVENING).reading.warnings]

    assert any("实到 2 人" in text for text in warnings)


# --- Round trip ----------------------------------------------------------------------------------


@pytest.fixture
def varied(schedule, secretary, city, lin):
    """A closed session with every kind of mark, remarks, a guest, an observer, a make-up."""
    people = {
        name: city.enrol(city.jia, name, group="第一党小组")
        for name in ("赵早退", "钱病假", "孙出差", "李缺席", "张补学")
    }
    twin = city.enrol(city.jia, "林小满")
    session = roll_call.open_(schedule(host="周明远"), by=secretary, at=EVENING)
    roll_call.add(session, city.people["wu"], "present", by=secretary, at=EVENING)
    roll_call.add(session, city.people["zheng"], "observer", by=secretary, at=EVENING)
    wanted = {
        "赵早退": "left_early", "钱病假": "leave:sick", "孙出差": "leave:official",
        "李缺席": "absent", "张补学": "leave:other",
    }  # fmt: skip
    wishes = wish(mark_of(session, lin), "late") | wish(mark_of(session, twin), "absent")
    for name, mark in wanted.items():
        wishes |= wish(mark_of(session, people[name]), mark)
    roll_call.close(session, wishes, by=secretary, at=EVENING)
    session.attendances.filter(member=lin).update(remark="=堵车")
    session.refresh_from_db()
    corrections.make_up(session, people["张补学"], on=TODAY, by=secretary, at=EVENING)
    session.refresh_from_db()
    return session


def export_of(session, by):
    return sheets_out.session_sheet(session, by=by, at=EVENING).data()


def test_mistake_32_our_own_export_comes_back_unchanged(varied, stage, secretary, programme):
    before = (ledger_state(programme), marks_in(varied), LedgerEntry.objects.count())

    staged = stage(export_of(varied, secretary), "考勤表.xlsx")
    found = sheets_in.look(staged, at=EVENING)

    [told] = found.reading.sessions
    [plan] = found.plans
    assert found.reading.outcome == "read"
    assert [str(w) for w in found.reading.warnings if "外来" not in str(w)] == []
    assert (told.topic, told.host, told.key) == (varied.title, "周明远", varied.key)
    assert (f"{told.start:%H:%M}", f"{told.end:%H:%M}") == ("09:00", "10:30")
    assert plan.session == varied
    assert [(c.member.name, c.before, c.after) for c in plan.changes] == []
    assert found.changes_nothing
    seen = found.fingerprint
    staged = sheets_in.confirm(staged, seen=seen, by=secretary, at=EVENING)
    assert staged.wrote() == (0, 0)
    after = (ledger_state(programme), marks_in(varied), LedgerEntry.objects.count())
    assert after == before


def test_mistake_32_an_export_before_the_session_comes_back_filled_in(
    schedule, stage, confirm, secretary, programme, lin, zhou
):
    session = schedule()
    book = openpyxl.load_workbook(BytesIO(export_of(session, secretary)))
    page = book.active
    for row in page.iter_rows():
        if row[1].value == "林小满":
            row[4].value = "√"
        if row[1].value == "周明远":
            row[5].value, row[6].value = "请假", "出差"
    buffer = BytesIO()
    book.save(buffer)

    confirm(stage(buffer.getvalue(), "filled.xlsx"))

    session.refresh_from_db()
    assert session.state == "closed"
    assert marks_in(session) == {"林小满": "出席", "周明远": "公出"}
    assert mark_of(session, zhou).remark == "出差"


def test_a_changed_export_corrects_a_closed_session_by_a_revision(
    varied, stage, confirm, secretary, programme, lin
):
    book = openpyxl.load_workbook(BytesIO(export_of(varied, secretary)))
    for row in book.active.iter_rows():
        if row[1].value == "李缺席":
            row[4].value, row[5].value = "√", "出席"
    buffer = BytesIO()
    book.save(buffer)
    absentee = varied.attendances.get(member__name="李缺席").member
    before = ledger_state(programme)

    staged = confirm(stage(buffer.getvalue(), "mended.xlsx"))

    assert [r["name"] for record in staged.records.all() for r in record.rows] == ["李缺席"]
    assert hours(programme)[absentee.pk] == 200
    sheets_in.undo(staged, by=secretary, at=EVENING)
    assert ledger_state(programme) == before
    assert verification.verify(at=EVENING).ok


def test_the_exported_matrix_is_not_mixed_up_with_a_single_session(varied, programme, city):
    found = matrices.matrix(programme, city.jia, using="default")

    assert [s.pk for s in found.sessions] == [varied.pk]
    assert sum(row.times for row in found.rows) == found.counts[0].there


# --- Files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "空.xlsx", "空的"),
        (b"%PDF-1.5 ...", "表.xlsx", "PDF"),
        (b"PK\x03\x04broken", "表.xlsx", "损坏"),
        (b"x", "~$表.xlsx", "临时文件"),
        (b"x", "表.xlsm", "宏"),
    ],
)
def test_bad_files_get_their_own_message_and_nothing_is_kept(stage, data, name, said):
    with pytest.raises(WorkbookRefusal, match=said):
        stage(data, name)
    assert not SheetImport.objects.exists()


def test_a_sheet_without_names_is_refused_with_what_to_do(stage):
    with pytest.raises(Unreadable, match="姓名"):
        stage("品名,数量\n纸张,3\n笔,5\n".encode(), "办公用品.csv")


def test_cells_that_look_like_formulas_stay_text(schedule, stage, confirm, lin):
    session = schedule()

    confirm(stage(sheet([1, "林小满", "√", "-2+3"], [2, "周明远", "√", "@SUM(A1)"])))

    remarks = set(session.attendances.values_list("remark", flat=True))
    assert remarks == {"-2+3", "@SUM(A1)"}


def test_uploads_that_nobody_confirms_expire_and_receipts_stay(schedule, stage, confirm):
    schedule()
    written = confirm(stage(both()))
    waiting = stage(both("迟到"), "other.xlsx")

    assert sheets_in.expire(at=EVENING + timedelta(days=6)) == 0
    assert sheets_in.expire(at=EVENING + timedelta(days=31)) == 1

    assert not SheetImport.objects.filter(pk=waiting.pk).exists()
    written.refresh_from_db()
    assert (bytes(written.content), written.state) == (b"", "written")
    assert written.records.exists()


def test_an_import_is_in_the_audit_trail(schedule, stage, confirm, city, zhou):
    schedule()
    staged = confirm(stage(both()))

    event = AuditEvent.objects.get(event="import")
    assert (event.by, event.organization) == (zhou, city.jia)
    assert event.detail == {"digest": staged.digest, "sessions": 1, "rows": 2}


def test_the_day_of_a_sheet_is_local(schedule, stage):
    session = schedule(hour=7)
    staged = stage(
        sheet([1, "林小满", "√"], [2, "周明远", "√"], when="时间：2021年6月3日 7:00-8:30")
    )

    [plan] = sheets_in.look(staged, at=EVENING).plans

    assert plan.session == session
    assert plan.told.date == date(2021, 6, 3)
