"""Organisations from spreadsheets, and the command that imports into an empty database."""

from __future__ import annotations

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal import organizations, people_in, people_out
from portal.audit import Actor
from portal.models import Member, Organization
from tests.cast import NOW
from tests.portal.conftest import MEMBER_HEADINGS, TREE_HEADINGS, xlsx

NOBODY = Actor(None, "system")  # type: ignore[arg-type] # as a command does it
CITY = [
    ["KB-2", "柯北县第二党支部", "党支部", None, "中共柯北县委员会"],
    ["KB-1", "柯北县第一党支部", None, "县（区）", "中共柯北县委员会"],
    ["M", "中共柯北市委员会", None, None, None],
    ["KB", "中共柯北县委员会", "县(区)委", "县（区）", "中共柯北市委员会"],
    ["JY", "中共柯北市委教育工作委员会", "党工委", "党工委", "M"],
    ["JY-3", "柯北市第三中学党总支", "党总支", "教育", "JY"],
    ["JY-31", "柯北市第三中学第一党支部", "支部", "教育系统", "柯北市第三中学党总支"],
]


def apply(preview):
    return people_in.apply(preview, by=NOBODY, at=NOW)


def errors(preview):
    return [(p.row, p.column) for p in preview.errors]


def by_code(code):
    return Organization.objects.get(code=code)


def test_a_tree_is_founded_into_an_empty_database_in_any_order(tree_sheet):
    preview = tree_sheet(*CITY)
    assert preview.errors == ()
    assert apply(preview) == {"create": 7}

    assert (by_code("M").kind, by_code("M").parent) == ("city", None)
    assert by_code("KB-2").parent == by_code("KB")
    assert by_code("KB-1").kind == "branch"
    assert {o.code for o in Organization.objects.units()} == {"KB", "JY", "JY-3"}
    assert (by_code("KB-2").unit, by_code("KB-2").cohort) == (by_code("KB"), "county")
    assert (by_code("JY-31").unit, by_code("JY-31").cohort) == (by_code("JY-3"), "education")
    assert Organization.objects.values("path").distinct().count() == 7


def test_importing_a_tree_twice_changes_nothing(tree_sheet):
    apply(tree_sheet(*CITY))

    again = tree_sheet(*CITY)

    assert {line.action for line in again.lines} == {"same"}


def test_names_and_places_follow_the_sheet(tree_sheet):
    apply(tree_sheet(*CITY))

    preview = tree_sheet(
        ["KB-2", "柯北县老干部党支部", "党支部", None, "中共柯北县委员会"],
        ["KB-1", "柯北县第一党支部", "党支部", None, "柯北市第三中学党总支"],
    )

    assert [(line.action, dict(line.changes)) for line in preview.lines] == [
        ("update", {"name": ("柯北县第二党支部", "柯北县老干部党支部")}),
        ("move", {"parent": ("中共柯北县委员会", "柯北市第三中学党总支")}),
    ]
    apply(preview)
    assert by_code("KB-2").names.latest("since").name == "柯北县老干部党支部"
    assert by_code("KB-1").path.startswith(by_code("JY-3").path)
    assert by_code("KB-1").cohort == "education"


def test_mergers_and_dissolutions_come_through_the_same_verbs(city, tree_sheet, lin):
    organizations.found(
        organizations.Founding("YL-QC-9", "青川县空支部", "branch", city.county, date(2020, 1, 1)),
        by=city.by,
        at=NOW,
    )
    headings = ["编码", "名称", "并入", "撤销日期", "状态"]
    rows = [
        ["YL-QC-1", "青川县甲支部", "青川县乙支部", "2021-06-01", None],
        ["YL-QC-9", "青川县空支部", None, None, "已撤销"],
    ]

    preview = tree_sheet(*rows, headings=headings)
    assert [line.action for line in preview.lines] == ["merge", "dissolve"]
    people_in.apply(preview, by=city.by, at=NOW)

    lin.refresh_from_db()
    assert lin.branch == city.yi
    assert by_code("YL-QC-1").merged_into == city.yi
    assert by_code("YL-QC-9").dissolved_on == date(2021, 6, 3)
    again = tree_sheet(*rows, headings=headings)
    assert [line.action for line in again.lines] == ["same", "same"]


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ([None, "某支部委员会", "党支部", None, "M"], "编码", "请填写编码"),
        (["Z", None, "党支部", None, "M"], "党组织名称", "全称"),
        (["Z", "某单位", None, None, "M"], "类别", "看不出类别"),
        (["Z", "某单位党支部", "党支部", "火星", "M"], "系统", "不认识这个系统"),
        (
            ["Z", "某单位党支部", "党支部", None, "不存在的党委"],
            "上级党组织",
            "没有叫“不存在的党委”",
        ),
        (["Z", "某单位党支部", "党支部", None, None], "上级党组织", "请填写上级党组织"),
        (["Z", "某单位党支部", "党支部", None, "柯北县第一党支部"], "上级党组织", "不能再设"),
        (["Z", "某市委员会", "市委", None, "M"], "类别", "最上级"),
        (["KB-1", "柯北县第一党总支", "党总支", None, "KB"], "类别", "不能改变类别"),
        (["KB-1", "柯北县第一党支部", "党支部", "教育", "KB"], "系统", "不能改变系统"),
    ],
)
def test_errors_name_row_column_and_mend(tree_sheet, row, column, said):
    apply(tree_sheet(*CITY))

    preview = tree_sheet(row)

    [error] = preview.as_json()["errors"]
    assert (error["row"], error["column"]) == (2, column)
    assert said in error["message"]


def test_a_circle_of_parents_is_an_error(tree_sheet):
    apply(tree_sheet(*CITY))

    preview = tree_sheet(
        ["P", "甲某党委", "基层党委", None, "Q"], ["Q", "乙某党委", "基层党委", None, "P"]
    )

    assert {row for row, _ in errors(preview)} == {2, 3}
    assert "绕了一圈" in preview.errors[0].message


def test_homonymous_parents_are_asked(tree_sheet):
    apply(tree_sheet(*CITY))
    apply(
        tree_sheet(
            ["A", "机关党委", "基层党委", None, "KB"], ["B", "机关党委", "基层党委", None, "M"]
        )
    )

    preview = tree_sheet(["C", "某某党支部", "党支部", None, "机关党委"])

    assert errors(preview) == [(2, "上级党组织")]
    assert "A、B" in preview.errors[0].message


def test_rows_outside_the_scope_are_errors(city, tree_sheet, scope):
    preview = tree_sheet(
        ["N1", "青川县新支部", "党支部", None, "中共青川县委员会"],
        ["N2", "文化局新支部", "党支部", None, "YL-WH"],
        ["YL-WH-1", "市文化局丙支部", "党支部", None, "YL-WH"],
        scope=scope("gao"),
    )

    assert [line.row for line in preview.lines] == [2]
    assert errors(preview) == [(3, "上级党组织"), (4, "编码")]


def test_our_export_of_the_tree_comes_back_unchanged(city, tree_sheet):
    found = Organization.objects.standing()

    data = people_out.organizations(found, by=city.by, at=NOW, on=city.root, filter_="").data()
    preview = people_in.preview(data, "x.xlsx", people_in.ORGANISATIONS, scope=None, at=NOW)

    assert preview.errors == ()
    assert [line.action for line in preview.lines] == ["same"] * found.count()


# --- the command --------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    def save(name, *rows):
        path = tmp_path / name
        path.write_bytes(xlsx(*rows))
        return str(path)

    return save


def run(file, kind, **options):
    out, err = StringIO(), StringIO()
    call_command("import_people", file, kind=kind, stdout=out, stderr=err, **options)
    return out.getvalue() + err.getvalue()


def test_the_command_fills_an_empty_database(db, saved):
    tree = saved("tree.xlsx", TREE_HEADINGS, *CITY)
    people = saved(
        "people.xlsx",
        MEMBER_HEADINGS,
        ["00000101", "席照川", "柯北县第一党支部", "一组", "正式", "19900980000", "2001-07-01"],
    )

    assert "新增 7 个" in run(tree, "organisations", at=date(2021, 1, 1))
    assert "新增 1 人" in run(people, "members", at=date(2021, 2, 1))

    assert by_code("KB-1").founded_on == date(2021, 1, 1)
    assert Member.objects.get().memberships.get().since == date(2021, 2, 1)
    assert "没有需要改动" in run(people, "members")


def test_the_command_writes_nothing_while_there_are_errors(db, saved):
    file = saved("tree.xlsx", TREE_HEADINGS, *CITY, ["Z", "某单位", None, None, "M"])
    err = StringIO()

    with pytest.raises(CommandError, match="什么也不会写入"):
        call_command("import_people", file, kind="organisations", stdout=StringIO(), stderr=err)

    assert "第 9 行\t类别" in err.getvalue()
    assert not Organization.objects.exists()
