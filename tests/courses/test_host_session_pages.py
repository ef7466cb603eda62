"""Pages of host sessions: ticked and attested by the host, ticked and recognised at home."""

from __future__ import annotations

import pytest
from django.urls import reverse

from courses import host_decisions, host_sessions, roll_call
from courses.models import HostAttendance
from credits.models import LedgerEntry
from portal import mobile_stays, reorganizations
from portal.mobile_stays import Away
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]


@pytest.fixture
def away(city):
    def go(member, host=None):
        stay = Away(days_ago(200), "云岭市", "work", host=host or city.yi)
        return mobile_stays.register(member, stay, by=city.by, at=NOW)

    return go


@pytest.fixture
def held(city, schedule):
    def hold(title="乙支部主题党日", day=TODAY, organiser=None, guest=None):
        session = schedule(title, organiser=organiser or city.yi, day=day)
        roll_call.open_(session, by=city.by, at=session.starts_at)
        if guest:
            roll_call.add(session, guest, "present", by=city.by, at=session.starts_at)
        roll_call.close(session, {}, by=city.by, at=session.ends_at)
        session.refresh_from_db()
        return session

    return hold


@pytest.fixture
def attested(city, away, held):
    def attest(member, session=None):
        [row] = host_sessions.attest(
            session or held(), [away(member)], by=city.actor("zheng", "secretary"), at=NOW
        )
        return row

    return attest


def text(browser, name, *args):
    answer = browser.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def told(browser, name, body, *args):
    return browser.post(reverse(name, args=args), body, follow=True).content.decode()


def test_the_host_ticks_who_was_there_and_sees_what_became_of_it(enter, away, held, lin, city):
    stay, session = away(lin), held()
    away(city.people["wu"], city.jia)
    browser = enter("zheng")
    assert reverse("host-sessions") in text(browser, "stays-hosted")
    shown = text(browser, "host-sessions")
    assert "乙支部主题党日" in shown
    assert "林小满" in shown
    assert f'name="stay" value="{stay.pk}"' in shown

    said = told(browser, "host-attest", {"stay": [stay.pk]}, session.pk)
    again = told(browser, "host-attest", {"stay": [stay.pk]}, session.pk)

    assert "已证明 1 人参加" in said
    assert "待流出地认定" in said
    assert 'name="stay"' not in said
    assert "证明参加</button>" not in said
    assert "已经证明过了" in again
    row = HostAttendance.objects.get()
    assert "已撤回林小满的证明" in told(browser, "host-withdraw", {}, row.pk)
    assert "不能撤回" in told(browser, "host-withdraw", {}, row.pk)


def test_the_heir_of_a_merged_host_lists_the_sessions_of_both(enter, away, held, lin, city):
    away(lin, city.bing)
    held("丙支部党日", day=days_ago(3), organiser=city.bing)
    reorganizations.merge(city.bing, city.yi, on=days_ago(1), by=city.by, at=NOW)
    held("合并后的党日")

    shown = text(enter("zheng"), "host-sessions")

    for title in ("丙支部党日", "合并后的党日"):
        assert "林小满" in shown.split(title)[1].split("</section>")[0]


def test_the_host_lists_its_own_sessions_of_the_last_sixty_days(enter, away, held, lin, city):
    held("没有流入党员", organiser=city.jia)
    held("正好", day=days_ago(59))
    held("太久了", day=days_ago(61))
    guest = city.enrol(city.bing, "客人甲")
    away(lin)
    held("有客人", guest=guest)  # before anybody knew of the stay
    away(guest)
    shown = text(enter("zheng"), "host-sessions")

    assert "正好" in shown
    assert "太久了" not in shown
    assert "没有流入党员" not in shown
    assert "名单上：出席" in shown
    assert "没有可以证明的活动" in text(enter("zhou"), "host-sessions")


def test_what_the_verb_refuses_is_said(enter, away, held, lin, city):
    session, stay = held(day=days_ago(40)), away(lin)

    assert "超过了补记期限" in told(enter("zheng"), "host-attest", {"stay": [stay.pk]}, session.pk)
    assert "请先勾选" in told(enter("zheng"), "host-attest", {}, session.pk)
    assert not HostAttendance.objects.exists()


def test_the_home_secretary_recognises_what_is_ticked(enter, attested, lin):
    row, browser = attested(lin), enter("zhou")
    assert "1 条流入地活动</b>等待认定" in text(browser, "home")
    shown = text(browser, "host-list")
    assert "林小满" in shown
    assert "郑书棋" in shown

    said = told(browser, "host-decide", {"row": [row.pk], "act": "recognise"})
    again = told(browser, "host-decide", {"row": [row.pk], "act": "recognise"})

    assert "已认定 1 条并记入学时" in said
    assert "其中 1 条已经有人处理过了" in again
    assert LedgerEntry.objects.filter(member=lin).count() == 1
    decided = text(browser, "host-decided")
    assert "已认定" in decided
    assert reverse("host-reverse", args=[row.pk]) in decided


def test_what_cannot_be_credited_stays_with_its_reason(
    enter, schedule, attested, secretary, lin, wu
):
    home = schedule("本支部同一时间的活动")
    roll_call.open_(home, by=secretary, at=home.starts_at)
    roll_call.close(home, {}, by=secretary, at=home.ends_at)
    row = attested(lin)

    said = told(enter("zhou"), "host-decide", {"row": [row.pk], "act": "recognise"})

    assert "林小满 乙支部主题党日：未能记入。" in said
    assert "时间重叠" in said
    assert "已认定 " not in said


def test_declining_takes_a_reason_that_host_and_member_read(enter, attested, lin):
    row, browser = attested(lin), enter("zhou")
    refused = told(browser, "host-decide", {"row": [row.pk], "act": "decline"})
    assert "请写明不予认定的理由" in refused
    assert f'value="{row.pk}" data-chosen checked' in refused
    forgotten = told(browser, "host-decide", {"act": "decline", "reason": "当天值班"})
    assert "请先勾选" in forgotten
    assert 'name="reason" value="当天值班"' in forgotten

    body = {"row": [row.pk], "act": "decline", "reason": "当天在本支部值班"}
    assert "不予认定 1 条" in told(browser, "host-decide", body)

    assert "当天在本支部值班（周明远）" in text(enter("zheng"), "host-sessions")
    mine = text(enter("lin"), "my-logs")
    assert "乙支部主题党日" in mine
    assert "当天在本支部值班（周明远）" in mine


def test_recognised_hours_are_reversed_on_a_page_of_their_own(enter, attested, secretary, lin):
    row, browser = attested(lin), enter("zhou")
    host_decisions.recognise([row], by=secretary, at=NOW)
    assert browser.post(reverse("host-reverse", args=[row.pk]), {"reason": ""}).status_code == 422

    said = told(browser, "host-reverse", {"reason": "核实未去"}, row.pk)

    assert "已冲销" in said
    assert browser.post(reverse("host-reverse", args=[row.pk]), {"reason": "x"}).status_code == 422
    assert HostAttendance.objects.get().state == "reversed"


def test_nobody_can_tick_their_own(enter, attested, city, zhou):
    attested(zhou)

    shown = text(enter("zhou"), "host-list")

    assert "由组织委员或上级认定" in shown
    assert 'name="row"' not in shown


def test_the_line_leads_to_whoever_may_look_behind_it(enter, attested, secretary, lin):
    row = attested(lin)
    host_decisions.recognise([row], by=secretary, at=NOW)
    address = reverse("source", args=["host", row.key])
    assert address in text(enter("lin"), "my-hours")

    leads = {
        name: enter(name).get(address).headers.get("Location") for name in ("lin", "zhou", "zheng")
    }

    assert leads == {
        "lin": f"{reverse('my-logs')}#hosts",
        "zhou": reverse("host-decided"),
        "zheng": reverse("host-sessions"),
    }
    assert enter("wu").get(address).status_code == 404


def test_the_host_sees_nothing_that_is_the_home_branchs(enter, attested, lin):
    row = attested(lin)

    assert "林小满" not in text(enter("zheng"), "host-list")
    assert "请先勾选" in told(enter("zheng"), "host-decide", {"row": [row.pk], "act": "recognise"})
    assert enter("zheng").get(reverse("host-reverse", args=[row.pk])).status_code in (403, 404)
    assert enter("zhou").post(reverse("host-withdraw", args=[row.pk])).status_code in (403, 404)
    assert HostAttendance.objects.get().state == "waiting"


def test_a_question_about_the_line_leads_to_its_reversal(enter, attested, secretary, lin, city):
    row = attested(lin)
    host_decisions.recognise([row], by=secretary, at=NOW)
    line = LedgerEntry.objects.get(member=lin)
    told(enter("lin"), "line-ask", {"entry": line.pk, "reason": "not_there"})

    assert reverse("host-reverse", args=[row.pk]) in text(enter("zhou"), "query-list")
