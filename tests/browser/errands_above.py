"""Errands of officials and what comes of them below: units, samples, rules, the end of a year."""

from __future__ import annotations

from datetime import date

from courses import samples, study_logs
from courses.models import SampleItem
from courses.study_logs import Study
from credits import programmes
from credits.models import BranchClosing, Programme, Standing
from portal import jobs
from portal.models import Organization, Role
from tests.browser.hands import TOMORROW, YESTERDAY, Errand, Hand, Stage
from tests.cast import TODAY, moment


def at_the_branch(stage: Stage) -> Hand:
    """The county's official opens 甲支部 from the start page."""
    hand = stage.hand("gao").go("/")
    hand.tap("nav a", text="党组织")
    hand.tap("main a", text="青川县甲支部")
    return hand


def merging_a_branch(stage: Stage) -> int:
    hand = at_the_branch(stage)
    hand.tap("main a", text="并入")
    hand.type("input[name=into]", "青川县乙支部")
    hand.tap("button", text="下一步")
    hand.reads("2 人转到青川县乙支部")
    hand.tap("main form button.btn-primary")
    hand.reads("并入本支部的")
    stage.city.people["lin"].refresh_from_db()
    assert stage.city.people["lin"].branch == stage.city.yi
    return hand.taps


def dividing_a_branch(stage: Stage) -> int:
    hand = at_the_branch(stage)
    hand.tap("main a", text="分设")
    hand.type("input[name=name]", "青川县丁支部")
    hand.tap("label", text="林小满")
    hand.choose("select[name=secretary]", value=str(stage.city.people["lin"].pk))
    hand.tap("button", text="下一步")
    hand.reads("1 人转到青川县丁支部")
    hand.tap("main form button.btn-primary")
    hand.reads("青川县丁支部")
    stage.city.people["lin"].refresh_from_db()
    assert str(stage.city.people["lin"].branch) == "青川县丁支部"
    return hand.taps


def handing_a_branch_over(stage: Stage) -> int:
    """The successor finds everything where it was."""
    stage.session("明天的课", TOMORROW)
    hand = at_the_branch(stage)
    hand.tap("main a", text="交接")
    hand.type("input[name=number]", stage.city.people["lin"].number)
    hand.tap("button", text="办理交接")
    hand.reads("已交接")
    successor = stage.hand("lin").go("/")
    successor.reads("明天的课")
    held = Organization.objects.get(pk=stage.city.jia.pk).appointments.filter(until=None)
    assert held.get(role=Role.SECRETARY).member == stage.city.people["lin"]
    return hand.taps + successor.taps


def studied(stage: Stage) -> None:
    study = Study("self", YESTERDAY, 45, "《简史》第五章", "reform")
    lin, at = stage.city.people["lin"], moment(TODAY, 9)
    log = study_logs.submit(stage.programme, lin, study, by=stage.city.actor("lin"), at=at)
    study_logs.confirm([log], by=stage.by, at=at)


def drawn(stage: Stage) -> SampleItem:
    studied(stage)
    return samples.draw(
        stage.programme, stage.city.county, first=YESTERDAY, last=TODAY, reason="季度抽查",
        due_on=TOMORROW, by=stage.city.actor("gao", "official"), at=moment(TODAY, 10),
    ).items.get()  # fmt: skip


def drawing_a_sample(stage: Stage) -> int:
    studied(stage)
    hand = stage.hand("gao").go("/")
    hand.menu("更多", "抽查")
    hand.tap("main a", text="发起抽查")
    hand.type("input[name=reason]", "季度抽查")
    hand.tap("button", text="随机抽取")
    hand.reads("林小满")
    assert SampleItem.objects.get().state == "asked"
    return hand.taps


def answering_when_drawn(stage: Stage) -> int:
    item = drawn(stage)
    hand = stage.hand("lin").go("/")
    hand.tap("main a", text="去说明")
    hand.type("textarea", "晚上在家读的，做了两页笔记")
    hand.tap("button", text="提交说明")
    hand.reads("改过再提交")
    item.refresh_from_db()
    assert item.state == "answered"
    return hand.taps


def judging_what_was_drawn(stage: Stage) -> int:
    """The official judges and sees the rate; whoever was drawn reads the feedback."""
    item = drawn(stage)
    samples.answer(item, "晚上在家读的", by=stage.city.actor("lin"), at=moment(TODAY, 11))
    hand = stage.hand("gao").go("/")
    hand.tap("main a", text="去核查")
    hand.tap("main table a")
    hand.tap("main table a", text="林小满")
    hand.type("#feedback", "笔记很认真")
    hand.tap("button[value=in_order]")
    hand.reads("差错率")
    member = stage.hand("lin").go("/")
    member.tap("main a", text="我的学习记录")
    member.tap("main a", text="抽查说明")
    member.reads("笔记很认真")
    return hand.taps + member.taps


def changing_the_rules(stage: Stage) -> int:
    """Rehearsed down to the branch, applied, its progress watched to the end."""
    stage.closed("学过的课")
    hand = stage.hand("shi").go("/")
    hand.menu("更多", "专题教育")
    hand.tap("main a", text="变更规则")
    hand.type("input[name=target]", "2")
    for period in ("new-democratic", "socialist", "reform", "new-era"):
        hand.type(f"input[name=minimum_{period}]", "0")
    hand.type("input[name=authority]", "市委文件")
    hand.type("input[name=reason]", "调整")
    hand.tap("button", text="试算")
    hand.reads("新增学满 2 人")
    hand.tap("#result button", text="青川县")
    hand.reads("青川县甲支部")
    hand.tap("button", text="确认变更")
    hand.reads("正在逐支部重新计算")
    while jobs.run_next("worker"):
        pass
    hand.tap("main a", text="返回查看结果")
    hand.reads("第 2 版")
    assert Standing.objects.filter(branch=stage.city.jia, shortfall=0).count() == 2
    return hand.taps


def closing_the_year(stage: Stage) -> int:
    """The study ends, two weeks later the books are closed: each step after its list."""
    stage.session("没有点名的课")
    stage.clock.move_to(moment(date(2021, 12, 31), 18))
    hand = stage.hand("shi").go("/")
    hand.menu("更多", "专题教育")
    hand.tap("main a", text="结束学习")
    hand.reads("没有交表的活动")
    hand.tap("button", text="结束学习")
    hand.reads("第二步：封账")
    stage.clock.move_to(moment(date(2022, 1, 14), 18))
    hand.go("/programme/ending/")
    hand.tap("button", text="封账")
    hand.reads("已封账")
    assert Programme.objects.get().state == "closed"
    return hand.taps


def ended(stage: Stage) -> None:
    stage.clock.move_to(moment(date(2022, 1, 14), 18))
    by = stage.city.actor("shi", "official")
    end, now = moment(date(2021, 12, 31), 18), moment(date(2022, 1, 14), 17)
    programmes.close_books(programmes.close_study(stage.programme, by=by, at=end), by=by, at=now)


def reading_the_branch_s_certificate(stage: Stage) -> int:
    ended(stage)
    hand = stage.hand("zhou").go("/")
    hand.tap("nav a", text="学时进度")
    hand.tap("main a", text="结业情况证明")
    hand.tap("main table a", text="青川县甲支部")
    hand.reads("林小满")
    hand.reads(BranchClosing.objects.get(branch=stage.city.jia).number)
    return hand.taps


def founding_the_next_year(stage: Stage) -> int:
    ended(stage)
    hand = stage.hand("shi").go("/")
    hand.menu("更多", "专题教育")
    hand.tap("main a", text="筹备下一年")
    hand.type("input[name=authority]", "市委文件")
    hand.tap("button", text="筹备")
    hand.reads("请核对规则")
    assert Programme.objects.filter(state="draft").count() == 1
    return hand.taps


ERRANDS = [
    Errand(merging_a_branch, 5, ("desktop",)),
    Errand(dividing_a_branch, 7, ("desktop",)),
    Errand(handing_a_branch_over, 4, ("desktop",)),
    Errand(drawing_a_sample, 4, ("desktop",)),
    Errand(answering_when_drawn, 2, ("phone",)),
    Errand(judging_what_was_drawn, 6, ("desktop",)),
    Errand(changing_the_rules, 8, ("desktop",)),
    Errand(closing_the_year, 7, ("desktop",)),
    Errand(reading_the_branch_s_certificate, 3),
    Errand(founding_the_next_year, 4, ("desktop",)),
]
