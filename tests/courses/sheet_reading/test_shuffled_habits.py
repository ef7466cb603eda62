"""Habits put together at random from a known truth: what is read is true, or it is asked."""

from __future__ import annotations

import random
from datetime import date

import pytest

from .world import PEOPLE, SCHOOL, SECOND, VILLAGE, names, reading, sheet

SEEDS = range(120)

NAME_HEADS = ["姓名", "姓 名", "党员姓名", "人员", "姓　名", "参会人员姓名", "同志姓名"]
MARK_HEADS = [
    "签到",
    "签 到",
    "出勤情况",
    "到会情况",
    "考勤",
    "情况",
    "签名",
    "是否到会",
    "参加情况",
]
REMARK_HEADS = ["备注", "说明", "备 注", "请假原因", "未到原因", "缘由"]
TITLES = ["党史学习签到表", "主题党日考勤表", "集体学习签 到 表", "支部党员大会", "读书班考勤登记"]
PRESENT = [
    ["√"],
    ["✓", "√"],
    ["到"],
    ["出席"],
    ["参加"],
    ["是"],
    ["V"],
    ["1"],
    ["已到"],
    ["已签到"],
]
ABSENT = [["×"], ["缺席"], ["未到"], ["✗", "×"], ["缺勤"], ["旷会"], [""]]
LATE = ["迟到", "迟到5分钟", "晚到", "√（迟到）", "迟"]
EARLY = ["早退", "提前离会", "早退（有事）"]
LEAVE = {
    "sick": ["病假", "请假（病假）", "因病请假", "住院", "病"],
    "personal": ["事假", "请事假", "家中有事", "事假（已请假）"],
    "official": ["出差", "公差", "因公外出", "公假", "外出培训", "值班"],
    "other": ["产假", "年假", "探亲假", "休假"],
}
DATES = [
    lambda d: f"{d.year}年{d.month}月{d.day}日",
    lambda d: f"{d.year}.{d.month}.{d.day}",
    lambda d: f"{d.year}/{d.month:02d}/{d.day:02d}",
    lambda d: f"{d:%Y-%m-%d}",
    lambda d: d,
    lambda d: (d - date(1899, 12, 30)).days,
    lambda d: f"{d:%Y%m%d}",
    lambda d: f"{d.year}年{d.month}月{d.day}日（星期{'一二三四五六日'[d.weekday()]}）",
    lambda d: f"{d.year} 年 {d.month} 月 {d.day} 日",
    lambda d: wide(f"{d.year}年{d.month}月{d.day}日"),
]
SHORT_DATES = [
    lambda d: f"{d.month}月{d.day}日",
    lambda d: f"{d.month}.{d.day:02d}",
    lambda d: f"{d.month}/{d.day}",
    lambda d: f"{d.month}月{d.day}日\n周{'一二三四五六日'[d.weekday()]}",
    lambda d: f"{d.month}-{d.day}",
    lambda d: f"{d.day}日",
]
NOISE = [
    "",
    "请各位党员按时参加。",
    "第1页",
    "注：请本人签字",
    "签到须本人签名",
    "联系电话：024-52650000",
]


BESIDE = {
    "性别": lambda p: "男",
    "职务": lambda p: "",
    "党内职务": lambda p: "书记" if p.number.endswith("01") else "",
    "联系电话": lambda p: p.number.replace("00", "139", 1) + "00",
    "党员类别": lambda p: "预备党员" if p.status == "probationary" else "正式党员",
    "党小组": lambda p: p.group,
    "所在支部": lambda p: p.branch_name,
    "党员编号": lambda p: p.number,
    "工号": lambda p: int(p.number),
    "学时": lambda p: 2,
}


def wide(text):
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isdigit() else c for c in text)


class Sheet:
    """One random sheet and what is true of it."""

    def __init__(self, seed):
        self.pick = random.Random(seed)
        self.branch = self.pick.choice([SCHOOL, SCHOOL, VILLAGE, SECOND])
        people = list(dict.fromkeys(names(self.branch)))
        self.people = [n for n in people if n != "安若木"]
        if self.chance(0.3):
            self.pick.shuffle(self.people)
        self.days = sorted(
            {date(2021, 6, self.pick.randint(1, 28)) for _ in range(self.pick.choice([1, 1, 3]))}
        )
        self.truth = {d: {n: self.status() for n in self.people} for d in self.days}
        self.present = self.pick.choice(PRESENT)
        self.absent = self.pick.choice(ABSENT)

    def chance(self, share):
        return self.pick.random() < share

    def status(self):
        status = self.pick.choices(
            ["present", "absent", "late", "left_early", "leave"], [70, 8, 6, 4, 12]
        )[0]
        group = self.pick.choice(list(LEAVE)) if status == "leave" else None
        return status, group

    def mark(self, status, group):
        if status == "present":
            return self.pick.choice(self.present)
        if status == "absent":
            return self.pick.choice(self.absent)
        if status == "leave":
            return self.pick.choice(LEAVE[group])
        return self.pick.choice(LATE if status == "late" else EARLY)

    def name(self, name):
        if self.chance(0.08):
            return name + self.pick.choice(["（预备）", "同志", "（书记）", "*", " "])
        if self.chance(0.08):
            return " ".join(name)
        return name

    def grids(self):
        return [self.matrix() if len(self.days) > 1 else self.single()]

    def top(self, *, dated):
        day = self.days[0]
        lines = [[self.pick.choice(TITLES)]]
        if dated:
            told = self.pick.choice(DATES)(day)
            label = self.pick.choice(["时间", "日期", "学习时间", "活动时间"])
            if isinstance(told, str) and self.chance(0.6):
                lines.append(
                    [self.pick.choice([f"{label}：{told}", f"{label}:{told}  地点：会议室"])]
                )
            else:
                lines.append([label, told, "地点", "三楼会议室"])
        if self.chance(0.3):
            lines.append([self.pick.choice(NOISE)])
        if self.chance(0.2):
            lines.insert(0, [self.branch])
        return lines

    def single(self):
        [day] = self.days
        numbered, remarked = self.chance(0.6), self.chance(0.5)
        head = [self.pick.choice(NAME_HEADS), self.pick.choice(MARK_HEADS)]
        head = ["序号"] * numbered + head + [self.pick.choice(REMARK_HEADS)] * remarked
        people = []
        for at, name in enumerate(self.people, 1):
            status, group = self.truth[day][name]
            mark, remark = self.mark(status, group), ""
            if status == "leave" and remarked and self.chance(0.5):
                mark, remark = self.pick.choice([("", mark), ("请假", mark)])
            people.append([at] * numbered + [self.name(name), mark] + [remark] * remarked)
        blocks = self.pick.choice([1, 1, 1, 2, 3])
        if blocks == 1 and self.chance(0.5):
            head, people = self.widened(head, people)
        size = -(-len(people) // blocks)
        rows = []
        for at in range(size):
            parts = [people[i] for i in range(at, len(people), size)]
            rows.append([cell for part in parts for cell in part])
        if blocks == 1 and self.chance(0.3):
            rows.insert(len(rows) // 2, [self.pick.choice(["小计", "以上为第一党小组", ""])])
        if blocks == 1 and self.chance(0.2):
            rows.insert(len(rows) // 2, head)
        top = self.top(dated=True)
        rows = [*top, head * blocks, *rows, *self.foot(day)]
        rows += [[""]] * self.pick.choice([0, 0, 200])
        merged = ["A1:C1"] if self.chance(0.5) else []
        return sheet(rows, merged)

    def widened(self, head, people):
        """Columns that say nothing of attendance, before and behind."""
        known = {p.name: p for p in PEOPLE if p.branch == self.branch}
        for word in self.pick.sample(list(BESIDE), self.pick.randint(1, 3)):
            at = self.pick.choice([len(head), head.index(head[-1]), 0])
            head = [*head[:at], word, *head[at:]]
            said = [BESIDE[word](known[name]) for name in self.people]
            people = [[*r[:at], s, *r[at:]] for r, s in zip(people, said, strict=True)]
        return head, people

    def foot(self, day):
        lines = [["", self.pick.choice(NOISE)]] if self.chance(0.3) else []
        said = [status for status, _ in self.truth[day].values()]
        came = sum(status in ("present", "late", "left_early") for status in said)
        if self.chance(0.5):
            lines.append([f"应到{len(said)}人  实到{came}人"])
        if self.chance(0.3):
            lines.append(["记录人：" + self.people[0], "", "填表日期：2021年7月30日"])
        return lines

    def matrix(self):
        form = self.pick.choice([*DATES[:6], *SHORT_DATES])
        head = [self.pick.choice(NAME_HEADS), *(form(day) for day in self.days)]
        numbered, summed = self.chance(0.5), self.chance(0.4)
        head = ["序号"] * numbered + head + ["合计"] * summed
        parts = self.chance(0.3)
        rows = [[""] * (numbered + 1) + ["上午", "下午"] * len(self.days)] * parts
        if parts:
            lead = 1 + numbered
            head = head[:lead] + [c for d in head[lead : lead + len(self.days)] for c in (d, "")]
            summed, self.days = False, [d for d in self.days for _ in "ab"]
        for at, name in enumerate(self.people, 1):
            told = [self.truth[day][name] for day in self.days]
            came = sum(s in ("present", "late", "left_early") for s, _ in told)
            marks = [self.mark(*one) for one in told]
            rows.append([at] * numbered + [self.name(name), *marks] + [came] * summed)
        title = f"2021年6月{self.pick.choice(TITLES)}"
        return sheet([[title], head, *rows], ["A1:C1"] if self.chance(0.5) else [])


def faults(made, result):
    """Everything that the reading says and that is not so, without having asked."""
    wrong = []
    numbers = {p.number: p.name for p in PEOPLE}
    if result.outcome == "refuse":
        return [f"refused: {result.message}"]
    if len(result.sessions) != len(made.days):
        return [f"{len(result.sessions)} sessions for {len(made.days)}"]
    for day, session in zip(made.days, result.sessions, strict=True):
        if session.date not in (day, None):
            wrong.append(f"{session.date} for {day}")
        if session.date is None and not any(q.about in ("date", "year") for q in result.questions):
            wrong.append("no date, and no question")
        seen = set()
        for row in session.rows:
            if row.member is None or row.status is None:
                if not row.questions:
                    wrong.append(f"{row.name}: neither read nor asked")
                seen.add(row.name)
                continue
            name = numbers[row.member]
            seen.add(name)
            status, group = made.truth[day][name]
            if row.status != status or (group and row.leave_group not in (group, "unstated")):
                wrong.append(f"{day} {name} {row.mark!r} {row.remark!r}: {row.status} for {status}")
        wrong += [f"{day} {name} is lost" for name in made.people if name not in seen]
    return wrong


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_untrue_is_read_in_silence(seed):
    made = Sheet(seed)

    result = reading(*made.grids(), branch=made.branch)

    assert not faults(made, result)
