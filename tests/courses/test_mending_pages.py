"""Mistakes mended on pages: how many taps it takes, what each page says, who may."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses import line_queries, roll_call
from courses.models import LineQuery
from credits.models import LedgerEntry
from portal.audit import Actor
from tests.cast import NOW, days_ago
from tests.courses.conftest import mark_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


class Hand:
    """Somebody's browser without scripts; counts taps on what the page really offers."""

    def __init__(self, person):
        self.browser, self.taps = Client(), 0
        self.browser.force_login(person, "portal.sign_in.MemberBackend")

    def open(self, address):
        self.page, self.at = self.browser.get(address, follow=True), address
        assert self.page.status_code == 200, address
        return self

    @property
    def text(self):
        return self.page.content.decode()

    def follow(self, words):
        """Tap a link, by its words."""
        links = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', self.text, re.DOTALL)
        found = [href for href, said in links if words in re.sub("<[^>]+>", "", said)]
        assert found, f"{words} is not on the page"
        href = found[0].replace("&amp;", "&").partition("#")[0]
        self.taps += 1
        path = self.page.redirect_chain[-1][0] if self.page.redirect_chain else self.at
        return self.open(path.partition("?")[0] + href if href.startswith("?") else href)

    def unfold(self, words, near):
        """Tap a summary; what it hides may be sent then. near: an input it holds."""
        folded = re.findall(r"<details.*?</details>", self.text, re.DOTALL)
        self.form = next(f for f in folded if f">{words}</summary>" in f and near in f)
        self.taps += 1
        return self

    def send(self, button, form=None, **typed):
        """Tap a button, by its words, of the form that was unfolded or is on the page."""
        forms = [form] if form else re.findall(r"<form.*?</form>", self.text, re.DOTALL)
        inside = next(f for f in forms if f"{button}</button>" in f)
        values = dict(re.findall(r'<input [^>]*name="(\w+)"[^>]*value="([^"]*)"', inside))
        named = re.search(
            rf'<button [^>]*name="(\w+)" value="(\w+)"[^>]*>{button}</button>', inside
        )
        action = re.search(r'<form[^>]* action="([^"]+)"', inside)
        values |= {named[1]: named[2]} if named else {}
        self.taps += 1
        address = action[1].replace("&amp;", "&") if action else self.at
        self.page = self.browser.post(address, values | typed, follow=True)
        self.at = self.page.redirect_chain[-1][0] if self.page.redirect_chain else address
        return self


@pytest.fixture
def hand(city):
    return lambda name: Hand(city.people[name])


@pytest.fixture
def closed(opened, secretary):
    roll_call.close(opened, {}, by=secretary, at=NOW)
    opened.refresh_from_db()
    return opened


def entry_of(member):
    return LedgerEntry.objects.filter(member=member).live().get()


def test_this_line_is_wrong_takes_two_taps_from_the_statement(hand, closed, lin):
    member = hand("lin").open(reverse("my-hours"))

    member.unfold("这条不对", f'value="{entry_of(lin).pk}"')
    member.send("时长不对", member.form)

    assert member.taps == 2
    assert LineQuery.objects.get().reason == "length"
    assert "已告诉支部" in member.text
    assert "已提出，待支部核对" in member.text
    assert "这条不对" not in member.text  # it waits


def test_from_the_to_do_to_the_correction_with_the_person_marked(hand, closed, lin, city):
    line_queries.ask(entry_of(lin), "not_there", by=city.actor("lin"), at=NOW)
    desk = hand("zhou").open(reverse("home"))
    assert "<b>1 条学时</b>党员说不对" in desk.text

    desk.follow("去核对")
    desk.taps = 0
    desk.follow("去更正")

    assert desk.taps == 1
    marks = dict(re.findall(r'id="m(\d+)"[^>]* data-asked="(\w*)"', desk.text))
    assert marks[str(lin.pk)] == "yes"
    assert [m for m, asked in marks.items() if asked] == [str(lin.pk)]
    assert "林小满</a>：没有参加" in desk.text
    desk.send("更正并改记学时", reason="本人未到", **{f"mark-{lin.pk}": "absent",
              f"seen-{lin.pk}": "present"})  # fmt: skip
    assert LineQuery.objects.get().state == "corrected"
    assert "有疑问" not in desk.text
    told = hand("lin").open(reverse("my-hours")).text
    assert "已更正</span> 没有参加<br>答复：本人未到（周明远）" in told


def test_a_no_with_its_reason_is_read_on_the_statement(hand, closed, lin, city):
    line_queries.ask(entry_of(lin), "not_there", by=city.actor("lin"), at=NOW)
    desk = hand("zhou").open(reverse("query-list"))

    desk.unfold("不予更正", 'name="reply"')
    desk.send("不予更正，答复党员", desk.form, reply="签到表上有签名")

    assert desk.taps == 2
    assert "没有待核对的" in desk.text
    member = hand("lin").open(reverse("my-hours"))
    assert "不予更正</span> 没有参加<br>答复：签到表上有签名（周明远）" in member.text
    assert "这条不对" in member.text
    assert "签到表上有签名" in hand("zhou").open(f"{reverse('query-list')}?show=decided").text


def test_one_takes_back_what_one_asked(hand, closed, lin, city):
    line_queries.ask(entry_of(lin), "not_there", by=city.actor("lin"), at=NOW)

    member = hand("lin").open(reverse("my-hours")).send("撤回")

    assert LineQuery.objects.get().state == "withdrawn"
    assert "已提出" not in member.text


def test_something_missing_is_told_and_credited(hand, programme, city):
    member = hand("lin").open(reverse("my-hours"))
    member.unfold("少记了一条", 'name="day"').send("告诉支部", member.form, text="上午的党课")
    assert member.taps == 2
    assert "上午的党课" in member.text

    desk = hand("zhou").open(reverse("query-list")).send("已补记")

    assert "还没有补记的学时" in desk.text
    assert LineQuery.objects.get().state == "open"


def test_what_one_asked_oneself_is_for_somebody_else_and_on_nobodys_own_to_do(
    hand, closed, zhou, city
):
    query = line_queries.ask(entry_of(zhou), "twice", by=city.actor("zhou"), at=NOW)
    desk = hand("zhou")

    assert "党员说不对" not in desk.open(reverse("home")).text
    assert "自己提出的，由组织委员或上级处理" in desk.open(reverse("query-list")).text
    address = reverse("query-decline", args=[query.pk])
    assert (
        "不能处理自己提出的"
        in desk.browser.post(address, {"reply": "不"}, follow=True).content.decode()
    )


def test_nobody_asks_through_the_page_about_a_line_of_somebody_else(hand, closed, lin):
    body = {"entry": entry_of(lin).pk, "reason": "twice"}
    for name in ("zhou", "wu"):
        answer = hand(name).browser.post(reverse("line-ask"), body)
        assert answer.status_code in (403, 404)
    for odd in ("", "²", "9" * 30, "x"):
        answer = hand("lin").browser.post(reverse("line-ask"), {"entry": odd}, follow=True)
        assert "请先在明细里选择一条" in answer.content.decode()
    assert not LineQuery.objects.exists()


def test_a_query_is_taken_back_by_the_form_on_the_page_with_its_token(programme, closed, lin, city):
    """Under its line, and where one is missing: as a browser sends it, tokens and all."""
    by = city.actor("lin")
    line_queries.ask(entry_of(lin), "twice", by=by, at=NOW)
    line_queries.ask_missing(programme, days_ago(3), "上午的党课", by=by, at=NOW)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(lin, "portal.sign_in.MemberBackend")

    page = browser.get(reverse("my-hours")).content.decode()
    forms = re.findall(
        r'<form method="post" action="(/queries/[0-9]+/withdraw/)">'
        r'<input type="hidden" name="csrfmiddlewaretoken" value="([^"]+)">',
        page,
    )

    assert len(forms) == 2
    for address, token in forms:
        answer = browser.post(address, {"csrfmiddlewaretoken": token})
        assert answer.status_code == 302
    assert set(LineQuery.objects.values_list("state", flat=True)) == {"withdrawn"}


def test_another_branchs_secretary_sees_and_decides_nothing(hand, closed, lin, city):
    query = line_queries.ask(entry_of(lin), "twice", by=city.actor("lin"), at=NOW)
    other = hand("zheng")

    assert "林小满" not in other.open(reverse("query-list")).text
    for name in ("query-decline", "query-credited", "query-withdraw"):
        address = reverse(name, args=[query.pk])
        assert other.browser.post(address, {"reply": "不"}).status_code in (403, 404)
    assert LineQuery.objects.get().state == "open"


@pytest.fixture
def pair(schedule, secretary, lin):
    """林小满 was present in the morning and absent in the afternoon, says the roll."""
    made = []
    for title, hour in (("上午", 9), ("下午", 14)):
        session = schedule(title, hour=hour)
        roll_call.open_(session, by=secretary, at=session.starts_at)
        if hour == 14:
            roll_call.save(session, wish(mark_of(session, lin), "absent"), by=secretary, at=NOW)
        roll_call.close(session, {}, by=secretary, at=NOW)
        made.append(session)
    return made


def test_an_attendance_moves_to_another_session_in_four_taps_and_shows_what_it_does(
    hand, pair, lin
):
    desk = hand("zhou").open(reverse("session-detail", args=[pair[0].pk]))
    more = re.search(rf'href="([^"]+/one/{lin.pk}/)"', desk.text)[1]
    desk.taps += 1  # the three dots behind the name

    desk.open(more).follow("移到…").follow("下午")

    assert "出席 → <b>缺席</b>" in desk.text
    assert "缺席 → <b>出席</b>" in desk.text
    assert "两边合计学时不变" in desk.text
    assert [mark_of(s, lin).status for s in pair] == ["present", "absent"]
    desk.send("确认移动")
    assert desk.taps == 4
    assert "已移动" in desk.text
    assert [mark_of(s, lin).status for s in pair] == ["absent", "present"]


def test_an_attendance_moves_to_another_person_in_four_taps(hand, pair, city, lin):
    afternoon = pair[1]
    desk = hand("zhou").open(reverse("session-detail", args=[afternoon.pk]))
    more = re.search(rf'href="([^"]+/one/{city.people["zhou"].pk}/)"', desk.text)[1]
    desk.taps += 1

    desk.open(more).follow("移到…").follow("林小满").send("确认移动")

    assert desk.taps == 4
    assert mark_of(afternoon, lin).status == "present"
    assert mark_of(afternoon, city.people["zhou"]).status == "absent"


def test_what_stands_in_the_way_is_said_before_anything_is_confirmed(hand, pair, zhou):
    address = reverse("session-move", args=[pair[0].pk, zhou.pk])

    for body in ({"to": pair[1].pk}, {"number": "不存在"}, {"number": zhou.number}):
        answer = hand("zhou").browser.get(address, body)
        assert answer.status_code == 422
        assert "确认移动" not in answer.content.decode()
    assert "已记“出席”" in hand("zhou").browser.get(address, {"to": pair[1].pk}).content.decode()


def test_a_session_of_another_branch_is_no_target(hand, pair, programme, city, lin, schedule):
    theirs = schedule("乙的活动", organiser=city.yi, hour=16)
    address = reverse("session-move", args=[pair[0].pk, lin.pk])

    for method in ("get", "post"):
        answer = getattr(hand("zhou").browser, method)(address, {"to": theirs.pk, "reason": "x"})
        assert answer.status_code in (403, 404)


def counted(hand, name, address):
    browser = hand(name).browser
    browser.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(address).status_code == 200
    return len(queries)


def test_pages_ask_no_more_for_more_queries_and_the_to_do_asks_one_more(
    hand, programme, city, schedule, secretary, lin
):
    people = [lin, *(city.enrol(city.jia) for _ in range(4))]
    closed = []
    for days in (1, 2, 3):
        session = schedule(f"第 {days} 次", day=days_ago(days))
        roll_call.open_(session, by=secretary, at=session.starts_at)
        roll_call.close(session, {}, by=secretary, at=session.ends_at)
        closed.append(session)
    pages = [
        ("zhou", reverse("home")),
        ("zhou", reverse("query-list")),
        ("zhou", f"{reverse('query-list')}?show=decided"),
        ("zhou", reverse("session-detail", args=[closed[0].pk])),
        ("zhou", reverse("session-move", args=[closed[0].pk, lin.pk])),
        ("lin", reverse("my-hours")),
    ]

    def all_asked(number):
        for person in people[:number]:
            for entry in LedgerEntry.objects.filter(member=person).live():
                line_queries.ask(entry, "twice", by=Actor(person, "member"), at=NOW)
        for query in LineQuery.objects.open().filter(day=days_ago(3)):
            line_queries.decline(query, reply="不", by=secretary, at=NOW)

    all_asked(1)
    few = [counted(hand, *page) for page in pages]
    all_asked(5)

    assert [counted(hand, *page) for page in pages] == few
    with CaptureQueriesContext(connection) as queries:
        hand("zhou").open(reverse("home"))
    assert sum("courses_linequery" in q["sql"] for q in queries) == 1
