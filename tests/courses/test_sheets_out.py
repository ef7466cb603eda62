"""Attendance spreadsheets: what stands in them, how they print, who learns that they were made."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest
from django.utils import timezone

from courses import corrections, matrices_out, roll_call, sessions, study_logs
from courses.models import Scan, StudySession
from courses.sheets import sheets_out
from courses.study_logs import Study
from credits import programmes
from credits.models import CreditTotal, Standing
from portal import audit, members, spreadsheets
from portal.members import Enrolment, Move
from portal.models import AuditEvent
from tests.cast import NOW, TODAY, days_ago, moment
from tests.courses.conftest import mark_of, wish

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")


def opened_book(export):
    return openpyxl.load_workbook(BytesIO(export.data()))


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def pairs(sheet):
    """The heading block: each label with the value to its right."""
    found = {}
    for row in cells(sheet)[1:10]:
        filled = [value for value in row if value is not None]
        found |= dict(zip(filled[::2], filled[1::2], strict=False))
    return found


def table(sheet, first="序号"):
    rows = cells(sheet)
    at = next(i for i, row in enumerate(rows) if row[0] == first)
    return rows[at], rows[at + 1 :]


@pytest.fixture
def held(schedule, secretary, city, lin, zhou):
    """A session of 90 minutes: lin was late, 甲's third member ill, a guest came, one observed."""
    third = city.enrol(city.jia, "何病休", number="00000901")
    session = schedule(host="周明远", recorder="林小满", place="三楼会议室", lecturer="孙老师")
    session = roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.add(session, city.people["wu"], "present", by=secretary, at=session.starts_at)
    roll_call.add(session, city.people["zheng"], "observer", by=secretary, at=session.starts_at)
    wishes = wish(mark_of(session, lin), "late") | wish(mark_of(session, third), "leave:sick")
    roll_call.close(session, wishes, by=secretary, at=session.ends_at + timedelta(hours=1))
    session.refresh_from_db()
    return session


def exported(session, by, at=None):
    return opened_book(sheets_out.session_sheet(session, by=by, at=at or moment())).active


def test_the_heading_block_says_what_the_session_was(held, secretary):
    block = pairs(exported(held, secretary))

    assert block["党组织全称"] == "青川县甲支部"
    assert block["主题"] == "读书班第 1 次"
    assert block["类别"] == "读书班"
    assert block["形式"] == "集体研讨"
    assert block["起止时间"] == "2021年6月3日 09:00–10:30"
    assert (block["地点"], block["主持人"]) == ("三楼会议室", "周明远")
    assert (block["主讲人"], block["记录人"]) == ("孙老师", "林小满")
    assert (block["学时"], block["时长"]) == (2, "90 分钟")


def test_mistake_07_sums_on_the_sheet_add_up_and_late_counts_as_there(held, secretary):
    block = pairs(exported(held, secretary))

    assert block["应到"] == block["实到"] + block["请假"] + block["缺席"]
    assert (block["应到"], block["实到"], block["请假"], block["列席"]) == (3, 2, 1, 1)
    assert block["出勤率"] == pytest.approx(2 / 3)


def test_rows_stand_in_three_blocks_and_numbers_keep_their_zeros(held, secretary, lin):
    head, rows = table(exported(held, secretary))
    people = {row[1]: dict(zip(head, row, strict=True)) for row in rows if row[1]}

    assert head[:9] == [
        *("序号", "姓名", "党小组", "正式/预备", "签到"),
        *("出勤情况", "请假事由", "补学", "备注"),
    ]
    assert people["林小满"]["出勤情况"] == "迟到"
    assert people["林小满"]["党员编号"] == lin.number
    assert people["何病休"]["请假事由"] == "病假"
    assert people["何病休"]["签到"] is None
    assert people["何病休"]["党员编号"] == "00000901"
    assert people["吴远舟"]["所在党支部"] == "青川县乙支部"
    order = [row[1] or row[0] for row in rows]
    assert order.index("客人（不计入应到）") > order.index("林小满")
    assert order.index("吴远舟") == order.index("客人（不计入应到）") + 1
    assert order.index("郑书棋") == order.index("列席人员（不计入应到）") + 1


def test_the_paper_is_a4_landscape_with_repeated_headings_and_page_numbers(held, secretary):
    sheet = exported(held, secretary)

    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
    assert sheet.print_title_rows
    assert "&P" in sheet.oddFooter.center.text
    assert "A1:K1" in {str(area) for area in sheet.merged_cells.ranges}
    widths = [sheet.column_dimensions[letter].width for letter in "BDFGI"]
    assert min(widths) >= 10


def test_text_that_looks_like_a_formula_stays_text(held, secretary, lin):
    held.title = '=HYPERLINK("http://x")'
    held.place = "@SUM(1)"
    held.save()
    held.attendances.filter(member=lin).update(remark="=1+1")

    sheet = exported(held, secretary)

    assert pairs(sheet)["主题"] == '=HYPERLINK("http://x")'
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    _, rows = table(sheet)
    assert "=1+1" in [row[8] for row in rows]


def test_before_the_roll_is_open_the_sheet_lists_who_is_due_without_marks(schedule, secretary):
    block = pairs(exported(schedule(), secretary))
    _, rows = table(exported(StudySession.objects.get(), secretary))

    assert {row[1] for row in rows if isinstance(row[0], int)} == {"林小满", "周明远"}
    assert all(row[4] is None and row[5] is None for row in rows if isinstance(row[0], int))
    assert "应到" not in block or block["应到"] in (None, "实到")


def test_the_audit_trail_knows_before_there_is_a_first_byte(held, secretary, monkeypatch):
    sheets_out.session_sheet(held, by=secretary, at=moment())
    event = AuditEvent.objects.filter(event="export").latest("pk")
    assert (event.by, event.organization, event.detail["rows"]) == (
        *(secretary.member, held.organiser),
        5,
    )

    def fails(*args, **kwargs):
        raise RuntimeError("no audit")

    monkeypatch.setattr(audit, "record", fails)
    made = []
    monkeypatch.setattr(spreadsheets, "book", lambda: made.append(1))
    with pytest.raises(RuntimeError, match="no audit"):
        sheets_out.session_sheet(held, by=secretary, at=moment())
    assert made == []


@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice (soffice) is not installed")
def test_libreoffice_converts_the_sheets_without_a_message(
    held, programme, city, secretary, tmp_path
):
    by, at = secretary, moment()
    sheets = {
        "session": (sheets_out.session_sheet(held, by=by, at=at), "林小满"),
        "matrix": (matrices_out.matrix(programme, city.jia, by=by, at=at), "林小满"),
        "summary": (matrices_out.summary(programme, city.county, by=by, at=at), "青川县甲支部"),
    }
    for name, (response, _) in sheets.items():
        (tmp_path / f"{name}.xlsx").write_bytes(response.data())

    done = subprocess.run(
        [SOFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless",
         "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1",
         "--outdir", str(tmp_path), *(str(tmp_path / f"{name}.xlsx") for name in sheets)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert "error" not in (done.stdout + done.stderr).lower()
    for name, (_, within) in sheets.items():
        assert within in (tmp_path / f"{name}.csv").read_text("utf-8")


def test_mistake_33_the_check_in_export_holds_all_scans(opened, secretary, lin, wu):
    tries = [(lin, "签到码已过期"), (lin, ""), (wu, "不是应到人员"), (None, "x")]
    for minute, (who, why) in enumerate(tries):
        at = opened.starts_at + timedelta(minutes=minute)
        Scan.objects.create(session=opened, member=who, at=at, accepted=not why, reason=why)

    _, rows = table(opened_book(sheets_out.scans(opened, by=secretary, at=moment())).active)

    assert [(row[2], row[4], row[5]) for row in rows] == [
        ("林小满", "拒绝", "签到码已过期"),
        ("林小满", "通过", None),
        ("吴远舟", "拒绝", "不是应到人员"),
        ("未登录", "拒绝", "x"),
    ]


def matrix_of(programme, city, by):
    sheet = opened_book(matrices_out.matrix(programme, city.jia, by=by, at=moment())).active
    head, rows = table(sheet)
    return head, {row[1]: dict(zip(head, row, strict=True)) for row in rows if row[1]}


@pytest.fixture
def logged(held, city, programme, secretary, lin):
    """lin has also studied alone for 90 minutes, confirmed by the secretary."""
    study = Study("self", days_ago(2), 90, "自学", "reform", "", None)
    log = study_logs.submit(programme, lin, study, by=city.actor("lin"), at=moment())
    study_logs.confirm([log], by=secretary, at=moment())
    return held


def test_mistake_23_hours_by_attendance_and_otherwise_are_separate_columns_that_sum_up(
    logged, city, programme, secretary, lin
):
    _, rows = matrix_of(programme, city, secretary)
    row, standing = rows["林小满"], Standing.objects.get(programme=programme, member=lin)

    assert (row["考勤学时"], row["补学学时"], row["其他学时"]) == (2, 0, 2)
    assert row["所得合计"] == row["考勤学时"] + row["补学学时"] + row["其他学时"]
    assert row["所得合计"] == row["集体研讨"] + row["个人自学"]
    assert row["认定学时"] == standing.recognised / 100
    assert row["还差学时"] == standing.shortfall / 100
    totals = CreditTotal.objects.filter(programme=programme, member=lin)
    assert row["所得合计"] == sum(t.earned for t in totals) / 100


@pytest.mark.both
def test_hours_are_still_separate_once_the_programmes_lines_are_in_the_archive(
    logged, city, programme, secretary
):
    corrections.make_up(logged, logged.attendances.get(status="leave").member, on=TODAY,
                        by=secretary, at=moment())  # fmt: skip
    before = matrix_of(programme, city, secretary)

    programme = programmes.close_study(programme, by=city.by, at=moment())
    programme = programmes.close_books(programme, by=city.by, at=moment() + timedelta(days=14))
    programme = programmes.archive(programme, reason="满期", by=city.by, at=moment())

    assert matrix_of(programme, city, secretary) == before


def test_make_up_has_a_column_of_its_own_and_is_no_presence(held, city, programme, secretary):
    third = held.attendances.get(status="leave").member
    corrections.make_up(held, third, on=TODAY, by=secretary, at=moment())

    _, rows = matrix_of(programme, city, secretary)

    row = rows["何病休"]
    assert (row["考勤学时"], row["补学学时"], row["所得合计"]) == (0, 2, 2)
    assert row[f"{TODAY} 读书班第 1 次"] == "病假（已补学）"
    assert row["实到次数"] == 0
    assert rows["补学"][f"{TODAY} 读书班第 1 次"] == 1


def test_mistake_02_who_joined_later_shows_a_dash_and_mistake_01_who_left_keeps_the_column(
    held, city, programme, secretary, lin
):
    tomorrow, later = TODAY + timedelta(days=1), moment() + timedelta(days=2)
    late = Enrolment(number="00000777", name="后来人", branch=city.jia, day=tomorrow)
    members.enrol(late, by=city.by, at=later)
    column = f"{TODAY} 读书班第 1 次"
    before = matrix_of(programme, city, secretary)[1]

    members.transfer_many([Move(lin, city.yi, tomorrow)], by=city.by, at=later)
    after = matrix_of(programme, city, secretary)[1]

    assert before[late.name][column] == "—"
    assert before[late.name]["应到次数"] == 0
    assert after["林小满"][column] == before["林小满"][column] == "迟到"
    assert after["林小满"]["所得合计"] == "—"
    for label in ("应到", "实到", "请假", "缺席", "出勤率"):
        assert after[label][column] == before[label][column]


def test_mistake_08_sessions_not_held_cancelled_or_not_recorded_are_no_columns(
    held, schedule, city, programme, secretary
):
    cancelled = schedule("取消的", day=days_ago(1), hour=14)
    sessions.cancel(cancelled, reason="停电", by=secretary, at=moment())
    gone = schedule("没开成", day=days_ago(2), hour=14)
    sessions.not_held(gone, reason="停电", by=secretary, at=moment())
    schedule("还没点名", day=days_ago(3), hour=14)

    head, rows = matrix_of(programme, city, secretary)
    _, summed = table(
        opened_book(matrices_out.summary(programme, city.jia, by=secretary, at=moment())).active
    )

    assert [name for name in head if "读书班" in str(name)] == [f"{TODAY} 读书班第 1 次"]
    assert not [name for name in head if any(t in str(name) for t in ("取消", "没开成", "还没"))]
    assert rows["周明远"]["应到次数"] == 1
    assert summed[0][9:12] == [1, 3, 2]


def test_mistake_24_the_summary_sums_over_sums_and_names_nobody(held, city, programme, secretary):
    sheet = opened_book(
        matrices_out.summary(programme, city.root, by=secretary, at=moment())
    ).active
    head, rows = table(sheet)
    lines = [dict(zip(head, row, strict=True)) for row in rows]
    branches = [line for line in lines if line["编码"]]
    total = next(line for line in lines if line["党支部"] == "合计")

    for column in ("应学", "学满", "应到人次", "实到人次", "请假人次"):
        assert total[column] == sum(line[column] for line in branches)
    assert total["出勤率"] == pytest.approx(total["实到人次"] / total["应到人次"])
    text = str(cells(sheet))
    assert not [p.name for p in city.people.values() if p.name in text]


def test_mistake_14_an_early_session_belongs_to_its_local_day(schedule, secretary):
    session = schedule(hour=0, minutes=60)

    block = pairs(exported(session, secretary))

    assert timezone.localdate(session.starts_at) == TODAY
    assert block["起止时间"] == "2021年6月3日 00:00–01:00"


def _wide(text):
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)


def test_nothing_is_cut_off_on_paper(held, city, programme, secretary, schedule):
    """Every text finds room in its cell or in the merged cells, in lines of fifteen points."""
    city.jia.name = "中共云岭市青川县委员会直属机关甲支部委员会"
    city.jia.save()
    long = schedule(
        "把握历史主动、增强历史自信：从延安整风到改革开放的专题研讨与交流发言",
        day=days_ago(3),
        place="青川县革命历史纪念馆二楼多功能报告厅（东侧入口）",
    )
    roll_call.open_(long, by=secretary, at=long.starts_at)
    roll_call.close(long, {}, by=secretary, at=long.ends_at)

    for answer in (
        sheets_out.session_sheet(long, by=secretary, at=NOW),
        matrices_out.matrix(programme, city.jia, by=secretary, at=NOW),
        matrices_out.summary(programme, city.jia, by=secretary, at=NOW),
    ):
        sheet = openpyxl.load_workbook(BytesIO(answer.data())).active
        spans = {r.min_row * 1000 + r.min_col: r for r in sheet.merged_cells.ranges}
        for cell in (c for row in sheet.iter_rows() for c in row if isinstance(c.value, str)):
            span = spans.get(cell.row * 1000 + cell.column)
            last = span.max_col if span else cell.column
            columns = [openpyxl.utils.get_column_letter(n) for n in range(cell.column, last + 1)]
            width = sum(sheet.column_dimensions[name].width for name in columns)
            size = cell.font.size
            lines = -(-_wide(cell.value) * size / 11 // width)
            height = sheet.row_dimensions[cell.row].height
            assert height >= lines * size * 1.25, (cell.coordinate, cell.value, width, height)


def test_whole_numbers_bear_no_dot_and_broken_ones_all_their_digits(held, city, programme,
                                                                     secretary):  # fmt: skip
    answer = matrices_out.matrix(programme, city.jia, by=secretary, at=NOW)

    sheet = openpyxl.load_workbook(BytesIO(answer.data())).active
    formats = {
        c.number_format: c.value
        for row in sheet.iter_rows() for c in row if isinstance(c.value, int | float)
    }  # fmt: skip
    assert set(formats) <= {"0", "0.0#", "0.0%"}
