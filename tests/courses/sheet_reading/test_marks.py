"""What marks mean by themselves, in every spelling that secretaries use."""

from datetime import datetime, time

import pytest

from .world import about, listed, names, only, reading, row, status

CERTAIN = {
    "present": "√ ✓ ✔ ☑ V v 对勾 1 是 有 到 已到 出勤 出席 参加 参会 实到 按时 准时 正常 "
    "全勤 已签到 线上 到会 ✔️ √√",
    "absent": "× ✗ ✘ X x ☒ 缺席 缺勤 缺 旷 旷会 未到 没来 未参加 否 无故缺席 未请假 缺席（待补学）",
    "late": "迟到 迟 √（迟到） 迟到10分钟 迟到√ 迟到（堵车） 晚到",
    "left_early": "早退 退 √早退 早退（有事） 提前离会 中途离开",
    "observer": "列席 旁听",
    "made_up": "补学 已补学 补 已补 病假（已补学） 补课",
}
LEAVES = {
    "请假": ("未说明", "unstated"),
    "假": ("未说明", "unstated"),
    "病假": ("病假", "sick"),
    "病": ("病假", "sick"),
    "住院": ("住院", "sick"),
    "请假(病)": ("病假", "sick"),
    "请假（病假）": ("病假", "sick"),
    "因病请假": ("病假", "sick"),
    "缺席（病假）": ("病假", "sick"),
    "事": ("事假", "personal"),
    "事假": ("事假", "personal"),
    "请假（孩子发烧）": ("孩子发烧", "personal"),
    "公": ("公出", "official"),
    "因公请假": ("公出", "official"),
    "公假": ("公假", "official"),
    "公差": ("公差", "official"),
    "出差": ("出差", "official"),
    "出差沈阳": ("出差", "official"),
    "到北京出差": ("出差", "official"),
    "未参加（出差）": ("出差", "official"),
    "开会": ("开会", "official"),
    "值班(公出)": ("值班", "official"),
    "下乡": ("下乡", "official"),
    "年休假": ("年休假", "other"),
    "产假": ("产假", "other"),
    "探亲": ("探亲", "other"),
    "外出务工": ("外出务工", "other"),
}
DOUBTFUL = "○ ● ◎ △ ▲ / — - ★ A 2 张三 代签 ? ？ 在家 到北京 √病假 病假、事假 参加培训 转出".split()  # noqa: SIM905


@pytest.mark.parametrize(
    ("mark", "meaning"),
    [(mark, meaning) for meaning, marks in CERTAIN.items() for mark in marks.split()],
)
def test_mark_is_certain_without_a_legend(mark, meaning):
    found = reading(listed(["√", mark]))

    assert found.outcome == "read"
    assert row(only(found), names()[1]).status == meaning


@pytest.mark.parametrize(("mark", "leave", "group"), [(m, *w) for m, w in LEAVES.items()])
def test_leave_keeps_the_sheets_own_word_and_its_kind(mark, leave, group):
    found = row(only(reading(listed(["√", mark]))), names()[1])

    assert (found.status, found.leave, found.leave_group) == ("leave", leave, group)


@pytest.mark.parametrize("mark", DOUBTFUL)
def test_doubtful_mark_is_asked_about_and_never_guessed(mark):
    found = reading(listed(["√", mark]))

    assert found.outcome == "ask"
    [question] = found.questions
    assert (question.about, question.row, question.column) == ("mark", 5, "C")
    asked = row(only(found), names()[1])
    assert asked.status is None
    assert asked.questions == (question.key,)
    assert {c["value"] for c in question.candidates} >= {"present", "leave", "absent"}


def test_one_symbol_is_asked_about_once_for_all_its_rows():
    found = reading(listed(["√", "○", "√", "○"]))

    [question] = found.questions
    assert question.rows == (5, 7)


def test_the_name_signed_by_oneself_is_presence():
    found = reading(listed(names(), head=("序号", "姓名", "签名", "备注")))

    assert only(found).counts == {"present": 10}


def test_another_members_name_in_the_signature_is_asked_about():
    found = reading(listed(["√", "方砚雪"]))

    assert about(found) == ["mark"]
    assert "别人的名字" in found.questions[0].text


def test_zero_beside_ones_is_absence():
    found = reading(listed([1, 0, *[1] * 8]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 9, "absent": 1}


def test_zero_beside_ticks_may_be_a_circle_and_is_asked_about():
    assert about(reading(listed(["√", 0]))) == ["mark"]


def test_true_and_false_of_tick_boxes_are_read():
    found = only(reading(listed([True, False, *[True] * 8])))

    assert found.counts == {"present": 9, "absent": 1}


@pytest.mark.parametrize("moment", [time(8, 25), "8:25", datetime(2021, 6, 2, 8, 25)])
def test_a_time_of_signing_in_is_presence_and_never_lateness(moment):
    rows = listed([moment] * 10, head=("序号", "姓名", "签到时间"))

    assert only(reading(rows)).counts == {"present": 10}


def test_blank_time_of_signing_in_is_absence():
    rows = listed([time(8, 25), "", *[time(8, 25)] * 8], head=("序号", "姓名", "签到时间"))

    assert status(only(reading(rows)))[names()[1]] == "absent"


@pytest.mark.parametrize(
    ("mark", "remark", "meaning"),
    [
        ("√", "迟到", "late"),
        ("√", "早退", "left_early"),
        ("√", "列席", "observer"),
        ("√", "已补学", "made_up"),
        ("√", "会后出差", "present"),
        ("√", "书记", "present"),
        ("×", "病假", "leave"),
        ("缺席", "已补学", "made_up"),
        ("", "线上参会", "present"),
        ("", "电话请假", "leave"),
        ("病假", "已补学", "made_up"),
        ("出差", "沈阳", "leave"),
    ],
)
def test_remark_explains_the_mark(mark, remark, meaning):
    found = reading(listed(["√", mark], remarks={1: remark}))

    explained = row(only(found), names()[1])
    assert found.outcome == "read"
    assert (explained.status, explained.remark) == (meaning, remark)


def test_tick_beside_a_leave_contradicts_itself_and_is_asked_about():
    found = reading(listed("√", remarks={1: "病假"}))

    assert about(found) == ["mark"]
    assert "矛盾" in found.questions[0].text


def test_two_kinds_of_leave_for_one_row_are_asked_about():
    head = ("序号", "姓名", "签到", "请假事由")

    found = reading(listed(["√", "病假"], head=head, remarks={1: "事假"}))

    assert about(found) == ["mark"]


def test_reason_without_a_known_word_stands_as_written():
    head = ("序号", "姓名", "签到", "请假原因")

    found = row(
        only(reading(listed(["√", "请假"], head=head, remarks={1: "参加婚礼"}))), names()[1]
    )

    assert (found.status, found.leave, found.leave_group) == ("leave", "参加婚礼", "other")


def test_leave_without_any_reason_is_unstated():
    found = row(only(reading(listed(["√", "请假"], remarks={1: "沈阳"}))), names()[1])

    assert (found.leave, found.leave_group, found.remark) == ("未说明", "unstated", "沈阳")


def test_formula_like_text_stays_text_and_errors_are_asked_about():
    found = reading(listed(["√", "#REF!", "=1+1"]))

    assert about(found) == ["mark", "mark"]
