"""How many taps an errand takes, in a real browser: typing is free, every tap and choice counts.

An errand is one function: it lays out what it needs, taps, and looks at what came of it. To add
one, write the function and a line in ERRANDS with the most taps that it may take.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from courses import attendance_plans, line_queries, roll_call, walk_ins
from courses.models import Attendance, AttendancePlan, LineQuery
from credits.models import LedgerEntry
from portal import suggestions
from portal.models import Suggestion
from tests import cast
from tests.browser import errands_above, errands_of_the_branch
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.hands import TOMORROW, Errand, Stage
from tests.cast import TODAY, moment

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stage(transactional_db: None, visit: Any, look: dict[str, Any], clock: Any) -> Stage:
    city = cast.lay_out_city()
    return Stage(visit, city, cast.open_programme(city), look, clock)


# --- Errands ----------------------------------------------------------------------------------


def leave_for_a_stock_reason(stage: Stage) -> int:
    stage.session("明天的课", TOMORROW)
    hand = stage.hand("lin").go("/")
    hand.tap(".answer summary", text="请假")
    hand.tap(".answer button", text="病假")
    hand.reads("病假待批准")
    assert AttendancePlan.objects.get().state == "pending"
    return hand.taps


def asked(stage: Stage) -> AttendancePlan:
    session, by = stage.session("明天的课", TOMORROW), stage.city.actor("lin")
    return attendance_plans.ask_leave(session, "sick", by=by, at=moment(TODAY, 8))


def deciding_about_leave(stage: Stage) -> int:
    plan = asked(stage)
    hand = stage.hand("zhou").go("/")
    hand.tap("button", text="批准")
    hand.reads("病假已批准")
    plan.refresh_from_db()
    assert plan.state == "approved"
    return hand.taps


def declining_leave_with_words(stage: Stage) -> int:
    plan = asked(stage)
    hand = stage.hand("zhou").go(f"/sessions/{plan.session_id}/")
    hand.tap("summary", text="附言")
    hand.type(f"textarea[name=reply-{plan.pk}]", "专家只来一次\n请尽量参加")
    hand.tap("button", text="不批准")
    hand.reads("病假未批准")
    plan.refresh_from_db()
    assert (plan.state, plan.reply) == ("declined", "专家只来一次 请尽量参加")
    return hand.taps


def confirming_a_walk_in(stage: Stage, where: str = "") -> int:
    session = stage.session("夜校", TODAY, 19, method="check_in")
    session = roll_call.open_(session, by=stage.by, at=session.starts_at)
    wu = stage.city.people["wu"]
    walk_ins.ask(session, wu, scanned_at=moment(TODAY, 19, 30))
    hand = stage.hand("zhou").go(f"/sessions/{session.pk}/{where}")
    hand.tap("button", text="确认到会")
    expect(hand.page.locator("button", has_text="确认到会")).to_have_count(0)
    row = Attendance.objects.get(session=session, member=wu)
    assert (row.status, row.guest, row.scanned) == ("present", True, True)
    return hand.taps


def confirming_a_walk_in_on_the_wall(stage: Stage) -> int:
    return confirming_a_walk_in(stage, "screen/")


def saying_that_a_line_is_wrong(stage: Stage) -> int:
    stage.closed("学过的课")
    hand = stage.hand("lin").go("/hours/")
    hand.tap("summary", text="这条不对")
    hand.tap("main details[open] button", text="没有参加")
    hand.reads("已提出")
    assert LineQuery.objects.get().reason == "not_there"
    return hand.taps


def moving_to_another_session(stage: Stage) -> int:
    wrong, right = stage.closed("上午的课"), stage.closed("下午的课", hour=14, absent="lin")
    hand = stage.hand("zhou").go(f"/sessions/{wrong.pk}/")
    hand.tap(f"#m{stage.city.people['lin'].pk} .more")
    hand.tap("main a", text="移到…")
    hand.tap("main a", text="下午的课")
    hand.type("#reason", "记错了场次")
    hand.tap("button", text="确认移动")
    hand.reads("已移动")
    own = LedgerEntry.objects.live().filter(member=stage.city.people["lin"])
    assert own.get().posting.key == right.key
    return hand.taps


def moving_to_another_person(stage: Stage) -> int:
    session = stage.closed("上午的课", absent="lin")
    hand = stage.hand("zhou").go(f"/sessions/{session.pk}/")
    hand.tap(f"#m{stage.city.people['zhou'].pk} .more")
    hand.tap("main a", text="移到…")
    hand.tap("main a", text="林小满")
    hand.type("#reason", "记错了人")
    hand.tap("button", text="确认移动")
    hand.reads("已移动")
    assert LedgerEntry.objects.live().get().member == stage.city.people["lin"]
    return hand.taps


def putting_a_questioned_line_right(stage: Stage) -> int:
    """From the secretary's start page: the question, the session, the mark, the correction."""
    session, lin = stage.closed("学过的课"), stage.city.people["lin"]
    entry = LedgerEntry.objects.select_related("programme", "posting", "home").get(member=lin)
    line_queries.ask(entry, "not_there", by=stage.city.actor("lin"), at=moment(TODAY, 9))
    hand = stage.hand("zhou").go("/")
    hand.tap("a", text="去核对")
    hand.tap(f"main a[href*='/sessions/{session.pk}/']")
    mark = hand.page.locator(f"#m{lin.pk}")
    for _ in range(4):  # present → late → left early → leave → absent: taps on the name
        if "absent" in (mark.get_attribute("class") or ""):
            break
        hand.tap(f"#m{lin.pk} .tap")
    hand.type("#reason", "当天不在")
    hand.tap("button", text="更正并改记学时")
    hand.reads("已更正")
    assert LineQuery.objects.get().state == "corrected"
    return hand.taps


def handing_in_a_suggestion(stage: Stage) -> int:
    hand = stage.hand("lin").go("/")
    hand.tap("a", text="意见建议")
    hand.tap("fieldset label", text="意见建议")
    hand.type("textarea", "活动室太冷")
    hand.tap("main form button", text="提交")
    hand.reads("活动室太冷")
    assert Suggestion.objects.get().text == "活动室太冷"
    return hand.taps


def answering_a_suggestion(stage: Stage) -> int:
    by = stage.city.actor("lin")
    suggestions.hand_in("advice", "活动室太冷", by=by, at=moment(TODAY, 8))
    hand = stage.hand("shi").go("/")
    hand.tap("main a", text="去答复")
    hand.tap("main a", text="活动室太冷")
    hand.type("textarea", "已报修")
    hand.tap("button", text="答复并办结")
    author = stage.hand("lin").go("/")
    author.tap("a", text="意见建议")
    author.reads("已报修")
    return hand.taps + author.taps


LOOKS = {"phone": PHONE, "desktop": DESKTOP}
ERRANDS = [
    Errand(leave_for_a_stock_reason, 2, ("phone",)),
    Errand(deciding_about_leave, 1),
    Errand(declining_leave_with_words, 2, ("phone",)),
    Errand(confirming_a_walk_in, 1),
    Errand(confirming_a_walk_in_on_the_wall, 1, ("desktop",)),
    Errand(saying_that_a_line_is_wrong, 2, ("phone",)),
    Errand(moving_to_another_session, 4),
    Errand(moving_to_another_person, 4, ("desktop",)),
    Errand(putting_a_questioned_line_right, 7, ("desktop",)),
    Errand(handing_in_a_suggestion, 3, ("phone",)),
    Errand(answering_a_suggestion, 4, ("desktop",)),
    *errands_of_the_branch.ERRANDS,
    *errands_above.ERRANDS,
]


@pytest.mark.parametrize(
    ("errand", "look"),
    [
        pytest.param(errand, LOOKS[look], id=f"{errand.do.__name__}-{look}")
        for errand in ERRANDS
        for look in errand.looks
    ],
)
def test_an_errand_takes_no_more_taps_than_promised(errand: Errand, stage: Stage):
    assert 0 < errand.do(stage) <= errand.most
