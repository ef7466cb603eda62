"""Suggestions and complaints: handed in once, answered by another, seen by two alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import appointments, members, suggestions
from portal.models import AuditEvent, Role, Suggestion
from portal.refusals import Refusal
from portal.suggestions import IsClosed, NotYourself, TooManyOpen
from tests.cast import NOW, TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(LATER, tick=False)


@pytest.fixture
def hand_in(city):
    def act(text="活动室太冷", *, who="lin", kind="advice", at=NOW):
        return suggestions.hand_in(kind, text, by=city.actor(who), at=at)

    return act


@pytest.fixture
def official(city):
    return city.actor("gao", Role.OFFICIAL)


def page(client, name, *ids, query="", status=200):
    response = client.get(reverse(name, args=ids) + query)
    assert response.status_code == status
    return response.content.decode()


def trail():
    rows = AuditEvent.objects.filter(event=AuditEvent.Event.SUGGESTION).order_by("pk")
    return list(rows.values_list("subject", "by__name", "organization__short_name"))


# --- The verbs


def test_it_keeps_the_branch_where_its_author_stood(hand_in, city, lin):
    made = hand_in("  活动室太冷 \r\n请装暖气。\n")
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=LATER)

    made.refresh_from_db()
    assert (made.member, made.branch, made.state) == (lin, city.jia, "open")
    assert made.text == "活动室太冷\n请装暖气。"


@pytest.mark.parametrize(("text", "said"), [(" \n ", "请写下"), ("长" * 501, "最多写 500 个字")])
def test_an_empty_or_overlong_text_is_refused(hand_in, text, said):
    with pytest.raises(Refusal, match=said) as refused:
        hand_in(text)

    assert refused.value.field == "text"
    assert not Suggestion.objects.exists()


def test_the_longest_text_fits(hand_in):
    assert hand_in("𠮷" * 500).text == "𠮷" * 500  # four bytes each


def test_the_same_words_twice_make_one_row(hand_in):
    first = hand_in("活动室太冷")

    assert hand_in("活动室太冷\r\n", kind="complaint") == first
    assert Suggestion.objects.count() == 1
    assert len(trail()) == 1


def test_the_same_words_count_anew_for_somebody_else_and_after_the_answer(hand_in, official):
    first = hand_in()
    assert hand_in(who="zhou") != first
    suggestions.answer(first, "已报修。", by=official, at=LATER)

    assert hand_in() != first


def test_nobody_waits_for_more_than_ten_answers_at_once(hand_in, lin, city):
    made = [hand_in(f"第{n}条") for n in range(10)]
    with pytest.raises(TooManyOpen):
        hand_in("再来一条")

    assert hand_in("第3条") == made[3]
    suggestions.withdraw(made[0], by=city.actor("lin"), at=LATER)
    assert hand_in("再来一条").state == "open"


def test_somebody_without_a_branch_hands_nothing_in(hand_in, city, lin):
    members.leave(lin, on=TODAY, how="left", by=city.by, at=NOW)

    with pytest.raises(Refusal, match="不在任何党支部"):
        hand_in()


def test_an_answer_closes_it(hand_in, official, gao):
    made = suggestions.answer(hand_in(), " 已报修。 ", by=official, at=LATER)

    made.refresh_from_db()
    assert (made.state, made.answer) == ("answered", "已报修。")
    assert (made.answered_by, made.answered_at) == (gao, LATER)


@pytest.mark.parametrize(("text", "said"), [("\n", "请写明答复"), ("长" * 1001, "最多写 1000")])
def test_an_empty_or_overlong_answer_is_refused(hand_in, official, text, said):
    made = hand_in()
    with pytest.raises(Refusal, match=said) as refused:
        suggestions.answer(made, text, by=official, at=LATER)

    assert refused.value.field == "answer"
    made.refresh_from_db()
    assert made.state == "open"


def test_nobody_answers_their_own(hand_in, city):
    made = hand_in(who="shi")

    with pytest.raises(NotYourself):
        suggestions.answer(made, "好", by=city.actor("shi", Role.OFFICIAL), at=LATER)


def test_it_is_answered_once(hand_in, official, city, gao):
    made = hand_in()
    suggestions.answer(made, "已报修。", by=official, at=LATER)

    with pytest.raises(IsClosed, match="已答复"):
        suggestions.answer(made, "另行答复。", by=city.actor("shi", Role.OFFICIAL), at=LATER)
    with pytest.raises(IsClosed):
        suggestions.withdraw(made, by=city.actor("lin"), at=LATER)

    made.refresh_from_db()
    assert (made.answer, made.answered_by) == ("已报修。", gao)


def test_only_its_author_withdraws_it(hand_in, city):
    made = hand_in()
    with pytest.raises(Refusal, match="只有本人"):
        suggestions.withdraw(made, by=city.actor("zhou", Role.SECRETARY), at=LATER)

    assert suggestions.withdraw(made, by=city.actor("lin"), at=LATER).state == "withdrawn"


def test_what_is_withdrawn_is_neither_answered_nor_withdrawn_again(hand_in, official, city):
    made = suggestions.withdraw(hand_in(), by=city.actor("lin"), at=LATER)

    with pytest.raises(IsClosed, match="已撤回"):
        suggestions.answer(made, "好", by=official, at=LATER)
    with pytest.raises(IsClosed):
        suggestions.withdraw(made, by=city.actor("lin"), at=LATER)


def test_the_trail_names_its_number_and_no_author_in_any_organisation(hand_in, official, city):
    first, second = hand_in(), hand_in("投诉书记", kind="complaint")
    suggestions.answer(first, "已报修。", by=official, at=LATER)
    suggestions.withdraw(second, by=city.actor("lin"), at=LATER)

    assert trail() == [
        (f"提出第{first.pk}号", "林小满", None),
        (f"提出第{second.pk}号", "林小满", None),
        (f"答复第{first.pk}号", "高望川", "青川县甲支部"),
        (f"撤回第{second.pk}号", "林小满", None),
    ]


# --- Asked a second time


@pytest.fixture
def answered(hand_in, official):
    return suggestions.answer(hand_in(), "已报修。", by=official, at=LATER)


@pytest.fixture
def again(city):
    def act(suggestion, text="还是冷", *, who="lin", at=LATER):
        return suggestions.ask_again(suggestion, text, by=city.actor(who), at=at)

    return act


def test_its_author_asks_once_more_with_the_reason_and_the_first_answer_stays(
    answered, again, city, lin
):
    before = Suggestion.objects.values().get()
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=LATER)

    second = again(answered, at=LATER + timedelta(days=30))

    assert again(answered, "又说一遍") == second  # while it waits, nothing changes
    assert Suggestion.objects.values().get(pk=answered.pk) == before
    assert (second.first, second.kind, second.text) == (answered, "advice", "还是冷")
    assert (second.state, second.branch) == ("open", city.jia)
    assert trail()[-1] == (f"就第{answered.pk}号再次提出第{second.pk}号", "林小满", None)


def test_another_official_answers_and_then_it_is_done(answered, again, official, city):
    second = again(answered)

    with pytest.raises(suggestions.AnotherAnswers):
        suggestions.answer(second, "已报修。", by=official, at=LATER)
    done = suggestions.answer(second, "明天换。", by=city.actor("shi", Role.OFFICIAL), at=LATER)

    assert (done.state, done.answered_by) == ("answered", city.people["shi"])
    with pytest.raises(Refusal, match="不能第三次"):
        again(answered)
    with pytest.raises(Refusal, match="不再重提"):
        again(done)


def test_where_nobody_else_can_the_same_official_answers_twice(answered, again, official, city):
    """Neither the county's other branches' officials nor one who has left office count."""
    [seat] = city.people["shi"].appointments.all()
    appointments.end(seat, on=TODAY, by=city.by, at=LATER)
    appointments.appoint(
        city.people["xun"], Role.OFFICIAL, city.bureau, since=TODAY, by=city.by, at=LATER
    )

    done = suggestions.answer(again(answered), "再查。", by=official, at=LATER)

    assert done.answered_by == official.member


def test_what_is_not_ones_own_not_answered_or_too_old_is_not_asked_again(
    hand_in, answered, again, city
):
    waiting = hand_in("再说一件")
    gone = suggestions.withdraw(hand_in("算了"), by=city.actor("lin"), at=LATER)
    late = LATER + timedelta(days=30, seconds=1)

    for suggestion, who, at, said in (
        (answered, "zhou", LATER, "只有本人"),
        (waiting, "lin", LATER, "待答复"),
        (gone, "lin", LATER, "已撤回"),
        (answered, "lin", late, "超过 30 天"),
    ):
        with pytest.raises(Refusal, match=said):
            again(suggestion, who=who, at=at)
    with pytest.raises(Refusal, match="请写明") as refused:
        again(answered, " ")
    assert refused.value.field == "text"
    assert Suggestion.objects.count() == 3


def test_a_second_question_taken_back_may_be_put_anew(answered, again, city):
    suggestions.withdraw(again(answered), by=city.actor("lin"), at=LATER)

    second = again(answered, "还是很冷")

    assert (second.state, Suggestion.objects.filter(first=answered).count()) == ("open", 2)


def test_the_same_reason_serves_two_of_them(hand_in, again, official):
    for text in ("太冷", "太暗"):
        again(suggestions.answer(hand_in(text), "已报修。", by=official, at=LATER), "没有解决")
    assert hand_in("没有解决").first is None

    assert Suggestion.objects.open().count() == 3


def test_the_database_refuses_a_second_one_beside_the_first(answered, again, city):
    values = Suggestion.objects.values().get(pk=again(answered).pk) | {"id": None}

    with pytest.raises(IntegrityError), transaction.atomic():
        Suggestion.objects.create(**values | {"text": "别的话"})


def test_asking_again_by_page(answered, sign_in, official, city):
    client, address = sign_in("lin"), reverse("suggestion-again", args=[answered.pk])
    assert address in page(client, "suggestions")
    assert "已报修。" in page(client, "suggestion-again", answered.pk)
    refused = client.post(address, {"text": "长" * 501})
    assert refused.status_code == 422
    assert "长" * 501 in refused.content.decode()

    assert client.post(address, {"text": "还是冷"}).url == reverse("suggestions")

    shown = page(client, "suggestions")
    assert address not in shown
    assert f"对第{answered.pk}号再次提出" in shown
    second = Suggestion.objects.get(first=answered)
    assert "再次提出" in page(sign_in("shi"), "suggestions-received")
    first_official = page(sign_in("gao"), "suggestion-detail", second.pk)
    assert "上次是您答复的" in first_official
    assert "答复并办结" not in first_official
    other = page(sign_in("shi"), "suggestion-detail", second.pk)
    assert "答复并办结" in other
    assert "已报修。" in other
    assert "上次是您答复的" not in other


def test_an_answer_that_is_too_old_offers_nothing(answered, sign_in, time_machine):
    time_machine.move_to(LATER + timedelta(days=31), tick=False)

    assert reverse("suggestion-again", args=[answered.pk]) not in page(
        sign_in("lin"), "suggestions"
    )


def test_nobody_else_reads_the_page_of_asking_again(answered, sign_in):
    for who in ("wu", "zhou", "gao"):
        page(sign_in(who), "suggestion-again", answered.pk, status=404)


# --- What the database holds by itself


WRONG = {
    "answered without an answer": {"state": "answered", "answer": "", "answered_at": LATER},
    "answered without a time": {"state": "answered", "answer": "好"},
    "answered by nobody": {
        "state": "answered", "answer": "好", "answered_at": LATER, "answered_by": None
    },
    "answered by its author": {"answered_at": LATER, "answered_by": "lin"},
    "answered before it was written": {"answered_at": NOW - timedelta(seconds=1)},
    "open with an answer": {"state": "open", "answered_at": LATER},
    "withdrawn with an answer": {"state": "withdrawn", "answered_at": LATER},
    "in no known state": {"state": "lost", "answered_at": LATER},
    "without a text": {"text": "", "answered_at": LATER},
}  # fmt: skip
RIGHT = {"state": "answered", "answer": "好", "answered_by": "gao"}


@pytest.mark.parametrize("name", WRONG)
def test_the_database_refuses_what_is(hand_in, city, name):
    made = Suggestion.objects.filter(pk=hand_in().pk)
    values = RIGHT | WRONG[name]
    values["answered_by"] = city.people.get(values["answered_by"])

    with pytest.raises(IntegrityError), transaction.atomic():
        made.update(**values)

    good = RIGHT | {"answered_by": city.people["gao"], "answered_at": NOW}
    assert made.update(**good) == 1  # else the refusals above would prove nothing


def test_the_database_keeps_the_same_words_open_once(hand_in, lin, city):
    made = hand_in()
    again = {"member": lin, "branch": city.jia, "kind": "advice", "text": made.text, "at": LATER}

    with pytest.raises(IntegrityError), transaction.atomic():
        Suggestion.objects.create(**again)

    Suggestion.objects.create(**again, state="withdrawn")


# --- The author's page


def test_a_member_hands_in_and_reads_the_answer(sign_in, official, lin):
    client = sign_in("lin")
    assert reverse("suggestions") in page(client, "home").split("<footer")[1]
    assert reverse("suggestions") in page(client, "account").split("<main")[1].split("</main")[0]

    sent = {"kind": "fault", "text": "签到码扫不出"}
    told = client.post(reverse("suggestions"), sent, follow=True).content.decode()

    assert "已提交" in told
    assert "待答复" in told
    assert "撤回</button>" in told
    made = Suggestion.objects.get()
    assert (made.member, made.kind) == (lin, "fault")
    suggestions.answer(made, "请更新浏览器。", by=official, at=LATER)
    shown = page(client, "suggestions")
    assert "请更新浏览器。" in shown
    assert "高望川" in shown
    assert "撤回</button>" not in shown


def test_a_double_submit_makes_one_row(sign_in):
    client, sent = sign_in("lin"), {"kind": "advice", "text": "一行\r\n二行"}
    for _ in range(2):
        assert client.post(reverse("suggestions"), sent).status_code == 302

    assert Suggestion.objects.get().text == "一行\n二行"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"kind": "advice", "text": " "}, "请写下您的意见"),
        ({"kind": "praise", "text": "好"}, "praise"),
        ({"kind": "advice", "text": "长" * 501}, "现在有 501 个字"),
    ],
)
def test_what_is_refused_is_said_beside_the_form(sign_in, sent, said):
    response = sign_in("lin").post(reverse("suggestions"), sent)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Suggestion.objects.exists()


def test_the_eleventh_is_refused_on_the_page(sign_in, hand_in):
    for n in range(10):
        hand_in(f"第{n}条")
    response = sign_in("lin").post(reverse("suggestions"), {"kind": "advice", "text": "又一条"})

    assert response.status_code == 422
    assert "已有 10 条意见在等待答复" in response.content.decode()


def test_the_author_withdraws_it_on_the_page(sign_in, hand_in):
    client, made = sign_in("lin"), hand_in()
    for said in ("已撤回。", "已经办结"):
        response = client.post(reverse("suggestion-withdraw", args=[made.pk]), follow=True)
        assert said in response.content.decode()

    made.refresh_from_db()
    assert made.state == "withdrawn"


@pytest.mark.parametrize("who", ["wu", "zhou", "gao", "shi", "guan"])
def test_nobody_else_finds_it_on_their_page_or_withdraws_it(sign_in, hand_in, who):
    client, made = sign_in(who), hand_in("只给上级看")

    assert "只给上级看" not in page(client, "suggestions")
    assert client.post(reverse("suggestion-withdraw", args=[made.pk])).status_code == 404
    made.refresh_from_db()
    assert made.state == "open"


# --- The official's pages


def test_an_official_reads_who_wrote_it_and_answers(sign_in, hand_in, gao):
    client, made = sign_in("gao"), hand_in("活动室太冷", kind="complaint")
    assert reverse("suggestions-received") in page(client, "home").split("</nav>")[0]

    listed = page(client, "suggestions-received")
    assert "待答复 1 条" in listed
    assert "林小满" in listed
    address = reverse("suggestion-detail", args=[made.pk])
    assert address in listed
    assert "林小满" in page(client, "suggestion-detail", made.pk)
    told = client.post(address, {"answer": "已报修。"}, follow=True).content.decode()

    assert "已答复" in told
    assert "都答复了" in told
    made.refresh_from_db()
    assert (made.answer, made.answered_by) == ("已报修。", gao)
    shown = page(client, "suggestion-detail", made.pk)
    assert "已报修。" in shown
    assert 'name="answer"' not in shown


def test_an_empty_answer_is_sent_back(sign_in, hand_in):
    address = reverse("suggestion-detail", args=[hand_in().pk])
    response = sign_in("gao").post(address, {"answer": ""})

    assert response.status_code == 422
    assert "请写明答复" in response.content.decode()


def test_a_second_answer_is_told_that_there_is_one(sign_in, hand_in, official):
    client, made = sign_in("shi"), hand_in()
    suggestions.answer(made, "已报修。", by=official, at=LATER)
    address = reverse("suggestion-detail", args=[made.pk])
    told = client.post(address, {"answer": "另行答复。"}, follow=True).content.decode()

    assert "已经办结" in told
    assert "已报修。" in told
    made.refresh_from_db()
    assert made.answer == "已报修。"


def test_an_official_sees_their_own_without_a_form_and_cannot_answer_it(sign_in, hand_in):
    client, made = sign_in("shi"), hand_in(who="shi")

    assert 'name="answer"' not in page(client, "suggestion-detail", made.pk)
    response = client.post(reverse("suggestion-detail", args=[made.pk]), {"answer": "好"})
    assert response.status_code == 422
    assert "不能答复自己提出的意见" in response.content.decode()
    made.refresh_from_db()
    assert made.state == "open"


def test_the_official_of_another_subtree_finds_nothing(sign_in, hand_in):
    client, made = sign_in("gao"), hand_in("丙支部的事", who="xun")  # of 市文化局

    assert "丙支部的事" not in page(client, "suggestions-received")
    page(client, "suggestion-detail", made.pk, status=404)
    address = reverse("suggestion-detail", args=[made.pk])
    assert client.post(address, {"answer": "好"}).status_code == 404
    assert "丙支部的事" in page(sign_in("shi"), "suggestions-received")


@pytest.mark.parametrize("who", ["lin", "zhou", "xun", "guan"])
def test_secretary_guidance_and_administrator_are_refused_whatever_the_number(
    sign_in, hand_in, who
):
    client, made = sign_in(who), hand_in()
    page(client, "suggestions-received", status=403)
    for number in (made.pk, made.pk + 99):
        page(client, "suggestion-detail", number, status=403)
    address = reverse("suggestion-detail", args=[made.pk])
    assert client.post(address, {"answer": "好"}).status_code == 403
    assert reverse("suggestions-received") not in page(client, "account")


def test_the_administrators_trail_names_no_author(sign_in, hand_in, official):
    made = hand_in()
    suggestions.answer(made, "已报修。", by=official, at=LATER)
    shown = page(sign_in("guan"), "audit-list", query="?event=suggestion")

    assert f"答复第{made.pk}号" in shown
    assert "林小满" not in shown


def test_the_oldest_unanswered_stands_first_and_the_overdue_are_marked(sign_in, hand_in):
    client = sign_in("gao")
    for text, days in (("刚刚十五天", 15), ("十六天", 16), ("昨天", 1)):
        hand_in(text, at=LATER - timedelta(days=days))
    shown = page(client, "suggestions-received")

    places = [shown.index(text) for text in ("十六天", "刚刚十五天", "昨天")]
    assert places == sorted(places)
    assert "待答复 3 条，其中超过15天未答复 1 条" in shown
    rows = shown.split("<tr>")[2:]
    assert ["超过15天未答复" in row for row in rows] == [True, False, False]


def test_what_was_answered_late_is_overdue_no_more(sign_in, hand_in, official):
    old = hand_in(at=LATER - timedelta(days=40))
    suggestions.answer(old, "已报修。", by=official, at=LATER)

    assert "超过15天" not in page(sign_in("gao"), "suggestions-received", query="?state=answered")


def test_the_list_is_narrowed_by_state(sign_in, hand_in, official, city):
    client = sign_in("gao")
    hand_in("等着的")
    suggestions.answer(hand_in("答过的"), "好", by=official, at=LATER)
    suggestions.withdraw(hand_in("收回的"), by=city.actor("lin"), at=LATER)
    for query, text in (
        ("", "等着的"),
        ("?state=nonsense", "等着的"),
        ("?state=answered", "答过的"),
        ("?state=withdrawn", "收回的"),
    ):
        shown = page(client, "suggestions-received", query=query)
        assert [t for t in ("等着的", "答过的", "收回的") if t in shown] == [text]


@pytest.mark.parametrize(("who", "name"), [("gao", "suggestions-received"), ("lin", "suggestions")])
def test_a_list_is_paged_and_asks_no_more_for_more_rows(hand_in, city, official, who, name):
    browser, counts, query = Client(), [], "?state=answered" if who == "gao" else ""
    browser.force_login(city.people[who], "portal.sign_in.MemberBackend")
    for number in range(35):
        made = hand_in(f"第{number:02}条", at=NOW + timedelta(seconds=number))
        suggestions.answer(made, "好", by=official, at=LATER)
        if number in (0, 34):
            page(browser, name)
            with CaptureQueriesContext(connection) as queries:
                shown = page(browser, name, query=query)
            counts.append(len(queries))

    assert counts[0] == counts[1] <= 8
    assert len(re.findall(r"第\d\d条", shown)) == 30
    assert "第 1 / 2 页，共 35 条" in shown
    assert len(re.findall(r"第\d\d条", page(browser, name, query=f"{query or '?'}&page=2"))) == 5
