"""Member lists as offices really make them, each with the reading that a careful person gives.

The town is that of the specimens (tests/courses/specimens), itself imported into an empty
database. What is listed under `rows` is what must stand there; `errors` and `warned` are row and
column, and words, that must be said.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from portal import people_in
from portal.audit import Actor
from portal.models import AuditEvent, Member, Membership, Organization
from tests.cast import moment
from tests.portal.conftest import MEMBER_HEADINGS, TREE_HEADINGS, xlsx

SPECIMENS = Path(__file__).parents[1] / "courses" / "specimens"
WORLD = yaml.safe_load((SPECIMENS / "cases.yaml").read_text("utf-8"))["world"]
BY = Actor(None, "system")  # type: ignore[arg-type] # as a command does it
AT = moment(date(2021, 6, 3))
ID_CARD = "210421196703051234"

FIRST = "云川市水务局机关第一党支部"
SECOND = "云川市水务局机关第二党支部"
RETIRED = "云川市水务局离退休党支部"
VILLAGE = "望溪镇杨树沟村党支部"
SCHOOL = "云川市第三中学第一党支部"
CLINIC = "云川市中医院门诊党支部"
CODES = {o["name"]: f"YC{n:03}" for n, o in enumerate(WORLD["organisations"])}


@pytest.fixture
def town(db):
    """The specimens' organisations and members, imported as the command imports them."""
    tree = [
        [CODES[o["name"]], o["name"], o["kind"], o["cohort"], o["parent"]]
        for o in WORLD["organisations"]
    ]
    people = [
        [
            m["number"], m["name"], m["branch"], m["group"],
            "预备党员" if m["kind"] == "probationary" else "正式党员", m["phone"], m["joined_on"],
        ]
        for m in WORLD["members"]
    ]  # fmt: skip
    for kind, headings, rows in (
        (people_in.ORGANISATIONS, TREE_HEADINGS, tree),
        (people_in.MEMBERS, MEMBER_HEADINGS, people),
    ):
        preview = people_in.preview(xlsx(headings, *rows), "名册.xlsx", kind, scope=None, at=AT)
        assert preview.outcome == "read", preview.as_json()["errors"]
        assert preview.counts == {"create": len(rows)}
        people_in.apply(preview, by=BY, at=AT)


def test_the_town_is_imported_whole_into_an_empty_database(town):
    kinds = list(Organization.objects.order_by("code").values_list("kind", flat=True))
    assert kinds == [
        "city", "committee", "branch", "branch", "branch", "county", "committee", "branch",
        "work", "general", "branch", "branch", "committee", "branch",
    ]  # fmt: skip
    assert Member.objects.count() == len(WORLD["members"])
    assert Membership.objects.filter(until=None).count() == len(WORLD["members"])
    units = {o.name for o in Organization.objects.units()}
    assert units == {
        "中共云川市水务局机关委员会", "中共霁河县委员会", "中共云川市委教育工作委员会",
        "中共云川市中医院委员会",
    }  # fmt: skip


@dataclass
class List:
    """A hand-made list: its sheets by name (or its bytes), and the right reading."""

    habit: str
    sheets: dict[str, list[list[Any]]] | list[list[Any]]
    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    outcome: str = ""
    merged: dict[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = "名册.xlsx"
    encoding: str = ""
    silent: bool = False  # nothing but defaults is warned of

    @property
    def data(self) -> bytes:
        sheets = self.sheets if isinstance(self.sheets, dict) else {"Sheet1": self.sheets}
        if self.encoding:
            [rows] = sheets.values()
            lines = (",".join("" if v is None else str(v) for v in row) for row in rows)
            return "\r\n".join(lines).encode(self.encoding)
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
            for area in self.merged.get(title, ()):
                sheet.merge_cells(area)
        buffer = BytesIO()
        book.save(buffer)
        return buffer.getvalue()


def made(row, number, name, branch=FIRST, **more):
    return {"row": row, "action": "create", "number": number, "name": name, "branch": branch} | more


HEAD = ["党员编号", "姓名", "所在党支部", "党员类别", "手机号码", "入党时间"]
NEW = ["00110101", "席照川", FIRST, "正式党员", "19900980000", "2001-07-01"]


def new(**changes):
    return [changes.get(h, v) for h, v in zip(HEAD, NEW, strict=True)]


LISTS = [
    List(
        "other heading names, serial numbers, full-width digits, a title",
        [
            ["云川市水务局党员花名册"],
            ["序号", "党员号", "姓 名", "所在支部", "组别", "正式或预备", "联系电话", "入党日期"],
            [
                1, "００１１０１０１", "席 照 川", FIRST, "一组", "正式", "１９９００９８００００",
                "2001.7.1",
            ],
            [2, "00110102", "白松间", FIRST, "二组", "预备", "199 0098 0001", "2020/12/31"],
        ],
        [
            made(3, "00110101", "席照川", group="一组", kind="full", phone="19900980000",
                 joined_on="2001-07-01"),
            made(4, "00110102", "白松间", group="二组", kind="probationary", phone="19900980001",
                 joined_on="2020-12-31"),
        ],
    ),
    List(
        "证号, 党员姓名, 党支部名称, 小组, 人员类别, 电话, 加入中国共产党时间",
        [
            ["证号", "党员姓名", "党支部名称", "小组", "人员类别", "电话", "加入中国共产党时间"],
            ["00110101", "席照川", FIRST, "一组", "正式党员", "19900980000", datetime(2001, 7, 1)],
        ],
        [made(2, "00110101", "席照川", kind="full", joined_on="2001-07-01", group="一组")],
    ),
    List(
        "headings that say it twice: 编号/党员号, 手机（电话）, 类别（正式/预备）",
        [
            ["编号/党员号", "姓名*", "支部", "类别（正式/预备）", "手机（电话）", "入党年月"],
            ["00110101", "席照川", FIRST, "预备", "+86 199-0098-0000", "2020年12月5日"],
        ],
        [made(2, "00110101", "席照川", kind="probationary", phone="19900980000",
              joined_on="2020-12-05")],
    ),
    List(
        "months without a day, in every common form",
        [
            HEAD,
            new(入党时间="1987.7"),
            new(党员编号="00110102", 姓名="白松间", 入党时间=198707),
            new(党员编号="00110103", 姓名="卢砚声", 入党时间="1987年7月"),
            new(党员编号="00110104", 姓名="邝晚汀", 入党时间=1987.07),
            new(党员编号="00110105", 姓名="阎听竹", 入党时间="1987-12"),
            new(党员编号="00110106", 姓名="池映月", 入党时间="一九八七年七月"),
        ],
        [
            made(row, f"0011010{n}", name, joined_on=day)
            for row, n, name, day in (
                (2, 1, "席照川", "1987-07-01"), (3, 2, "白松间", "1987-07-01"),
                (4, 3, "卢砚声", "1987-07-01"), (5, 4, "邝晚汀", "1987-07-01"),
                (6, 5, "阎听竹", "1987-12-01"), (7, 6, "池映月", "1987-07-01"),
            )
        ],
        warned=["6 人的入党时间只写到年月"],
    ),
    List(
        "a month says nothing new where the day is known",
        [["编号", "姓名", "支部", "入党时间"], ["00110001", "佟砚秋", FIRST, "1987.7"]],
        [{"row": 2, "action": "same", "joined_on": "1987-07-01"}],
    ),
    List(
        "days in every common form",
        [
            HEAD,
            new(入党时间="1987.07.01"),
            new(党员编号="00110102", 姓名="白松间", 入党时间="19870701"),
            new(党员编号="00110103", 姓名="卢砚声", 入党时间=31959),
            new(党员编号="00110104", 姓名="邝晚汀", 入党时间="1987年07月01日"),
            new(党员编号="00110105", 姓名="阎听竹", 入党时间="1987/7/1"),
            new(党员编号="00110106", 姓名="池映月", 入党时间=date(1987, 7, 1)),
            new(党员编号="00110107", 姓名="钟远帆", 入党时间="87.7.1"),
        ],
        [{"row": row, "joined_on": "1987-07-01"} for row in range(2, 9)],
    ),
    List(
        "1987.10 typed as a number has lost its zero: not guessed",
        [HEAD, new(入党时间=1987.1), new(党员编号="00110102", 姓名="白松间", 入党时间="1987.1")],
        [made(3, "00110102", "白松间", joined_on="1987-01-01")],
        errors=[(2, "入党时间", "1 月还是 10 月")],
    ),
    List(
        "days that do not exist or cannot be",
        [
            HEAD,
            new(入党时间="1987-02-30"),
            new(党员编号="00110102", 姓名="白松间", 入党时间="2031-07-01"),
            new(党员编号="00110103", 姓名="卢砚声", 入党时间="1901年3月"),
        ],
        errors=[
            (2, "入党时间", "没有 1987年2月30日"), (3, "入党时间", "不可能是入党时间"),
            (4, "入党时间", "不可能是入党时间"),
        ],
    ),
    List(
        "dashes, slashes and 无 where nothing is known",
        [
            [*HEAD, "党小组"],
            [*new(手机号码="无", 入党时间="不详"), "/"],
            [*new(党员编号="00110102", 姓名="白松间", 手机号码="—", 入党时间="/"), "-"],
        ],
        [
            made(2, "00110101", "席照川", phone="", joined_on=None, group=""),
            made(3, "00110102", "白松间", phone="", joined_on=None, group=""),
        ],
    ),
    List(
        "ID-card numbers and birthdays stand in columns of their own",
        [
            ["序号", "姓名", "性别", "民族", "身份证号", "出生年月", "党员编号", "支部", "备注"],
            [1, "席照川", "女", "汉族", ID_CARD, "1967.03", "00110101", FIRST, f"身份证{ID_CARD}"],
        ],
        [made(2, "00110101", "席照川")],
        warned=["身份证号、出生年月", "按正式党员登记"],
    ),
    List(
        "ID-card numbers as member numbers are refused, masked",
        [["证号", "姓名", "支部"], [ID_CARD, "席照川", FIRST]],
        errors=[(2, "证号", "身份证号")],
    ),
    List(
        "numbers that lost their zeros, of somebody known, as number and as text",
        [
            ["党员编号", "姓名", "支部"],
            [110001, "佟砚秋", FIRST],
            ["110002", "鲍棠溪", FIRST],
        ],
        [
            {"row": 2, "action": "same", "number": "00110001"},
            {"row": 3, "action": "same", "number": "00110002"},
        ],
        warned=["110001 丢了前面的 0", "110002 丢了前面的 0"],
    ),
    List(
        "a newcomer's number that lost its zeros, by the numbers of the branch",
        [["党员编号", "姓名", "支部", "类别"], [110101, "席照川", FIRST, "正式"]],
        errors=[(2, "党员编号", "前面的 0")],
    ),
    List(
        "phones as floats and in scientific notation",
        [
            HEAD,
            new(手机号码=19900980000.0),
            new(党员编号="00110102", 姓名="白松间", 手机号码="1.9901E+10"),
            new(党员编号="00110103", 姓名="卢砚声", 手机号码="0086 19900980002"),
            new(党员编号="00110104", 姓名="邝晚汀", 手机号码="024-57500000"),
            new(党员编号="00110105", 姓名="阎听竹", 手机号码="19900980004/19900980005"),
        ],
        [
            made(2, "00110101", "席照川", phone="19900980000"),
            made(4, "00110103", "卢砚声", phone="19900980002"),
            made(5, "00110104", "邝晚汀", phone="02457500000"),
        ],
        errors=[(3, "手机号码", "科学计数"), (6, "手机号码", "只写一个")],
    ),
    List(
        "a number twice",
        [HEAD, new(), new(姓名="白松间")],
        [made(2, "00110101", "席照川")],
        errors=[(3, "党员编号", "与第 2 行的编号重复")],
    ),
    List(
        "unknown and half-known branches",
        [
            HEAD,
            new(所在党支部="云川市水务局机关第三党支部"),
            new(党员编号="00110102", 姓名="白松间", 所在党支部="中共云川市水务局机关委员会"),
            new(党员编号="00110103", 姓名="卢砚声", 所在党支部="水务局党支部"),
        ],
        errors=[
            (2, "所在党支部", "没有党支部“云川市水务局机关第三党支部”"),
            (3, "所在党支部", "请写明党支部"),
            (4, "所在党支部", "没有党支部“水务局党支部”"),
        ],
    ),
    List(
        "a short name that fits two branches is asked, one that fits one is read",
        [
            HEAD,
            new(所在党支部="第一党支部"),
            new(党员编号="00110102", 姓名="白松间", 所在党支部="杨树沟村支部"),
            new(党员编号="00110103", 姓名="卢砚声", 所在党支部="机关第1党支部"),
        ],
        [
            made(3, "00110102", "白松间", VILLAGE),
            made(4, "00110103", "卢砚声", FIRST),
        ],
        errors=[(2, "所在党支部", "有 2 个党支部叫“第一党支部”")],
        warned=[f"“杨树沟村支部”按{VILLAGE}读取", f"“机关第1党支部”按{FIRST}读取"],
    ),
    List(
        "the column of the committee tells short names apart",
        [
            ["编号", "姓名", "所属党委", "所在支部", "类别"],
            ["00110101", "席照川", "水务局机关党委", "第一党支部", "正式"],
            ["00310101", "白松间", "第三中学党总支", "第一党支部", "正式"],
        ],
        [made(2, "00110101", "席照川", FIRST), made(3, "00310101", "白松间", SCHOOL)],
    ),
    List(
        "the names of branches in other official forms",
        [
            HEAD,
            new(所在党支部="中共云川市水务局机关第一支部委员会"),
            new(
                党员编号="00110102", 姓名="白松间",
                所在党支部="中国共产党望溪镇杨树沟村支部委员会",
            ),
            new(党员编号="00110103", 姓名="卢砚声", 所在党支部=CODES[CLINIC]),
        ],
        [
            made(2, "00110101", "席照川", FIRST), made(3, "00110102", "白松间", VILLAGE),
            made(4, "00110103", "卢砚声", CLINIC),
        ],
        silent=True,
    ),
    List(
        "somebody who is in another branch is transferred, and that is shown",
        [["党员编号", "姓名", "党支部", "转入时间"], ["00110001", "佟砚秋", RETIRED, "2021-06-03"]],
        [{"row": 2, "action": "transfer", "branch": RETIRED, "day": "2021-06-03",
          "changes": {"branch": [FIRST, RETIRED]}}],
    ),
    List(
        "a roll from which somebody is missing takes nobody off, and says so",
        [
            ["党员编号", "姓名", "党支部"],
            *[[m["number"], m["name"], FIRST] for m in WORLD["members"][:22]],
        ],
        [{"row": n + 2, "action": "same"} for n in range(22)],
        warned=["在册的 2 人不在表里（纪小满、司徒望山），不会被移出"],
    ),
    List(
        "blank tails, notes, totals, page numbers and a second heading in the middle",
        [
            ["党员名册"], [],
            HEAD, new(), [None] * 6, ["第1页 共2页"], HEAD,
            new(党员编号="00110102", 姓名="白松间"),
            ["合计", "2人"], ["备注：以上人员均已核对"],
            ["填表人：甲某", None, "2021年6月1日"], [None],
        ],
        [made(4, "00110101", "席照川"), made(8, "00110102", "白松间")],
        silent=True,
    ),
    List(
        "a total that says another number",
        [HEAD, new(), ["共计：3人"]],
        [made(2, "00110101", "席照川")],
        warned=["合计 3，实际读到 1 行"],
    ),
    List(
        "names with titles, spaces, sex and marks",
        [
            ["编号", "姓名", "支部"],
            ["00110001", "佟砚秋书记", FIRST],
            ["00110002", "鲍棠溪（女）", FIRST],
            ["00110003", "岑 越 舟 同志", FIRST],
            ["00110019", "梅映川（预备）", FIRST],
            ["00110017", "★欧阳渡川", FIRST],
            ["00110101", "王书记", FIRST],
        ],
        [{"row": n, "action": "same"} for n in range(2, 7)],
        errors=[(7, "姓名", "不要用职务代替")],
        warned=["“佟砚秋书记”按“佟砚秋”读取"],
    ),
    List(
        "预备 behind the name, and ticks under 正式 and 预备",
        [
            ["编号", "姓名", "支部", "正式", "预备"],
            ["00110101", "席照川", FIRST, "√", None],
            ["00110102", "白松间（预备）", FIRST, None, "√"],
        ],
        [
            made(2, "00110101", "席照川", kind="full"),
            made(3, "00110102", "白松间", kind="probationary"),
        ],
    ),
    List(
        "the words of kinds: 中共正式党员, 预备期, 离退休, 在职",
        [
            HEAD,
            new(党员类别="中共正式党员"),
            new(党员编号="00110102", 姓名="白松间", 党员类别="预备期"),
            new(党员编号="00110103", 姓名="卢砚声", 党员类别="离退休"),
            new(党员编号="00110104", 姓名="邝晚汀", 党员类别="离退休正式党员"),
            new(党员编号="00110105", 姓名="阎听竹", 党员类别="入党积极分子"),
            new(党员编号="00110106", 姓名="池映月", 党员类别=None),
        ],
        [
            made(2, "00110101", "席照川", kind="full", category="employed"),
            made(3, "00110102", "白松间", kind="probationary"),
            made(4, "00110103", "卢砚声", kind="full", category="retired"),
            made(5, "00110104", "邝晚汀", kind="full", category="retired"),
        ],
        errors=[(6, "党员类别", "只登记正式党员"), (7, "党员类别", "请填写“正式党员”")],
        warned=["没有写党员类别的新增人员 1 人，按正式党员登记"],
    ),
    List(
        "several sheets, one a branch, the branch on the tab or in the title only",
        {
            "机关第一党支部": [["党员编号", "姓名", "类别"], ["00110101", "席照川", "正式"]],
            "Sheet2": [
                [f"{VILLAGE}党员名册"],
                ["党员编号", "姓名", "类别"],
                ["00210101", "白松间", "正式"],
            ],
            "说明": [["填表说明：请用文本格式"]],
        },
        [
            made(2, "00110101", "席照川", FIRST, sheet="机关第一党支部"),
            made(3, "00210101", "白松间", VILLAGE, sheet="Sheet2"),
        ],
        warned=["“说明”没有认出表头"],
    ),
    List(
        "an error in one of several sheets names the sheet",
        {"一": [HEAD, new()], "二": [HEAD, new(党员编号="00110102", 姓名=None)]},
        [made(2, "00110101", "席照川")],
        errors=[(2, "姓名", "工作表“二”：请填写姓名")],
    ),
    List(
        "branches and groups as lines of their own above their people",
        [
            ["序号", "党员编号", "姓名", "类别"],
            [f"一、{FIRST}（2人）"],
            [1, "00110101", "席照川", "正式"],
            ["第二党小组："],
            [2, "00110102", "白松间", "正式"],
            [f"二、{VILLAGE}（1人）"],
            [3, "00210101", "卢砚声", "正式"],
        ],
        [
            made(3, "00110101", "席照川", FIRST, group=""),
            made(5, "00110102", "白松间", FIRST, group="第二党小组"),
            made(7, "00210101", "卢砚声", VILLAGE, group=""),
        ],
    ),
    List(
        "merged branches, and 同上",
        [
            ["党支部", "党员编号", "姓名", "类别", "党小组"],
            [FIRST, "00110101", "席照川", "正式", "一组"],
            [None, "00110102", "白松间", "同上", "同上"],
            [VILLAGE, "00210101", "卢砚声", "预备", None],
            ["〃", "00210102", "邝晚汀", "〃", None],
        ],
        [
            made(2, "00110101", "席照川", FIRST, group="一组"),
            made(3, "00110102", "白松间", FIRST, kind="full", group="一组"),
            made(4, "00210101", "卢砚声", VILLAGE),
            made(5, "00210102", "邝晚汀", VILLAGE, kind="probationary"),
        ],
        merged={"Sheet1": ("A2:A3",)},
    ),
    List(
        "a list in two halves side by side",
        [
            ["序号", "党员编号", "姓名", "支部", "序号", "党员编号", "姓名", "支部"],
            [1, "00110101", "席照川", FIRST, 3, "00210101", "卢砚声", VILLAGE],
            [2, "00110102", "白松间", FIRST],
        ],
        [
            made(2, "00110101", "席照川"), made(2, "00210101", "卢砚声", VILLAGE),
            made(3, "00110102", "白松间"),
        ],
    ),
    List(
        "编号 that only counts the rows",
        [
            ["编号", "姓名", "支部"],
            [1, "席照川", FIRST], [2, "白松间", FIRST], [3, "卢砚声", FIRST],
        ],
        outcome="refuse",
    ),
    List(
        "a remark that somebody is gone is said, not obeyed",
        [
            ["党员编号", "姓名", "支部", "备注"],
            ["00110001", "佟砚秋", FIRST, "已调出"],
            ["00110002", "鲍棠溪", FIRST, "流动党员"],
        ],
        [{"row": 2, "action": "same"}, {"row": 3, "action": "same"}],
        warned=["第 2 行备注写着“已调出”"],
    ),
    List(
        "党员状态 and 去向 say who goes and how",
        [
            ["党员编号", "姓名", "支部", "党员状态", "变动时间"],
            ["00110001", "佟砚秋", FIRST, "正式", None],
            ["00110002", "鲍棠溪", FIRST, "去世", "2021-06-03"],
            ["00110003", "岑越舟", FIRST, "转出", "2021.6.3"],
        ],
        [
            {"row": 2, "action": "same"},
            {"row": 3, "action": "leave"},
            {"row": 4, "action": "leave", "day": "2021-06-03"},
        ],
    ),
    List(
        "the heading in two rows, with merged cells",
        [
            ["党员花名册", None, None, None, None],
            ["党员编号", "姓名", "所在支部", "联系方式", None],
            [None, None, None, "手机", "邮箱"],
            ["00110101", "席照川", FIRST, "19900980000", "x@example.cn"],
        ],
        [made(4, "00110101", "席照川", phone="19900980000")],
        merged={"Sheet1": ("A1:E1", "A2:A3", "B2:B3", "C2:C3", "D2:E2")},
    ),
    List(
        ".csv in GB18030, with =\"…\" to keep zeros",
        [["编号", "姓名", "支部", "类别", "手机"],
         ['="00110101"', "席照川", FIRST, "正式", "19900980000"]],
        [made(2, "00110101", "席照川", phone="19900980000")],
        name="党员.csv",
        encoding="gb18030",
    ),
    List(
        ".csv in UTF-8 with a mark, zeros and October lost by Excel",
        [
            ["编号", "姓名", "支部", "类别", "入党时间"],
            ["110001", "佟砚秋", FIRST, "正式", "1987-7-1"],
            ["00110102", "白松间", FIRST, "正式", "1987.1"],
        ],
        [{"row": 2, "action": "same", "number": "00110001"}],
        errors=[(3, "入党时间", "1 月还是 10 月")],
        name="党员.csv",
        encoding="utf-8-sig",
    ),
    List(
        "formulas and marks of formulas stay text",
        [HEAD, new(姓名="=cmd|'/c calc'!A1"), new(党员编号="00110102", 姓名="白松间")],
        [made(3, "00110102", "白松间")],
        errors=[(2, "姓名", "")],
    ),
    List(
        "a known number under another name",
        [HEAD, new(党员编号="00110001")],
        errors=[(2, "姓名", "登记的是佟砚秋")],
    ),
    List(
        "no column of numbers",
        [["姓名", "支部"], ["席照川", FIRST]],
        outcome="refuse",
    ),
]  # fmt: skip


@pytest.mark.parametrize("made_list", LISTS, ids=[case.habit for case in LISTS])
def test_hand_made_lists_are_read_as_a_careful_person_reads_them(town, made_list):
    preview = people_in.preview(
        made_list.data, made_list.name, people_in.MEMBERS, scope=None, at=AT
    )
    said = preview.as_json()
    told = json.dumps(said, ensure_ascii=False, indent=1)

    assert set(said) == {"outcome", "message", "kind", "rows", "errors", "warnings"}
    assert said["outcome"] == made_list.outcome or ("ask" if made_list.errors else "read"), told
    assert [(e["row"], e["column"]) for e in said["errors"]] == [
        (row, column) for row, column, _ in made_list.errors
    ], told
    for error, (_, _, words) in zip(said["errors"], made_list.errors, strict=True):
        assert set(error) == {"row", "column", "value", "message"}
        assert words in error["message"], told
    assert len(said["rows"]) == len(made_list.rows), told
    for row, wanted in zip(said["rows"], made_list.rows, strict=True):
        assert {name: row.get(name) for name in wanted} == wanted, told
    for words in made_list.warned:
        assert any(words in warning for warning in said["warnings"]), told
    others = [warning for warning in said["warnings"] if "按在职登记" not in warning]
    assert not (made_list.silent and others), told
    assert ID_CARD not in told
    assert "1967" not in told


@pytest.mark.parametrize("made_list", LISTS, ids=[case.habit for case in LISTS])
def test_hand_made_lists_are_written_whole_or_not_at_all(town, made_list):
    before = fingerprint()
    preview = people_in.preview(
        made_list.data, made_list.name, people_in.MEMBERS, scope=None, at=AT
    )
    assert fingerprint() == before
    if preview.outcome != "read":
        with pytest.raises(people_in.NotImportable):
            people_in.apply(preview, by=BY, at=AT)
        assert fingerprint() == before
        return

    people_in.apply(preview, by=BY, at=AT)

    again = people_in.preview(made_list.data, made_list.name, people_in.MEMBERS, scope=None, at=AT)
    assert {line.action for line in again.lines} == {"same"}
    written = str([list(m.objects.values()) for m in (Member, Membership, AuditEvent)])
    assert ID_CARD not in written
    assert "1967" not in written


def fingerprint():
    return [list(m.objects.order_by("pk").values()) for m in (Member, Membership, AuditEvent)]
