"""Sheets as secretaries lay them out: titles, headings, merges, blocks, days, several sheets."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from .cases import case, check, held
from .world import VILLAGE, names, sheet

N, V = names(), names(VILLAGE)
A, B, C, D, E, F, G, H, I, J = N  # noqa: E741 (ten people, in order)
OUT = {B: "leave:病假", H: "absent"}
MARK = {B: "病假", H: "×"}
DAY = "2021-06-02"
HEAD = [["签到表"], [DAY]]


def marks(name, said=MARK, usual="√"):
    return said.get(name, usual)


def plain(
    head=("序号", "姓名", "签到"), *, top=(("签到表",), (DAY,)), said=MARK, foot=(), people=N
):
    rows = [list(line) for line in top] + [list(head)]
    rows += [[at, name, marks(name, said)] for at, name in enumerate(people, 1)]
    return [*rows, *(list(line) for line in foot)]


def pairs(*top, said=MARK, usual="√", foot=()):
    return [*top, *([n, marks(n, said, usual)] for n in N), *foot]


def matrix(*head, columns, foot=()):
    """One column a day: `columns` are dictionaries of the marks that are not √."""
    rows = [[n, *(marks(n, said) for said in columns)] for n in N]
    return [*head, *rows, *foot]


TWO = [{B: "病假"}, {H: "×"}]
TWO_HELD = [held("2021-06-02", {B: "leave:病假"}), held("2021-06-09", {H: "absent"})]

LAYOUTS = [
    case(
        "单位在上，标题在中，时间地点主持人一行写完",
        sheet(
            [
                ["中共云川市第三中学第一支部委员会"],
                ["“学党史、悟思想”专题学习签到表"],
                ["学习时间：2021年6月2日（周三）14：30—16：30  地点：二楼会议室  主持人：方砚雪"],
                *plain(top=()),
            ],
            merged=["A1:C1", "A2:C2", "A3:C3"],
        ),
        held=held(DAY, OUT, start="14:30", end="16:30", place="二楼会议室", host="方砚雪"),
        quiet=True,
    ),
    case(
        "信息写在一个合并单元格里，分行写",
        sheet(
            [
                ["主题党日活动签到册"],
                [
                    "活动时间：二〇二一年六月二日下午2点半至4点\n活动地点：阶梯教室\n主持人：方砚雪\n主讲人：顾停云"
                ],
                *plain(top=()),
            ],
            merged=["A1:C1", "A2:C2"],
        ),
        held=held(DAY, OUT, start="14:30", end="16:00", place="阶梯教室", host=A, lecturer=B),
    ),
    case(
        "标签和值各占一格，一行两对",
        [
            ["学习考勤表"],
            ["时间", "2021.6.2", "地点", "党员活动室"],
            ["主持人", "方砚雪", "记录人", "顾停云"],
            ["内容", "百年党史第一讲"],
            ["姓名", "签到", "备注"],
            *([n, marks(n, {H: "×"}), "病假" if n == B else ""] for n in N if n != B),
            [B, "", "病假"],
        ],
        held=held(DAY, OUT, place="党员活动室", host=A, recorder=B, topic="百年党史第一讲"),
    ),
    case(
        "日期在标题前，标题字间加空格",
        [["2021年6月2日"], ["签 到 表"], *plain(("序 号", "姓  名", "考 勤"), top=())],
        held=held(DAY, OUT, title="签 到 表"),
    ),
    case(
        "表头：人员、到会情况、缘由",
        [
            ["支部大会到会登记表 2021.6.2"],
            ["人员", "到会情况", "缘由"],
            *([n, {B: "未到", H: "未到"}.get(n, "到"), {B: "感冒发烧"}.get(n, "")] for n in N),
        ],
        held=held(DAY, {B: "leave:感冒", H: "absent"}),
    ),
    case(
        "表头：党员姓名、出勤（到/未到）",
        plain(("编号", "党员姓名", "出勤（到/未到）"), said={B: "病假", H: "未到"}),
        held=held(DAY, OUT),
    ),
    case(
        "签名栏里签自己的名字，没到的空着",
        [
            ["签到表", "", "2021年6月2日"],
            ["序号", "姓名", "签名"],
            *([at, n, "" if n == H else n] for at, n in enumerate(N, 1)),
        ],
        held=held(DAY, {H: "absent"}),
    ),
    case(
        "合并的标记管几个人",
        sheet(
            [
                ["签到表"],
                ["2021年6月2日"],
                ["姓名", "签到"],
                *([n, {B: "公差", H: "×"}.get(n, "" if n in (C, D) else "√")] for n in N),
            ],
            merged=["A1:B1", "B5:B7"],
        ),
        held=held(DAY, {B: "leave:公差", C: "leave:公差", D: "leave:公差", H: "absent"}),
    ),
    case(
        "党小组竖着合并，左右两栏",
        sheet(
            [
                ["党员大会签到表"],
                ["时间：2021年6月2日上午9时"],
                ["党小组", "姓名", "签到", "党小组", "姓名", "签到"],
                ["第一党小组", A, "√", "第二党小组", F, "√"],
                ["", B, "病假", "", G, "√"],
                ["", C, "√", "", H, "×"],
                ["", D, "√", "", I, "√"],
                ["", E, "√", "", J, "√"],
            ],
            merged=["A1:F1", "A2:F2", "A4:A8", "D4:D8"],
        ),
        held=held(DAY, OUT, start="09:00"),
    ),
    case(
        "三栏并排，各有表头，末栏不满",
        [
            ["签到表 2021年6月2日"],
            ["姓名", "签到"] * 3,
            [A, "√", E, "√", I, "√"],
            [B, "病假", F, "√", J, "√"],
            [C, "√", G, "√"],
            [D, "√", H, "×"],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "三栏并排，只有头一栏写了表头",
        [
            ["签到表 2021年6月2日"],
            ["姓名", "签到"],
            [A, "√", E, "√", I, "√"],
            [B, "病假", F, "√", J, "√"],
            [C, "√", G, "√"],
            [D, "√", H, "×"],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "只有头一栏写了表头，末栏只有一个人",
        [
            ["签到表 2021年6月2日"],
            ["姓名", "签到"],
            *([N[i], marks(N[i]), N[9], "√"] if i == 0 else [N[i], marks(N[i])] for i in range(9)),
        ],
        held=held(DAY, OUT),
    ),
    case(
        "两栏之间空一列",
        [
            ["签到表"],
            ["2021-6-2"],
            ["序号", "姓名", "签到", "", "序号", "姓名", "签到"],
            *([i + 1, N[i], marks(N[i]), "", i + 6, N[i + 5], marks(N[i + 5])] for i in range(5)),
        ],
        held=held(DAY, OUT),
    ),
    case(
        "四栏并排加备注",
        [
            ["签到表"],
            ["2021-6-2"],
            ["姓名", "签到", "备注"] * 4,
            [A, "√", "", D, "√", "", G, "√", "", J, "√", ""],
            [B, "", "病假", E, "√", "", H, "", ""],
            [C, "√", "", F, "√", "迟到10分钟", I, "√", ""],
        ],
        held=held(DAY, {B: "leave:病假", F: "late", H: "absent"}),
    ),
    case(
        "页眉每页重复，中间有小计和页码",
        [
            ["签到表"],
            ["2021年6月2日"],
            ["序号", "姓名", "签到"],
            *([i + 1, N[i], marks(N[i])] for i in range(5)),
            ["", "本页小计", "实到4人"],
            ["", "第1页 共2页"],
            ["签到表"],
            ["2021年6月2日"],
            ["序号", "姓名", "签到"],
            *([i + 1, N[i], marks(N[i])] for i in range(5, 10)),
            ["", "应到10人，实到8人", ""],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "几百行空尾和空列",
        [[*line, *[""] * 40] for line in plain()] + [[""] * 43 for _ in range(500)],
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "表下面预留的空行有序号",
        plain(foot=[[n, "", ""] for n in range(11, 31)]),
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "标题里写党小组，正文分组，中间合计",
        [
            ["签到表（2021年6月2日）"],
            ["姓名", "签到"],
            ["第一党小组"],
            *([n, marks(n)] for n in N[:5]),
            ["小计", "4人"],
            ["第二党小组"],
            *([n, marks(n)] for n in N[5:]),
            ["小计", "4人"],
            ["合计", "8人"],
        ],
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "表格左边和上面都空着",
        [[""], [""], *(["", "", *line] for line in plain())],
        held=held(DAY, OUT),
    ),
    case(
        "姓名分成姓和名两列",
        [
            ["签到表"],
            ["2021年6月2日"],
            ["序号", "姓", "名", "签到"],
            *([at, n[0], n[1:], marks(n)] for at, n in enumerate(N, 1)),
        ],
        held=held(DAY, OUT),
    ),
    case(
        "姓名表头合并两列，姓和名分开写",
        sheet(
            [
                ["签到表"],
                ["2021年6月2日"],
                ["序号", "姓名", "", "签到"],
                *([at, n[0], n[1:], marks(n)] for at, n in enumerate(N, 1)),
            ],
            merged=["B3:C3"],
        ),
        held=held(DAY, OUT),
    ),
    case(
        "没有表头，只有标题、名字和勾",
        [["6月2日学习签到（2021年）"], *pairs()],
        held=held(DAY, OUT),
    ),
    case(
        "先签到栏后姓名栏",
        [["签到表"], ["2021年6月2日"], ["签到", "姓名"], *([marks(n), n] for n in N)],
        held=held(DAY, OUT),
    ),
    case(
        "出席、迟到、早退、请假、缺席各一栏打勾",
        [
            ["考勤表"],
            ["2021年6月2日"],
            ["姓名", "出席", "迟到", "早退", "请假", "缺席", "备注"],
            *(
                [n, *("√" if c == at else "" for c in range(5)), {3: "病假"}.get(at, "")]
                for n, at in zip(N, [0, 3, 0, 1, 2, 0, 0, 4, 0, 0], strict=True)
            ),
        ],
        held=held(DAY, {**OUT, D: "late", E: "left_early"}),
    ),
    case(
        "出勤情况下面分到会、病假、事假、缺席四小列",
        sheet(
            [
                ["考勤表"],
                ["2021年6月2日"],
                ["姓名", "出勤情况", "", "", ""],
                ["", "到会", "病假", "事假", "缺席"],
                *(
                    [n, *("√" if c == at else "" for c in range(4))]
                    for n, at in zip(N, [0, 1, 2, 0, 0, 0, 0, 3, 0, 0], strict=True)
                ),
            ],
            merged=["A3:A4", "B3:E3"],
        ),
        held=held(DAY, {**OUT, C: "leave:事假"}),
    ),
    case(
        "签到时间一栏写时刻，没来的空着",
        [
            ["签到表"],
            ["2021年6月2日 14:30"],
            ["姓名", "签到时间"],
            *([n, "" if n == H else time(14, 20 + at)] for at, n in enumerate(N)),
        ],
        held=held(DAY, {H: "absent"}, start="14:30"),
    ),
]

DAYS = [
    case(
        "日期是真正的日期，年月只在列头",
        matrix(["考勤表"], ["姓名", date(2021, 6, 2), datetime(2021, 6, 9)], columns=TWO),
        held=TWO_HELD,
    ),
    case(
        "日期成了序列号",
        matrix(["考勤表"], ["姓名", 44349, 44356.0], columns=TWO),
        held=TWO_HELD,
    ),
    case(
        "日期写 6.2 和 6.9（数字），年在标题",
        matrix(["2021年考勤表"], ["姓名", 6.2, 6.9], columns=TWO),
        held=TWO_HELD,
    ),
    case(
        "日期写 6.20 和 6.30，作数字存成 6.2 和 6.3：不能猜",
        matrix(["2021年考勤表"], ["姓名", 6.16, 6.23, 6.3], columns=[*TWO, {}]),
        held=[
            held("2021-06-16", {B: "leave:病假"}),
            held("2021-06-23", {H: "absent"}),
            held(None),
        ],
        asks=[(2, "date")],
    ),
    case(
        "日期写 2日 9日，年月在标题",
        matrix(["2021年6月考勤表"], ["姓名", "2日", "9日"], columns=TWO),
        held=TWO_HELD,
    ),
    case(
        "日期写中文数字",
        matrix(["考勤表"], ["姓名", "二〇二一年六月二日", "二○二一年六月九日"], columns=TWO),
        held=TWO_HELD,
    ),
    case(
        "标题和列头都用中文数字",
        matrix(["二〇二一年六月考勤"], ["姓名", "二日", "九日"], columns=TWO),
        held=[
            held(DAY, {B: "leave:病假"}, topic=None),
            held("2021-06-09", {H: "absent"}, topic=None),
        ],
    ),
    case(
        "日期换行带星期",
        matrix(["2021年学习考勤"], ["姓名", "6月2日\n周三", "6月9日\n（星期三）"], columns=TWO),
        held=TWO_HELD,
        quiet=True,
    ),
    case(
        "日期带上午下午",
        matrix(["考勤表"], ["姓名", "2021/06/02(上午)", "2021/06/02（下午）"], columns=TWO),
        held=[
            held(DAY, {B: "leave:病假"}, part="上午"),
            held(DAY, {H: "absent"}, part="下午"),
        ],
    ),
    case(
        "日期下面分上午下午",
        sheet(
            matrix(
                ["考勤表"],
                ["姓名", "2021年6月2日", "", "6月3日", ""],
                ["", "上午", "下午", "上午", "下午"],
                columns=[*TWO, {}, {A: "迟到"}],
            ),
            merged=["A2:A3", "B2:C2", "D2:E2"],
        ),
        held=[
            held(DAY, {B: "leave:病假"}, part="上午"),
            held(DAY, {H: "absent"}, part="下午"),
            held("2021-06-03", part="上午"),
            held("2021-06-03", {A: "late"}, part="下午"),
        ],
    ),
    case(
        "月份在上，日子在下，跨月",
        sheet(
            matrix(
                ["2021年考勤表"],
                ["序号", "姓名", "6月", "", "7月"],
                ["", "", "23", "30", "7"],
                columns=[],
            )[:3]
            + [[i + 1, n, marks(n, TWO[0]), marks(n, TWO[1]), "√"] for i, n in enumerate(N)],
            merged=["A2:A3", "B2:B3", "C2:D2"],
        ),
        held=[
            held("2021-06-23", {B: "leave:病假"}),
            held("2021-06-30", {H: "absent"}),
            held("2021-07-07"),
        ],
    ),
    case(
        "1到30日全月考勤，只有几天开展了",
        [
            ["第三中学第一党支部2021年6月考勤表"],
            ["姓名", *range(1, 31)],
            *([n, "", marks(n, TWO[0]), *[""] * 6, marks(n, TWO[1])] for n in N),
        ],
        held=TWO_HELD,
    ),
    case(
        "日期上面有学习内容",
        matrix(
            ["2021年6月学习考勤"],
            ["姓名", "6月2日", "6月9日"],
            ["", "读原著", "看红色电影"],
            columns=TWO,
        ),
        held=[
            held(DAY, {B: "leave:病假"}, topic="读原著"),
            held("2021-06-09", {H: "absent"}, topic="看红色电影"),
        ],
    ),
    case(
        "每天一列，后面有合计和备注",
        [
            ["2021年6月考勤表"],
            ["姓名", "6月2日", "6月9日", "出勤次数", "备注"],
            *([n, marks(n, TWO[0]), marks(n, TWO[1]), 2 - (n in (B, H)), ""] for n in N),
        ],
        held=TWO_HELD,
        quiet=True,
    ),
    case(
        "合计与打勾不符要说",
        [
            ["2021年6月考勤表"],
            ["姓名", "6月2日", "6月9日", "出勤次数"],
            *([n, marks(n, TWO[0]), marks(n, TWO[1]), 2 - (n == H)] for n in N),
        ],
        held=TWO_HELD,
        warns=["2 次"],
    ),
    case(
        "没有年份：要问",
        matrix(["考勤表"], ["姓名", "6月2日", "6月9日"], columns=TWO),
        held=[held(None, {B: "leave:病假"}), held(None, {H: "absent"})],
        asks=[(2, "year")],
    ),
    case(
        "年份在文件名里",
        matrix(["考勤表"], ["姓名", "6月2日", "6月9日"], columns=TWO),
        filename="2021年6月考勤.xlsx",
        held=TWO_HELD,
    ),
    case(
        "只写星期几，哪天要问",
        matrix(["2021年6月学习考勤"], ["姓名", "周三", "周四"], columns=TWO),
        held=[held(None, {B: "leave:病假"}), held(None, {H: "absent"})],
        asks=[(2, "date"), (2, "date")],
    ),
    case(
        "行是日期，列是人",
        [
            ["2021年6月学习考勤"],
            ["日期", *N],
            ["6月2日", *(marks(n, TWO[0]) for n in N)],
            ["6月9日", *(marks(n, TWO[1]) for n in N)],
        ],
        held=TWO_HELD,
    ),
    case(
        "流水登记：每行一人一天",
        [
            ["学习登记"],
            ["日期", "姓名", "签到"],
            *(["2021-06-02", n, marks(n, TWO[0])] for n in N),
            *(["2021-06-09", n, marks(n, TWO[1])] for n in N),
        ],
        held=TWO_HELD,
    ),
    case(
        "流水登记：日期竖着合并",
        sheet(
            [
                ["学习登记"],
                ["日期", "姓名", "签到"],
                *(["2021-06-02" if n == A else "", n, marks(n, TWO[0])] for n in N),
                *(["2021-06-09" if n == A else "", n, marks(n, TWO[1])] for n in N),
            ],
            merged=["A3:A12", "A13:A22"],
        ),
        held=TWO_HELD,
    ),
    case(
        "跨年：标题写2021年12月—2022年1月",
        matrix(
            ["2021年12月—2022年1月考勤表"],
            ["姓名", "2021年12月29日", "2022年1月5日"],
            columns=TWO,
        ),
        held=[held("2021-12-29", {B: "leave:病假"}), held("2022-01-05", {H: "absent"})],
    ),
    case(
        "一天两次学习：日期相同",
        matrix(["考勤表"], ["姓名", "2021.6.2", "2021.6.2"], columns=TWO),
        held=[held(DAY, {B: "leave:病假"}), held(DAY, {H: "absent"})],
    ),
]

COLUMNS = [
    case(
        "6月印成了1日到31日，31日没有：空列不问",
        [
            ["2021年6月考勤"],
            ["姓名", *(f"{day}日" for day in range(1, 32))],
            *([n, "", marks(n, TWO[0]), *[""] * 29] for n in N),
        ],
        held=TWO_HELD[:1],
    ),
    case(
        "每次签到和备注各一列，日期没有合并",
        [
            ["2021年6月考勤"],
            ["姓名", "6月2日", "", "6月9日", ""],
            ["", "签到", "备注", "签到", "备注"],
            *(
                [n, "" if n == B else "√", "病假" if n == B else "", "√", "迟到" if n == C else ""]
                for n in N
            ),
        ],
        held=[held(DAY, {B: "leave:病假"}), held("2021-06-09", {C: "late"})],
    ),
    case(
        "上午下午没有合并在日期下面",
        [
            ["2021年6月考勤"],
            ["姓名", "6月2日", "", "6月9日", ""],
            ["", "上午", "下午", "上午", "下午"],
            *([n, "√", marks(n, TWO[0]), "√", marks(n, TWO[1])] for n in N),
        ],
        held=[
            held(DAY, part="上午"),
            held(DAY, {B: "leave:病假"}, part="下午"),
            held("2021-06-09", part="上午"),
            held("2021-06-09", {H: "absent"}, part="下午"),
        ],
    ),
    case(
        "列头写日期、时间和内容",
        [
            ["2021年学习考勤"],
            ["姓名", "6月2日 14:30-16:30", "6月9日\n9:00-11:00 专题党课"],
            *([n, marks(n, TWO[0]), marks(n, TWO[1])] for n in N),
        ],
        held=[
            held(DAY, {B: "leave:病假"}, start="14:30", end="16:30"),
            held("2021-06-09", {H: "absent"}, start="09:00", end="11:00", topic="专题党课"),
        ],
    ),
    case(
        "表头上面几行分别是日期、主题、地点",
        [
            ["2021年学习考勤"],
            ["日期", "", "6月2日", "6月9日"],
            ["主题", "", "百年党史", "红船精神"],
            ["地点", "", "三楼", "四楼"],
            ["序号", "姓名", "签到", "签到"],
            *([i, n, marks(n, TWO[0]), marks(n, TWO[1])] for i, n in enumerate(N, 1)),
        ],
        held=[
            held(DAY, {B: "leave:病假"}, topic="百年党史", place="三楼"),
            held("2021-06-09", {H: "absent"}, topic="红船精神", place="四楼"),
        ],
    ),
    case(
        "两列都叫签到，哪天要问",
        [
            ["学习签到表 2021年6月"],
            ["姓名", "签到", "签到"],
            *([n, marks(n, TWO[0]), marks(n, TWO[1])] for n in N),
        ],
        held=[held(None, {B: "leave:病假"}), held(None, {H: "absent"})],
        asks=[(2, "date"), (2, "date")],
    ),
]

BANDS = [
    case(
        "人横着排，一行姓名一行签到，排两排",
        [
            *HEAD,
            ["姓名", *N[:5]],
            ["签到", *(marks(n) for n in N[:5])],
            ["姓名", *N[5:]],
            ["签到", *(marks(n) for n in N[5:])],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "人横着排，没有标签",
        [*HEAD, N[:5], [marks(n) for n in N[:5]], N[5:], [marks(n) for n in N[5:]]],
        held=held(DAY, OUT),
    ),
    case(
        "人横着排，签自己的名字，没来的空着",
        [
            *HEAD,
            ["序号", *range(1, 6)],
            ["姓名", *N[:5]],
            ["签名", *N[:5]],
            ["序号", *range(6, 11)],
            ["姓名", *N[5:]],
            ["签名", *("" if n == H else n for n in N[5:])],
        ],
        held=held(DAY, {H: "absent"}),
    ),
    case(
        "列头是党小组，名字后面直接打标记",
        sheet(
            [
                ["杨树沟村党支部党员学习签到"],
                ["2021年6月2日"],
                ["第一党小组", "第二党小组", "第三党小组"],
                *(
                    [f"{V[i]}√", f"{V[i + 6]}{'（病假）' if i == 2 else '√'}", f"{V[i + 12]}√"]
                    for i in range(5)
                ),
                [f"{V[5]}√", f"{V[11]}×", f"{V[17]}√"],
            ],
            merged=["A1:C1"],
        ),
        branch=VILLAGE,
        held=held(DAY, {V[8]: "leave:病假", V[11]: "absent"}),
    ),
    case(
        "一行一个党小组，到会、请假各一格名单",
        [
            ["杨树沟村党支部党员学习签到"],
            ["2021年6月2日"],
            ["党小组", "到会人员", "请假人员"],
            ["第一党小组", "、".join(V[:5]), f"{V[5]}（病假）"],
            ["第二党小组", "、".join(V[6:12]), "无"],
            ["第三党小组", "，".join(V[12:]), ""],
        ],
        branch=VILLAGE,
        held=held(DAY, {V[5]: "leave:病假"}),
    ),
    case(
        "标题里括号写空白为到会",
        [
            ["2021年6月考勤（空白为到会）"],
            ["姓名", "6月2日", "6月9日"],
            *([n, "病假" if n == B else "", "缺席" if n == H else ""] for n in N),
        ],
        held=TWO_HELD,
    ),
    case(
        "表外单写一个党员的名字：要说没有读",
        [[*line, "", "值日" if at == 4 else ""] for at, line in enumerate(plain(people=N[:9]))]
        + [["", "", "", "", J]],
        held=held(DAY, OUT, who=N[:9]),
        warns=f"“{J}”没有读作签到",
    ),
]

SHEETS = [
    case(
        "封面、说明、空表、隐藏表和两个月",
        sheet([["云川市第三中学第一党支部"], ["党史学习教育考勤台账"], ["2021年"]], name="封面"),
        sheet(matrix(["6月考勤"], ["姓名", "2日"], columns=[TWO[0]]), name="6月"),
        sheet(matrix(["7月考勤"], ["姓名", "7日"], columns=[TWO[1]]), name="7月"),
        sheet([], name="Sheet3"),
        sheet(plain(), name="旧表", hidden=True),
        held=[held("2021-06-02", {B: "leave:病假"}), held("2021-07-07", {H: "absent"})],
        warns="旧表",
    ),
    case(
        "一次一张表，表名是日期",
        sheet(plain(top=(("签到表",),)), name="2021.6.2"),
        sheet(plain(top=(("签到表",),), said={}), name="2021.6.9"),
        held=[held("2021-06-02", OUT), held("2021-06-09")],
    ),
    case(
        "表名写0602，年在另一张表上",
        sheet([["2021年考勤"]], name="封面"),
        sheet(plain(top=(("签到表",), ("6月2日",))), name="0602"),
        held=[held("2021-06-02", OUT)],
    ),
    case(
        "图例单独一张表",
        sheet([["符号说明"], ["○", "病假"], ["△", "缺席"]], name="说明"),
        sheet(plain(said={B: "○", H: "△"}), name="6月"),
        held=[held(DAY, OUT)],
    ),
    case(
        "一张表里上下两次学习",
        [*plain(), [""], *plain(top=(("签到表",), ("2021-06-09",)), said={})],
        held=[held(DAY, OUT), held("2021-06-09")],
    ),
    case(
        "一张表里左右两次学习，各有标题",
        sheet(
            [
                ["2021年6月党史学习签到表"],
                ["6月2日签到", "", "", "6月9日签到"],
                ["姓名", "签到", "", "姓名", "签到"],
                *([n, marks(n, TWO[0]), "", n, marks(n, TWO[1])] for n in N),
            ],
            merged=["A1:E1", "A2:B2", "D2:E2"],
        ),
        held=TWO_HELD,
    ),
]


TABLES = [*LAYOUTS, *DAYS, *COLUMNS, *BANDS, *SHEETS]


@pytest.mark.parametrize("sample", TABLES, ids=lambda c: c.habit)
def test_layout_is_read_as_a_careful_person_reads_it(sample):
    check(sample)
