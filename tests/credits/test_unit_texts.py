"""What units to learn from write of themselves: their own, until publishing, then for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from credits import (
    bulletin_desk,
    bulletin_digests,
    bulletins,
    digests,
    papers,
    registers,
    unit_texts,
    verification,
)
from credits.models import Bulletin, BulletinUnitText, UnitText, UnitTextRequest, View
from credits.models.unit_text import LONGEST
from portal import appointments, triggers
from portal.models import AuditEvent, Cohort, Message, Role
from portal.refusals import Conflict, NotAllowed, Refusal
from tests.cast import NOW, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]
LATER = NOW + timedelta(hours=1)
TEXT = "读书班移到值班室，分三班开，倒班的党员一个不落"


@pytest.fixture
def shi(city):
    return city.actor("shi", "official")


@pytest.fixture
def gao(city):
    """The county's official, who writes for the county."""
    return city.actor("gao", "official")


@pytest.fixture
def bu(city):
    """The secretary of the bureau's only branch: the bureau has no official of its own."""
    city.people["bu"] = city.enrol(city.bing, "布文化")
    appointments.appoint(
        city.people["bu"], Role.SECRETARY, city.bing, since=days_ago(99), by=city.by, at=NOW
    )
    return city.actor("bu", "secretary")


@pytest.fixture
def studied(city, programme, complete):
    """Somebody has completed in the county and in the bureau, at sessions of their own."""
    complete(programme, city.people["lin"])
    complete(programme, city.people["xun"], organiser=city.bing)


@pytest.fixture
def draft(programme, studied, bu, shi):
    return bulletins.draw_up(programme, title="六月通报", cohorts=COHORTS, by=shi, at=NOW)


@pytest.fixture
def county(city, draft):
    return asked(draft, city.county)


@pytest.fixture
def bureau(city, draft):
    return asked(draft, city.bureau)


def asked(draft, unit):
    return draft.text_requests.select_related("draft", "unit").get(unit=unit)


def published(draft, shi, **seen):
    draft.refresh_from_db()
    return bulletins.publish(draft, seen_version=draft.version, by=shi, at=LATER, **seen)


def texts_of(bulletin):
    return {t.unit_code: t.text for t in bulletin.unit_texts.all()}


# --- Asking -------------------------------------------------------------------------------------


def test_each_named_unit_is_asked_where_its_people_are_appointed(city, county, bureau):
    assert (county.seat_id, bureau.seat_id) == (city.county.pk, city.bing.pk)
    told = {m.member.name: m for m in Message.objects.filter(key__startswith="unit-text:")}
    assert set(told) == {"高望川", "布文化"}
    assert told["布文化"].link == reverse("unit-text", args=[bureau.pk])
    assert "青川县" not in told["布文化"].text
    assert AuditEvent.objects.filter(subject="请单位写做法：六月通报").count() == 1


def test_a_unit_is_asked_once_and_one_that_comes_in_later_by_redrafting(
    city, programme, complete, bu, shi
):
    complete(programme, city.people["lin"])
    draft = bulletins.draw_up(programme, title="六月通报", cohorts=COHORTS, by=shi, at=NOW)
    assert [r.unit_id for r in draft.text_requests.all()] == [city.county.pk]

    complete(programme, city.people["xun"], organiser=city.bing)
    for _ in range(2):
        bulletins.redraft(draft, by=shi, at=LATER)

    assert [r.unit_id for r in draft.text_requests.all()] == [city.county.pk, city.bureau.pk]
    assert Message.objects.filter(key__startswith="unit-text:").count() == 2


def test_of_a_past_cut_off_units_are_asked_when_its_figures_are_there(
    city, programme, studied, gao, shi
):
    draft = bulletins.draw_up(
        programme, title="通报", cohorts=COHORTS, cutoff=NOW - timedelta(minutes=1), by=shi, at=NOW
    )
    assert not draft.text_requests.exists()
    found = bulletins.figures(programme, COHORTS)
    bulletins.put_figures(draft, found, by=shi, at=LATER)

    assert {r.unit_id for r in draft.text_requests.all()} == {city.county.pk, city.bureau.pk}


# --- Writing ------------------------------------------------------------------------------------


def test_who_wrote_what_and_when_is_kept_and_recorded(county, gao, shi):
    first = unit_texts.write(county, f" {TEXT}\n。\u202e", by=gao, at=NOW)
    second = unit_texts.write(county, "改写。", seen=first.pk, by=gao, at=LATER)

    assert [(t.text, t.by, t.at) for t in county.texts.all()] == [
        (f"{TEXT}。", gao.member, NOW), ("改写。", gao.member, LATER),
    ]  # fmt: skip
    assert unit_texts.written(county.draft)[county.unit_id] == second
    events = AuditEvent.objects.filter(subject="写做法：青川县")
    assert [e.detail["text"] for e in events.order_by("pk")] == [first.pk, second.pk]
    told = Message.objects.get(key=f"unit-text-written:{county.pk}")
    assert told.member == shi.member


def test_the_same_text_again_changes_nothing_and_an_empty_one_takes_it_back(county, gao):
    assert unit_texts.write(county, "  ", by=gao, at=NOW) is None
    first = unit_texts.write(county, TEXT, by=gao, at=NOW)
    assert unit_texts.write(county, TEXT, seen=first.pk, by=gao, at=LATER) == first
    unit_texts.write(county, "", seen=first.pk, by=gao, at=LATER)

    assert county.texts.count() == 2
    assert unit_texts.written(county.draft) == {}


def test_a_text_has_at_most_300_characters(county, gao):
    with pytest.raises(Refusal) as refused:
        unit_texts.write(county, "学" * (LONGEST + 1), by=gao, at=NOW)
    assert refused.value.field == "text"
    unit_texts.write(county, "学" * LONGEST, by=gao, at=NOW)
    for model, values in (
        (UnitText, {"request": county}),
        (BulletinUnitText, {"unit": county.unit, "unit_code": "x", "bulletin_id": 1}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.create(text="学" * (LONGEST + 1), by=gao.member, at=NOW, **values)


def test_who_had_another_text_before_them_is_told_and_writes_over_nothing(county, gao):
    unit_texts.write(county, TEXT, by=gao, at=NOW)

    with pytest.raises(Conflict):
        unit_texts.write(county, "没看过的人写的", by=gao, at=LATER)

    assert unit_texts.of_unit(county.draft, county.unit_id).text == TEXT


@pytest.mark.parametrize("who", ["shi", "zhou", "lin", "bu", "xun"])
def test_nobody_writes_for_another_unit(city, county, who):
    with pytest.raises(NotAllowed):
        unit_texts.write(county, TEXT, by=city.actor(who), at=NOW)
    assert not UnitText.objects.exists()


def test_nobody_writes_after_publishing(draft, county, gao, shi):
    first = unit_texts.write(county, TEXT, by=gao, at=NOW)
    bulletin = published(draft, shi)

    with pytest.raises(bulletins.NotADraft, match="已经发布"):
        unit_texts.write(county, "事后再写", seen=first.pk, by=gao, at=LATER)
    with pytest.raises(bulletins.NotADraft):
        unit_texts.ask_anew(draft, [], by=shi, at=LATER)

    assert texts_of(bulletin) == {"YL-QC": TEXT}


# --- Publishing ---------------------------------------------------------------------------------


def test_publishing_freezes_what_was_written_under_the_digest(draft, county, bureau, gao, bu, shi):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    unit_texts.write(bureau, "文化局写的。", by=bu, at=NOW)

    bulletin = published(draft, shi)

    assert texts_of(bulletin) == {"YL-QC": TEXT, "YL-WH": "文化局写的。"}
    kept = bulletin.unit_texts.get(unit=county.unit)
    assert (kept.by, kept.at) == (gao.member, NOW)
    assert bulletins.digest_of(bulletin) == bulletin.digest
    assert verification.verify(at=LATER).problems == []


def test_the_official_leaves_a_text_out_but_edits_none(draft, county, bureau, gao, bu, shi):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    unit_texts.write(bureau, "文化局写的。", by=bu, at=NOW)
    texts = {View.LEARN: "改过的文字"}
    bulletins.edit(draft, title=draft.title, texts=texts, left_out=[bureau.unit_id],
                   seen_version=draft.version, by=shi, at=NOW)  # fmt: skip

    bulletin = published(draft, shi)

    assert texts_of(bulletin) == {"YL-QC": TEXT}
    assert bulletin.texts.get(view=View.LEARN).text == "改过的文字"
    event = AuditEvent.objects.get(subject="单位做法的采用：六月通报")
    assert event.detail["left_out"] == [bureau.unit_id]


def test_nothing_is_published_that_a_unit_wrote_after_the_preview(draft, county, gao, shi):
    seen = unit_texts.last_written(draft)
    unit_texts.write(county, TEXT, by=gao, at=NOW)

    with pytest.raises(Conflict, match="预览之后"):
        published(draft, shi, seen_text=seen)

    assert not Bulletin.objects.exists()
    published(draft, shi, seen_text=unit_texts.last_written(draft))


def test_where_nobody_wrote_the_sentence_stands_alone(draft, county, gao, shi):
    bulletin = published(draft, shi)

    assert texts_of(bulletin) == {}
    learn = papers.of_bulletin(bulletin).sections[1]
    assert next(said for _, _, said in learn.evidence).startswith("学满 1/")


def test_on_paper_and_in_json_the_text_stands_before_what_the_figures_say(draft, county, gao, shi):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    bulletin = published(draft, shi)

    said = {name: said for _, name, said in papers.of_bulletin(bulletin).sections[1].evidence}
    assert said["青川县"] == f"{TEXT}。据统计，学满 1/4 人，人均 6.0 学时，开展活动 4 场"
    assert said["市文化局"].startswith("学满 1/")
    plain = bulletin_desk._plain(bulletin, bulletins.published(bulletin))
    assert plain["unit_texts"] == {"YL-QC": TEXT}


# --- The database -------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["unittextrequest", "unittext", "bulletinunittext"])
def test_what_was_asked_written_and_published_is_insert_only(draft, county, gao, shi, table):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    published(draft, shi)
    for act in (f"UPDATE credits_{table} SET id = id + 100", f"DELETE FROM credits_{table}"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(act)


@pytest.mark.parametrize(
    "change",
    ["SET text = '改过'", "SET by_id = (SELECT max(id) FROM portal_member)", "gone", "more"],
)
def test_a_published_text_changed_behind_its_guard_is_found(city, draft, county, gao, shi, change):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    bulletin = published(draft, shi)
    rows = BulletinUnitText.objects.filter(bulletin=bulletin)
    triggers.lift(connection, "credits_bulletinunittext")
    if change == "gone":
        rows.delete()
    elif change == "more":
        BulletinUnitText.objects.create(bulletin=bulletin, unit=city.bureau, unit_code="YL-WH",
                                        text="添的", by=gao.member, at=NOW)  # fmt: skip
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE credits_bulletinunittext {change}")
    triggers.install(connection)

    [problem] = verification.verify(at=LATER).problems

    assert problem.kind == "bulletin"
    assert "2021 年第 1 期" in problem.message


def test_a_number_of_the_form_before_verifies_as_it_was_written(
    draft, county, gao, shi, monkeypatch
):
    """Its digest knows of no texts of units: by hand, as the release before wrote it."""
    monkeypatch.setattr(bulletin_digests, "FORM", 2)
    bulletin = published(draft, shi)
    names = [*bulletin_digests.FIRST, "mobile", "transferred_in", "transferred_out", "late",
             "changed"]  # fmt: skip
    rows = [[getattr(row, name) for name in names] for row in bulletin.rows.order_by("pk")]
    columns = registers.form(bulletin)
    assert columns["form"] == 2
    texts = {t.view: t.text for t in bulletin.texts.all()}
    whole = {"columns": columns, "rows": rows, "texts": texts}
    assert bulletin.digest == digests.of_json(whole, digests.algorithm_of(bulletin.digest))
    assert verification.verify(at=LATER).problems == []

    BulletinUnitText.objects.create(bulletin=bulletin, unit=county.unit, unit_code="YL-QC",
                                    text="添的", by=gao.member, at=NOW)  # fmt: skip
    assert [p.kind for p in verification.verify(at=LATER).problems] == ["bulletin"]


# --- Pages --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("evening")
def test_a_unit_writes_in_a_few_taps_and_may_change_it(county, enter):
    browser, page = enter("gao"), reverse("unit-text", args=[county.pk])
    listed = browser.get(reverse("unit-check-list")).content.decode()
    assert page in listed
    assert "去写" in listed
    assert browser.get(page).context["form"].initial == {"text": "", "seen": 0}

    said = browser.post(page, {"text": TEXT, "seen": "0"}, follow=True).content.decode()
    assert "已保存" in said
    seen = str(county.texts.get().pk)
    browser.post(page, {"text": "改写。", "seen": seen})
    assert unit_texts.of_unit(county.draft, county.unit_id).text == "改写。"

    late = browser.post(page, {"text": "另一位", "seen": seen})
    assert late.status_code == 409
    assert "另一位" in late.content.decode()
    assert browser.post(page, {"text": "学" * 301, "seen": seen}).status_code == 422


@pytest.mark.usefixtures("evening")
def test_no_unit_sees_another_s_unpublished_text(city, draft, county, bureau, bu, shi, enter):
    unit_texts.write(bureau, "文化局没发布的话", by=bu, at=NOW)
    browser = enter("gao")

    assert browser.get(reverse("unit-text", args=[bureau.pk])).status_code == 404
    answer = browser.post(reverse("unit-text", args=[bureau.pk]), {"text": "冒写", "seen": "0"})
    assert answer.status_code == 404
    for name, args in (
        ("unit-text", [county.pk]), ("unit-check-list", []), ("bulletin-list", []), ("home", []),
        ("message-list", []),
    ):  # fmt: skip
        assert "文化局没发布的话" not in browser.get(reverse(name, args=args)).content.decode()
    for name in ("draft-edit", "draft-preview"):
        assert browser.get(reverse(name, args=[draft.pk])).status_code in (403, 404)
    assert browser.post(reverse("draft-ask", args=[draft.pk])).status_code in (403, 404)
    assert UnitText.objects.count() == 1


@pytest.mark.usefixtures("evening")
@pytest.mark.parametrize("who", ["lin", "zhou", "xun", "shi"])
def test_strangers_to_the_unit_neither_read_nor_write(county, gao, enter, who):
    unit_texts.write(county, TEXT, by=gao, at=NOW)
    browser, page = enter(who), reverse("unit-text", args=[county.pk])

    assert browser.get(page).status_code in (403, 404)
    assert browser.post(page, {"text": "冒写", "seen": "0"}).status_code in (403, 404)
    assert UnitText.objects.count() == 1


@pytest.mark.usefixtures("evening")
def test_the_official_sees_who_has_written_and_leaves_out_by_a_tick(
    draft, county, bureau, gao, shi, enter
):
    official, edit = enter("shi"), reverse("draft-edit", args=[draft.pk])
    before = official.get(edit).content.decode()
    assert before.count("已请其写，还没有写") == 2
    assert "不采用这些单位" not in before
    unit_texts.write(county, TEXT, by=gao, at=NOW)

    shown = official.get(edit).content.decode()
    assert TEXT in shown
    assert "高望川" in shown
    assert shown.count("已请其写，还没有写") == 1
    preview = reverse("draft-preview", args=[draft.pk])
    assert TEXT in official.get(preview).content.decode()

    texts = dict.fromkeys(View.values, "文字")
    body = {"title": "六月通报", "version": draft.version, "left_out": county.unit_id, **texts}
    official.post(edit, body)
    assert TEXT not in official.get(preview).content.decode()
    draft.refresh_from_db()
    assert draft.left_out == [county.unit_id]


@pytest.mark.usefixtures("evening")
def test_who_comes_in_later_is_asked_from_the_draft(city, programme, complete, bu, shi, enter):
    complete(programme, city.people["lin"])
    draft = bulletins.draw_up(programme, title="六月通报", cohorts=COHORTS, by=shi, at=NOW)
    complete(programme, city.people["xun"], organiser=city.bing)
    official, edit = enter("shi"), reverse("draft-edit", args=[draft.pk])
    assert "还没有请其写" in official.get(edit).content.decode()

    official.post(reverse("draft-ask", args=[draft.pk]))

    assert "还没有请其写" not in official.get(edit).content.decode()
    assert UnitTextRequest.objects.filter(draft=draft).count() == 2


@pytest.mark.usefixtures("evening")
def test_the_published_page_shows_the_text_and_nobody_s_name(draft, county, gao, shi, enter):
    unit_texts.write(county, f"{TEXT}<b>", by=gao, at=NOW)
    bulletin = published(draft, shi)

    for who in ("lin", "gao"):
        shown = enter(who).get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()
        assert f"{TEXT}&lt;b&gt;" in shown
    main = enter("lin").get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()
    assert "高望川" not in main
    own = enter("gao").get(reverse("unit-text", args=[county.pk])).content.decode()
    assert "本单位的做法已刊登" in own
    assert "<textarea" not in own
