"""Recognition of answers: one posting a discussion, revisions after it, nothing for oneself."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Sum

from courses import line_queries, study_logs
from courses.models import Answer, LineQuery
from courses.online import answers, discussions, moderation, recognition
from courses.online.discussions import CannotDiscuss, NotYourself
from courses.study_logs import Study
from credits import programmes, verification
from credits.ledger import ProgrammeClosed
from credits.models import LedgerEntry, Posting, Standing
from portal import members
from portal.models import AuditEvent, Message
from portal.refusals import Refusal
from tests.cast import ENDS, NOW, TODAY, moment

pytestmark = [pytest.mark.django_db, pytest.mark.both]
State = Answer.State
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def said(city, talk):
    """Has people answer; returns their answers."""

    def answer(*names, at=NOW):
        return [answers.answer(talk, f"{name}的看法", by=city.actor(name), at=at) for name in names]

    return answer


@pytest.fixture
def closed(talk, leader):
    """Closes the discussion."""

    def close(at=NOW):
        return discussions.close(talk, by=leader, at=at)

    return close


def states():
    return dict(Answer.objects.values_list("member__name", "state"))


def hours_of(member):
    return Standing.objects.get(member=member).recognised


def sound(at=NOW):
    return verification.verify(at=at).problems == []


# --- One posting, then revisions -------------------------------------------------------------


def test_all_recognised_answers_are_one_posting_in_the_organisers_book(
    city, talk, said, closed, leader
):
    rows = said("wu", "xia")
    closed()

    outcomes = recognition.recognise(talk, rows, by=leader, at=NOW)

    assert [(o.answer.member.name, o.hours, o.reason) for o in outcomes] == [
        ("吴远舟", 100, ""),
        ("夏青禾", 100, ""),
    ]
    posting = Posting.objects.get()
    assert (posting.kind, posting.key, posting.revision) == ("discussion", talk.key, 1)
    assert (posting.book.organization, posting.title) == (city.jia, talk.title)
    assert posting.has_page
    lines = LedgerEntry.objects.order_by("line").values_list(
        "member__name", "home__name", "form", "period", "day", "minutes", "hours", "start"
    )
    assert list(lines) == [
        ("吴远舟", "青川县乙支部", "online", "reform", TODAY, 45, 100, None),
        ("夏青禾", "市文化局丙支部", "online", "reform", TODAY, 45, 100, None),
    ]
    assert hours_of(city.people["wu"]) == 100
    assert AuditEvent.objects.filter(subject=f"认定讨论回答 2 条：{talk}").exists()
    assert sound()


def test_whoever_is_recognised_later_is_a_revision(city, talk, said, closed, leader):
    wu, xia = said("wu", "xia")
    closed()
    recognition.recognise(talk, [wu], by=leader, at=NOW)

    recognition.recognise(talk, [xia], by=leader, at=TOMORROW)

    assert list(Posting.objects.order_by("pk").values_list("revision", "lines")) == [(1, 1), (2, 1)]
    assert hours_of(city.people["wu"]) == hours_of(city.people["xia"]) == 100
    assert sound(TOMORROW)


def test_taking_back_is_a_revision_and_tells_the_member(city, talk, said, closed, leader):
    rows = said("wu", "xia")
    closed()
    recognition.recognise(talk, rows, by=leader, at=NOW)

    count = recognition.take_back(talk, rows[:1], reason="抄来的", by=leader, at=TOMORROW)

    assert count == 1
    row = Answer.objects.get(pk=rows[0].pk)
    assert (row.state, row.hours, row.reason) == ("reversed", 0, "抄来的")
    assert (hours_of(city.people["wu"]), hours_of(city.people["xia"])) == (0, 100)
    assert Posting.objects.latest("pk").revision == 2
    assert Message.objects.filter(member=row.member, key__startswith="answer-reversed:").exists()
    assert AuditEvent.objects.filter(event="correction", subject__startswith="收回").exists()
    with pytest.raises(Refusal, match="没有记学时"):
        recognition.take_back(talk, rows, reason="再收", by=leader, at=TOMORROW)
    assert states()["夏青禾"] == "recognised"  # all or none

    recognition.recognise(talk, rows[:1], by=leader, at=TOMORROW)
    assert hours_of(city.people["wu"]) == 100
    assert sound(TOMORROW)


def test_mistake_27_recognising_rewriting_and_answering_again_earn_nothing_a_second_time(
    city, talk, said, closed, leader, secretary
):
    rows = said("wu")
    answers.edit(rows[0], "改了又改", seen=0, by=city.actor("wu"), at=TOMORROW)
    with pytest.raises(CannotDiscuss, match="原来的回答上修改"):
        said("wu", at=TOMORROW)
    closed(TOMORROW)
    recognition.recognise(talk, rows, by=leader, at=TOMORROW)

    assert recognition.recognise(talk, rows, by=leader, at=TOMORROW) == []
    assert recognition.recognise(talk, rows, by=secretary, at=TOMORROW) == []
    assert discussions.close(talk, by=leader, at=TOMORROW).ended_at == TOMORROW

    assert Posting.objects.count() == 1
    assert LedgerEntry.objects.aggregate(n=Sum("hours"))["n"] == 100


def test_it_counts_on_the_day_of_the_first_answer(city, talk, said, closed, leader):
    [wu] = said("wu")
    [xia] = said("xia", at=moment(TODAY + timedelta(days=2), 0, 30))
    answers.edit(wu, "第三天改的", seen=0, by=city.actor("wu"), at=NOW + timedelta(days=2))
    at = NOW + timedelta(days=20)  # closed and recognised long after its last day
    closed(at)

    recognition.recognise(talk, [wu, xia], by=leader, at=at)

    days = dict(LedgerEntry.objects.values_list("member__name", "day"))
    assert days == {"吴远舟": TODAY, "夏青禾": TODAY + timedelta(days=2)}


def test_recognising_after_the_back_dating_limit_is_not_the_members_delay(
    talk, said, closed, leader
):
    rows, at = said("wu"), NOW + timedelta(days=45)
    closed(at)

    [outcome] = recognition.recognise(talk, rows, by=leader, at=at)

    assert outcome.hours == 100
    assert sound(at)


# --- Who does not count ----------------------------------------------------------------------


def test_nobody_recognises_declines_or_takes_back_their_own(talk, said, closed, leader, secretary):
    rows = said("lin", "wu")
    closed()
    with pytest.raises(NotYourself):
        recognition.recognise(talk, rows, by=leader, at=NOW)
    with pytest.raises(NotYourself):
        recognition.decline(talk, rows, reason="不好", by=leader, at=NOW)
    assert not Posting.objects.exists()

    recognition.recognise(talk, rows, by=secretary, at=NOW)

    assert set(states().values()) == {"recognised"}
    with pytest.raises(NotYourself):
        recognition.take_back(talk, rows, reason="收", by=leader, at=NOW)


def test_the_cap_and_the_roll_refuse_one_and_credit_the_others(
    city, programme, talk, said, closed, leader, study_group
):
    wu, xia, gao = city.people["wu"], city.people["xia"], city.people["gao"]
    study = Study("self", TODAY, 340, "自学", "reform")
    log = study_logs.submit(programme, wu, study, by=city.actor("wu"), at=NOW)
    study_logs.confirm([log], by=city.actor("zheng", "secretary"), at=NOW)
    study_group.people.create(member=gao, since=NOW)
    rows = said("wu", "xia", "gao")
    members.leave(gao, on=TODAY, how="left", by=city.by, at=NOW)
    closed()

    outcomes = recognition.recognise(talk, rows, by=leader, at=NOW)

    why = {o.answer.member.name: o.reason for o in outcomes}
    assert "每日上限" in why["吴远舟"]
    assert "不在党史学习教育的学习名单上" in why["高望川"]
    assert why["夏青禾"] == ""
    assert states() == {"吴远舟": "refused", "夏青禾": "recognised", "高望川": "refused"}
    assert Answer.objects.get(member=wu).reason == why["吴远舟"]
    assert hours_of(xia) == 100
    assert sound()

    study_logs.reverse(log, reason="误记", by=city.actor("zheng", "secretary"), at=NOW)
    [outcome] = recognition.recognise(talk, list(talk.answers.filter(member=wu)), by=leader, at=NOW)
    assert outcome.hours == 100
    assert hours_of(wu) == 100
    assert sound()


def test_nobody_at_all_to_credit_makes_no_posting(city, talk, said, closed, leader):
    rows = said("wu")
    moderation.hide(rows[0], "跑题", by=leader, at=NOW)
    closed()

    [outcome] = recognition.recognise(talk, rows, by=leader, at=NOW)

    assert "已被隐藏" in outcome.reason
    assert not Posting.objects.exists()
    assert not talk.answers.to_recognise().exists()
    moderation.show(rows[0], by=leader, at=NOW)
    assert talk.answers.to_recognise().count() == 1


def test_nothing_is_recognised_before_it_is_closed_or_after_it_was_cancelled(talk, said, leader):
    rows = said("wu")
    with pytest.raises(CannotDiscuss, match="结束以后才能认定"):
        recognition.recognise(talk, rows, by=leader, at=NOW)
    discussions.cancel(talk, reason="重复", by=leader, at=NOW)
    with pytest.raises(CannotDiscuss, match="已取消"):
        recognition.recognise(talk, rows, by=leader, at=NOW)


def test_what_counts_is_not_cancelled_and_closed_books_take_nothing(
    city, programme, talk, said, closed, leader
):
    rows = said("wu", "xia")
    closed()
    recognition.recognise(talk, rows[:1], by=leader, at=NOW)
    with pytest.raises(CannotDiscuss, match="不能取消"):
        discussions.cancel(talk, reason="重复", by=leader, at=NOW)

    end = moment(ENDS + timedelta(days=40))
    programmes.close_study(programme, by=city.by, at=moment(ENDS + timedelta(days=1)))
    programmes.close_books(programme, by=city.by, at=end)
    with pytest.raises(ProgrammeClosed):
        recognition.recognise(talk, rows[1:], by=leader, at=end)


def test_answers_of_another_discussion_are_passed_over(
    study_group, programme, question, talk, said, closed, leader
):
    rows = said("wu")
    other = discussions.ask(study_group, programme, question("另一题"), by=leader, at=NOW)
    discussions.close(other, by=leader, at=NOW)

    assert recognition.recognise(other, rows, by=leader, at=NOW) == []
    assert states() == {"吴远舟": "waiting"}


# --- Declined, and asked about ---------------------------------------------------------------


def test_a_declined_answer_is_told_why_and_asked_about_once(city, talk, said, closed, leader):
    rows, wu = said("wu"), city.actor("wu")
    closed()
    with pytest.raises(Refusal, match="不认定的理由"):
        recognition.decline(talk, rows, reason=" ", by=leader, at=NOW)
    with pytest.raises(Refusal, match="不能再请求"):
        recognition.ask_again(rows[0], "为什么", by=wu, at=NOW)

    assert recognition.decline(talk, rows, reason="太短", by=leader, at=NOW) == 1
    assert recognition.decline(talk, rows, reason="太短", by=leader, at=NOW) == 0

    letter = Message.objects.get(member=wu.member, key__startswith="answer-declined:")
    assert "太短" in letter.text
    with pytest.raises(Refusal, match="自己的回答"):
        recognition.ask_again(rows[0], "为什么", by=city.actor("xia"), at=NOW)
    with pytest.raises(Refusal, match="理由"):
        recognition.ask_again(rows[0], "", by=wu, at=NOW)
    row = recognition.ask_again(rows[0], "写了三点", by=wu, at=NOW)
    assert recognition.ask_again(rows[0], "写了三点", by=wu, at=NOW).asked_at == row.asked_at
    with pytest.raises(Refusal, match="不能再请求"):
        recognition.ask_again(rows[0], "再问一次", by=wu, at=NOW)
    assert row.is_asking

    replied = recognition.respond(rows[0], "仍不认定", by=leader, at=NOW)
    assert not replied.is_asking
    assert Message.objects.filter(member=wu.member, key__startswith="answer-replied:").exists()
    with pytest.raises(Refusal, match="没有等待答复"):
        recognition.respond(rows[0], "再答", by=leader, at=NOW)


def test_an_answer_asked_about_may_be_recognised_after_all(city, talk, said, closed, leader):
    rows = said("wu")
    closed()
    recognition.decline(talk, rows, reason="太短", by=leader, at=NOW)
    recognition.ask_again(rows[0], "写了三点", by=city.actor("wu"), at=NOW)

    recognition.recognise(talk, rows, by=leader, at=NOW)

    row = Answer.objects.get()
    assert (row.state, row.reason, row.hours, row.is_asking) == ("recognised", "", 100, False)


# --- "This line is wrong" --------------------------------------------------------------------


def test_a_query_about_the_line_goes_to_the_organiser_and_taking_back_answers_it(
    city, talk, said, closed, leader
):
    rows = said("wu")
    closed()
    recognition.recognise(talk, rows, by=leader, at=NOW)
    query = line_queries.ask(LedgerEntry.objects.get(), "not_there", by=city.actor("wu"), at=NOW)
    assert (query.place, query.kind) == (city.jia, "discussion")

    recognition.take_back(talk, rows, reason="本人说明", by=leader, at=NOW)

    assert LineQuery.objects.get().state == "corrected"
