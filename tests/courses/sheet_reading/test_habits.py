"""Habits of branch secretaries beyond the specimens: layouts, sentences, head counts, encodings."""

from __future__ import annotations

from datetime import date, datetime, time
from io import BytesIO
from time import process_time

import openpyxl
import pytest

from courses.sheets.sheet_reading import Person, read
from portal import workbooks

from .world import (
    FIRST,
    HOSPITAL,
    SCHOOL,
    SECOND,
    TODAY,
    Town,
    about,
    listed,
    names,
    only,
    reading,
    row,
    said,
    sheet,
    status,
)

N = names()
MARKS = ["√"] * 8 + ["病假", "×"]
USUAL = {**dict.fromkeys(N[:8], "present"), N[8]: "leave", N[9]: "absent"}
HEAD = [["签到表"], ["2021年6月2日"]]


def marked(*head):
    """Name and mark side by side, under lines of one's own."""
    return [*head, *([n, mark] for n, mark in zip(N, MARKS, strict=True))]


def opened(data, name="表.xlsx"):
    return read(workbooks.read(data, name), roster=Town(SCHOOL), at=TODAY)


# --- Layouts ---


def test_two_rows_of_headings():
    head = [["序号", "姓名", "出勤情况", "", "", "备注"], ["", "", "出席", "请假", "缺席", ""]]
    rows = [
        [i + 1, n, "√" * (i < 8), "√" * (i == 8), "√" * (i == 9), "病假" if i == 8 else ""]
        for i, n in enumerate(N)
    ]
    found = reading(sheet([*HEAD, *head, *rows], ["C3:E3", "A3:A4", "B3:B4", "F3:F4"]))

    assert status(only(found)) == USUAL
    assert row(only(found), N[8]).leave == "病假"


def test_blocks_side_by_side():
    rows = [[i + 1, N[i], MARKS[i], i + 6, N[i + 5], MARKS[i + 5]] for i in range(5)]

    found = reading([*HEAD, ["序号", "姓名", "签到"] * 2, *rows])

    assert status(only(found)) == USUAL


def test_names_side_by_side_under_a_title_that_speaks_of_signing_in():
    found = reading([["到会人员签名"], ["2021年6月2日"], N[:5], N[5:9]])

    assert status(only(found)) == dict.fromkeys(N[:9], "present")
    assert only(found).date == date(2021, 6, 2)


def test_one_column_a_day_is_one_session_a_day():
    rows = [["2021年考勤表"], ["姓名", "3月5日", "4月9日", "5月7日"]]
    rows += [[n, "√", "√", "事假" if i == 2 else "√"] for i, n in enumerate(N)]

    found = reading(rows)

    assert [s.date for s in found.sessions] == [
        date(2021, 3, 5),
        date(2021, 4, 9),
        date(2021, 5, 7),
    ]
    assert row(found.sessions[2], N[2]).leave == "事假"


def test_real_dates_as_headings_leave_no_midnight_behind():
    rows = [["考勤表"], ["姓名", datetime(2021, 3, 5), datetime(2021, 4, 9)]]

    found = reading([*rows, *([n, "√", "√"] for n in N)])

    assert [(s.date, s.topic, s.start) for s in found.sessions] == [
        (date(2021, 3, 5), None, None),
        (date(2021, 4, 9), None, None),
    ]


def test_people_across_and_days_down():
    found = reading([["2021年考勤表"], ["日期", *N], ["3月5日", *["√"] * 9, "×"]])

    assert status(only(found))[N[9]] == "absent"


def test_one_line_a_person_and_day():
    lines = [[d, n, "√"] for d in ("2021-06-02", "2021-06-09") for n in N]

    found = reading([["签到明细"], ["日期", "姓名", "状态"], *lines])

    assert [s.date.day for s in found.sessions] == [2, 9]


def test_two_meetings_one_below_the_other():
    second = [["签到表"], ["2021年6月9日"], ["序号", "姓名", "签到"]]
    second += [[i + 1, n, "√"] for i, n in enumerate(N)]

    found = reading([*listed(MARKS), [""], *second])

    assert [(s.date.day, len(s.rows)) for s in found.sessions] == [(2, 10), (9, 10)]


def test_several_sheets_and_one_of_instructions():
    pages = [
        sheet(marked(["签到表"], [f"2021年{m}月5日"], ["姓名", "签到"]), name=f"{m}月")
        for m in (3, 4)
    ]

    found = reading(*pages, sheet([["填表说明：到会打√"]], name="说明"))

    assert [(s.sheet, s.date.month) for s in found.sessions] == [("3月", 3), ("4月", 4)]


def test_hidden_sheets_are_left_out_and_hidden_rows_are_said():
    page = sheet(marked(*HEAD, ["姓名", "签到"]), hidden_rows=(4,))

    found = reading(page, sheet([["姓名", "签到"], [N[0], "×"]], name="旧", hidden=True))

    assert status(only(found)) == USUAL
    assert "隐藏的工作表“旧”没有读取" in said(found)
    assert "隐藏行" in said(found)


def test_numbering_that_goes_on_below_the_people_is_nobody():
    found = reading([*listed(MARKS), *([i, "", "", ""] for i in range(11, 31))])

    assert len(only(found).rows) == 10


def test_exports_of_meeting_apps_tell_presence_by_the_time_of_signing_in():
    rows = [[n, datetime(2021, 6, 2, 14, 20 + i), "扫码"] for i, n in enumerate(N[:8])]
    rows += [[n, None, None] for n in N[8:]]

    found = reading([["姓名", "签到时间", "签到方式"], *rows])

    assert found.outcome == "read"
    assert [r.status for r in only(found).rows] == ["present"] * 8 + ["absent"] * 2


# --- Sentences and head counts ---


@pytest.mark.parametrize(
    "lines",
    [
        ["参加人员：全体党员（方砚雪病假除外）"],
        ["参加人员：全体党员", "请假人员：方砚雪（病假）"],
        ["出席：支部全体党员，除方砚雪病假外"],
        ["除方砚雪请病假外，其余同志均按时参加"],
    ],
)
def test_everybody_but_those_who_are_named(lines):
    found = reading([["会议记录"], ["时间：2021年6月2日"], *([line] for line in lines)])

    assert status(only(found)) == {**dict.fromkeys(N, "present"), "方砚雪": "leave"}
    assert row(only(found), "方砚雪").leave == "病假"


def test_everybody_in_the_head_line_says_nothing_beside_marks_of_single_people():
    found = reading(marked(*HEAD, ["参加人员：全体党员"], ["姓名", "签到"]))

    assert status(only(found)) == USUAL


def test_only_exceptions_and_head_counts_that_leave_one_answer():
    lines = [
        ["活动记录"],
        ["时间：2021年6月2日"],
        ["应到10人，实到9人"],
        ["缺席人员：方砚雪（出差）"],
    ]

    found = reading(lines)

    assert status(only(found)) == {**dict.fromkeys(N, "present"), "方砚雪": "leave"}
    assert "其余 9 人按出席读取" in said(found)


def test_only_exceptions_and_head_counts_that_do_not_agree_are_said():
    lines = [
        ["活动记录"],
        ["时间：2021年6月2日"],
        ["应到10人，实到8人"],
        ["缺席人员：方砚雪（出差）"],
    ]

    found = reading(lines)

    assert status(only(found)) == {"方砚雪": "leave"}
    assert "实到 8 人" in said(found)


@pytest.mark.parametrize(
    "foot",
    [
        ["实到9人"],
        ["", "实到9人"],
        ["实到", "9"],
        ["实到：", "9人"],
        ["合计", "实到9人"],
        ["应到", "10", "实到", "9"],
    ],
)
def test_a_count_below_the_rows_is_held_against_the_marks(foot):
    assert "实到 9 人，按签到标记是 8 人" in said(reading(listed(MARKS, foot=[foot])))


def test_subtotals_between_the_rows_contradict_nothing():
    people = [[i + 1, n, "√"] for i, n in enumerate(N)]

    found = reading([*HEAD, ["序号", "姓名", "签到"], *people[:5], ["实到", "", "5"], *people[5:],
                     ["实到", "", "5"]])  # fmt: skip

    assert found.outcome == "read"
    assert said(found) == ""


def test_a_date_before_head_counts_on_one_line_is_the_day():
    found = reading(listed(MARKS, top=(("签到表",), ("2021年6月2日  应到：10人  实到：8人",))))

    assert only(found).date == date(2021, 6, 2)


def test_a_family_name_is_not_shortened_by_what_lists_end_with():
    found = reading([["签到表"], ["2021年6月2日"], [*N[:4], "宋立人"]])

    asked = [q.text for q in found.questions]
    assert any("宋立人" in text for text in asked)


# --- Marks ---


@pytest.mark.parametrize("mark", ["代签", "补签", "●", "上午到，下午请假", "√下午请假", "ü", "P"])
def test_what_two_people_would_read_in_two_ways_is_asked(mark):
    found = reading(listed(["√"] * 9 + [mark]))

    assert about(found) == ["mark"]
    assert status(only(found))[N[9]] is None


def test_signing_with_the_own_name_is_presence_and_a_reason_is_leave():
    rows = listed(
        [*N[:8], "", ""], head=("序号", "姓名", "签名", "备注"), remarks={8: "病假", 9: "出差"}
    )

    found = reading(rows)

    assert [r.leave for r in only(found).rows[8:]] == ["病假", "出差"]
    assert [r.status for r in only(found).rows[:8]] == ["present"] * 8


def test_a_make_up_column_tells_the_day_and_what_the_day_itself_was():
    head = ("序号", "姓名", "签到", "补学")
    rows = listed(["√"] * 8 + ["病假", "×"], head=head, remarks={8: "2021年6月10日", 9: "已补"})

    found = only(reading(rows))

    assert (row(found, N[8]).was, row(found, N[8]).made_up_on) == ("leave:病假", "2021-06-10")
    assert (row(found, N[9]).was, row(found, N[9]).made_up_on) == ("absent", None)


@pytest.mark.parametrize("mark", ["腾讯会议", "线上参加", "视频会议", "扫码", "现场签到"])
def test_ways_of_taking_part_are_presence_and_no_leave(mark):
    assert status(only(reading(listed(["√"] * 9 + [mark]))))[N[9]] == "present"


def test_a_sum_of_those_who_came_is_compared_and_one_of_all_rows_is_not():
    rows = [["2021年考勤"], ["姓名", "3月5日", "4月9日"]]
    rows += [[n, "√", "√" if i else "×"] for i, n in enumerate(N)]

    assert "“实到人数”写 10，按标记是 9 人" in said(reading([*rows, ["实到人数", 10, 10]]))
    assert said(reading([*rows, ["合计", 10, 10]])) == ""


def test_a_month_over_the_first_of_its_days_holds_for_all():
    rows = [["签到表"], ["姓名", "2021年6月", "", ""], ["", "1日", "8日", "15日"]]

    found = reading([*rows, *([n, "√", "√", "×"] for n in N)])

    assert [s.date.day for s in found.sessions] == [1, 8, 15]


# --- People ---


def test_numbers_that_lost_their_zeros_still_name_people():
    rows = [[float(310001 + i), n, mark] for i, (n, mark) in enumerate(zip(N, MARKS, strict=True))]

    found = reading([*HEAD, ["党员编号", "姓名", "签到"], *rows])

    assert found.outcome == "read"
    assert row(only(found), N[0]).member == "00310001"


@pytest.mark.parametrize(
    ("extra", "code"),
    [(N[0], "duplicate"), ("姚砚农", "other_branch"), ("李某某", "unknown_name")],
)
def test_people_who_do_not_fit_are_asked_about_and_the_others_stay(extra, code):
    found = reading([*listed(MARKS), [11, extra, "√", ""]])

    assert about(found) == [code]
    assert {k: v for k, v in status(only(found)).items() if k in N} == USUAL


def test_names_of_minorities_are_known_with_every_dot_or_none():
    people = names(HOSPITAL)
    written = [n.replace("·", dot) for n, dot in zip(people, ".•．" * 4, strict=True)]
    written[3] = people[3].replace("·", "")

    found = reading([*HEAD, ["姓名", "签到"], *([n, "√"] for n in written)], branch=HOSPITAL)

    assert found.outcome == "read"
    assert set(status(only(found))) == set(people)


@pytest.mark.parametrize("said_of_them", [("党小组", "一组", "二组"), ("类别", "正式", "预备")])
def test_namesakes_are_told_apart_by_what_the_row_says(said_of_them):
    heading, first, second = said_of_them
    people = names(SECOND)
    rows = [[n, "√", first if i < 6 else second] for i, n in enumerate(people)]
    if heading == "类别":
        rows = [[n, "√", second if i == 7 else first] for i, n in enumerate(people)]
    rows[7][1] = "病假"

    found = reading([*HEAD, ["姓名", "签到", heading], *rows], branch=SECOND)

    assert found.outcome == "read"
    assert [r.member for r in only(found).rows if r.status == "leave"] == ["00120008"]


def test_namesakes_that_nothing_tells_apart_are_asked_about():
    rows = [[n, "病假" if i == 4 else "√"] for i, n in enumerate(names(SECOND))]

    assert about(reading([*HEAD, ["姓名", "签到"], *rows], branch=SECOND)) == ["homonym"] * 2


def test_the_sheet_of_another_branch_is_refused_and_one_that_names_another_is_said():
    others = [n for n in names(SECOND) if n not in names(FIRST)]
    wrong = reading([*HEAD, ["姓名", "签到"], *([n, "√"] for n in others)], branch=FIRST)
    title = [["水务局机关第二党支部签到表"], ["2021年6月2日"], ["姓名", "签到"]]

    assert wrong.outcome == "refuse"
    assert SECOND in wrong.message
    assert "不一致" in said(reading([*title, *([n, "√"] for n in names(FIRST))], branch=FIRST))


def test_two_thousand_rows_are_read_in_time_even_if_nobody_is_known():
    town = tuple(
        Person(f"9{i:07d}", "王李张刘陈杨赵黄周吴"[i % 10] + chr(0x4E00 + i * 7) + chr(0x5000 + i),
               SCHOOL, SCHOOL)
        for i in range(2000)
    )  # fmt: skip
    head = [*HEAD, ["序号", "姓名", "签到"]]
    known = [[i + 1, person.name, "√"] for i, person in enumerate(town)]
    strange = [[i, name + "错", mark] for i, name, mark in known]

    begun = process_time()
    assert reading([*head, *known], people=town).outcome == "read"
    assert len(reading([*head, *strange], people=town).questions) >= 1999
    assert process_time() - begun < 8  # both together, on a slow machine


# --- Files ---

CSV = "签到表,,,\r\n时间：2021年6月2日 14:30-16:00,,,\r\n序号,姓名,签到,备注\r\n" + "".join(
    f"{i + 1},{n},{mark},\r\n" for i, (n, mark) in enumerate(zip(N, MARKS, strict=True))
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_text_files_in_every_common_encoding(encoding, separator):
    found = opened(CSV.replace(",", separator).encode(encoding), "签到.csv")

    assert status(only(found)) == USUAL
    assert (only(found).start, only(found).end) == (time(14, 30), time(16))


def test_merged_groups_and_formulas_without_values_are_no_hindrance():
    book = openpyxl.Workbook()
    page = book.active
    for line in [*HEAD, ["党小组", "序号", "姓名", "签到"]]:
        page.append(line)
    for i, (n, mark) in enumerate(zip(N, MARKS, strict=True)):
        page.append(["一组" if i == 0 else "二组" if i == 5 else None, "=ROW()-3", n, mark])
    page.merge_cells("A4:A8")
    page.merge_cells("A9:A13")
    page.append(["实到", '=COUNTIF(D4:D13,"√")'])
    buffer = BytesIO()
    book.save(buffer)

    found = opened(buffer.getvalue())

    assert status(only(found)) == USUAL
    assert found.outcome == "read"
