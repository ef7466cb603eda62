"""Errands of a secretary's year: classes, stated hours, exemptions, warnings, lists of people."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl

from courses import reading_classes, roll_call, weekly
from courses.models import Attendance, ReadingClass, StudyLog, StudySession
from courses.sessions import Plan
from credits import late_entries
from credits.models import Exemption, HoursClaim, LedgerEntry
from portal import people_in
from portal.access import scope_of
from portal.models import Member, PeopleImport
from portal.people_in import staging
from tests.browser.hands import TOMORROW, YESTERDAY, Errand, Stage
from tests.cast import BEFORE, TODAY, moment


def a_class(stage: Stage) -> ReadingClass:
    """Two half days of yesterday; the first is not begun, the second is being called."""
    plans = [
        Plan(name, "seminar", start, start + timedelta(hours=3), "reform", band="half_day")
        for name, start in (
            ("上午", moment(YESTERDAY, 8, 30)),
            ("下午", moment(YESTERDAY, 14)),
        )
    ]
    made = reading_classes.found(
        stage.programme, stage.city.jia, name="读书班", plans=plans, by=stage.by,
        starts=YESTERDAY, ends=TODAY, at=BEFORE,
    )  # fmt: skip
    second = made.sessions.latest("starts_at")
    roll_call.open_(second, by=stage.by, at=second.starts_at)
    return made


def status(session: StudySession, name: str, stage: Stage) -> str:
    return Attendance.objects.get(session=session, member=stage.city.people[name]).status


def calling_the_roll_of_a_class(stage: Stage) -> int:
    """From the start page: open one more column, mark somebody, save, and credit the column."""
    first, second = a_class(stage).sessions.order_by("starts_at")
    hand = stage.hand("zhou").go("/")
    hand.tap("main a", text="读书班")
    hand.tap("main a", text="考勤总表")
    hand.tap("button", text="开始点名")
    lin = stage.city.people["lin"].pk
    hand.choose(f"select[name=mark-{first.pk}-{lin}]", value="absent")
    hand.tap("button", text="暂存全部")
    hand.reads("改动 1 处")
    hand.tap(f"button[name=close][value='{first.pk}']")
    hand.reads("已锁定")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.is_closed, second.is_closed) == (True, False)
    assert status(first, "lin", stage) == "absent"
    assert LedgerEntry.objects.live().get().member == stage.city.people["zhou"]
    return hand.taps


def a_class_on_a_sheet(stage: Stage) -> int:
    """Out, filled in without the network, and back: each is one page."""
    made = a_class(stage)
    second = made.sessions.latest("starts_at")
    hand = stage.hand("zhou").go(f"/classes/{made.pk}/roll/")
    book = openpyxl.load_workbook(BytesIO(hand.take("button", text="导出考勤总表")))
    page = book.active
    row = next(r for r in range(1, page.max_row + 1) if page.cell(r, 2).value == "林小满")
    page.cell(row, 5).value = "缺席"
    filled = BytesIO()
    book.save(filled)
    hand.give("考勤总表.xlsx", filled.getvalue())
    hand.tap("button", text="上传并核对")
    hand.reads("缺席")
    hand.tap("button", text="确认导入")
    hand.reads("导入了什么")
    assert status(second, "lin", stage) == "absent"
    return hand.taps


def stating_hours_of_a_register(stage: Stage) -> int:
    """By form, and approved one level up."""
    hand = stage.hand("zhou").go("/")
    hand.menu("更多", "期初学时")
    hand.tap("main a", text="申报一人")
    hand.choose("select[name=member]", value=str(stage.city.people["lin"].pk))
    hand.type("input[name=day]", "2021-02-20")
    hand.type("input[name=proof]", "登记簿第 3 页")
    hand.type("input[name=hours_1]", "4")
    hand.tap("button", text="提交审批")
    assert HoursClaim.objects.get().state == "pending"
    above = stage.hand("gao").go("/")
    above.tap("main a", text="去审批")
    above.reads("登记簿第 3 页")
    above.tap("button", text="批准勾选的")
    assert LedgerEntry.objects.live().get().hours == 400
    return hand.taps + above.taps


def logging_late_in_a_catch_up_window(stage: Stage) -> int:
    """Opened by the official, used by the member, confirmed by the branch, marked everywhere."""
    above = stage.hand("gao").go("/")
    above.menu("审批", "补录期")
    above.tap("main a", text="开设补录期")
    above.type("input[name=organization]", "青川县甲支部")
    for name, day in (
        ("first_day", "2021-03-01"), ("last_day", "2021-04-30"), ("opens_on", "2021-06-03"),
        ("closes_on", "2021-06-30"),
    ):  # fmt: skip
        above.type(f"input[name={name}]", day)
    above.type("textarea[name=reason]", "换届")
    above.tap("main form button", text="开设")
    above.reads("开放中")
    member = stage.hand("lin").go("/")
    member.tap("main a", text="记一次学习")
    member.reads("补录期到 2021-06-30 为止")
    member.type("input[name=day]", "2021-03-20")
    member.tap("fieldset label", text="自学")
    member.tap("fieldset label", text="改革开放新时期")
    member.type("input[name=topic]", "《简史》第五章")
    member.type("input[name=minutes]", "90")
    member.tap("form:has(input[name=topic]:not([type=hidden])) button", text="提交")
    member.reads("待支部确认")
    branch = stage.hand("zhou").go("/")
    branch.tap("main a", text="去确认")
    branch.tap("td.pick input")
    branch.tap("button", text="确认选中的")
    assert StudyLog.objects.get().state == "confirmed"
    assert len(late_entries.of_member(stage.programme, stage.city.people["lin"])) == 1
    return above.taps + member.taps + branch.taps


def exempting_several(stage: Stage) -> int:
    """Asked for a selection in one form, decided one level up in one tap."""
    for n in range(2):
        stage.city.enrol(stage.city.jia, f"老党员{n}", category="retired", at=moment(TODAY, 8))
    hand = stage.hand("zhou").go("/")
    hand.tap("nav a", text="学时进度")
    hand.tap("main a", text="批量申报减免")
    hand.choose("select#category", value="retired")
    hand.tap("button", text="筛选")
    hand.tap("label", text="全选")
    hand.type("textarea[name=reason]", "年事已高")
    hand.tap("button", text="提交审批")
    assert Exemption.objects.filter(state="asked").count() == 2
    above = stage.hand("gao").go("/")
    above.tap("main a", text="去审批")
    above.tap("button", text="全部同意")
    above.reads("生效中")
    assert Exemption.objects.filter(state="approved").count() == 2
    return hand.taps + above.taps


def undoing_an_import_of_members(stage: Stage) -> int:
    by, at = stage.by, moment(TODAY, 9)
    text = "党员编号,姓名,所在党支部\n77000001,程新录,青川县甲支部\n"
    upload = staging.stage(text.encode(), "名册.csv", people_in.MEMBERS, by=by, at=at)
    scope = scope_of(by.member, at=at)
    found = staging.look(upload, scope=scope, at=at)
    staging.confirm(upload, fingerprint=found.fingerprint, scope=scope, by=by, at=at)
    hand = stage.hand("zhou").go("/members/")
    hand.tap("main a", text="导入")
    hand.tap("main a", text="导入记录")
    hand.tap("main a", text="名册.csv")
    hand.tap("button", text="撤销导入")
    hand.reads("还原 1 人")
    assert PeopleImport.objects.get().undone_at
    assert Member.objects.get(number="77000001").branch is None
    return hand.taps


def being_warned_in_time(stage: Stage) -> int:
    """The week's message: how much is lacking, and the session of another branch that helps."""
    stage.session("邻支部的党课", TOMORROW, organiser=stage.city.yi)
    while weekly.compose(at=moment(TODAY, 9)):
        pass
    hand = stage.hand("lin").go("/")
    hand.tap("main a", text="去看")
    hand.tap("button", text="去看看")
    hand.reads("按现在的安排还差 24 学时")
    hand.tap("main a", text="邻支部的党课")
    hand.reads("青川县乙支部")
    assert stage.city.people["lin"].messages.get().read_at
    return hand.taps


def seeing_who_falls_short(stage: Stage) -> int:
    stage.session("邻支部的党课", TOMORROW, organiser=stage.city.yi)
    hand = stage.hand("zhou").go("/")
    hand.menu("更多", "预警")
    hand.reads("林小满")
    hand.reads("邻支部的党课")
    return hand.taps


ERRANDS = [
    Errand(calling_the_roll_of_a_class, 6),
    Errand(a_class_on_a_sheet, 4, ("desktop",)),
    Errand(stating_hours_of_a_register, 7, ("desktop",)),
    Errand(logging_late_in_a_catch_up_window, 11, ("desktop",)),
    Errand(exempting_several, 8, ("desktop",)),
    Errand(undoing_an_import_of_members, 5, ("desktop",)),
    Errand(being_warned_in_time, 3, ("phone",)),
    Errand(seeing_who_falls_short, 2),
]
