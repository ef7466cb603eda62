"""What the lines around the rows state: time, place, host, topic … in one cell or in neighbours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from portal.workbooks import Value

from .cells import Cells, fold, tight

LABELS: dict[str, str] = {
    "when": "时间 日期 活动时间 会议时间 学习时间 培训时间 开会时间 召开时间 起止时间 "
    "上课时间 活动日期 会议日期 学习日期 "
    "党课时间 授课时间 开展时间 考勤日期 考勤时间 签到日期 签到时间 活动起止时间 "
    "开展日期 召开日期 集中学习时间 授课日期 "
    "培训日期 开会日期 学习时间段 开会时间地点 时间地点",
    "start": "开始时间 开始 起始时间",
    "end": "结束时间 结束 终止时间",
    "place": "地点 会议地点 活动地点 学习地点 培训地点 开会地点 上课地点 授课地点 场所 "
    "会场 活动场所 召开地点 集合地点",
    "host": "主持人 主持 会议主持 会议主持人 主持人姓名 主持者 召集人 活动主持人 主持同志",
    "lecturer": "主讲人 主讲 授课人 讲课人 授课老师 主讲老师 领学人 领学 宣讲人 讲师 "
    "辅导人 授课教师 报告人 主讲教师 领读人",
    "recorder": "记录人 记录 记录员 会议记录人",
    "topic": "主题 会议主题 活动主题 学习主题 议题 会议议题 课题 题目 专题 学习专题 "
    "研讨主题 党课主题 党课题目 研讨专题 学习题目",
    "content": "内容 学习内容 活动内容 会议内容 主要内容 学习材料 活动名称 会议名称 "
    "授课内容 党课内容 研讨内容",
    "occasion": "类别 活动类别 会议类别 会议类型 活动类型 类型 活动类别(三会一课)",
    "form": "形式 学习形式 活动形式 会议形式 组织形式",
    "period": "历史时期 时期 学习时期",
    "hours": "学时 学习学时 课时 学时数 认定学时",
    "organiser": "党组织全称 党组织 党组织名称 党支部 支部 支部名称 党支部名称 单位 "
    "组织单位 单位名称 主办单位 填报单位 所在支部 "
    "所在党支部 参加单位 学习单位",
    "link": "会议链接 会议网址 视频会议链接 线上会议链接 参会链接 入会链接",
    "key": "活动编号 会议编号",
    "year": "年度 年份",
    "month": "月份",
    "filled": "填表日期 制表日期 填报日期 填表时间 填报时间 上报时间 上报日期 打印日期 "
    "打印时间 制表时间 存档日期 审核日期 审核时间 "
    "归档日期 报送日期 报名时间 报名截止 制作日期 印发日期 通知时间 填写日期 导出时间 导出日期",
    "listing": "参加人员 参会人员 出席人员 到会人员 参学人员 与会人员 应到人员 实到人员 "
    "出席 参加 缺席人员 缺席 缺勤 请假人员 请假 迟到 "
    "迟到人员 早退 早退人员 列席人员 列席 未到人员 未到 补学人员 补学 参加党员 参会党员 "
    "出席党员 请假名单 缺席名单 旷会",
    "": "填表人 制表人 审核人 审核 制表 填表 统计人 考勤员 考勤人 点名人 签字 支部书记 "
    "书记 支部书记签字 负责人 联系人 联系电话 电话 备注 "
    "说明 注 图例 应到 实到 应到人数 实到人数 请假人数 缺席人数 列席人数 迟到人数 出勤率 "
    "到会率 出席率 出席人数 到会人数 参会人数 "
    "参加人数 总人数 党员总数 书记签字 记录人签字 人数 公章 盖章 审批人 批准人 监督人 "
    "党小组组长 序号 姓名 要求 目的 议程 小结 "
    "党小组 组别 附件 编号 页码 天气 决议 会议决议 签到 考勤 合计 应参加 实参加 应参会 实参会",
}
NAMES = {word: name for name, words in LABELS.items() for word in words.split()}
_WORDS = "|".join(
    r"\s*".join(map(re.escape, word)) for word in sorted(NAMES, key=len, reverse=True)
)
LABEL = re.compile(
    rf"(?:^|(?<=[\s,;。、(|.]))(?P<label>{_WORDS})(?:[(][^)\n]{{0,8}}[)])?\s*"
    r"(?:共?\d{1,4}[人名]\s*(?=:))?(?P<colon>:+|(?=[ ]{1,3}\S)|$)",
    re.M,
)
NEXT_ITEM = re.compile(r"\s+[一二三四五六七八九十\d]{1,3}[、.．]$")
COUNT_AHEAD = re.compile(
    r"\s*(?:应到|实到|应参加|实参加|缺席|请假|出勤率|列席)\S{0,3}\s*[:为]?\s*\d"
)


@dataclass(frozen=True)
class Fact:
    """A labelled value as written, where it stands, and its raw value if it has its own cell."""

    name: str
    label: str
    text: str
    row: int
    column: int
    value: Value = None


@dataclass
class Facts:
    """The labelled values of a region, by the kind of label."""

    found: dict[str, list[Fact]] = field(default_factory=dict)
    used: set[tuple[int, int]] = field(default_factory=set)

    def add(self, fact: Fact) -> None:
        self.found.setdefault(fact.name, []).append(fact)

    def all(self, name: str) -> list[Fact]:
        return self.found.get(name, [])

    def first(self, *names: str) -> str | None:
        """The first value under one of the names that says anything."""
        for name in names:
            for fact in self.all(name):
                text = " ".join(fact.text.split())
                if text and text not in ("/", "-", "无", "—"):
                    return text
        return None


@lru_cache(maxsize=8192)
def labelled(text: str) -> tuple[tuple[str, str, str], ...]:
    """(kind, label, value) for each label in one cell's text, in order; values as written."""
    line = fold(text)
    found = [match for match in LABEL.finditer(line) if _stands_alone(match, line)]
    pairs = []
    for at, match in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(line)
        label = tight(match["label"])
        name = NAMES[label]
        value = _cut(
            NEXT_ITEM.sub("", text[match.end() : end]) if end < len(line) else text[match.end() :],
            name,
        )
        pairs.append((name, label, value))
    return tuple(pairs)


def _stands_alone(match: re.Match[str], line: str) -> bool:
    """A label without a colon counts only between spaces: "时间 6月2日 地点 三楼"."""
    if match["colon"]:
        return True
    if " " in match["label"].strip():
        return False  # "签 到 表" is a title in wide type
    return match.end() == len(line) or line[match.end()] == " "


def _cut(value: str, name: str) -> str:
    """The value without the next sentence: at a line break, a wide gap, or a head count."""
    value = value.strip().split("\n")[0] if name not in ("topic", "content") else value.strip()
    folded = fold(value)
    if name not in ("topic", "content", "when", "listing", ""):
        folded = re.split(r" {2,}", folded)[0]
    counts = COUNT_AHEAD.search(folded)
    if counts and name not in ("listing", ""):
        folded = folded[: counts.start()]
    return value[: len(folded)].strip(" \u3000,，;；。.、（(|")


@lru_cache(maxsize=8192)
def only_label(text: str) -> str | None:
    """The kind of label that a cell consists of, or None."""
    word = re.sub(r"[(][^)]*[)]", "", tight(text)).strip(":*")
    return NAMES.get(word) if word else None


def facts_in(cells: Cells, rows: Iterable[int], taken: set[tuple[int, int]]) -> Facts:
    """All labelled values in these rows, but for the cells that belong to the table itself."""
    facts = Facts()
    for row in rows:
        for column, text in cells.filled(row):
            if (row, column) in taken or (row, column) in facts.used:
                continue
            _read_cell(cells, row, column, text, facts, taken)
    return facts


def _read_cell(
    cells: Cells, row: int, column: int, text: str, facts: Facts, taken: set[tuple[int, int]]
) -> None:
    name = only_label(text)
    if name is not None:
        facts.used.add((row, column))
        place = _neighbour(cells, row, column, taken)
        if place:
            facts.used.add(place)
            facts.add(
                Fact(name, tight(text).strip(":"), cells.text(*place), *place, cells.value(*place))
            )
        return
    pairs = labelled(text)
    for at, (kind, label, value) in enumerate(pairs):
        facts.used.add((row, column))
        if not value and at == len(pairs) - 1:
            place = _neighbour(cells, row, column, taken)
            if place:
                facts.used.add(place)
                facts.add(Fact(kind, label, cells.text(*place), *place, cells.value(*place)))
                continue
        facts.add(Fact(kind, label, value, row, column))


def _neighbour(
    cells: Cells, row: int, column: int, taken: set[tuple[int, int]]
) -> tuple[int, int] | None:
    """The cell that holds a label's value: the next one to the right, else the one below."""
    for right in range(cells.span(row, column)[3] + 1, cells.width):
        text = cells.text(row, right)
        if not text:
            continue
        if only_label(text) is None and not labelled(text) and (row, right) not in taken:
            return row, right
        break
    if not only_label(cells.text(row, column)):
        return None  # 签到 alone is a title: the date below it is not its value
    below = cells.span(row, column)[2] + 1
    text = cells.text(below, column)
    if text and only_label(text) is None and not labelled(text) and (below, column) not in taken:
        return below, column
    return None
