"""Pages of signing up and leave: how many taps it takes, what is shown to whom."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses import attendance_plans, roll_call
from courses.marks import Mark
from courses.models import AttendancePlan
from credits.models import LedgerEntry
from portal.audit import Actor
from tests.cast import NOW, TODAY, moment
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def visit(city):
    def make(name):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(city.people[name], "portal.sign_in.MemberBackend")
        return browser

    return make


@pytest.fixture
def later(schedule):
    return schedule("明天的课", day=TOMORROW)


def detail(session):
    return reverse("session-detail", args=[session.pk])


class Shown:
    """A page as somebody sees it who taps: what lies in <details> is one tap further."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        self.text = browser.get(address).content.decode()

    def tap(self, label, *, near="", typed=None):
        """Send the form of the first button that says `label`, behind `near`. Returns the page
        that follows, and how many taps it took."""
        start = self.text.index(near) if near else 0
        found = re.compile(rf"<button([^>]*)>{label}</button>").search(self.text, start)
        assert found, f"no button {label} on {self.address}"
        before = self.text[: found.start()]
        inside = before.count("<details") - before.count("</details")
        opening = before.rindex("<form")
        form = self.text[opening : self.text.index("</form>", opening)]
        fields = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form))
        body = fields | (typed or {}) | {_of(found[1], "name"): _of(found[1], "value")}
        to = _of(found[1], "formaction") or _of(form[: form.index(">")], "action")
        answer = self.browser.post(to, body, follow=True)
        assert answer.status_code == 200
        page = Shown.__new__(Shown)
        page.browser, page.address = self.browser, answer.request["PATH_INFO"]
        page.text = answer.content.decode()
        return page, 1 + inside


def _of(tag, name):
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""


@pytest.mark.parametrize("start", ["home", "session"])
def test_leave_takes_two_taps_and_its_decision_one(visit, later, lin, start):
    address = reverse("home") if start == "home" else detail(later)
    after, taps = Shown(visit("lin"), address).tap("事假", near="明天的课")
    assert taps == 2
    assert after.address == address
    assert "事假待批准" in after.text

    decided, taps = Shown(visit("zhou"), address).tap("批准")

    assert taps == 1
    assert decided.address == address
    assert "林小满：事假已批准" in decided.text
    asked = AttendancePlan.objects.get()
    assert (asked.member, asked.leave, asked.state) == (lin, "personal", "approved")
    assert "事假已批准" in Shown(visit("lin"), address).text


@pytest.mark.parametrize("start", ["home", "session"])
def test_signing_up_takes_one_tap_and_so_does_taking_it_back(visit, later, start):
    address = reverse("home") if start == "home" else detail(later)
    page, taps = Shown(visit("lin"), address).tap("参加", near="明天的课")
    assert (taps, AttendancePlan.objects.get().state) == (1, "coming")
    assert "已报名" in page.text

    page, taps = page.tap("撤回", near="已报名</span>" if start == "home" else "")

    assert (taps, AttendancePlan.objects.get().state) == (1, "taken_back")
    assert '<span class="tag ok">已报名' not in page.text


def test_declining_takes_one_tap_and_the_member_reads_it(visit, later):
    Shown(visit("lin"), detail(later)).tap("病假")
    page, taps = Shown(visit("zhou"), reverse("home")).tap("不批准")
    assert (taps, page.address) == (1, "/")
    assert "请病假" not in page.text
    assert "病假未批准" in Shown(visit("lin"), detail(later)).text


@pytest.mark.parametrize("at_roll", [False, True])
def test_words_typed_beside_the_decision_reach_the_member(visit, later, lin, wu, at_roll):
    asked = attendance_plans.ask_leave(later, "sick", by=Actor(lin, "member"), at=NOW)
    page = Shown(visit("zhou"), detail(later) if at_roll else reverse("home"))
    field = f"reply-{asked.pk}"
    assert f'<textarea class="form-control" name="{field}"' in page.text
    typed = {field: " 名额有限，\n请克服 ", f"reply-{asked.pk + 1}": "给别人的"}

    page, taps = page.tap("不批准", typed=typed)

    assert taps == 1
    assert AttendancePlan.objects.get().reply == "名额有限， 请克服"
    assert "批复：名额有限， 请克服" in Shown(visit("lin"), detail(later)).text


def test_a_reason_in_words_is_shown_to_the_secretary(visit, later):
    browser = visit("lin")
    token = _of(
        browser.get(detail(later)).content.decode().split("csrfmiddlewaretoken")[1], "value"
    )
    body = {"answer": "sick", "reason": "<b>住院</b>", "csrfmiddlewaretoken": token}
    browser.post(reverse("session-answer", args=[later.pk]), body)
    for address in (reverse("home"), detail(later)):
        assert "&lt;b&gt;住院&lt;/b&gt;" in Shown(visit("zhou"), address).text


def test_the_secretary_reads_who_is_expected_before_opening(city, visit, later, secretary):
    people = [city.enrol(city.jia) for _ in range(3)]
    attendance_plans.sign_up(later, by=Actor(people[0], "member"), at=NOW)
    asked = attendance_plans.ask_leave(later, "sick", by=Actor(people[1], "member"), at=NOW)
    attendance_plans.decide(asked, approve=True, by=secretary, at=NOW)
    text = re.sub(r"</?(?:b|span)>", "", Shown(visit("zhou"), detail(later)).text)
    assert "应到 5已报名 1请假 1未答复 3" in text
    assert f"{people[1].name}</li>" not in text
    assert "病假已批准" in text


def test_a_request_stands_beside_its_line_and_approving_loses_no_mark(
    visit, schedule, secretary, lin, zhou
):
    session = schedule()
    by = Actor(lin, "member")
    attendance_plans.ask_leave(session, "sick", reason="发烧", by=by, at=moment(TODAY, 7))
    roll_call.open_(session, by=secretary, at=session.starts_at)
    page = Shown(visit("zhou"), detail(session))
    line = page.text[page.text.index('data-name="林小满"') :].split('<div class="mark')[0]
    assert "请病假：发烧" in line
    form = page.text[page.text.index("data-roll") :]
    token = _of(form[form.index("csrfmiddlewaretoken") :], "value")
    button = re.search(r"<button[^>]*>批准</button>", line)[0]
    body = {
        "csrfmiddlewaretoken": token, _of(button, "name"): _of(button, "value"),
        f"seen-{lin.pk}": "present", f"mark-{lin.pk}": "present",
        f"seen-{zhou.pk}": "present", f"mark-{zhou.pk}": "late",
    }  # fmt: skip

    answer = page.browser.post(_of(button, "formaction"), body, follow=True)

    assert answer.request["PATH_INFO"] == detail(session)
    assert str(Mark.of(mark_of(session, lin))) == "leave:sick"
    assert mark_of(session, zhou).status == "late"
    assert "请病假：发烧" not in answer.content.decode()


def test_closing_names_whose_leave_waits(visit, schedule, secretary, lin):
    session = schedule()
    attendance_plans.ask_leave(session, "sick", by=Actor(lin, "member"), at=moment(TODAY, 7))
    roll_call.open_(session, by=secretary, at=session.starts_at)
    page, _ = Shown(visit("zhou"), detail(session)).tap("保存并记学时")
    assert "1 人的请假还没有批：</b>林小满" in page.text
    assert not LedgerEntry.objects.exists()
    page.tap("记学时")
    assert LedgerEntry.objects.filter(member=lin).count() == 1


def test_whoever_was_absent_asks_afterwards_and_it_is_corrected_once(
    visit, schedule, secretary, lin
):
    session = schedule()
    roll_call.open_(session, by=secretary, at=session.starts_at)
    roll_call.close(session, wish(mark_of(session, lin), "absent"), by=secretary, at=NOW)
    page = Shown(visit("lin"), detail(session))
    assert "补假" in page.text
    page, taps = page.tap("公出")
    assert taps == 2
    assert "补假" not in page.text

    page, taps = Shown(visit("zhou"), detail(session)).tap("批准")

    assert taps == 1
    assert str(Mark.of(mark_of(session, lin))) == "leave:official"
    assert not LedgerEntry.objects.filter(member=lin).exists()


def test_the_secretary_of_the_home_branch_decides_about_a_session_elsewhere(
    city, visit, schedule, programme, secretary
):
    """郑书棋, secretary of 乙, about 吴远舟 of 乙 in a session of the county's."""
    session = schedule("全县大课", day=TOMORROW, organiser=city.county)
    Shown(visit("wu"), reverse("home")).tap("病假", near="全县大课")
    assert "批准吴远舟请假" not in Shown(visit("zhou"), reverse("home")).text

    page, taps = Shown(visit("zheng"), reverse("home")).tap("批准")

    assert (taps, page.address) == (1, "/")
    assert AttendancePlan.objects.get(session=session).state == "approved"
    assert "请病假" not in page.text


def test_a_strangers_leave_is_nobodys_to_see_or_decide(visit, later, lin):
    asked = attendance_plans.ask_leave(later, "sick", by=Actor(lin, "member"), at=NOW)
    browser = visit("zheng")
    browser.handler.enforce_csrf_checks = False
    address = reverse("plan-decide", args=[asked.pk])
    assert browser.post(address, {"decision": "approve"}).status_code == 404
    assert "林小满" not in browser.get(reverse("home")).content.decode()
    other = visit("wu")
    other.handler.enforce_csrf_checks = False
    address = reverse("session-answer", args=[later.pk])
    assert other.post(address, {"answer": "coming"}).status_code == 404


def test_the_secretarys_own_leave_is_not_on_their_list(visit, later, secretary):
    attendance_plans.ask_leave(later, "sick", by=secretary, at=NOW)
    assert "批准周明远请假" not in Shown(visit("zhou"), reverse("home")).text
    page, _ = Shown(visit("zhou"), detail(later)).tap("批准")
    assert "不能批准自己的请假" in page.text


def test_start_pages_ask_no_more_however_much_was_answered(city, visit, later, secretary):
    counts = []
    for turn in range(2):
        for who in ("lin", "zhou"):
            browser = visit(who)
            browser.get(reverse("home"))
            with CaptureQueriesContext(connection) as queries:
                browser.get(reverse("home"))
            counts.append((who, len(queries)))
        for _ in range(3 + 12 * turn):
            attendance_plans.ask_leave(
                later, "sick", by=Actor(city.enrol(city.jia), "member"), at=NOW
            )
        attendance_plans.sign_up(later, by=city.actor("lin"), at=NOW)
    assert counts[:2] == counts[2:]
    text = Shown(visit("zhou"), reverse("home")).text
    assert text.count(">批准</button>") == 10
    assert "还有请假待批" in text
