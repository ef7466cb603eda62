"""Days and times in every common form; what is nowhere written is asked, never guessed."""

from datetime import date, datetime, time

import pytest

from courses.sheets.sheet_reading.clocks import clock_in
from courses.sheets.sheet_reading.dates import days_in, numeral

from .world import about, listed, names, only, reading, said, sheet

JUNE_2 = date(2021, 6, 2)


def dated(*lines, **more):
    return reading(listed(top=[["签到表"], *lines]), **more)


@pytest.mark.parametrize(
    "line",
    [
        ["2021-06-02"],
        ["2021/6/2"],
        ["2021.6.2"],
        ["20210602"],
        ["2021年6月2日"],
        ["2021年06月02日"],
        ["２０２１年６月２日"],
        ["2021 年 6 月 2 日"],
        ["2021年6月2日（星期三）"],
        ["2021年6月2日 周三 上午"],
        ["二〇二一年六月二日"],
        ["二○二一年六月二日"],
        ["时间：2021.06.02"],
        ["时间：21.6.2"],
        ["时间：21年6月2日"],
        ["时间:2021年6月2号"],
        ["日期", "2021/6/2"],
        ["日期", date(2021, 6, 2)],
        ["日期", datetime(2021, 6, 2)],
        ["日期", 44349],
        ["日期", 20210602],
        ["", "", date(2021, 6, 2)],
        ["（2021年6月2日）"],
        ["活动时间：二零二一年六月二日上午九时"],
    ],
)
def test_date_is_read_in_every_common_form(line):
    found = dated(line)

    assert found.outcome == "read"
    assert only(found).date == JUNE_2


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("2021年6月2日下午2:30-4:30", "14:30", "16:30"),
        ("2021年6月2日 14：00—16：00", "14:00", "16:00"),
        ("2021年6月2日14点30分", "14:30", None),
        ("2021年6月2日下午2点半", "14:30", None),
        ("2021年6月2日下午两点半至四点", "14:30", "16:00"),
        ("2021年6月2日8:30至10:30", "08:30", "10:30"),
        ("2021年6月2日上午9时", "09:00", None),
        ("2021年6月2日上午9时30分至11时", "09:30", "11:00"),
        ("2021年6月2日9-11点", "09:00", "11:00"),
        ("2021年6月2日晚7点", "19:00", None),
        ("2021年6月2日上午9:00-下午4:00", "09:00", "16:00"),
        ("2021年6月2日2:30-4:30", "14:30", "16:30"),
        ("2021年6月2日9.30-11.30", "09:30", "11:30"),
        ("2021年6月2日9:00（2小时）", "09:00", "11:00"),
        ("2021年6月2日9:00，90分钟", "09:00", "10:30"),
        ("2021-06-02 14:30 至 2021-06-02 16:30", "14:30", "16:30"),
        ("2021年6月2日19:00开始，21:00结束", "19:00", "21:00"),
        ("2021年6月2日上午", None, None),
        ("2021年6月2日（2学时）", None, None),
    ],
)
def test_clock_is_read_in_every_common_form(line, start, end):
    found = only(dated([f"时间：{line}"])).as_json()

    assert (found["date"], found["start"], found["end"]) == ("2021-06-02", start, end)


def test_clock_of_a_real_date_and_time_cell():
    assert only(dated(["时间", datetime(2021, 6, 2, 14, 30)])).start == time(14, 30)


def test_date_and_clock_under_labels_of_their_own():
    found = only(dated(["日期：2021年6月2日", "", "时间：上午9时"]))

    assert (found.date, found.start) == (JUNE_2, time(9))


def test_beginning_and_end_under_labels_of_their_own():
    found = only(dated(["开始时间：2021-06-02 14:00", "结束时间：2021-06-02 16:00"]))

    assert (found.date, found.start, found.end) == (JUNE_2, time(14), time(16))


def test_two_stretches_of_time_are_not_made_into_one():
    found = dated(["时间：2021年6月2日上午9:00-11:30，下午14:00-16:30"])

    assert only(found).start is None
    assert "不止一段" in said(found)


@pytest.mark.parametrize(
    "rows",
    [
        [["2021年6月签到表"], ["时间：6月2日"]],
        [["2021年6月签到表"], ["时间：2日"]],
        [["2021年度学习签到表"], ["时间：6.2"]],
        [["签到表"], ["年度", "2021"], ["日期", "6月2日"]],
        [["签到表"], ["时间：6月2日", "填表日期：2021年6月3日"]],
    ],
)
def test_year_and_month_come_from_the_surroundings(rows):
    found = reading(listed(top=rows))

    assert found.outcome == "read"
    assert only(found).date == JUNE_2


def test_year_comes_from_the_sheets_name():
    found = reading(sheet(listed(top=[["签到表"], ["6月2日"]]), name="2021年6月"))

    assert only(found).date == JUNE_2


def test_whole_date_comes_from_the_sheets_name():
    assert only(reading(sheet(listed(top=[["签到表"]]), name="2021.6.2"))).date == JUNE_2


def test_year_comes_from_another_sheet_of_the_workbook():
    first = sheet(listed(top=[["2021年学习签到表"], ["6月2日"]]), name="一")
    second = sheet(listed(top=[["学习签到表"], ["6月9日"]]), name="二")

    found = reading(first, second)

    assert [session.date for session in found.sessions] == [JUNE_2, date(2021, 6, 9)]


def test_year_comes_from_the_files_name():
    found = reading(listed(top=[["签到表"], ["6月2日"]]), filename="2021年学习签到.xlsx")

    assert only(found).date == JUNE_2


def test_missing_year_is_asked_about_with_this_year_and_the_last():
    found = dated(["6月2日"])

    [question] = found.questions
    assert (question.about, question.row, question.column) == ("year", 2, "A")
    assert question.value == "6月2日"
    assert [c["value"] for c in question.candidates] == ["2021", "2020"]
    assert only(found).date is None
    assert len(only(found).rows) == 10


def test_year_that_would_lie_in_the_future_is_proposed_last():
    [question] = dated(["12月28日"], at=date(2021, 3, 1)).questions

    assert [c["value"] for c in question.candidates] == ["2020", "2021"]


def test_weekday_puts_the_fitting_year_first_but_does_not_decide():
    [question] = dated(["6月3日（星期三）"]).questions

    assert [c["value"] for c in question.candidates] == ["2020", "2021"]


def test_answer_gives_the_year():
    [question] = dated(["6月2日"]).questions

    found = dated(["6月2日"], answers={question.key: "2021"})

    assert found.outcome == "read"
    assert only(found).date == JUNE_2


def test_two_years_in_the_title_decide_nothing():
    found = reading(listed(top=[["2020—2021学年学习签到表2020年2021年"], ["6月2日"]]))

    assert about(found) == ["year"]


def test_missing_date_is_asked_about():
    found = dated()

    assert about(found) == ["date"]
    assert only(found).date is None


def test_day_of_filling_in_is_only_proposed():
    found = reading(listed(top=[["签到表"]], foot=[["填表日期：2021年6月3日"]]))

    [question] = found.questions
    assert question.about == "date"
    assert [c["value"] for c in question.candidates] == ["2021-06-03"]


def test_date_under_the_signature_is_only_proposed():
    found = reading(listed(top=[["签到表"]], foot=[["", "第一党支部"], ["", "2021年6月3日"]]))

    [question] = found.questions
    assert question.about == "date"
    assert [c["value"] for c in question.candidates] == ["2021-06-03"]


@pytest.mark.parametrize("day", ["2021年6月31日", "2021-2-29", "2021年13月2日"])
def test_date_that_does_not_exist_is_asked_about(day):
    found = dated([f"时间：{day}"])

    assert about(found) == ["date"]
    assert "不存在" in found.questions[0].text


def test_several_days_for_one_column_of_marks_are_asked_about():
    found = dated(["时间：2021年6月2日-4日"])

    [question] = found.questions
    assert question.about == "date"
    days = ["2021-06-02", "2021-06-03", "2021-06-04"]
    assert [c["value"] for c in question.candidates] == days


def test_answer_gives_the_date():
    [question] = dated(["时间：2021年6月2日、9日"]).questions

    found = dated(["时间：2021年6月2日、9日"], answers={question.key: "2021-06-09"})

    assert only(found).date == date(2021, 6, 9)
    assert found.outcome == "read"


def test_weekday_that_contradicts_the_date_is_said():
    assert "星期三" in said(dated(["2021年6月2日（星期五）"]))


def test_date_in_the_future_is_said_and_read():
    found = dated(["2022年6月2日"])

    assert found.outcome == "read"
    assert "晚于今天" in said(found)


def test_year_that_contradicts_the_title_is_said():
    found = reading(listed(top=[["2021年6月签到表"], ["日期", date(2020, 6, 2)]]))

    assert "2021" in said(found)
    assert "不一致" in said(found)


def test_date_in_the_footer_counts_where_it_is_labelled():
    found = reading(listed(top=[["签到表"]], foot=[["学习时间：2021年6月2日"]]))

    assert only(found).date == JUNE_2


def test_day_of_filling_in_never_is_the_day_of_the_session():
    rows = listed(top=[["签到表"], ["时间：2021年6月2日"]], foot=[["填表日期", "2021年6月5日"]])

    assert only(reading(rows)).date == JUNE_2


def test_times_of_signing_in_give_the_date_where_nothing_else_does():
    moments = [datetime(2021, 6, 2, 8, n) for n in range(10)]
    rows = listed(moments, top=[["签到表"]], head=("序号", "姓名", "签到时间"))

    assert only(reading(rows)).date == JUNE_2


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("6月2日至6月4日", [(6, 2), (6, 4)]),
        ("2021.6.2-6.4", [(6, 2), (6, 4)]),
        ("6月2日、9日、16日", [(6, 2), (6, 9), (6, 16)]),
        ("三楼2号会议室", []),
        ("第1次", []),
    ],
)
def test_days_of_a_text(text, days):
    assert [(day.month, day.day) for day in days_in(text)] == days


@pytest.mark.parametrize(
    ("text", "number"),
    [("二十四", 24), ("廿三", 23), ("十", 10), ("一百零二", 102), ("二〇二一", 2021), ("人", None)],
)
def test_chinese_numerals(text, number):
    assert numeral(text) == number


def test_class_hours_are_no_clock():
    assert clock_in("共2学时，课时2").start is None


def test_matrix_day_that_does_not_exist_is_asked_about():
    rows = [["2021年考勤表"], ["姓名", "6月2日", "6月31日"], *[[n, "√", "√"] for n in names()]]

    assert about(reading(rows)) == ["date"]
