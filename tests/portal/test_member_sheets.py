"""Member lists from spreadsheets: read by headings, previewed, written all or nothing."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from portal import members, people_in, people_out
from portal.models import AuditEvent, Member, Membership, Organization
from portal.people_in.cells import BadCell, day_of, masked
from portal.people_in.headings import field_of, is_private
from portal.people_in.model import NotImportable, Table
from tests.cast import BEFORE, NOW, TODAY
from tests.portal.conftest import MEMBER_HEADINGS, xlsx

ID_CARD = "210421196703051234"
ROW = ["00000101", "席照川", "青川县甲支部", "一组", "正式党员", "19900980000", "2001-07-01"]


def apply(preview, city):
    return people_in.apply(preview, by=city.by, at=NOW)


def row(**changes):
    values = dict(zip(MEMBER_HEADINGS, ROW, strict=True)) | changes
    return [values[h] for h in MEMBER_HEADINGS]


def errors(preview):
    return [(p.row, p.column) for p in preview.errors]


# --- the usual sheet ----------------------------------------------------------------------


def test_a_plain_sheet_is_previewed_and_written(city, member_sheet):
    preview = member_sheet(ROW)

    said = preview.as_json()
    assert (said["outcome"], said["errors"], said["kind"]) == ("read", [], "members")
    assert said["rows"][0] | {
        "row": 2, "action": "create", "number": "00000101", "name": "席照川",
        "branch": "青川县甲支部", "group": "一组", "kind": "full", "category": "employed",
        "phone": "19900980000", "joined_on": "2001-07-01",
    } == said["rows"][0]  # fmt: skip
    assert not Member.objects.filter(number="00000101").exists()

    assert apply(preview, city) == {"create": 1}
    person = Member.objects.get(number="00000101")
    assert (person.branch, person.joined_on, person.phone) == (
        city.jia, date(2001, 7, 1), "19900980000",
    )  # fmt: skip
    assert person.memberships.get().since == TODAY
    assert not person.has_usable_password()


def test_importing_twice_changes_nothing(city, member_sheet):
    apply(member_sheet(ROW), city)
    events = AuditEvent.objects.count()

    again = member_sheet(ROW)

    assert [line.action for line in again.lines] == ["same"]
    apply(again, city)
    assert AuditEvent.objects.count() == events


def test_corrections_name_old_and_new(city, member_sheet):
    apply(member_sheet(ROW), city)

    preview = member_sheet(row(手机号码="19900980009", 党小组="二组", 党员类别="预备党员"))

    line = preview.as_json()["rows"][0]
    assert line["action"] == "update"
    assert line["changes"] == {
        "status": ["正式党员", "预备党员"],
        "phone": ["199****0000", "199****0009"],
        "group": ["一组", "二组"],
    }
    apply(preview, city)
    person = Member.objects.get(number="00000101")
    assert (person.phone, person.status) == ("19900980009", "probationary")
    assert person.memberships.get().group == "二组"


def test_empty_cells_change_nothing(city, member_sheet):
    apply(member_sheet(ROW), city)

    preview = member_sheet(["00000101", "席照川"])

    assert [line.action for line in preview.lines] == ["same"]
    assert preview.lines[0].phone == "19900980000"


def test_another_branch_is_a_transfer_with_its_date(city, member_sheet, lin):
    headings = ["编号", "姓名", "党支部", "转入日期"]

    preview = member_sheet(
        [lin.number, "林小满", "青川县乙支部", "2021年5月20日"], headings=headings
    )

    line = preview.as_json()["rows"][0]
    assert (line["action"], line["day"]) == ("transfer", "2021-05-20")
    assert line["changes"]["branch"] == ["青川县甲支部", "青川县乙支部"]
    apply(preview, city)
    old, new = lin.memberships.order_by("since")
    assert (old.until, old.ended, new.branch) == (date(2021, 5, 20), "transferred", city.yi)


def test_a_transfer_before_the_present_membership_is_an_error(city, member_sheet, lin):
    headings = ["编号", "姓名", "党支部", "转入日期"]

    preview = member_sheet([lin.number, "林小满", "青川县乙支部", "2019-05-20"], headings=headings)

    assert errors(preview) == [(2, "转入日期")]


def test_departures_come_through_the_same_verb(city, member_sheet, lin, wu):
    headings = ["编号", "姓名", "去向", "离开日期"]
    rows = [[lin.number, "林小满", "转出", "2021-06-01"], [wu.number, "吴远舟", "已故", None]]

    preview = member_sheet(*rows, headings=headings)
    assert [line.action for line in preview.lines] == ["leave", "leave"]
    apply(preview, city)

    assert lin.memberships.get().ended == Membership.Ended.LEFT
    assert wu.memberships.get().ended == Membership.Ended.DIED
    again = member_sheet(*rows, headings=headings)
    assert [line.action for line in again.lines] == ["same", "same"]


def test_whoever_left_is_readmitted_with_the_old_number(city, member_sheet, lin):
    members.leave(lin, on=date(2021, 5, 1), by=city.by, at=NOW)

    preview = member_sheet([lin.number, "林小满", "青川县乙支部"])

    assert [line.action for line in preview.lines] == ["return"]
    apply(preview, city)
    lin.refresh_from_db()
    assert lin.is_active
    assert lin.branch == city.yi


# --- headings and habits --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("党员编号", "number"), ("工 号", "number"), ("编号", "number"), ("身份编号", "number"),
        ("*姓名（必填）", "name"), ("党员姓名", "name"), ("所在党组织", "branch"),
        ("所属支部", "branch"), ("支部名称", "branch"), ("组织关系所在党支部", "branch"),
        ("党组织编码", "branch_code"), ("支部代码", "branch_code"), ("所属党委", "parent"),
        ("联系电话", "phone"), ("手机", "phone"), ("手机号", "phone"), ("入党日期", "joined_on"),
        ("加入中共组织时间", None), ("加入党组织时间", "joined_on"), ("入党\n时间", "joined_on"),
        ("正式/预备", "status"), ("党员类型", "status"), ("人员类别", "category"),
        ("是否预备党员", "is_probationary"), ("所在党小组", "group"), ("序号", None),
        ("转正时间", None),
    ],
)  # fmt: skip
def test_headings_are_known_by_their_usual_variants(heading, field):
    found = field_of(heading, people_in.MEMBERS)

    assert (found[0] if found else None) == field


@pytest.mark.parametrize(
    "heading", ["身份证号", "公民身份号码", "出生日期", "出生年月", "生日", "证件号码"]
)
def test_private_columns_are_known(heading):
    assert is_private(heading)
    assert field_of(heading, people_in.MEMBERS) is None


def test_titles_totals_blank_tails_and_spaces_are_habits(member_sheet):
    data = xlsx(
        ["青川县党员名册"],
        ["填报单位：青川县委", None, None, "２０２１年６月"],
        [],
        ["序号", "工 号", "姓　名", "支部名称", "人员类别", "联系电话"],
        [1, "００００００２０１", "白 松", "青川县 甲支部", "离退休预备党员", "199 0098 0001"],
        [2, "000000202", "卢　砚声", "青川县甲支部", "在职", 19900980002.0],
        [None, None, None, None, None, None],
        ["合计", "2人"],
        ["填表人：王某", None, None, None],
        [None],
    )

    preview = member_sheet(data=data)

    assert preview.errors == ()
    first, second = preview.lines
    assert (first.row, first.number, first.name) == (5, "000000201", "白松")
    assert (first.status, first.category) == ("probationary", "retired")
    assert (second.row, second.phone, second.name) == (6, "19900980002", "卢砚声")


def test_a_total_that_says_another_number_is_said(member_sheet):
    preview = member_sheet(ROW, ["合计 3 人"])

    assert any("合计 3，实际读到 1 行" in w for w in preview.warnings)


def test_csv_in_gb18030_is_read(member_sheet):
    text = "党员编号,姓名,所在党支部,党员类别\n00000301,邝晚汀,青川县甲支部,预备党员\n"

    preview = member_sheet(data=text.encode("gb18030"), name="名册.csv")

    assert [(line.number, line.status) for line in preview.lines] == [("00000301", "probationary")]


def test_merged_branches_hold_for_all_their_rows(member_sheet):
    data = xlsx(
        ["所在党支部", "党员编号", "姓名", "党员类别"],
        ["青川县甲支部", "00000401", "邝晚汀", "正式"],
        [None, "00000402", "卢砚声", "正式"],
        merged=("A2:A3",),
    )

    preview = member_sheet(data=data)

    assert [line.branch.code for line in preview.lines] == ["YL-QC-1", "YL-QC-1"]


def test_excel_dates_and_day_numbers_are_days(member_sheet):
    preview = member_sheet(
        row(入党时间=datetime(2001, 7, 1)), row(党员编号="00000102", 入党时间=37073)
    )

    assert [line.joined_on for line in preview.lines] == [date(2001, 7, 1), date(2001, 7, 1)]


@pytest.mark.parametrize(
    "text",
    ["2001-07-01", "2001/7/1", "2001.7.1", "2001年7月1日", "20010701", "二〇〇一年七月一日",
     "01.7.1", "37073", "2001-07-01 00:00:00", "2001、7、1", "2001年7月1号"],
)  # fmt: skip
def test_days_in_every_common_form(text):
    assert day_of(text, today=TODAY) == date(2001, 7, 1)


@pytest.mark.parametrize(
    "text", ["2001年7月", "2001.7", "200107", "2001", "7.1", "1/7/2001", "不详"]
)
def test_what_is_no_whole_day_is_never_guessed(text):
    with pytest.raises(BadCell):
        day_of(text, today=TODAY)


def test_a_sheet_without_branches_takes_the_secretary_s_own(member_sheet, scope):
    preview = member_sheet(
        ["00000501", "邝晚汀", "正式党员"],
        headings=["党员编号", "姓名", "党员类别"],
        scope=scope("zhou"),
    )

    assert preview.lines[0].branch.name == "青川县甲支部"
    assert any("编入青川县甲支部" in w for w in preview.warnings)


def test_a_sheet_without_numbers_says_which_column_is_missing(member_sheet):
    preview = member_sheet(["邝晚汀", "青川县甲支部"], headings=["姓名", "党支部"])

    assert preview.outcome == "refuse"
    assert "“党员编号”" in preview.message


def test_what_is_no_spreadsheet_is_refused_in_chinese(member_sheet):
    preview = member_sheet(data=b"%PDF-1.4 hello", name="名册.xlsx")

    assert preview.as_json()["outcome"] == "refuse"
    assert "PDF" in preview.message


# --- errors: row, column, value and the mend ------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("党员编号", None, "请填写党员编号"),
        ("党员编号", "编-1/2", "字母、数字"),
        ("姓名", None, "请填写姓名"),
        ("姓名", "席照川1", "不像人名"),
        ("所在党支部", "青川县丁支部", "没有党支部“青川县丁支部”"),
        ("所在党支部", "中共青川县委员会", "请写明党支部"),
        ("所在党支部", None, "请填写所在党支部"),
        ("党员类别", "入党积极分子", "只登记正式党员和预备党员"),
        ("党员类别", "甲类", "不认识这个类别"),
        ("手机号码", "1990098000", "手机号码"),
        ("手机号码", "199****0000", "写全 11 位"),
        ("入党时间", "2001年", "没有写到日"),
        ("入党时间", "2031-07-01", "不可能是入党时间"),
        ("入党时间", "1911-07-01", "不可能是入党时间"),
        ("入党时间", 2001.1, "1 月还是 10 月"),
    ],
)
def test_errors_name_row_column_value_and_mend(member_sheet, column, value, said):
    good = row(党员编号="00000199", 姓名="白松间")

    preview = member_sheet(good, row(**{column: value}))

    [error] = preview.as_json()["errors"]
    assert (error["row"], error["column"]) == (3, column)
    assert error["value"] == ("" if value is None else str(value))
    assert said in error["message"]
    assert preview.outcome == "ask"
    assert [line.row for line in preview.lines] == [2]


def test_nothing_is_written_while_one_row_is_wrong(city, member_sheet):
    before = Member.objects.count()

    with pytest.raises(NotImportable):
        apply(member_sheet(ROW, row(党员编号="00000102", 姓名="")), city)

    assert Member.objects.count() == before


def test_a_number_twice_is_an_error(member_sheet):
    preview = member_sheet(ROW, row(姓名="白松间"))

    assert errors(preview) == [(3, "党员编号")]
    assert "与第 2 行的编号重复" in preview.errors[0].message


def test_another_name_under_a_known_number_is_never_taken_over(member_sheet, lin):
    preview = member_sheet([lin.number, "林大满", "青川县甲支部"])

    assert errors(preview) == [(2, "姓名")]
    assert "登记的是林小满" in preview.errors[0].message


def test_zeros_that_excel_dropped_are_found_again_with_a_warning(member_sheet, lin):
    preview = member_sheet([int(lin.number), "林小满", "青川县甲支部"])

    assert [(line.action, line.number) for line in preview.lines] == [("same", lin.number)]
    assert any("丢了前面的 0" in w for w in preview.warnings)


def test_a_number_without_its_zeros_beside_others_with_zeros_is_asked(member_sheet):
    preview = member_sheet(ROW, row(党员编号=102, 姓名="白松间"))

    assert errors(preview) == [(3, "党员编号")]
    assert "前面的 0" in preview.errors[0].message


def test_numbers_that_excel_rounded_are_refused(member_sheet):
    preview = member_sheet(row(党员编号=1234567890123456789.0))

    assert errors(preview) == [(2, "党员编号")]


def test_homonymous_branches_are_asked_and_told_apart_by_their_parent(city, member_sheet):
    for where, code in ((city.county, "X1"), (city.bureau, "X2")):
        _branch(city, where, code, "机关第一党支部")

    asked = member_sheet(row(所在党支部="机关第一党支部"))
    told = member_sheet(
        ["00000101", "席照川", "机关第一党支部", "市文化局", "正式党员"],
        headings=["党员编号", "姓名", "所在党支部", "上级党组织", "党员类别"],
    )
    coded = member_sheet(row(所在党支部="X1"))

    assert errors(asked) == [(2, "所在党支部")]
    assert "X1（青川县）" in asked.errors[0].message
    assert [line.branch.code for line in told.lines] == ["X2"]
    assert [line.branch.code for line in coded.lines] == ["X1"]


def test_rows_outside_the_scope_are_errors(member_sheet, scope, wu):
    preview = member_sheet(
        row(所在党支部="青川县乙支部"),
        [wu.number, "吴远舟", "青川县甲支部"],
        row(党员编号="00000103", 姓名="白松间"),
        scope=scope("zhou"),
    )

    assert errors(preview) == [(2, "所在党支部"), (3, "党员编号")]
    assert all("不在您的范围内" in p.message for p in preview.errors)
    assert [line.row for line in preview.lines] == [4]


# --- what is never kept -----------------------------------------------------------------------


def test_id_cards_and_birthdays_are_neither_read_nor_shown(city, member_sheet):
    headings = ["党员编号", "姓名", "所在党支部", "党员类别", "身份证号", "出生日期", "备注"]
    data = xlsx(
        headings, ["00000601", "邝晚汀", "青川县甲支部", "正式", ID_CARD, "1967-03-05", ID_CARD]
    )

    preview = member_sheet(data=data)
    table = people_in.read(data, "名册.xlsx", people_in.MEMBERS)
    apply(preview, city)

    assert preview.errors == ()
    assert any("身份证号、出生日期" in w for w in preview.warnings)
    everything = [
        json.dumps(preview.as_json()), json.dumps(table.as_json()),
        json.dumps(list(AuditEvent.objects.values_list("subject", "detail"))),
        str(list(Member.objects.values())),
    ]  # fmt: skip
    assert not any(ID_CARD in text or "1967-03-05" in text for text in everything)


@pytest.mark.parametrize(
    "value", [ID_CARD, 210421196703051234.0, "210421 19670305 123X", "210421670305123"]
)
@pytest.mark.parametrize("column", ["党员编号", "手机号码", "党小组", "姓名"])
def test_an_id_card_in_another_column_is_refused_and_masked(member_sheet, column, value):
    data = xlsx(MEMBER_HEADINGS, row(**{column: value}))

    preview = member_sheet(data=data)

    [error] = preview.as_json()["errors"]
    assert (error["row"], error["column"]) == (2, column)
    assert error["value"].startswith("210***")
    assert "19670305" not in json.dumps(preview.as_json())
    table = people_in.read(data, "名册.xlsx", people_in.MEMBERS)
    assert "670305" not in json.dumps(table.as_json())


def test_long_rows_of_digits_are_masked_also_when_mistyped():
    assert masked("2104211967030512345") == "210" + "*" * 16
    assert masked("19900980000") == "19900980000"


# --- our own export comes back unchanged ------------------------------------------------------


def test_mistake_32_our_export_comes_back_unchanged(city, member_sheet, lin):
    apply(member_sheet(ROW, row(党员编号="00000102", 姓名="席照二", 手机号码=None)), city)
    people = Member.objects.active().order_by("number")

    data = people_out.members(people, by=city.by, at=NOW, on=city.root, filter_="").data()
    preview = member_sheet(data=data)

    assert preview.errors == ()
    assert {line.action for line in preview.lines} == {"same"}
    assert len(preview.lines) == people.count()
    assert next(line.number for line in preview.lines) == "00000001"


def test_a_staged_table_survives_json(member_sheet):
    data = xlsx(MEMBER_HEADINGS, ROW)
    table = people_in.read(data, "名册.xlsx", people_in.MEMBERS)

    assert Table.of_json(json.loads(json.dumps(table.as_json()))) == table


def _branch(city, parent, code, name):
    from portal import organizations
    from portal.organizations import Founding

    founding = Founding(code, name, Organization.Kind.BRANCH, parent, date(2020, 1, 1))
    return organizations.found(founding, by=city.by, at=BEFORE)
