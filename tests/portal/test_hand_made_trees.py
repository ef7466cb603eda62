"""Lists of organisations as offices really make them, with the reading of a careful person."""

from __future__ import annotations

import json

import pytest

from portal import people_in
from portal.audit import Actor
from portal.models import Organization
from tests.cast import NOW
from tests.portal.conftest import TREE_HEADINGS, xlsx

BY = Actor(None, "system")  # type: ignore[arg-type] # as a command does it
HEAD = TREE_HEADINGS  # 编码 党组织名称 类别 系统 上级党组织
ROOT = ["001", "中共柯北市委员会", "市委", None, None]
COUNTY = ["002", "中共柯北县委员会", "县委", "县区", "001"]


def shown(*rows):
    """Code → what must stand there."""
    return dict(rows)


# habit, rows of the sheet, {code: wanted}, [(row, column, words)]
TREES = [
    (
        "other heading names, a title and serial numbers",
        [
            ["柯北市党组织名册"],
            ["序号", "组织代码", "党组织全称", "组织类别", "所属系统", "隶属党组织", "书记"],
            [1, "001", "中共柯北市委员会", "市委", "/", "无", "甲某"],
            [2, "002", "中共柯北县委员会", "县（区）委", "县（区）", "中共柯北市委员会", "乙某"],
            [3, "003", "柯北县档案馆党支部", "党支部", None, "柯北县委", "丙某"],
        ],
        shown(
            ("001", {"kind": "city", "parent": "", "cohort": ""}),
            ("002", {"kind": "county", "cohort": "county", "unit": True}),
            ("003", {"kind": "branch", "parent_code": "002", "cohort": "county", "unit": False}),
        ),
        [],
    ),
    (
        "every kind by its usual words",
        [
            HEAD, ROOT,
            ["1", "柯北市水利局机关委员会", "机关党委", "市直", "柯北市委"],
            ["2", "柯北市委教育工作委员会", "工委", "教育系统", "柯北市委"],
            ["3", "柯北大学委员会", "基层党委", "高等院校", "柯北市委"],
            ["4", "柯北大学数学系总支部", "总支", None, "柯北大学党委"],
            ["5", "柯北大学数学系学生支部", "支部", None, "数学系党总支"],
            ["6", "柯北市人民医院党委", "党委", "卫生健康系统", "柯北市委"],
            ["7", "柯北矿业集团党委", "二级党委", "国有企业", "柯北市委"],
            ["8", "中共柯北区委", "区委", "各县（区）", "柯北市委"],
            ["9", "中共柯北市委市直机关工委", "党工委", "党工委", "柯北市委"],
            ["10", "柯北市水利局第二支部委员会", None, None, "水利局机关党委"],
        ],
        shown(
            ("1", {"kind": "committee", "cohort": "municipal"}),
            ("2", {"kind": "work", "cohort": "education"}),
            ("3", {"kind": "committee", "cohort": "university"}),
            ("4", {"kind": "general", "parent_code": "3", "cohort": "university"}),
            ("5", {"kind": "branch", "parent_code": "4"}),
            ("6", {"kind": "committee", "cohort": "health"}),
            ("7", {"kind": "committee", "cohort": "enterprise"}),
            ("8", {"kind": "county", "cohort": "county"}),
            ("9", {"kind": "work", "cohort": "work"}),
            ("10", {"kind": "branch", "parent_code": "1"}),
        ),
        [],
    ),
    (
        "the words of the portal's own glossary, both languages in one cell",
        [
            HEAD,
            ["001", "中共柯北市委员会", "city committee 市委", None, None],
            ["002", "中共柯北县委员会", "county committee 县(区)委", "县(区)", "中共柯北市委员会"],
            ["003", "柯北县甲党总支", "general branch 党总支", "县(区)", "中共柯北县委员会"],
            ["004", "柯北县乙党支部", "branch 党支部", "县(区)", "柯北县甲党总支"],
        ],
        shown(
            ("001", {"kind": "city"}), ("002", {"kind": "county"}),
            ("003", {"kind": "general"}), ("004", {"kind": "branch", "unit": False}),
        ),
        [],
    ),
    (
        "a city whose own superior is no part of the portal",
        [HEAD, ["001", "中共柯北市委员会", "市委", None, "中共某省委员会"], COUNTY],
        shown(("001", {"parent": ""}), ("002", {"parent_code": "001"})),
        [],
    ),
    (
        "parents after children, merged parents, months of founding, notes",
        [
            ["编号", "名称", "类型", "系统", "上级组织", "成立时间"],
            ["004", "柯北县乙党支部", "支部", None, "中共柯北县委员会", "2005.7"],
            ["005", "柯北县丙党支部", "支部", None, "同上", "2005年7月1日"],
            ["002", "中共柯北县委员会", "县委", "县区", "中共柯北市委员会", None],
            ["001", "中共柯北市委员会", "市委", None, None, None],
            ["合计", "4个"], ["注：以上为全部党组织"],
        ],
        shown(
            ("004", {"parent_code": "002", "day": "2005-07-01"}),
            ("005", {"parent_code": "002", "day": "2005-07-01"}),
            ("001", {"parent": ""}),
        ),
        [],
    ),
    (
        "a circle",
        [
            HEAD, ROOT,
            ["1", "柯北甲委员会", "党委", None, "柯北乙委员会"],
            ["2", "柯北乙委员会", "党委", None, "柯北甲委员会"],
        ],
        shown(("001", {})),
        [(3, "上级党组织", "绕了一圈"), (4, "上级党组织", "绕了一圈")],
    ),
    (
        "its own superior",
        [HEAD, ROOT, ["1", "柯北甲委员会", "党委", None, "1"]],
        shown(("001", {})),
        [(3, "上级党组织", "绕了一圈")],
    ),
    (
        "two superiors of one name are asked, the code tells",
        [
            [*HEAD, "上级编码"], [*ROOT, None],
            ["1", "柯北甲委员会", "党委", None, "001", None],
            ["2", "柯北乙委员会", "党委", None, "001", None],
            ["11", "机关党总支", "党总支", None, "柯北甲委员会", None],
            ["21", "机关党总支", "党总支", None, "柯北乙委员会", None],
            ["3", "机关第一党支部", "支部", None, "机关党总支", None],
            ["4", "机关第二党支部", "支部", None, "机关党总支", "21"],
        ],
        shown(("001", {}), ("1", {}), ("2", {}), ("11", {}), ("21", {}),
              ("4", {"parent_code": "21"})),
        [(7, "上级党组织", "有 2 个党组织叫“机关党总支”")],
    ),
    (
        "codes twice, names twice below one superior, unknown words",
        [
            HEAD, ROOT, COUNTY,
            ["002", "柯北县甲党支部", "支部", None, "002"],
            ["3", "柯北县乙党支部", "支部", None, "002"],
            ["4", "柯北县乙支部", "支部", None, "002"],
            ["5", "柯北县丁", "俱乐部", None, "002"],
            ["6", "柯北县戊党支部", "支部", "渔业", "002"],
            ["7", "柯北县己党支部", "支部", None, "不在表里的党委"],
            [None, "柯北县庚党支部", "支部", None, "002"],
        ],
        shown(("001", {}), ("002", {})),
        [
            (4, "编码", "与第 3 行的编码重复"), (5, "编码", "同一上级下已有"),
            (6, "编码", "同一上级下已有"), (7, "类别", "看不出类别"),
            (8, "系统", "不认识这个系统"), (9, "上级党组织", "没有叫"), (10, "编码", "请填写编码"),
        ],
    ),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("habit", "rows", "wanted", "errors"), TREES, ids=[t[0] for t in TREES])
def test_hand_made_trees_are_read_as_a_careful_person_reads_them(habit, rows, wanted, errors):
    kind = people_in.ORGANISATIONS
    preview = people_in.preview(xlsx(*rows), "党组织.xlsx", kind, scope=None, at=NOW)
    said = preview.as_json()
    told = json.dumps(said, ensure_ascii=False, indent=1)

    assert said["outcome"] == ("ask" if errors else "read"), told
    assert [(e["row"], e["column"]) for e in said["errors"]] == [e[:2] for e in errors], told
    for error, (_, _, words) in zip(said["errors"], errors, strict=True):
        assert set(error) == {"row", "column", "value", "message"}
        assert words in error["message"], told
    rows_ = {row["code"]: row for row in said["rows"]}
    for code, values in wanted.items():
        assert {name: rows_[code][name] for name in values} == values, told
    assert not set(wanted) - set(rows_), told
    if errors:
        with pytest.raises(people_in.NotImportable):
            people_in.apply(preview, by=BY, at=NOW)
        assert not Organization.objects.exists()
        return
    people_in.apply(preview, by=BY, at=NOW)
    again = people_in.preview(xlsx(*rows), "党组织.xlsx", kind, scope=None, at=NOW)
    assert {line.action for line in again.lines} == {"same"}, again.as_json()
