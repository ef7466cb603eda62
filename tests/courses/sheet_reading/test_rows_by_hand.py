"""Sheets as secretaries fill them in: marks, reasons, names, lists, sentences, head counts."""

from __future__ import annotations

from typing import Any

import pytest

from .cases import case, check, held
from .world import FIRST, HOSPITAL, RETIRED, SECOND, VILLAGE, names, sheet

N = names()
A, B, C, D, E, F, G, H, I, J = N  # noqa: E741 (ten people, in order)
DAY = "2021-06-02"
TOP = (("签到表",), (DAY,))
OUT = {B: "leave:病假", H: "absent"}


def table(said, *, usual="√", head=("姓名", "签到"), top=TOP, foot=(), people=N):
    """Name and mark; a tuple in `said` fills the columns after the name."""
    rows = []
    for name in people:
        value = said.get(name, usual)
        rows.append([name, *value] if isinstance(value, tuple) else [name, value])
    return [*map(list, top), list(head), *rows, *map(list, foot)]


def remarked(said, **more):
    return table(said, head=("姓名", "签到", "备注"), **more)


MARKS = [
    case(
        "迟到、早退写了多久",
        table({B: "迟到10分钟", C: "早退（10:30）", D: "√（迟到）", E: "晚到5分钟", F: "提前离会"}),
        held=held(DAY, {B: "late", C: "left_early", D: "late", E: "late", F: "left_early"}),
    ),
    case(
        "请假写类别，写法各样",
        table(
            {
                A: "请假（事假）",
                B: "请病假",
                C: "因公出差",
                D: "公差",
                E: "产假",
                F: "年假",
                G: "住院",
                H: "病",
                I: "事",
                J: "公",
            },
            usual="√",
            people=N,
            foot=[["合计", ""]],
        ),
        held=held(
            DAY,
            {
                A: "leave:事假",
                B: "leave:病假",
                C: "leave:出差",
                D: "leave:公差",
                E: "leave:产假",
                F: "leave:年假",
                G: "leave:住院",
                H: "leave:病假",
                I: "leave:事假",
                J: "leave:公出",
            },
        ),
    ),
    case(
        "是与否",
        table({B: "否", H: "否"}, usual="是", head=("姓名", "是否到会")),
        held=held(DAY, {B: "absent", H: "absent"}),
    ),
    case(
        "1与0",
        table({H: 0}, usual=1, head=("姓名", "出勤")),
        held=held(DAY, {H: "absent"}),
    ),
    case("Y与N", table({H: "N"}, usual="Y"), held=held(DAY, {H: "absent"})),
    case(
        "全角字母和钩",
        table({B: "ｖ", H: "Ｘ"}, usual="Ｖ"),
        held=held(DAY, {H: "absent"}),
    ),
    case(
        "线上参会、列席、补学",
        table({B: "视频参会", C: "线上", D: "列席", E: "已补学", F: "腾讯会议参加"}),
        held=held(DAY, {D: "observer", E: "made_up"}),
    ),
    case(
        "圈叉没有图例要问，一个符号问一次",
        table({B: "○", H: "△", I: "△"}),
        held=held(DAY, {B: "?", H: "?", I: "?"}),
        asks=[(5, "mark"), (11, "mark")],
    ),
    case(
        "图例与习惯相反：○表示缺席",
        table({B: "△", H: "○"}, foot=[["注：√出席 △病假 ○缺席"]]),
        held=held(DAY, OUT),
    ),
    case(
        "图例写在表头下面，用顿号分开",
        [
            ["签到表"],
            ["2021年6月2日"],
            ["说明：到会打“√”、请假打“○”、缺席打“×”、迟到打“△”"],
            ["姓名", "签到", "备注"],
            *([n, {B: "○", H: "×", C: "△"}.get(n, "√"), "病假" if n == B else ""] for n in N),
        ],
        held=held(DAY, {**OUT, C: "late"}),
    ),
    case(
        "表上表下的图例说法不一，要问",
        table({B: "○", H: "×"}, top=[*TOP, ["√到会 ○请假"]], foot=[["○缺席"]]),
        held=held(DAY, {B: "?", H: "absent"}),
        asks=[(6, "mark")],
    ),
    case(
        "图例之外的符号还是要问",
        table({B: "○", H: "×", C: "☆"}, foot=[["√到会 ○请假 ×缺席"]]),
        held=held(DAY, {B: "leave:未说明", H: "absent", C: "?"}),
        asks=[(6, "mark")],
    ),
    case(
        "打勾栏里有问号和代签",
        table({B: "？", H: "代签"}),
        held=held(DAY, {B: "?", H: "?"}),
        asks=[(5, "mark"), (11, "mark")],
    ),
    case(
        "打了勾又写病假，矛盾要问",
        remarked({B: ("√", "病假")}),
        held=held(DAY, {B: "?"}),
        asks=[(5, "mark")],
    ),
    case(
        "打了叉，备注写明公出",
        remarked({B: ("×", "公出"), H: ("×", "")}),
        held=held(DAY, {B: "leave:公出", H: "absent"}),
    ),
    case(
        "空白，备注写明原因",
        remarked({B: ("", "孩子生病"), C: ("", "在北京培训"), H: ("", "")}),
        held=held(DAY, {B: "leave:孩子生病", C: "leave:培训", H: "absent"}),
    ),
    case(
        "备注只是职务、电话，不改变出勤",
        remarked(
            {A: ("√", "书记"), B: ("√", "13900000000"), C: ("√", "组织委员"), H: ("", "新调入")}
        ),
        held=held(DAY, {H: "absent"}),
    ),
    case(
        "备注写手机没电、替别人带班",
        remarked({A: ("√", "带手机参会"), B: ("√", "发言"), C: ("√", "负责记录")}),
        held=held(DAY),
    ),
    case(
        "表头写（到会打√）空着就是没来",
        table({B: "", H: ""}, head=("姓名", "签到（到会打√）")),
        held=held(DAY, {B: "absent", H: "absent"}),
    ),
    case(
        "表头写（缺席打×），其余空白就是到了",
        table({B: "×", H: "×"}, usual="", head=("姓名", "出勤（缺席打×）")),
        held=held(DAY, {B: "absent", H: "absent"}, rest="?"),
        asks=[(4, "blank")],
    ),
    case(
        "只注明例外又没有说明：空白要问",
        table({B: "病假", H: "缺席"}, usual=""),
        held=held(DAY, OUT, rest="?"),
        asks=[(4, "blank")],
    ),
    case(
        "只注明例外，表下写其余全部到会",
        table({B: "病假", H: "缺席"}, usual="", foot=[["其余同志全部按时到会。"]]),
        held=held(DAY, OUT),
    ),
    case(
        "只注明例外，应到实到可以推出",
        table({B: "病假", H: "缺席"}, usual="", foot=[["应到10人，实到8人"]]),
        held=held(DAY, OUT),
    ),
    case(
        "签到栏全是“到”，缺席的写缺",
        table({B: "病", H: "缺"}, usual="到"),
        held=held(DAY, OUT),
    ),
    case(
        "出勤、缺勤文字和请假原因",
        table(
            {B: ("请假", "发烧"), H: ("缺勤", "")},
            usual="出勤",
            head=("姓名", "考勤", "请假事由"),
        ),
        held=held(DAY, {B: "leave:发烧", H: "absent"}),
    ),
    case(
        "公差公假产假陪护隔离",
        table({B: "陪护", C: "居家隔离", D: "护理假", E: "外出务工", F: "值班"}),
        held=held(
            DAY,
            {
                B: "leave:陪护",
                C: "leave:居家隔离",
                D: "leave:护理假",
                E: "leave:外出务工",
                F: "leave:值班",
            },
        ),
    ),
    case(
        "没请假没来",
        table({B: "未请假", C: "无故未到", D: "未参加（未请假）"}),
        held=held(DAY, {B: "absent", C: "absent", D: "absent"}),
    ),
    case(
        "错误值和公式要问",
        table({B: "#REF!", H: "#N/A"}),
        held=held(DAY, {B: "?", H: "?"}),
        asks=[(5, "mark"), (11, "mark")],
    ),
    case(
        "空白签到表是没填的表",
        table({}, usual=""),
        outcome="refuse",
        message="还没有填写",
    ),
]

MORE_MARKS = [
    case(
        "符号没有图例，备注写明了的不用问",
        remarked({B: ("—", "病假"), H: ("○", "缺席"), C: ("△", "")}),
        held=held(DAY, {**OUT, C: "?"}),
        asks=[(6, "mark")],
    ),
    case(
        "没有图例，实心圈按人数只能是到会，空心圈还是要问",
        table({B: "○", H: "○"}, usual="●", foot=[["应到10人，实到8人"]]),
        held=held(DAY, {B: "?", H: "?"}),
        asks=[(5, "mark")],
        warns="推断",
    ),
    case(
        "签名栏写自己的名字又写（代）或迟到",
        table({A: f"{A}（代）", B: f"{B} 迟到", C: C, D: C, E: f"{E}√"}),
        held=held(DAY, {A: "?", B: "late", D: "?"}),
        asks=[(4, "mark"), (7, "mark")],
    ),
    case(
        "备注像公式、邮箱、数字，原样保留",
        remarked({A: ("√", "=1+1"), B: ("√", "-"), C: ("√", "@会务"), D: ("√", 5)}),
        held=held(DAY),
    ),
    case(
        "签到栏写日期和时刻",
        table({A: "14:25", B: "2021/6/2 14:25", C: "2021-06-02 14:28"}),
        held=held(DAY),
    ),
    case(
        "备注只写一个“病”字",
        remarked({B: ("", "病"), H: ("", "")}),
        held=held(DAY, OUT),
    ),
    case(
        "因公外出、因公出差、家属住院陪护",
        table({A: "因公外出", B: "因公出差", C: "住院陪护", D: "家属住院"}),
        held=held(
            DAY,
            {A: "leave:公出", B: "leave:出差", C: "leave:陪护", D: "leave:家属住院"},
        ),
    ),
]

NAMES = [
    case(
        "只写佟书记、鲍委员：要问，给出候选",
        table({}, people=["佟书记", "鲍委员", *names(FIRST)[2:]]),
        branch=FIRST,
        held=held(DAY, who=["佟书记", "鲍委员", *names(FIRST)[2:]]),
        asks=[(4, "unknown_name"), (5, "unknown_name")],
    ),
    case(
        "姓名前误打了等号、加号",
        table({}, people=[f"={A}", f"+{B}", f"@{C}", f"'{D}", *N[4:]]),
        held=held(DAY),
    ),
    case(
        "重名：姓名后写编号尾数",
        table({"安若木（0008）": "病假"}, people=["安若木（0005）", "安若木（0008）", "柳既白"]),
        branch=SECOND,
        held=held(DAY, {"安若木@5": "leave:病假"}, who=["安若木", "柳既白"]),
    ),
    case(
        "重名：编号一栏就叫“编号”",
        [
            *map(list, TOP),
            ["编号", "姓名", "签到"],
            ["00120005", "安若木", "√"],
            ["00120008", "安若木", "病假"],
        ],
        branch=SECOND,
        held=held(DAY, {"安若木@5": "leave:病假"}, who=["安若木"]),
        quiet=True,
    ),
    case(
        "重名：党小组竖着合并",
        sheet(
            [
                *map(list, TOP),
                ["党小组", "姓名", "签到"],
                ["一组", "穆苍野", "√"],
                ["", "安若木", "√"],
                ["二组", "童远岫", "√"],
                ["", "安若木", "病假"],
            ],
            merged=["A4:A5", "A6:A7"],
        ),
        branch=SECOND,
        held=held(DAY, {"安若木@7": "leave:病假"}, who=["穆苍野", "安若木", "童远岫"]),
    ),
    case(
        "姓名后写（代某某签）：要问",
        table({}, people=[f"{A}（代{B}签）", *N[2:]]),
        held=held(DAY, {A: "?"}, who=[A, *N[2:]]),
        asks=[(4, "mark")],
    ),
    case(
        "姓名后写书记、副局长、先生、★、编号",
        [
            *map(list, TOP),
            ["姓名", "签到"],
            ["方砚雪（书记）", "√"],
            ["顾停云副局长", "病假"],
            ["★陆拾萤", "√"],
            ["4.卫临风", "√"],
            ["喻听松同志", "√"],
            ["苏砚田 先生", "√"],
            ["程望岳（女）", "√"],
            ["许衔山*", "×"],
            ["党员邓观澜", "√"],
            ["阎听雨（预备党员）", "√"],
        ],
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "名字错一个字：要问，给出候选",
        table({B: "病假", H: "×"}, people=["方研雪", *N[1:]]),
        held=held(DAY, OUT, who=["方研雪", *N[1:]]),
        asks=[(4, "unknown_name")],
    ),
    case(
        "不认识的人要问，其余照读",
        table({B: "病假", H: "×"}, people=[*N, "欧阳修远"]),
        held=held(DAY, OUT, who=[*N, "欧阳修远"]),
        asks=[(14, "unknown_name")],
    ),
    case(
        "别的支部的人要问",
        table({B: "病假", H: "×"}, people=[*N, "鲍棠溪"]),
        held=held(DAY, OUT, who=[*N, "鲍棠溪"]),
        asks=[(14, "other_branch")],
    ),
    case(
        "重复两行，标记不同",
        [*table({B: "病假", H: "×"}, people=[*N, A], foot=[])[:-1], [A, "迟到"]],
        held=held(DAY, {**OUT, f"{A}@14": "late"}),
        asks=[(14, "duplicate")],
    ),
    case(
        "重复两行，标记相同也要问",
        table({B: "病假", H: "×"}, people=[*N, A]),
        held=held(DAY, {**OUT, f"{A}@14": "present"}),
        asks=[(14, "duplicate")],
    ),
    case(
        "编号成了数字，丢了前面的零",
        [
            *map(list, TOP),
            ["党员编号", "姓名", "签到"],
            *([310001 + at, n, {B: "病假", H: "×"}.get(n, "√")] for at, n in enumerate(N)),
        ],
        held=held(DAY, OUT),
    ),
    case(
        "编号与姓名矛盾要问",
        [
            *map(list, TOP),
            ["党员编号", "姓名", "签到"],
            *([310001 + at - (at == 3), n, "√"] for at, n in enumerate(N)),
        ],
        held=held(DAY),
        asks=[(7, "number")],
    ),
    case(
        "重名：什么也没说，要问",
        table({}, people=list(dict.fromkeys(names(SECOND)))),
        branch=SECOND,
        held=held(DAY, who=list(dict.fromkeys(names(SECOND)))),
        asks=[(8, "homonym")],
    ),
    case(
        "重名：写了（预备）就清楚了",
        table(
            {},
            people=["安若木（预备）" if n == "安若木" else n for n in dict.fromkeys(names(SECOND))],
        ),
        branch=SECOND,
        held=held(DAY, who=list(dict.fromkeys(names(SECOND)))),
    ),
    case(
        "重名：两行不同的标记，要问",
        [*table({}, people=[*names(SECOND)[:4], "安若木"]), ["屈临渊", "√"], ["安若木", "病假"]],
        branch=SECOND,
        held=held(DAY, {"安若木@10": "leave:病假"}, who=[*names(SECOND)[:4], "安若木", "屈临渊"]),
        asks=[(8, "homonym"), (10, "homonym")],
    ),
    case(
        "与本支部党员同名，但写明是第一党支部的：要问",
        [
            *table({}, people=[*dict.fromkeys(n for n in names(SECOND) if n != "安若木")][:5]),
            ["柳既白（第一党支部）", "√"],
        ],
        branch=SECOND,
        held=held(DAY, who=[*[n for n in names(SECOND) if n != "安若木"][:5], "柳既白"]),
        asks=[(9, "homonym")],
    ),
    case(
        "少数民族姓名的点，各种写法",
        [
            *map(list, TOP),
            ["姓名", "签到"],
            ["阿依古丽•买买提", "√"],
            ["巴特尔.那木海", "√"],
            ["卓玛 央金措", "√"],
            ["丁喆言", "√"],
            ["芮𬱖", "病假"],
        ],
        branch=HOSPITAL,
        held=held(
            DAY,
            {"芮𬱖": "leave:病假"},
            who=["阿依古丽·买买提", "巴特尔·那木海", "卓玛·央金措", "丁喆言", "芮𬱖"],
        ),
        quiet=True,
    ),
    case(
        "生僻字打不出，写成别的字：要问",
        table({}, people=["丁哲言", "芮（页危）", *names(HOSPITAL)[5:9]]),
        branch=HOSPITAL,
        held=held(DAY, who=["丁哲言", "芮", *names(HOSPITAL)[5:9]]),
        asks=[(4, "unknown_name"), (5, "unknown_name")],
    ),
    case(
        "只写了名字的一半：要问",
        table({}, people=["阿依古丽", *names(HOSPITAL)[5:9]]),
        branch=HOSPITAL,
        held=held(DAY, who=["阿依古丽", *names(HOSPITAL)[5:9]]),
        asks=[(4, "unknown_name")],
    ),
    case(
        "列席人员写在下面",
        table({B: "病假", H: "×"}, foot=[["列席人员：鲍棠溪、岑越舟"]]),
        held=held(DAY, {**OUT, "鲍棠溪": "observer", "岑越舟": "observer"}),
        asks=[(14, "other_branch"), (14, "other_branch")],
    ),
    case(
        "入党积极分子不是党员，要说明",
        table({B: "病假", H: "×"}, foot=[["入党积极分子"], ["欧阳修远", "√"]]),
        held=held(DAY, {**OUT, "欧阳修远": "present"}),
        warns="积极分子",
    ),
    case(
        "一格写两个人",
        table(
            {"石满仓、石满囤": "√", "田有禾 田秋穗": "病假"},
            people=["石满仓、石满囤", "田有禾 田秋穗", *names(VILLAGE)[4:]],
        ),
        branch=VILLAGE,
        held=held(DAY, {"田有禾": "leave:病假", "田秋穗": "leave:病假"}),
    ),
]

LISTS = [
    case(
        "会议记录式：参加人员一格写完，请假缺席另写",
        [
            ["支部党员大会签到"],
            ["时间：2021年6月2日 14:00-16:00"],
            ["地点：会议室", "主持人：方砚雪"],
            [f"参加人员：{'、'.join([A, *N[2:7], *N[8:]])}"],
            [f"请假人员：{B}（病假）"],
            [f"缺席人员：{H}"],
            ["应到10人，实到8人"],
        ],
        held=held(DAY, OUT, start="14:00", end="16:00"),
        quiet=True,
    ),
    case(
        "标签和名单分两格，用空格和换行分开",
        [
            ["学习签到"],
            ["日期", "2021年6月2日"],
            ["出席", " ".join([A, *N[2:7]]) + "\n" + "　".join(N[8:])],
            ["请假", f"{B}（因病）"],
            ["缺席", H],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "除某某外全部到会",
        [
            ["支部学习情况"],
            ["2021年6月2日，应到10人，实到8人"],
            [f"除{B}病假、{H}缺席外，其余同志全部到会。"],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "全体党员参加，个别请假",
        [
            ["主题党日签到"],
            ["时间：2021年6月2日"],
            ["参加人员：全体党员"],
            [f"请假：{B}（病假）；缺席：{H}"],
        ],
        held=held(DAY, OUT),
    ),
    case(
        "请假缺席写“无”",
        [
            ["主题党日签到"],
            ["时间：2021年6月2日"],
            [f"参加人员：{'，'.join(N)}"],
            ["请假人员：无", "缺席人员：无"],
        ],
        held=held(DAY),
        quiet=True,
    ),
    case(
        "名单用斜线分开，末尾写等十人",
        [
            ["学习签到 2021.6.2"],
            [f"参加人员：{'/'.join(N)}等10人"],
        ],
        held=held(DAY),
    ),
    case(
        "到会人员和请假人员两列名单",
        [
            ["签到"],
            ["2021年6月2日"],
            ["到会人员", "请假人员", "缺席人员"],
            *(
                [n, o, p]
                for n, o, p in zip(
                    [A, *N[2:7], *N[8:]], [B] + [""] * 8, [H] + [""] * 8, strict=False
                )
            ),
        ],
        held=held(DAY, {B: "leave:未说明", H: "absent"}),
    ),
    case(
        "只有名字没有标记，标题是签到表：要问",
        [["支部名单"], ["2021年6月2日"], ["序号", "姓名"], *([i, n] for i, n in enumerate(N, 1))],
        held=held(DAY, rest="?"),
        asks=[(4, "blank")],
    ),
    case(
        "名单里有一个错字，要问",
        [["学习签到 2021.6.2"], [f"参加人员：{'、'.join(['方研雪', *N[1:]])}"]],
        held=held(DAY, who=["方研雪", *N[1:]]),
        asks=[(2, "unknown_name")],
    ),
    case(
        "离退休支部：只记请假住院，其余都到",
        [
            ["离退休党支部学习签到 2021年6月2日"],
            ["姓名", "签到", "备注"],
            ["祝青松", "√", ""],
            ["季长亭", "", "住院"],
            ["白守拙", "√", ""],
            ["夏立秋", "", "在外地子女家"],
            ["毕拂晓", "√", "线上"],
        ],
        branch=RETIRED,
        held=held(DAY, {"季长亭": "leave:住院", "夏立秋": "leave:在外地"}),
    ),
]

SENTENCES = [
    case(
        "只写了一句：应到实到和谁请假",
        [
            ["离退休党支部学习记录"],
            ["时间：2021年6月2日"],
            ["应到5人，实到4人，毕拂晓住院请假"],
        ],
        branch=RETIRED,
        held=held(DAY, {"毕拂晓": "leave:住院"}),
        warns="其余 4 人按出席读取",
    ),
    case(
        "打了勾，表下又列在迟到里",
        table({H: "×"}, foot=[[f"迟到：{B}、{C}"]]),
        held=held(DAY, {B: "late", C: "late", H: "absent"}),
    ),
    case(
        "打了勾，表下又列在请假里，矛盾要问",
        table({H: "×"}, foot=[[f"请假人员：{B}（病假）"]]),
        held=held(DAY, {B: "?", H: "absent"}),
        asks=[(5, "mark")],
    ),
    case(
        "标题和时间写了两个日期：要说",
        table({B: "病假", H: "×"}, top=[["2021年6月2日签到表"], ["时间：2021年6月9日"]]),
        held=held("2021-06-09", OUT),
        warns="2021年6月2日签到表",
    ),
    case(
        "签到没有签退：按出席，提醒核对",
        table({H: ("√", "")}, usual=("√", "√"), head=("姓名", "签到", "签退")),
        held=held(DAY),
        warns="没有签退",
    ),
    case(
        "标题写季度、月份加支部大会，不是别的支部",
        table({H: "×"}, top=[["2021年第二季度支部党员大会签到表"], ["6月2日"]]),
        held=held(DAY, {H: "absent"}),
        quiet=True,
    ),
    case(
        "两个支部一起学习，行间写党支部名",
        [
            *map(list, TOP),
            ["姓名", "签到"],
            ["第一党支部"],
            *([n, "√"] for n in names(FIRST)[:4]),
            ["第二党支部"],
            ["柳既白", "√"],
        ],
        branch=FIRST,
        held=held(DAY, who=[*names(FIRST)[:4], "柳既白"]),
        asks=[(10, "homonym")],
    ),
    case(
        "党内职务一栏写书记，不是落款",
        [
            *map(list, TOP),
            ["党内职务", "姓名", "签到"],
            *(["书记" if n == A else "", n, {H: "×"}.get(n, "√")] for n in N),
        ],
        held=held(DAY, {H: "absent"}),
        quiet=True,
    ),
]

COUNTS = [
    case(
        "应到实到请假缺席都对",
        table({B: "病假", H: "×"}, foot=[["应到10人 实到8人 请假1人 缺席1人 出勤率80%"]]),
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "实到人数照抄上次",
        table({B: "病假", H: "×"}, foot=[["应到：10", "", "实到：9"]]),
        held=held(DAY, OUT),
        warns=["实到 9 人", "8 人"],
    ),
    case(
        "应到人数不对",
        table({B: "病假", H: "×"}, foot=[["应到12人，实到8人"]]),
        held=held(DAY, OUT),
        warns=["应到 12 人", "10 人"],
    ),
    case(
        "出勤率不对",
        table({B: "病假", H: "×"}, foot=[["出勤率：100%"]]),
        held=held(DAY, OUT),
        warns=["100%"],
    ),
    case(
        "人数写在表头上面，中文数字",
        table({B: "病假", H: "×"}, top=[*TOP, ["应到十人，实到九人"]]),
        held=held(DAY, OUT),
        warns=["实到 9 人"],
    ),
    case(
        "迟到也算实到",
        table({B: "病假", C: "迟到"}, foot=[["应到10人，实到9人，迟到1人，请假1人"]]),
        held=held(DAY, {B: "leave:病假", C: "late"}),
        quiet=True,
    ),
    case(
        "缺席数包括请假",
        table({B: "病假", H: "×"}, foot=[["应到10人，实到8人，缺席2人"]]),
        held=held(DAY, OUT),
        quiet=True,
    ),
    case(
        "分数式：8/10",
        table({B: "病假", H: "×"}, foot=[["应到/实到：10/9"]]),
        held=held(DAY, OUT),
        warns=["实到 9 人"],
    ),
]

SPOKEN: list[tuple[str, str | None, str | None, str | None, dict[str, Any]]] = [
    ("2021年6月2日下午2点半至4点", DAY, "14:30", "16:00", {}),
    ("2021年6月2日14：30—16：30", DAY, "14:30", "16:30", {}),
    ("2021-06-02 08:30~11:30", DAY, "08:30", "11:30", {}),
    ("2021年6月2日上午9时至11时30分", DAY, "09:00", "11:30", {}),
    ("6月2日（星期三）下午14:30（2021年）", DAY, "14:30", None, {}),
    ("2021年6月2日下午两点，两个半小时", DAY, "14:00", "16:30", {}),
    ("2021.06.02 14:30开始，16:30结束", DAY, "14:30", "16:30", {}),
    ("2021年6月2日 晚7:00-8:30", DAY, "19:00", "20:30", {}),
    ("2021年6月2日上午10:00-下午1:00", DAY, "10:00", "13:00", {}),
    ("2021年6月2日 16:30-14:30", DAY, "16:30", None, {"warns": "14:30"}),
    ("2021年6月2日 20:00-24:00", DAY, "20:00", None, {"warns": "24:00"}),
    ("2021年6月2日（星期五）", DAY, None, None, {"warns": "星期三"}),
    ("2021年6月2日全天", DAY, None, None, {}),
    ("2021年6月2日-3日", None, None, None, {"asks": [(2, "date")]}),
    ("2021年6月31日", None, None, None, {"asks": [(2, "date")]}),
    ("2031年6月2日", "2031-06-02", None, None, {"warns": "晚于"}),
    ("二0二一年六月二日", DAY, None, None, {}),
    ("2021 年 6 月 2 日 9 : 00 - 11 : 00", DAY, "09:00", "11:00", {}),
    ("20210602", DAY, None, None, {}),
    ("21年6月2日", DAY, None, None, {}),
    ("2021/6/2 9：00", DAY, "09:00", None, {}),
    ("2021年06月02日09时00分—11时00分", DAY, "09:00", "11:00", {}),
]

TIMES = [
    case(
        f"时间写法：{said}",
        table({B: "病假", H: "×"}, top=[["签到表"], [f"时间：{said}"]]),
        held=held(day, OUT, start=start, end=end),
        **more,
    )
    for said, day, start, end, more in SPOKEN
]

WRONG = [
    case(
        "党员名册当成签到表",
        [
            ["党员名册"],
            ["党员编号", "姓名", "性别", "入党时间", "手机号码"],
            *(["0031000" + str(i), n, "男", "2001-07-01", "13900000000"] for i, n in enumerate(N)),
        ],
        outcome="refuse",
        message="名册",
    ),
    case("空工作簿", sheet([]), outcome="refuse", message="没有任何内容"),
    case(
        "别的支部的表",
        table({}, people=names(FIRST)),
        outcome="refuse",
        message="水务局机关第一党支部",
    ),
    case(
        "收支表",
        [["党费收支表"], ["日期", "项目", "金额"], ["2021-06-02", "党费", 100]],
        outcome="refuse",
    ),
]

TABLES = [*MARKS, *MORE_MARKS, *NAMES, *LISTS, *SENTENCES, *COUNTS, *TIMES, *WRONG]


@pytest.mark.parametrize("sample", TABLES, ids=lambda c: c.habit)
def test_rows_are_read_as_a_careful_person_reads_them(sample):
    check(sample)
