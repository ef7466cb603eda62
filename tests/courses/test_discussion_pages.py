"""Pages of discussions: what each person sees and may do, and that nothing written is lost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from courses.models import Answer, Discussion, Push, Reply, Report
from courses.online import answers, discussions, moderation, push_kinds, recognition
from credits.models import LedgerEntry
from portal.access import scope_of
from tests.cast import NOW, TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]


@pytest.fixture
def said(city, talk):
    def answer(name="wu", text="从三中全会开始。"):
        return answers.answer(talk, text, by=city.actor(name), at=NOW)

    return answer


def see(browser, name, *args, status=200):
    response = browser.get(reverse(name, args=args))
    assert response.status_code == status
    return response.content.decode()


def send(browser, talk, status=200, page="detail", **data):
    response = browser.post(reverse(f"discussion-{page}", args=[talk.pk]), data, follow=True)
    assert response.status_code == status
    return response.content.decode()


# --- Who sees it -----------------------------------------------------------------------------


def test_members_leader_and_secretary_read_it_and_nobody_else(enter, talk, said):
    said("wu", "吴远舟的看法")
    for name in ("wu", "xia", "lin", "zhou"):
        browser = enter(name)
        assert "吴远舟的看法" in see(browser, "discussion-detail", talk.pk)
        assert talk.title in see(browser, "discussion-list")
    for name, status in (("zheng", 404), ("gao", 403), ("shi", 403)):
        browser = enter(name)
        see(browser, "discussion-detail", talk.pk, status=status)
        assert talk.title not in see(browser, "discussion-list")


def test_only_leader_and_secretary_run_it(enter, talk, study_group):
    for name in ("lin", "zhou"):
        browser = enter(name)
        assert "结束讨论，去认定" in see(browser, "discussion-detail", talk.pk)
        see(browser, "discussion-new", study_group.pk)
        see(browser, "discussion-recognise", talk.pk)
        see(browser, "discussion-reports", talk.pk)
    member = enter("wu")
    assert "结束讨论" not in see(member, "discussion-detail", talk.pk)
    see(member, "discussion-new", study_group.pk, status=404)
    for page in ("recognise", "reports", "run"):
        url = reverse(f"discussion-{page}", args=[talk.pk])
        assert member.post(url, {"act": "close"}).status_code == 404
    talk.refresh_from_db()
    assert talk.is_open


def test_whoever_left_sees_their_own_answer_alone(enter, city, talk, said, study_group):
    said("wu", "我的话")
    said("xia", "夏的话")
    study_group.people.filter(member=city.people["wu"]).update(until=NOW)
    browser = enter("wu")

    shown = see(browser, "discussion-detail", talk.pk)

    assert "我的话" in shown
    assert "您已不在这个学习群" in shown
    assert "夏的话" not in shown
    assert "夏青禾" not in shown
    assert talk.title not in see(browser, "discussion-list")
    assert browser.post(
        reverse("discussion-detail", args=[talk.pk]), {"act": "edit", "text": "改", "seen": "0"}
    ).status_code == 403  # fmt: skip


def test_who_left_without_an_answer_sees_nothing(enter, city, talk, study_group):
    study_group.people.filter(member=city.people["wu"]).update(until=NOW)
    see(enter("wu"), "discussion-detail", talk.pk, status=404)


# --- Saying something ------------------------------------------------------------------------


def test_a_question_is_asked_in_one_form(enter, study_group):
    browser, url = enter("lin"), reverse("discussion-new", args=[study_group.pk])
    data = {"title": "怎么学", "text": "", "first_day": TODAY, "last_day": TODAY, "minutes": 5,
            "form": "online", "period": "reform"}  # fmt: skip
    refused = browser.post(url, data)
    assert refused.status_code == 422
    assert "至少 12 分钟" in refused.content.decode()

    browser.post(url, data | {"minutes": 45})

    assert Discussion.objects.get().title == "怎么学"


def test_answering_rewriting_and_replying(enter, talk):
    wu, lin = enter("wu"), enter("lin")
    assert "已提交" in send(wu, talk, act="answer", text="第一稿")
    assert "已修改" in send(wu, talk, act="edit", text="第二稿", seen="0")
    own = Answer.objects.get()
    assert "已回复" in send(lin, talk, act="reply", to=own.place, text="同意")

    shown = see(enter("xia"), "discussion-detail", talk.pk)

    for word in ("第二稿", "修改过", "第一稿", "同意", "林小满"):
        assert word in shown


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"act": "answer", "text": "长" * 2001}, "最多 2000 字"),
        ({"act": "reply", "text": "长" * 501}, "最多 500 字"),
        ({"act": "report", "text": "长" * 201}, "最多 200 字"),
    ],
)
def test_what_was_written_stays_where_it_is_refused(enter, talk, said, data, why):
    own = said("wu")
    shown = send(enter("xia"), talk, status=422, to=own.place, **data)
    assert why in shown
    assert data["text"] in shown
    assert "没有保存" not in shown


def test_what_was_written_is_given_back_where_no_form_takes_it_any_more(enter, talk, leader, said):
    own = said("xia")
    discussions.close(talk, by=leader, at=NOW)
    wu = enter("wu")
    for data in ({"act": "answer"}, {"act": "reply", "to": own.place}):
        shown = send(wu, talk, status=422, text="写了半天的话", **data)
        assert "已结束" in shown
        assert "没有保存。您写的内容" in shown
        assert "写了半天的话" in shown
    assert Reply.objects.count() == 0


def test_an_older_page_does_not_overwrite(enter, talk, said):
    said("wu")
    wu = enter("wu")
    send(wu, talk, act="edit", text="新的", seen="0")
    shown = send(wu, talk, status=422, act="edit", text="旧页面的", seen="0")
    assert "旧页面的" in shown
    assert Answer.objects.get().text == "新的"
    assert "请在页面上选择" in send(wu, talk, status=422, act="", text="")
    assert "没有这个回答" in send(wu, talk, status=422, act="reply", to="answer-0", text="回")


def test_an_expired_sign_in_leads_back_to_the_page(client, talk):
    url = reverse("discussion-detail", args=[talk.pk])
    response = client.post(url, {"act": "answer", "text": "写好的"})
    assert response.status_code == 302
    assert response.headers["Location"].endswith(f"next={url}")  # which a GET answers
    shown = client.get(url, follow=True)
    assert shown.status_code == 200


def test_a_draft_is_named_by_its_writer(enter, city, talk, said):
    own = said("xia")
    shown = see(enter("wu"), "discussion-detail", talk.pk)
    pk = city.people["wu"].pk
    assert f'data-draft="{pk}-{talk.pk}-answer"' in shown
    assert f'data-draft="{pk}-{own.place}-reply"' in shown


# --- Hidden and reported ---------------------------------------------------------------------


def test_a_hidden_text_is_for_its_author_and_whoever_runs_it(enter, talk, said, leader):
    own = said("wu", "不妥的话")
    reply = answers.reply(own, "不妥的回复", by=leader, at=NOW)
    moderation.hide(own, "与题目无关", by=leader, at=NOW)

    stranger = see(enter("xia"), "discussion-detail", talk.pk)
    assert "不妥的话" not in stranger
    assert "这个回答已被隐藏" in stranger
    for name in ("wu", "lin", "zhou"):
        shown = see(enter(name), "discussion-detail", talk.pk)
        assert "不妥的话" in shown
        assert "与题目无关" in shown
    assert reply.text in stranger


def test_earlier_texts_of_a_hidden_answer_are_hidden_too(enter, city, talk, said, leader):
    own = said("wu", "第一稿不妥")
    answers.edit(own, "第二稿", seen=0, by=city.actor("wu"), at=NOW)
    moderation.hide(own, "不妥", by=leader, at=NOW)
    shown = see(enter("xia"), "discussion-detail", talk.pk)
    assert "第一稿不妥" not in shown
    assert "第二稿" not in shown


def test_a_report_is_decided_on_its_page(enter, talk, said):
    own = said("wu")
    assert "已举报" in send(enter("xia"), talk, act="report", to=own.place, text="跑题")
    lin = enter("lin")
    assert "1 条待处理" in see(lin, "discussion-detail", talk.pk)
    page = see(lin, "discussion-reports", talk.pk)
    assert "跑题" in page
    report = Report.objects.get()
    assert "请写明" in send(lin, talk, page="reports", act="keep", report=report.pk)

    assert "已隐藏" in send(lin, talk, page="reports", act="hide", to=own.place, reason="跑题")
    assert "已恢复显示" in send(lin, talk, page="reports", act="show", to=own.place)
    assert "请在页面上选择" in send(lin, talk, page="reports", act="hide", to="x-1", reason="跑")
    assert "没有这条举报" in send(lin, talk, page="reports", act="keep", report="0", reason="跑")
    assert Report.objects.get().state == "hidden"


def test_an_author_does_not_learn_who_reported(enter, talk, said):
    own = said("lin")
    send(enter("xia"), talk, act="report", to=own.place, text="跑题")
    assert "夏青禾" not in see(enter("lin"), "discussion-reports", talk.pk)
    assert "夏青禾" in see(enter("zhou"), "discussion-reports", talk.pk)


def test_the_list_asks_those_in_the_group_alone_to_answer(enter, talk, said):
    for name, word in (("wu", "去回答"), ("lin", "去回答"), ("zhou", "看讨论")):
        assert word in see(enter(name), "discussion-list")
    assert "去回答" not in see(enter("zhou"), "discussion-list")
    said("wu")
    assert "去回答" not in see(enter("wu"), "discussion-list")


def test_texts_of_another_discussion_are_not_reached(
    enter, talk, said, study_group, programme, question, leader
):
    own = said("wu")
    other = discussions.ask(study_group, programme, question("另一题"), by=leader, at=NOW)
    assert "请在页面上选择" in send(
        enter("lin"), other, page="reports", act="hide", to=own.place, reason="错"
    )
    assert "没有这个回答" in send(
        enter("xia"), other, status=422, act="reply", to=own.place, text="回"
    )
    own.refresh_from_db()
    assert not own.is_hidden


# --- Recognised ------------------------------------------------------------------------------


def test_the_usual_case_is_two_taps(enter, talk, said):
    said("wu")
    said("xia")
    lin = enter("lin")

    shown = send(lin, talk, page="run", act="close")
    assert "全部认定（2 个）" in shown
    shown = send(lin, talk, page="recognise", act="all")

    assert "已认定 2 个回答" in shown
    assert LedgerEntry.objects.count() == 2
    assert "没有等待认定" in send(lin, talk, page="recognise", act="all")


def test_ones_own_answer_is_left_to_the_secretary(enter, talk, said):
    own = said("lin")
    lin = enter("lin")
    shown = send(lin, talk, page="run", act="close")
    assert "您自己的回答不由您认定" in shown
    assert f'value="{own.pk}"' not in shown
    shown = send(lin, talk, page="recognise", act="recognise", row=own.pk)
    assert "不能处理自己写的内容" in shown

    assert "已认定 1 个回答" in send(enter("zhou"), talk, page="recognise", act="all")


def test_declining_taking_back_and_replying_on_the_page(enter, talk, said):
    own = said("wu")
    lin, wu = enter("lin"), enter("wu")
    send(lin, talk, page="run", act="close")
    assert "请先勾选" in send(lin, talk, page="recognise", act="recognise")
    refused = send(lin, talk, page="recognise", act="decline", row=own.pk)
    assert "请写明不认定的理由" in refused
    assert f'value="{own.pk}" data-chosen checked' in refused
    assert "data-chosen checked" not in see(lin, "discussion-recognise", talk.pk)
    forgotten = send(lin, talk, page="recognise", act="decline", reason="太短")
    assert 'name="reason" value="太短"' in forgotten
    send(lin, talk, page="recognise", act="decline", row=own.pk, reason="太短")
    assert "太短" in see(wu, "discussion-detail", talk.pk)
    assert "已请求复核" in send(wu, talk, act="ask", text="写了三点")
    assert "写了三点" in see(lin, "discussion-recognise", talk.pk)
    assert "已答复" in send(
        lin, talk, page="recognise", act="respond", row=own.pk, reason="仍不认定"
    )
    assert "仍不认定" in see(wu, "discussion-detail", talk.pk)
    assert "已认定 1 个" in send(lin, talk, page="recognise", act="recognise", row=own.pk)
    assert "已收回 1 个" in send(
        lin, talk, page="recognise", act="take_back", row=own.pk, reason="重复"
    )


def test_the_line_leads_to_the_discussion(enter, talk, said, leader):
    rows = [said("wu")]
    discussions.close(talk, by=leader, at=NOW)
    recognition.recognise(talk, rows, by=leader, at=NOW)
    wu = enter("wu")
    source = reverse("source", args=["discussion", talk.key])

    assert source in see(wu, "my-hours")
    assert wu.get(source).headers["Location"] == reverse("discussion-detail", args=[talk.pk])
    assert enter("zheng").get(source).status_code == 404


def test_a_query_about_its_line_leads_the_secretary_to_the_answer(enter, talk, said, leader):
    """Among all that were given, it is ticked."""
    rows = [said("wu")]
    other = said("xia")
    discussions.close(talk, by=leader, at=NOW)
    recognition.recognise(talk, rows, by=leader, at=NOW)
    entry = LedgerEntry.objects.get()
    enter("wu").post(reverse("line-ask"), {"entry": entry.pk, "reason": "length"})

    zhou = enter("zhou")
    shown = see(zhou, "query-list")
    address = reverse("discussion-recognise", args=[talk.pk])
    [link] = re.findall(f'href="({address}[^"]*)"', shown)
    page = zhou.get(link).content.decode()

    assert link.endswith(f"#m{rows[0].member_id}")
    assert f'<li id="m{rows[0].member_id}">' in page
    assert f'value="{rows[0].pk}" data-chosen checked' in page
    assert f'value="{other.pk}" data-chosen checked' not in page


def test_a_running_discussion_is_pushed_by_who_runs_it_and_opened_by_who_reads_it(
    city, talk, leader
):
    def scope(name):
        return scope_of(city.people[name], at=NOW)

    name = f"discussion-{talk.pk}"
    thing = push_kinds.find(name, scope("zhou"), NOW)
    assert thing is not None
    assert (thing.title, thing.link) == (
        "改革开放从哪里开始（6月10日（周四）截止）", f"/discussions/{talk.pk}/"
    )  # fmt: skip
    assert push_kinds.find(name, scope("zheng"), NOW) is None
    push = Push(kind="discussion", target=talk.pk, link=thing.link)
    assert push_kinds.leads_to(push, scope("wu"), NOW) == thing.link
    assert push_kinds.leads_to(push, scope("zheng"), NOW) == ""

    discussions.close(talk, by=leader, at=NOW)
    assert push_kinds.find(name, scope("zhou"), NOW) is None


def test_the_list_begins_with_what_waits_to_be_recognised(
    enter, study_group, programme, talk, said, leader, question
):
    said("wu")
    discussions.close(talk, by=leader, at=NOW)
    later = question("下一题", last_day=TODAY + timedelta(days=20))
    discussions.ask(study_group, programme, later, by=leader, at=NOW)

    shown = see(enter("zhou"), "discussion-list")
    assert shown.index(talk.title) < shown.index("等待您认定") < shown.index("下一题")
    assert shown.count("等待您认定") == 1
    shown = see(enter("wu"), "discussion-list")
    assert shown.index("下一题") < shown.index(talk.title)
    assert "等待您认定" not in shown


# --- Calling off, and how much it costs ------------------------------------------------------


def test_running_it_says_what_is_wrong(enter, talk):
    lin = enter("lin")
    assert "请在页面上选择" in send(lin, talk, page="run", act="x")
    assert "已关闭回复" in send(lin, talk, page="run", act="close_replies")
    assert "已开放回复" in send(lin, talk, page="run", act="open_replies")
    assert "请写明取消的原因" in send(lin, talk, page="run", act="cancel")
    assert "讨论已取消" in send(lin, talk, page="run", act="cancel", reason="重复")


@pytest.mark.parametrize("page", ["discussion-detail", "discussion-recognise"])
def test_queries_do_not_grow_with_answers(
    enter, city, talk, study_group, said, page, django_assert_max_num_queries
):
    lin, url = enter("lin"), reverse(page, args=[talk.pk])
    for name in ("wu", "xia"):
        answers.reply(said(name), "回", by=city.actor("lin"), at=NOW)
    with django_assert_max_num_queries(40) as few:
        lin.get(url)
    for n in range(6):
        city.people[f"p{n}"] = city.enrol(city.jia)
        study_group.people.create(member=city.people[f"p{n}"], since=NOW - timedelta(days=1))
        own = said(f"p{n}", f"看法{n}")
        answers.reply(own, "回", by=city.actor("lin"), at=NOW)
        answers.edit(own, "改", seen=0, by=city.actor(f"p{n}"), at=NOW)
    with django_assert_max_num_queries(len(few)):
        lin.get(url)
