"""Bulletins: drawn up from figures, published once as an immutable number with four views."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from credits import bulletins, ledger, verification
from credits.ledger import Source
from credits.models import Bulletin, BulletinRow, BulletinText, Posting, View
from portal import members, organizations, reorganizations, triggers
from portal.models import AuditEvent, Cohort
from portal.refusals import Conflict, Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.credits.conftest import earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]


@pytest.fixture
def shi(city):
    return city.actor("shi", "official")


@pytest.fixture
def publish(shi):
    def make(programme, *, title="关于学习进度的通报", at=NOW, cohorts=COHORTS, texts=None):
        draft = bulletins.draw_up(programme, title=title, cohorts=cohorts, by=shi, at=at)
        if texts:
            draft = bulletins.edit(draft, title=title, texts=texts, seen_version=draft.version,
                                   by=shi, at=at)  # fmt: skip
        return bulletins.publish(draft, seen_version=draft.version, by=shi, at=at)

    return make


def shown(bulletin):
    return list(bulletin.rows.order_by("pk").values_list(*bulletins.FIGURES))


def test_a_draft_has_a_text_for_each_view_from_todays_figures(city, programme, complete, shi, lin):
    complete(programme, lin)

    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=NOW)

    assert set(draft.texts) == set(View.values)
    assert "应学党员 8 人" in draft.texts[View.OPENING]
    assert "学满 1 人，学满率 12.5%" in draft.texts[View.OPENING]
    assert "青川县" in draft.texts[View.COMPARE]
    assert draft.texts[View.LEARN] == "各系统学满率最高、自己开展活动的单位：青川县。"
    assert draft.texts[View.CHASE] == "本期为首期，进步情况自下期起通报。"
    assert draft.texts[View.SURPASS] == "本期为首期，名次变化自下期起通报。"


def test_publishing_numbers_each_year_and_keeps_figures_texts_and_heads(
    city, programme, complete, publish, lin
):
    complete(programme, lin)

    first = publish(programme, texts={View.LEARN: "向青川县学习。"})
    second = publish(programme)

    assert (first.year, first.number, second.number) == (2021, 1, 2)
    assert second.previous == first
    assert first.document == "测试文件〔2021〕1号"
    assert first.heads == {"dsxx-2021/YL-QC-1": {"sequence": 4, "digest": first.heads[
        "dsxx-2021/YL-QC-1"]["digest"]}}  # fmt: skip
    assert first.texts.get(view=View.LEARN).text == "向青川县学习。"
    assert first.texts.count() == 5
    [county] = first.rows.filter(cohort=Cohort.COUNTY)
    assert (county.due, county.completed, county.hours, county.sessions, county.rank) == (
        4, 1, 2400, 4, 1,
    )  # fmt: skip
    assert bulletins.digest_of(first) == first.digest


def test_a_session_counts_as_long_as_a_line_of_it_is_live(city, programme, post, lin, zhou):
    """Three held; one is corrected and still credits somebody, one is taken back wholly."""
    for number in range(3):
        post(programme, earn(lin, day=days_ago(number)), earn(zhou, day=days_ago(number)),
             key=f"s{number}")  # fmt: skip
    post(programme, earn(lin, 45, hour=14), kind="log")
    for key, gone, again in (("s0", [lin], []), ("s1", [lin, zhou], []), ("s0", [zhou], [lin])):
        ledger.correct(
            programme, Source("session", key, "活动"), organiser=city.jia, withdraw=gone,
            revision=Posting.objects.filter(key=key).count() + 1, reason="更正",
            credits=[earn(m) for m in again], by=city.by, at=NOW,
        )  # fmt: skip

    [county] = bulletins.figures(programme, COHORTS).of(Cohort.COUNTY)

    assert county.sessions == 2


def test_the_four_views_compare_with_the_number_before(city, programme, complete, publish, shi,
                                                        found_two):  # fmt: skip
    (_, branch_one, person_one), (_, branch_two, person_two) = found_two
    complete(programme, person_one, organiser=branch_one)
    publish(programme, cohorts=[Cohort.ENTERPRISE])  # one is first, two second
    complete(programme, person_two, city.enrol(branch_two), organiser=branch_two)
    for _ in range(2):
        city.enrol(branch_one)  # one falls to a third

    draft = bulletins.draw_up(programme, title="通报", cohorts=[Cohort.ENTERPRISE], by=shi, at=NOW)

    texts = draft.texts
    assert "企业二学满率 100.0%，列第 1" in texts[View.COMPARE]
    assert "企业二" in texts[View.LEARN]
    assert texts[View.CHASE] == "与第 1 期相比，企业二提高 100.0 个百分点。"
    assert texts[View.SURPASS] == "与第 1 期相比，名次上升最多的单位：企业二。"
    assert "较第 1 期" in texts[View.OPENING]


@pytest.fixture
def found_two(city):
    from portal.models import Organization
    from portal.organizations import Founding
    from tests.cast import BEFORE

    made = []
    for number, name in ((1, "企业一"), (2, "企业二")):
        unit = organizations.found(
            Founding(f"YL-E{number}", f"{name}党委", Organization.Kind.COMMITTEE, city.root,
                     BEFORE.date(), short_name=name, cohort=Cohort.ENTERPRISE, is_unit=True),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        branch = organizations.found(
            Founding(f"YL-E{number}-1", f"{name}支部", Organization.Kind.BRANCH, unit,
                     BEFORE.date()),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        made.append((unit, branch, city.enrol(branch)))
    return made


def test_mistake_17_a_correction_leaves_a_published_number_as_it_was(
    city, programme, complete, publish, lin
):
    keys = complete(programme, lin)
    bulletin = publish(programme)
    before = shown(bulletin)

    ledger.correct(programme, Source("session", keys[0], "x"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[earn(lin, 45, day=days_ago(1), period="reform")],
                   reason="误记", by=city.by, at=moment(days_ago(-3)))  # fmt: skip

    assert shown(Bulletin.objects.get(pk=bulletin.pk)) == before
    posting = Posting.objects.latest("pk")
    assert posting.at == moment(days_ago(-3))
    assert standing_of(programme, lin).recognised == 1900
    assert verification.verify(at=NOW).problems == []


def test_mistake_28_renamed_merged_and_dissolved_units_leave_old_numbers_verifiable(
    city, programme, complete, publish, lin
):
    complete(programme, lin)
    bulletin = publish(programme)
    before = shown(bulletin)

    organizations.rename(
        city.county, name="中共新川县委员会", short_name="新川县", on=TODAY, by=city.by, at=NOW
    )
    reorganizations.merge(city.yi, into=city.jia, on=TODAY, by=city.by, at=NOW)
    for name in ("gao", "shi", "xun"):
        members.transfer(city.people[name], city.jia, on=TODAY, by=city.by, at=NOW)
    members.leave(lin, on=TODAY, by=city.by, at=NOW)

    again = Bulletin.objects.get(pk=bulletin.pk)
    assert shown(again) == before
    assert again.rows.get(cohort=Cohort.COUNTY).unit_name == "青川县"
    assert bulletins.digest_of(again) == again.digest
    assert verification.verify(at=NOW).problems == []


def test_a_draft_that_changed_after_the_preview_is_not_published(programme, shi):
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=NOW)
    bulletins.edit(draft, title="新", texts={}, seen_version=draft.version, by=shi, at=NOW)

    with pytest.raises(Conflict):
        bulletins.publish(draft, seen_version=draft.version, by=shi, at=NOW)
    with pytest.raises(Conflict):
        bulletins.edit(draft, title="另", texts={}, seen_version=draft.version, by=shi, at=NOW)

    assert Bulletin.objects.count() == 0


def test_publishing_twice_gives_one_number(programme, shi):
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=NOW)
    bulletins.publish(draft, seen_version=draft.version, by=shi, at=NOW)

    with pytest.raises(bulletins.NotADraft):
        bulletins.publish(draft, seen_version=draft.version, by=shi, at=NOW)

    assert Bulletin.objects.count() == 1


def test_redrafting_replaces_texts_by_the_present_figures(programme, complete, shi, lin):
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=NOW)
    complete(programme, lin)

    draft = bulletins.redraft(draft, by=shi, at=NOW)

    assert "学满 1 人" in draft.texts[View.OPENING]


def test_a_withdrawn_number_stays_and_is_replaced_by_a_later_one(programme, publish, shi):
    first = publish(programme)

    with pytest.raises(Refusal, match="理由"):
        bulletins.withdraw(first, reason=" ", by=shi, at=NOW)
    bulletins.withdraw(first, reason="数据有误", by=shi, at=NOW)
    with pytest.raises(Refusal, match="已经撤回"):
        bulletins.withdraw(first, reason="再撤", by=shi, at=NOW)
    second = publish(programme)

    assert (second.number, second.previous) == (2, None)
    assert Bulletin.objects.filter(pk=first.pk).exists()
    said = AuditEvent.objects.filter(event=AuditEvent.Event.BULLETIN)
    assert said.filter(subject__startswith="撤回").count() == 1


def test_numbers_begin_anew_each_year(programme, publish, shi):
    from datetime import date

    publish(programme)

    assert publish(programme, at=moment(date(2022, 1, 4))).number == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("credits_bulletin", "title"),
        ("credits_bulletinrow", "completed"),
        ("credits_bulletintext", "text"),
        ("credits_bulletinwithdrawal", "reason"),
        ("credits_ledgerentry", "hours"),
        ("credits_posting", "at"),
        ("credits_rankingpermit", "document"),
        ("portal_auditevent", "subject"),
    ],
)
@pytest.mark.parametrize("verb", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_raw_updates_and_deletes_are_refused_by_the_database(
    programme, complete, publish, shi, lin, table, column, verb
):
    complete(programme, lin)
    bulletins.withdraw(publish(programme), reason="有误", by=shi, at=NOW)

    refused = pytest.raises(IntegrityError, match="insert-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb.format(table, column))


def test_a_number_changed_behind_its_guard_is_found_by_verification(programme, publish):
    bulletin = publish(programme)
    triggers.lift(connection, "credits_bulletinrow")
    BulletinRow.objects.filter(bulletin=bulletin).update(due=99)
    triggers.install(connection)

    [problem] = verification.verify(at=NOW).problems

    assert problem.kind == "bulletin"
    assert "2021 年第 1 期" in problem.message


def test_a_text_changed_behind_its_guard_is_found_too(programme, publish):
    bulletin = publish(programme)
    triggers.lift(connection, "credits_bulletintext")
    BulletinText.objects.filter(bulletin=bulletin, view=View.LEARN).update(text="改")
    triggers.install(connection)

    assert [p.kind for p in verification.verify(at=NOW).problems] == ["bulletin"]


def test_the_chain_is_held_against_the_heads_of_published_numbers(
    city, programme, complete, publish, lin
):
    """The tail is cut off with the book's head, before anybody verified: the bulletin knows."""
    complete(programme, lin)
    publish(programme)
    last = Posting.objects.latest("pk")
    before = Posting.objects.get(book=last.book, sequence=last.sequence - 1)
    for table in ("credits_ledgerentry", "credits_posting"):
        triggers.lift(connection, table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM credits_creditedtime WHERE entry_id IN "
            f"(SELECT id FROM credits_ledgerentry WHERE posting_id = {last.pk})"
        )
        cursor.execute(f"DELETE FROM credits_ledgerentry WHERE posting_id = {last.pk}")
        cursor.execute(f"DELETE FROM credits_posting WHERE id = {last.pk}")
    type(last.book).objects.update(last_sequence=before.sequence, last_digest=before.digest)
    triggers.install(connection)

    problems = verification.verify(at=NOW).problems

    [head] = [p for p in problems if p.kind == "head"]
    assert "积分通报 2021 年第 1 期" in head.message
    assert (head.programme, head.book) == ("dsxx-2021", "YL-QC-1")
    assert any("林小满" in p.member for p in problems if p.kind == "total")


def test_mistake_26_no_person_stands_in_a_bulletin(city, programme, complete, publish, enter,
                                                    evening, lin):  # fmt: skip
    complete(programme, lin)
    bulletin = publish(programme)

    for name in ("wu", "gao"):
        page = enter(name).get(reverse("bulletin-detail", args=[bulletin.pk]))
        text = page.content.decode()
        main = text.partition("<main")[2]
        assert page.status_code == 200
        others = {p.name for k, p in city.people.items() if k != name}
        assert not any(person in main for person in others)
    assert not any(p.name in str(shown(bulletin)) for p in city.people.values())


def test_a_number_that_was_seen_is_sent_again_only_after_it_was_withdrawn(
    programme, publish, shi, enter, evening
):
    bulletin, reader = publish(programme), enter("lin")
    ask = reverse("bulletin-detail", args=[bulletin.pk])
    reader.get(ask)  # brings the cookie of forms
    tag = reader.get(ask)["ETag"]
    assert reader.get(ask, HTTP_IF_NONE_MATCH=tag).status_code == 304

    bulletins.withdraw(bulletin, reason="数据有误", by=shi, at=NOW)

    again = reader.get(ask, HTTP_IF_NONE_MATCH=tag)
    assert again.status_code == 200
    assert "数据有误" in again.content.decode()


def test_a_withdrawn_number_says_so_on_its_page(programme, publish, shi, enter, evening):
    bulletin = publish(programme)
    bulletins.withdraw(bulletin, reason="数据有误", by=shi, at=NOW)

    text = enter("lin").get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()

    assert "撤回" in text
    assert "数据有误" in text
