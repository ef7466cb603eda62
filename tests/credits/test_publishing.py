"""Publishing: by a worker, upon verified books, once; what a number shows and replaces."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from credits import (
    bulletin_digests,
    bulletins,
    digests,
    papers,
    publishing,
    registers,
    verification,
)
from credits.bulletin_columns import TooMany
from credits.models import (
    Bulletin,
    BulletinDraft,
    BulletinMeasure,
    BulletinRow,
    BulletinText,
    Changed,
    LedgerEntry,
    Verification,
    View,
)
from portal import jobs, members, organizations, reorganizations
from portal.models import Cohort, Job, MobileStay
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment
from tests.credits.conftest import earn
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("evening")]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]
LATER = moment(TODAY + timedelta(days=7))


@pytest.fixture
def shi(city):
    return city.actor("shi", "official")


@pytest.fixture
def draw_up(programme, shi):
    def make(at=NOW, **values):
        return bulletins.draw_up(programme, title="通报", cohorts=COHORTS, by=shi, at=at, **values)

    return make


@pytest.fixture
def publish(draw_up, shi):
    def make(at=NOW, **values):
        draft = draw_up(at, **values)
        return bulletins.publish(draft, seen_version=draft.version, by=shi, at=at)

    return make


@pytest.fixture
def by_worker(shi):
    """Ask for publishing and let a worker do it."""

    def do(draft, seen=()):
        job = publishing.later(draft, seen_version=draft.version, seen=seen, by=shi, at=NOW,
                               back_url="/", leads_to="/bulletins/0/")  # fmt: skip
        jobs.run(job.pk)
        job.refresh_from_db()
        return job

    return do


# --- What a number shows ------------------------------------------------------------------------


def test_the_new_columns_count_what_they_say(city, programme, publish, post, lin):
    publish(at=moment(days_ago(2)))
    city.people["wu"], wu = None, city.people["wu"]
    MobileStay.objects.create(member=lin, since=days_ago(9), region="外省", reason="work")
    MobileStay.objects.create(member=wu, since=days_ago(9), region="外省", reason="work")
    post(programme, earn(lin, day=days_ago(4)), at=NOW)  # late: about a day that was told of
    post(programme, earn(lin, day=days_ago(1)), at=NOW)
    members.transfer(city.people["gao"], city.jia, on=TODAY, by=city.by, at=NOW)

    found = bulletins.figures(programme, COHORTS)

    [county], [bureau] = found.of(Cohort.COUNTY), found.of(Cohort.MUNICIPAL)
    names = ("mobile", "transferred_in", "transferred_out", "late", "sessions")
    assert [getattr(county, name) for name in names] == [1, 1, 0, 1, 2]
    assert [getattr(bureau, name) for name in names] == [0, 0, 1, 0, 0]


def test_transfers_of_the_previous_numbers_days_are_not_told_again(city, programme, publish):
    members.transfer(city.people["gao"], city.jia, on=days_ago(5), by=city.by, at=NOW)
    first = publish(at=moment(days_ago(2)))
    second = publish()

    assert [first.rows.get(cohort=Cohort.COUNTY).transferred_in,
            second.rows.get(cohort=Cohort.COUNTY).transferred_in] == [1, 0]  # fmt: skip


def test_units_below_the_minimum_stand_apart_without_rank(programme, publish, enter):
    bulletin = publish(minimum=5)

    found = bulletins.published(bulletin)

    assert [row.unit_name for row in found.small] == ["青川县", "市文化局"]
    assert {row.rank for row in found.rows} == {None}
    page = enter("lin").get(reverse("bulletin-detail", args=[bulletin.pk]))
    assertContains(page, "应学不足 5 人的单位列在表末，不排名。")
    assert papers.of_bulletin(bulletin).annexes[0].rows[0][0] == "—"


def test_a_unit_that_is_not_what_it_was_is_not_compared(city, programme, publish):
    publish(at=moment(days_ago(2)))
    organizations.rename(city.county, name="中共新川县委员会", short_name="新川县", on=TODAY,
                         by=city.by, at=NOW)  # fmt: skip
    renamed, bureau = publish().rows.order_by("cohort")
    assert (renamed.changed, renamed.movement, renamed.gain) == (Changed.RENAMED, None, None)
    assert (bureau.changed, bureau.movement) == ("", 0)
    reorganizations.merge(city.yi, into=city.bing, on=TODAY, by=city.by, at=NOW)

    merged = publish(at=LATER)

    assert set(merged.rows.values_list("changed", flat=True)) == {Changed.MERGED}
    assert papers.movement(merged.rows.first()) == "有合并"
    assert "不比较升降" in papers.of_bulletin(merged).notes


def test_a_unit_that_is_new_says_so(programme, shi, publish):
    draft = bulletins.draw_up(programme, title="通报", cohorts=[Cohort.COUNTY], by=shi, at=NOW)
    first = bulletins.publish(draft, seen_version=1, by=shi, at=NOW)

    second = publish()

    assert second.previous == first
    assert set(second.rows.values_list("changed", flat=True)) == {""}  # its cohort was not told of


def test_only_the_measures_chosen_are_shown(publish, enter):
    bulletin = publish(measures=[BulletinMeasure.LATE, BulletinMeasure.POINTS])

    page = enter("lin").get(reverse("bulletin-detail", args=[bulletin.pk]))

    assertContains(page, '<th class="r">迟录</th>')
    assertContains(page, '<th class="r">人均积分</th>')
    assertNotContains(page, '<th class="r">免学</th>')
    paper = papers.of_bulletin(bulletin)
    assert paper.headings[6:] == ["人均积分", "迟录"]
    assert {len(row) for annex in paper.annexes for row in annex.rows} == {8}


def test_more_measures_than_paper_has_room_for_are_refused(draw_up):
    with pytest.raises(TooMany):
        draw_up(measures=[m.value for m in BulletinMeasure])

    assert not BulletinDraft.objects.exists()


@pytest.mark.parametrize("kind", ["pdf", "docx", "xlsx"])
def test_files_have_the_chosen_columns(publish, tmp_path, kind):
    import pypdf
    import python_calamine
    from docx import Document

    from credits import paper_files

    bulletin = publish(measures=["in", "out", "late", "mobile", "points"])
    paper, made = papers.of_bulletin(bulletin), tmp_path / f"made.{kind}"
    paper_files.to_file(paper, bulletins.published(bulletin), kind, made)

    row = [cell for cell in paper.annexes[0].rows[0] if cell]
    if kind == "pdf":
        text = "".join(page.extract_text() for page in pypdf.PdfReader(made).pages)
        assert " ".join(row) in text.replace("\n", " ")
    elif kind == "docx":
        table = Document(made).tables[0]
        found = [[cell.text for cell in line.cells] for line in table.rows]
        assert found == [paper.headings, *map(list, paper.annexes[0].rows)]
        assert sum(column.width.mm for column in table.columns) == pytest.approx(156, abs=1)
    else:
        book = python_calamine.CalamineWorkbook.from_path(made)
        _, _, heading, first, *_ = book.get_sheet_by_index(0).to_python()
        assert heading == paper.headings
        assert first[7:11] == [0, 0, 0, 0]


# --- Numbers of the old form --------------------------------------------------------------------


@pytest.fixture
def old(programme, complete, lin, shi, publish):
    """A number as the release before wrote it: no later column in its digest, by hand."""
    complete(programme, lin)
    new = publish()
    values = {f.name: getattr(new, f.name) for f in Bulletin._meta.concrete_fields}
    later = {"id", "form", "measures", "minimum", "replaces", "digest", "number"}
    bulletin = Bulletin(**{k: v for k, v in values.items() if k not in later}, number=2)
    columns = {
        "programme": programme.code, "year": 2021, "number": 2, "title": "通报",
        "cutoff": digests.moment(NOW), "published_at": digests.moment(NOW),
        "published_by": shi.member.key, "permit": new.permit.digest,
        "document": "测试文件〔2021〕1号", "previous": None, "heads": new.heads,
    }  # fmt: skip
    names = ["unit_code", "unit_name", "cohort", "due", "exempt", "completed", "hours", "points",
             "sessions", "rank", "previous_rank", "previous_due", "previous_completed"]  # fmt: skip
    rows = [BulletinRow(unit_id=row.unit_id, **{n: getattr(row, n) for n in names})
            for row in new.rows.order_by("pk")]  # fmt: skip
    texts = dict.fromkeys(View.values, "文字")
    bulletin.digest = digests.of_json(
        {"columns": columns, "rows": [[getattr(r, n) for n in names] for r in rows],
         "texts": texts}, "sha256",
    )  # fmt: skip
    bulletin.save(force_insert=True)
    for row in rows:
        row.bulletin = bulletin
    BulletinRow.objects.bulk_create(rows)
    BulletinText.objects.bulk_create(
        BulletinText(bulletin=bulletin, view=v, text=t) for v, t in texts.items()
    )
    return bulletin


def test_a_number_of_the_old_form_stays_verifiable_and_shows_its_columns(old, enter):
    assert old.form == 1
    assert bulletins.digest_of(Bulletin.objects.get(pk=old.pk)) == old.digest
    assert verification.verify(at=NOW).problems == []
    assert papers.of_bulletin(old).headings == list(papers.HEADINGS)
    page = enter("lin").get(reverse("bulletin-detail", args=[old.pk]))
    assertContains(page, '<th class="r">人均学时</th>')


@pytest.mark.parametrize(
    "change",
    ["credits_bulletinrow SET changed = 'new'", "credits_bulletinrow SET late = 1",
     "credits_bulletin SET minimum = 3", "credits_bulletin SET form = 2"],
)  # fmt: skip
def test_nothing_can_be_slipped_into_the_later_columns_of_an_old_number(old, change):
    key = "id" if "credits_bulletin " in change else "bulletin_id"
    behind_the_guards(f"UPDATE {change} WHERE {key} = {old.pk}")

    assert [p.kind for p in verification.verify(at=NOW).problems] == ["bulletin"]


@pytest.mark.parametrize("change", ["late = late + 1", "changed = 'new'", "mobile = 7"])
def test_a_later_column_of_a_new_number_is_under_its_digest(publish, change):
    row = publish().rows.first()
    behind_the_guards(f"UPDATE credits_bulletinrow SET {change} WHERE id = {row.pk}")

    assert [p.kind for p in verification.verify(at=NOW).problems] == ["bulletin"]


def test_verifications_of_before_stay_sound():
    kept = Verification(at=NOW, ok=True, problems=0, heads={})
    before = digests.of_json(
        {"at": digests.moment(NOW), "ok": True, "problems": 0, "heads": {}}, "sha256"
    )

    assert registers.digest_of(kept, "sha256") == before
    kept.since_last = True
    assert registers.digest_of(kept, "sha256") != before
    assert bulletin_digests.FORM == 3


# --- By a worker --------------------------------------------------------------------------------


def test_a_worker_verifies_everything_then_what_is_new(
    programme, draw_up, by_worker, complete, lin
):
    first = by_worker(draw_up())
    complete(programme, lin)
    second = by_worker(draw_up())

    assert [job.state for job in (first, second)] == [Job.State.DONE] * 2
    kinds = Verification.objects.order_by("pk").values_list("since_last", "ok")
    assert list(kinds) == [(False, True), (True, True)]
    assert second.message == f"已发布：{programme}积分通报 2021 年第 2 期。"
    assert second.back_url == f"/bulletins/{Bulletin.objects.get(number=2).pk}/"


def test_a_full_verification_of_more_than_a_day_ago_is_made_again(draw_up, by_worker):
    verification.verify(at=NOW - timedelta(hours=25))
    assert not publishing.is_fresh(at=NOW)

    by_worker(draw_up())

    assert Verification.objects.first().since_last is False


def test_nothing_is_published_upon_books_that_do_not_verify(
    programme, draw_up, by_worker, complete, lin
):
    complete(programme, lin)
    entry = LedgerEntry.objects.first()
    behind_the_guards(f"UPDATE credits_ledgerentry SET hours = hours + 25 WHERE id = {entry.pk}")

    job = by_worker(draw_up())

    assert job.state == Job.State.FAILED
    assert "没有发布" in job.message
    assert not Bulletin.objects.exists()


def test_a_draft_that_is_published_twice_is_one_number(draw_up, by_worker, enter):
    draft = draw_up()
    jobs_ = [by_worker(draft) for _ in range(2)]

    assert Bulletin.objects.count() == 1
    assert [job.state for job in jobs_] == [Job.State.DONE] * 2
    assert jobs_[0].result["bulletin"] == jobs_[1].result["bulletin"]
    again = enter("shi").post(reverse("draft-publish", args=[draft.pk]), {"version": 1})
    assert again["Location"] == reverse("bulletin-detail", args=[Bulletin.objects.get().pk])


def test_cancelled_while_it_is_published_it_says_that_it_was(draw_up, by_worker, monkeypatch):
    write = bulletins.publish

    def cancelled(*args, **kwargs):
        Job.objects.update(cancel_asked=True)
        return write(*args, **kwargs)

    monkeypatch.setattr(bulletins, "publish", cancelled)

    job = by_worker(draw_up())

    assert job.state == Job.State.DONE
    assert job.message.endswith(f"事项已经办完。已发布：{Bulletin.objects.get()}。")


def test_what_was_posted_after_the_preview_is_said(programme, draw_up, by_worker, complete, lin):
    draft = draw_up()
    seen = publishing.totals_of(bulletins.figures_of(draft))
    same = by_worker(draw_up(), seen)
    complete(programme, lin)

    job = by_worker(draft, seen)

    assert same.result["difference"] == ""
    assert job.message.endswith(
        "预览之后有新的记账，与预览不同：学满 0→1，认定学时 0→24，积分 0→240，活动 0→4。"
    )


def test_the_page_publishes_through_a_job(draw_up, enter):
    draft, browser = draw_up(), enter("shi")
    preview = browser.get(reverse("draft-preview", args=[draft.pk]))
    seen = preview.context["seen"]

    answer = browser.post(reverse("draft-publish", args=[draft.pk]), {"version": 1, "seen": seen})

    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.pk])
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.back_url == reverse("bulletin-detail", args=[Bulletin.objects.get().pk])


def test_a_draft_of_a_past_cutoff_waits_and_is_computed_from_its_page(programme, enter):
    browser = enter("shi")
    answer = browser.post(
        reverse("draft-new"),
        {"title": "通报", "cohorts": COHORTS, "cutoff": "2021-06-01T18:00", "minimum": ""},
    )
    draft, job = BulletinDraft.objects.get(), Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.pk])
    for name in ("draft-edit", "draft-preview"):
        assertContains(browser.get(reverse(name, args=[draft.pk])), "重新统计")

    jobs.run(job.pk)

    assertContains(browser.get(reverse("draft-preview", args=[draft.pk])), "2021年6月1日 18:00")


# --- Replacing ----------------------------------------------------------------------------------


def test_a_later_number_stands_in_the_place_of_a_withdrawn_one(publish, draw_up, shi, enter):
    first = publish()
    with pytest.raises(Refusal, match="没有撤回"):
        draw_up(replaces=first)
    bulletins.withdraw(first, reason="数字有误", by=shi, at=NOW)

    second = publish(replaces=first)

    browser = enter("lin")
    assertContains(
        browser.get(reverse("bulletin-detail", args=[first.pk])), "由 2021 年第 2 期替代"
    )
    said = "本期替代已撤回的 2021 年第 1 期。"
    assertContains(browser.get(reverse("bulletin-detail", args=[second.pk])), said)
    check = browser.get(reverse("paper-check"), {"year": 2021, "number": 1, "code": first.code})
    assertContains(check, "撤回，由 2021 年第 2 期替代。")
    again = Bulletin.objects.get(pk=first.pk)
    assert papers.of_bulletin(again).foot.startswith("本期已撤回，由 2021 年第 2 期替代。")
    assert papers.of_bulletin(second).foot.startswith(said)
    with pytest.raises(Refusal, match="已有替代"):
        draw_up(replaces=first)
    assert verification.verify(at=NOW).problems == []


# --- From the command line ----------------------------------------------------------------------


def run(*words, **more):
    out = StringIO()
    call_command("bulletin", *words, stdout=out, **more)
    return out.getvalue().strip()


def test_the_command_line_does_the_same(city, programme, complete, lin, tmp_path):
    complete(programme, lin, at=moment(days_ago(1)))
    by = city.people["shi"].number
    run("draw_up", by=by, cutoff="2021-06-02T21:00", measures=["late"])
    draft = BulletinDraft.objects.get()

    assert run("publish", by=by, draft=draft.pk).endswith("2021 年第 1 期")
    assert "与发布时一致" in run("verify", number=1)
    made = tmp_path / "made.json"
    run("export", by=by, number=1, format="json", out=made)

    told = json.loads(made.read_text())
    assert told["rows"][0]["completed"] == 1
    assert told["digest"] == Bulletin.objects.get().digest
    for kind in ("pdf", "docx", "xlsx"):
        run("export", by=by, number=1, format=kind, out=tmp_path / f"made.{kind}")
        assert (tmp_path / f"made.{kind}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["draw_up"], {}, "--by"),
        (["draw_up"], {"by": "lin"}, "没有办理这件事的权限"),
        (["draw_up"], {"by": "shi", "cutoff": "昨天"}, "截止时间"),
        (["publish"], {"by": "shi", "draft": 99}, "没有这份草稿"),
        (["verify"], {"number": 9}, "没有这一期"),
    ],
)
def test_the_command_line_says_what_is_wrong(city, programme, words, options, said):
    if "by" in options:
        options = options | {"by": city.people[options["by"]].number}

    with pytest.raises(CommandError, match=said):
        run(*words, **options)

    assert not BulletinDraft.objects.exists()
