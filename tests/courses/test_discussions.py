"""Discussions: asked within the rules, answered by the group, rewritten in the open, moderated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from courses.models import Answer, AnswerVersion, Discussion, Reply, Report
from courses.online import answers, discussions, mentions, moderation
from courses.online.discussions import CannotDiscuss, NotYourself
from courses.online.study_groups import GroupEnded
from credits.models import LedgerEntry, Posting
from portal import members
from portal.models import AuditEvent, Message
from portal.refusals import Conflict, Refusal
from tests.cast import BEFORE, ENDS, NOW, TODAY, moment

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def said(city, talk):
    """Has somebody answer."""

    def answer(name="wu", text="从十一届三中全会开始。", at=NOW):
        return answers.answer(talk, text, by=city.actor(name), at=at)

    return answer


def told(member, prefix):
    return Message.objects.filter(member=member, key__startswith=prefix).count()


# --- Asked -----------------------------------------------------------------------------------


def test_a_question_reaches_everybody_in_the_group_but_who_asked(city, study_group, talk):
    study_group.people.create(member=city.people["gao"], since=BEFORE, until=NOW)

    letters = Message.objects.filter(key=f"discussion:{talk.key}")
    assert {m.member.name for m in letters} == {"吴远舟", "夏青禾"}
    assert {m.link for m in letters} == {f"/discussions/{talk.pk}/"}
    assert (talk.organiser, talk.minutes, talk.state) == (city.jia, 45, "open")
    assert AuditEvent.objects.filter(subject=f"发起讨论：{talk}").exists()


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"title": "  "}, "title", "请写明题目"),
        ({"title": "长" * 81}, "title", "最多 80 字"),
        ({"text": "长" * 2001}, "text", "最多 2000 字"),
        ({"first_day": TODAY - timedelta(days=1)}, "first_day", "不能早于今天"),
        ({"last_day": TODAY - timedelta(days=1)}, "last_day", "不能早于开始日期"),
        ({"last_day": TODAY + timedelta(days=31)}, "last_day", "最长 30 天"),
        ({"first_day": ENDS, "last_day": ENDS + timedelta(days=1)}, "last_day", "这段时间"),
        ({"form": "lecture"}, "form", "不计这种学习方式"),
        ({"period": ""}, "period", "哪个历史时期"),
        ({"period": "none"}, "period", "哪个历史时期"),
        ({"minutes": 11}, "minutes", "至少 12 分钟"),
        ({"minutes": 405}, "minutes", "超过每日上限"),
    ],
)
def test_a_question_beyond_dates_and_rules_is_refused(
    study_group, programme, leader, question, changes, field, why
):
    asked = question(**changes)
    with pytest.raises(Refusal, match=why) as refusal:
        discussions.ask(study_group, programme, asked, by=leader, at=NOW)
    assert refusal.value.field == field
    assert not Discussion.objects.exists()


def test_a_form_that_the_programme_does_not_admit_is_refused(
    city, found_programme, study_group, leader, question
):
    forms = [{"code": "seminar", "cap": None, "points": 10},
             {"code": "online", "cap": 0, "points": 10}]  # fmt: skip
    other = found_programme("other", forms=forms)
    with pytest.raises(CannotDiscuss, match="不计这种学习方式"):
        discussions.ask(study_group, other, question(), by=leader, at=NOW)
    assert discussions.ask(study_group, other, question(form="seminar"), by=leader, at=NOW)


def test_a_group_that_has_ended_and_a_programme_that_takes_nothing_are_refused(
    study_group, programme, leader, question
):
    programme.state = "draft"
    programme.save()
    with pytest.raises(CannotDiscuss, match="不能为"):
        discussions.ask(study_group, programme, question(), by=leader, at=NOW)
    study_group.ended_at = NOW
    study_group.save()
    with pytest.raises(GroupEnded):
        discussions.ask(study_group, programme, question(), by=leader, at=NOW)


def test_closing_again_changes_nothing_and_nothing_is_closed_before_it_begins(
    study_group, programme, leader, question, talk, secretary
):
    first = discussions.close(talk, by=leader, at=NOW)
    again = discussions.close(talk, by=secretary, at=LATER)
    assert (again.ended_by, again.ended_at) == (leader.member, first.ended_at)

    later = question(first_day=TODAY + timedelta(days=2))
    to_come = discussions.ask(study_group, programme, later, by=leader, at=NOW)
    with pytest.raises(CannotDiscuss, match="才开始"):
        discussions.close(to_come, by=leader, at=NOW)


def test_cancelling_tells_whoever_answered_and_ends_it(city, talk, said, leader):
    said("wu")
    with pytest.raises(Refusal, match="取消的原因"):
        discussions.cancel(talk, reason=" ", by=leader, at=NOW)

    row = discussions.cancel(talk, reason="题目重复", by=leader, at=NOW)

    assert row.state == "cancelled"
    assert told(city.people["wu"], "discussion-off:") == 1
    assert told(city.people["xia"], "discussion-off:") == 0
    with pytest.raises(CannotDiscuss, match="已取消"):
        said("xia")
    with pytest.raises(CannotDiscuss, match="已取消"):
        discussions.close(talk, by=leader, at=NOW)


# --- Answered --------------------------------------------------------------------------------


def test_the_group_and_its_leader_answer_once_and_the_same_text_again_changes_nothing(said):
    first = said("wu")
    assert said("wu", at=LATER) == first
    assert said("lin").member.name == "林小满"
    with pytest.raises(CannotDiscuss, match="原来的回答上修改"):
        said("wu", "再写一个")
    assert Answer.objects.count() == 2


@pytest.mark.parametrize("text", ["", " \n ", "长" * 2001])
def test_nothing_and_too_much_is_no_answer(said, text):
    with pytest.raises(Refusal, match="您的回答"):
        said("wu", text)
    assert not Answer.objects.exists()


def test_outsiders_and_who_has_left_do_not_answer_reply_or_rewrite(city, talk, study_group, said):
    with pytest.raises(CannotDiscuss, match="不在这个学习群"):
        said("zheng")
    own = said("wu")
    study_group.people.filter(member=city.people["wu"]).update(until=NOW)
    with pytest.raises(CannotDiscuss, match="不在这个学习群"):
        answers.edit(own, "改", seen=0, by=city.actor("wu"), at=NOW)
    with pytest.raises(CannotDiscuss, match="不在这个学习群"):
        answers.reply(said("xia"), "同意", by=city.actor("wu"), at=NOW)


def test_answers_are_taken_on_its_days_only(said, talk, leader):
    with pytest.raises(CannotDiscuss, match="现在不能写"):
        said("wu", at=moment(TODAY - timedelta(days=1), 23))
    last = moment(talk.last_day, 23, 59)
    said("wu", at=last)
    with pytest.raises(CannotDiscuss, match="现在不能写"):
        said("xia", at=last + timedelta(minutes=1))
    discussions.close(talk, by=leader, at=last)
    with pytest.raises(CannotDiscuss, match="已结束"):
        said("xia", at=last)


def test_an_answer_is_rewritten_in_the_open(city, said):
    own, wu = said("wu"), city.actor("wu")

    answers.edit(own, "从真理标准讨论开始。", seen=0, by=wu, at=LATER)
    row = answers.edit(own, "两者都是。", seen=1, by=wu, at=LATER + timedelta(hours=1))

    assert (row.text, row.edits, row.said_at) == ("两者都是。", 2, NOW)
    kept = list(row.versions.values_list("number", "text", "since", "until"))
    assert kept == [
        (1, "从十一届三中全会开始。", NOW, LATER),
        (2, "从真理标准讨论开始。", LATER, LATER + timedelta(hours=1)),
    ]


def test_rewriting_with_the_same_text_or_over_a_newer_one_writes_nothing(city, said, talk, leader):
    own, wu = said("wu"), city.actor("wu")
    assert answers.edit(own, own.text, seen=0, by=wu, at=LATER).edits == 0
    answers.edit(own, "新的", seen=0, by=wu, at=LATER)
    with pytest.raises(Conflict):
        answers.edit(own, "旧页面上写的", seen=0, by=wu, at=LATER)
    with pytest.raises(CannotDiscuss, match="自己的"):
        answers.edit(own, "替别人写", seen=1, by=city.actor("xia"), at=LATER)
    discussions.close(talk, by=leader, at=LATER)
    with pytest.raises(CannotDiscuss, match="已结束"):
        answers.edit(own, "晚了", seen=1, by=wu, at=LATER)
    assert AnswerVersion.objects.count() == 1


def test_replies_are_for_the_group_and_whoever_arranges_and_can_be_closed(
    city, said, talk, leader, secretary
):
    own = said("wu")
    first = answers.reply(own, "同意", by=leader, at=NOW)
    assert answers.reply(own, "同意", by=leader, at=LATER) == first
    answers.reply(own, "写得好", by=secretary, at=NOW)
    with pytest.raises(CannotDiscuss, match="不在这个学习群"):
        answers.reply(own, "我也说一句", by=city.actor("zheng"), at=NOW)
    with pytest.raises(Refusal, match="最多 500 字"):
        answers.reply(own, "长" * 501, by=leader, at=NOW)

    discussions.close_replies(talk, by=leader, at=NOW)
    with pytest.raises(CannotDiscuss, match="关闭回复"):
        answers.reply(own, "还有", by=city.actor("xia"), at=NOW)
    discussions.open_replies(talk, by=leader, at=NOW)
    answers.reply(own, "还有", by=city.actor("xia"), at=NOW)
    assert own.replies.count() == 3

    discussions.close(talk, by=leader, at=NOW)
    with pytest.raises(CannotDiscuss, match="不再有回复"):
        discussions.close_replies(talk, by=leader, at=NOW)


# --- Mentions --------------------------------------------------------------------------------


def test_a_mention_is_told_once_however_often_the_text_is_rewritten(city, said):
    own, wu = said("wu", "@夏青禾 怎么看？＠吴远舟 @林小满"), city.actor("wu")
    answers.edit(own, "@夏青禾 您怎么看？", seen=0, by=wu, at=LATER)

    assert told(city.people["xia"], "mention:") == 1
    assert told(city.people["lin"], "mention:") == 1
    assert told(city.people["wu"], "mention:") == 0  # oneself

    answers.edit(own, "大家怎么看？", seen=1, by=wu, at=LATER)
    answers.reply(own, "@夏青禾 请看", by=city.actor("lin"), at=LATER)
    assert told(city.people["xia"], "mention:") == 2


def test_of_two_names_the_longer_is_meant_and_of_namesakes_all(city):
    short, long, same = (city.enrol(city.jia, n) for n in ("王小", "王小明", "王小明"))
    assert mentions.named("@王小明，@王小 和 王小明", [short, long, same]) == [long, same, short]
    assert mentions.named("a@王 @", [short, long]) == []


def test_a_mention_names_nobody_in_the_message(city, said):
    said("wu", "@夏青禾 请看")
    letter = Message.objects.get(member=city.people["xia"], key__startswith="mention:")
    assert "吴远舟" not in letter.title + letter.text


# --- Moderation ------------------------------------------------------------------------------


def test_a_report_is_kept_or_hidden_and_those_concerned_are_told(city, said, leader):
    own, xia = said("wu"), city.actor("xia")
    report = moderation.report(own, "跑题", by=xia, at=NOW)
    assert moderation.report(own, "跑题了", by=xia, at=LATER) == report
    assert told(city.people["lin"], "report:") == 1

    kept = moderation.keep(report, "没有跑题", by=leader, at=LATER)
    assert (kept.state, kept.note, kept.decided_by) == ("kept", "没有跑题", leader.member)
    assert told(city.people["xia"], "reported:") == 1
    with pytest.raises(Refusal, match="已经处理过"):
        moderation.keep(report, "再说一次", by=leader, at=LATER)

    moderation.report(own, "还是跑题", by=xia, at=LATER)
    hidden = moderation.hide(own, "与题目无关", by=leader, at=LATER)
    assert (hidden.text, hidden.hidden_reason) == ("从十一届三中全会开始。", "与题目无关")
    assert told(city.people["wu"], "hidden:") == 1
    assert list(Report.objects.values_list("state", flat=True)) == ["kept", "hidden"]


def test_what_is_hidden_is_neither_rewritten_nor_replied_to_until_it_is_shown(city, said, leader):
    own, wu = said("wu"), city.actor("wu")
    moderation.hide(own, "待核实", by=leader, at=NOW)
    with pytest.raises(Refusal, match="已经隐藏"):
        moderation.hide(own, "再隐藏", by=leader, at=NOW)
    with pytest.raises(Refusal, match="已经隐藏"):
        moderation.report(own, "不妥", by=city.actor("xia"), at=NOW)
    with pytest.raises(CannotDiscuss, match="已被隐藏"):
        answers.edit(own, "改", seen=0, by=wu, at=NOW)
    with pytest.raises(CannotDiscuss, match="已被隐藏"):
        answers.reply(own, "回", by=leader, at=NOW)

    moderation.show(own, by=leader, at=LATER)
    assert answers.edit(own, "改", seen=0, by=wu, at=LATER).hidden_reason == ""


def test_nobody_judges_or_reports_their_own_text(city, said, leader, secretary):
    own = said("lin")
    report = moderation.report(own, "不妥", by=city.actor("xia"), at=NOW)
    assert told(city.people["lin"], "report:") == 0
    assert told(secretary.member, "report:") == 1
    for act in (
        lambda: moderation.keep(report, "我看可以", by=leader, at=NOW),
        lambda: moderation.hide(own, "藏", by=leader, at=NOW),
        lambda: moderation.show(own, by=leader, at=NOW),
    ):
        with pytest.raises(NotYourself):
            act()
    with pytest.raises(Refusal, match="自己写的"):
        moderation.report(own, "不妥", by=leader, at=NOW)
    assert moderation.keep(report, "可以", by=secretary, at=NOW).state == "kept"


@pytest.mark.parametrize(("place", "who"), [("jia", "zhou"), ("county", "gao")])
def test_where_the_leader_has_left_the_register_the_organisers_people_are_told(
    city, talk, said, place, who
):
    own, xia = said("wu"), city.actor("xia")
    Discussion.objects.filter(pk=talk.pk).update(organiser=getattr(city, place))
    members.leave(city.people["lin"], on=TODAY, by=city.by, at=NOW)
    report = moderation.report(own, "不妥", by=xia, at=LATER)
    letters = Message.objects.filter(key=f"report:{report.pk}")
    assert [letter.member for letter in letters] == [city.people[who]]


@pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
def test_moderation_needs_a_reason(said, leader, city, reason):
    own = said("wu")
    report = moderation.report(own, "不妥", by=city.actor("xia"), at=NOW)
    for act in (moderation.hide, moderation.report):
        with pytest.raises(Refusal, match="理由"):
            act(own, reason, by=leader, at=NOW)
    with pytest.raises(Refusal, match="理由"):
        moderation.keep(report, reason, by=leader, at=NOW)


# --- Nothing said earns, and the database holds ----------------------------------------------


def test_nothing_but_recognition_earns(city, said, talk, leader):
    own = said("wu", "@林小满 我的看法")
    answers.edit(own, "改一改", seen=0, by=city.actor("wu"), at=NOW)
    answers.reply(own, "同意", by=leader, at=NOW)
    discussions.close(talk, by=leader, at=NOW)

    assert not Posting.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"title": ""},
        {"minutes": 0},
        {"minutes": 1441},
        {"last_day": TODAY - timedelta(days=1)},
        {"state": "closed"},
        {"state": "cancelled"},
        {"reason": "没有结束"},
    ],
)
def test_the_database_refuses_a_wrong_discussion(talk, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Discussion.objects.filter(pk=talk.pk).update(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"text": ""},
        {"state": "recognised"},
        {"hours": 100},
        {"reason": "无"},
        {"edits": 1},
        {"edited_at": NOW},
        {"hidden_at": NOW},
        {"hidden_reason": "理由"},
        {"asked": "请再看"},
        {"replied": "不用看"},
    ],
)
def test_the_database_refuses_a_wrong_answer(said, values):
    own = said("wu")
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.filter(pk=own.pk).update(**values)


def test_the_database_refuses_deciding_about_and_hiding_ones_own(said, city):
    own, wu, lin = said("wu"), city.people["wu"], city.people["lin"]
    decided = {"state": "recognised", "hours": 100, "decided_at": NOW}
    hidden = {"hidden_at": NOW, "hidden_reason": "理由"}
    rows = Answer.objects.filter(pk=own.pk)
    for values in ({**decided, "decided_by": wu}, {**hidden, "hidden_by": wu}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**values)
    assert rows.update(**decided, decided_by=lin, **hidden, hidden_by=lin) == 1


def test_the_database_refuses_a_second_answer_and_a_wrong_report(said, city):
    own = said("wu")
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.create(discussion=own.discussion, member=own.member, text="又", said_at=NOW)
    reply = Reply.objects.create(answer=own, member=city.people["lin"], text="回", said_at=NOW)
    common = {"discussion": own.discussion, "by": city.people["xia"], "at": NOW, "reason": "不妥"}
    for values in (
        {"answer": None},
        {"answer": own, "reply": reply},
        {"answer": own, "state": "kept"},
        {"answer": own, "reason": ""},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.create(**common | values)
    Report.objects.create(answer=own, **common)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.create(answer=own, **common)


def test_an_earlier_text_is_never_changed(said, city):
    own = said("wu")
    answers.edit(own, "新", seen=0, by=city.actor("wu"), at=LATER)
    for sql in ("UPDATE courses_answerversion SET text = 'x'", "DELETE FROM courses_answerversion"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
