"""What an empty cell means, and what a sheet's own key says."""

import pytest

from .world import about, listed, names, only, reading, row, said, sheet, status


def test_blank_beside_ticks_is_absence():
    found = reading(listed(["√", ""]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 9, "absent": 1}


def test_blank_beside_ticks_and_crosses_is_asked_about():
    found = reading(listed(["√", "×", ""]))

    [question] = found.questions
    assert (question.about, question.row, question.rows) == ("blank", 6, (6,))
    assert row(only(found), names()[2]).status is None


def test_head_counts_settle_a_blank_beside_crosses():
    found = reading(listed(["√", "×", ""], foot=[["应到10人，实到8人"]]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 8, "absent": 2}
    assert "按表中人数推断" in said(found)


def test_exceptions_only_without_a_sentence_ask_once_what_blank_means():
    marks = ["", "", "迟到", "", "病假", "", "", "缺席", "", ""]

    found = reading(listed(marks))

    [question] = found.questions
    assert question.about == "blank"
    assert len(question.rows) == 7
    assert [row.status for row in only(found).rows].count(None) == 7


def test_exceptions_only_with_head_counts_need_no_question():
    marks = ["", "", "迟到", "", "病假", "", "", "缺席", "", ""]

    found = reading(listed(marks, foot=[["应到10人，实到8人，请假1人，缺席1人"]]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 7, "late": 1, "leave": 1, "absent": 1}


@pytest.mark.parametrize(
    "sentence",
    [
        "未注明者均按时到会。",
        "说明：空白表示到会",
        "注：不填为出席",
        "未标注的均为出勤",
        "其余同志均按时参加",
        "其他人员全部到会。",
        "备注：没有标记的均为按时参加",
    ],
)
def test_sentence_makes_blank_present(sentence):
    marks = ["", "病假", *[""] * 8]

    found = reading(listed(marks, foot=[[sentence]]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 9, "leave": 1}


@pytest.mark.parametrize(
    "sentence", ["未打√者为缺席", "空白—缺席", "空格为未到", "没有打勾的为缺席", "未签到者为缺席"]
)
def test_sentence_makes_blank_absent(sentence):
    found = reading(listed(["√", "×", ""], foot=[[sentence]]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 8, "absent": 2}


def test_reason_goes_before_the_sentence_about_blanks():
    found = reading(listed([""] * 10, foot=[["未注明者均按时到会"]], remarks={3: "病假"}))

    assert only(found).counts == {"present": 9, "leave": 1}


LEGENDS = [
    "注：●到会  ○请假  △迟到  ×缺席",
    "●：到会；○：请假；△：迟到；×：缺席",
    "到会● 请假○ 迟到△ 缺席×",
    "●—到会，○—请假，△—迟到，×—缺席",
    "●表示到会，○表示请假，△表示迟到，×表示缺席",
    "到会打●，请假打○，迟到打△，缺席打×",
    "图例：“●”代表到会、“○”代表请假、“△”代表迟到、“×”代表缺席",
    "注：1.●为到会 2.○为请假 3.△为迟到 4.×为缺席",
    "● 到会    ○ 请假    △ 迟到    × 缺席",
]


@pytest.mark.parametrize("legend", LEGENDS)
@pytest.mark.parametrize("place", ["head", "foot"])
def test_legend_decides_in_every_form_and_place(legend, place):
    marks = ["●", "○", "△", "×", *["●"] * 6]
    rows = listed(marks, foot=[[legend]])
    if place == "head":
        rows.insert(2, rows.pop())

    found = reading(rows)

    assert found.outcome == "read"
    assert only(found).counts == {"present": 7, "late": 1, "leave": 1, "absent": 1}


def test_legend_in_the_heading_itself():
    rows = listed(["√", "○", "×"], head=("序号", "姓名", "签到（√到○假×缺）"))

    assert only(reading(rows)).counts == {"present": 8, "leave": 1, "absent": 1}


def test_legend_beside_the_rows_in_the_remark_column():
    rows = listed(["√", "○"], remarks={0: "√ 到会", 1: "○ 请假", 2: "△ 迟到"})

    found = only(reading(rows))

    assert found.counts == {"present": 9, "leave": 1}
    assert {row.remark for row in found.rows} == {None}


def test_legend_in_neighbouring_cells():
    rows = listed(["√", "○", "△"])
    for at, pair in enumerate([("√", "到会"), ("○", "公假"), ("△", "早退")]):
        rows[3 + at] += ["", *pair]

    found = only(reading(rows))

    assert found.counts == {"present": 8, "left_early": 1, "leave": 1}
    assert row(found, names()[1]).leave == "公假"


def test_legend_on_another_sheet_serves_sheets_without_one():
    found = reading(sheet([["○为请假，●为到会"]], name="说明"), listed(["○", *["●"] * 9]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 9, "leave": 1}


def test_legend_beats_the_usual_meaning():
    found = only(reading(listed(["×", "√"], foot=[["×到会 √缺席"]], people=names()[:2])))

    assert status(found) == {"方砚雪": "present", "顾停云": "absent"}


def test_letters_and_digits_in_a_legend():
    rows = listed(["A", "B", "C", *["A"] * 7], foot=[["A—出席 B—请假 C—缺席"]])

    assert only(reading(rows)).counts == {"present": 8, "leave": 1, "absent": 1}


def test_circle_typed_as_a_letter_follows_the_legend():
    found = only(reading(listed(["√", "O", "o"], foot=[["√出勤 ○事假"]])))

    assert [row.leave for row in found.rows][1:3] == ["事假", "事假"]


def test_head_counts_settle_symbols_that_fit_only_one_way():
    marks = ["●", "○", "●", "○", "×", *["●"] * 5]

    found = reading(listed(marks, foot=[["应到10人 实到7人 请假2人 缺席1人"]]))

    assert found.outcome == "read"
    assert only(found).counts == {"present": 7, "leave": 2, "absent": 1}
    assert "推断" in said(found)


def test_head_counts_that_fit_two_ways_settle_nothing():
    # 1 person on leave and 1 absent: ○ and △ may each be either.
    found = reading(listed(["○", "△"], foot=[["实到8人 请假1人 缺席1人"]]))

    assert about(found) == ["mark", "mark"]


def test_colours_cannot_be_read_and_that_is_said():
    assert "颜色" in said(reading(listed(foot=[["注：标红为请假"]])))


def test_form_that_nobody_filled_in_is_refused():
    found = reading(listed([""] * 10))

    assert found.outcome == "refuse"
    assert "没有填写" in found.message


def test_answer_to_blank_is_applied_to_all_its_rows():
    marks = ["", "", "迟到", "", "病假", "", "", "缺席", "", ""]
    [question] = reading(listed(marks)).questions

    found = reading(listed(marks), answers={question.key: "present"})

    assert found.outcome == "read"
    assert only(found).counts == {"present": 7, "late": 1, "leave": 1, "absent": 1}


def test_answer_to_a_symbol_is_applied_wherever_it_stands():
    marks = ["√", "○", "√", "○"]
    [question] = reading(listed(marks)).questions

    found = reading(listed(marks), answers={question.key: "leave:病假"})

    assert found.outcome == "read"
    assert [r.leave for r in only(found).rows if r.status == "leave"] == ["病假", "病假"]
    assert {r.leave_group for r in only(found).rows} == {None, "sick"}


def test_sentence_that_all_came_serves_where_nothing_is_ticked():
    found = reading(listed(["", "病假", *[""] * 8], foot=[["本次会议全体党员均到会。"]]))

    assert only(found).counts == {"present": 9, "leave": 1}
