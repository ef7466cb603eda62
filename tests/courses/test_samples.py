"""A sample of own study: drawn at random and again, asked of nobody else, judged by another."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from courses import (
    sample_drawing,
    sample_photos,
    sample_results,
    samples,
    study_logs,
)
from courses.models import Sample, SampleItem, SamplePhoto, StudyLog
from courses.sample_photos import BadPhoto
from courses.samples import CannotAnswer, CannotDraw, NotYourself
from courses.study_logs import Study
from credits import typesetting
from credits.models import LedgerEntry, Programme, Standing
from portal.models import AuditEvent
from portal.querysets import below
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both]
State = SampleItem.State


def to_judge(organization):
    """What waits for the officials of an organisation."""
    return SampleItem.objects.to_judge().filter(
        below(organization.path, lookup="sample__organization__path")
    )


def to_reverse(branch):
    """What was found not in order and still counts, of a branch."""
    return SampleItem.objects.to_reverse().filter(log__branch=branch)


@pytest.fixture
def logged(city, programme, secretary):
    """Confirmed logs of somebody, one a day."""

    def act(name="lin", count=1, *, by=secretary):
        person, made = city.people[name], []
        for number in range(count):
            study = Study("self", days_ago(number + 1), 45, f"自学{number}", "reform")
            made.append(study_logs.submit(programme, person, study, by=city.actor(name), at=NOW))
        assert all(o.hours for o in study_logs.confirm(made, by=by, at=NOW))
        return made

    return act


@pytest.fixture
def draw(city, programme):
    def act(where=None, **values):
        values = {"first": days_ago(29), "last": TODAY, "reason": "季度抽查",
                  "due_on": TODAY + timedelta(days=10), **values}  # fmt: skip
        by = values.pop("by", city.actor("gao", "official"))
        return samples.draw(programme, where or city.county, by=by, at=NOW, **values)

    return act


def picture(kind="JPEG", size=(2400, 1200), **values):
    made = BytesIO()
    Image.new("RGB", size, "#b5121b").save(made, kind, **values)
    return made.getvalue()


def with_place():
    """A photo that says where it was taken, by whom, and that it lies on its side."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera of Lin", 6
    exif.get_ifd(0x8825)[2] = (41.0, 52.0, 0.0)
    return picture(exif=exif, comment=b"private")


# --- Drawing ---------------------------------------------------------------------------------


def test_a_sample_asks_whom_it_drew_and_says_how(city, logged, draw, lin):
    logged(count=8)
    logged("wu", by=city.actor("zheng", "secretary"))

    sample = draw()

    [item] = sample.items.all()
    assert (sample.population, sample.size, sample.rate, item.state) == (9, 1, 30, State.ASKED)
    assert item.confirmed_by == item.log.decided_by
    event = AuditEvent.objects.filter(subject__contains="9 条中抽 1 条").get()
    assert event.detail["seed"] == sample.seed
    assert event.detail["digest"] == sample.digest


@pytest.mark.parametrize(
    ("population", "rate", "size"),
    [(1, 30, 1), (33, 30, 1), (34, 30, 2), (1000, 30, 30), (1001, 30, 31), (10, 1, 1), (7, 200, 2)],
)
def test_the_size_is_never_less_than_the_rate_says_and_at_least_one(population, rate, size):
    assert sample_drawing.size_of(population, rate) == size


def test_every_log_is_drawn_equally_often():
    """3,000 drawings of 3 among 20 with fixed seeds: chi-squared, 19 degrees, below the 99.9th."""
    keys = [f"log{n}" for n in range(20)]
    drawn = Counter(k for s in range(3000) for k in sample_drawing.draw(f"seed{s}", keys, 3))
    expected = 3000 * 3 / 20
    assert sum((drawn[k] - expected) ** 2 / expected for k in keys) < 43.82
    pairs = Counter(frozenset(sample_drawing.draw(f"seed{s}", keys[:5], 2)) for s in range(3000))
    assert len(pairs) == 10
    assert sum((n - 300) ** 2 / 300 for n in pairs.values()) < 27.88  # 9 degrees


def test_the_order_of_the_population_has_no_say():
    keys = [f"log{n}" for n in range(50)]
    drawn = sample_drawing.draw("seed", keys, 5)
    assert drawn == sample_drawing.draw("seed", reversed(keys), 5)
    assert len(set(drawn)) == 5


def test_anybody_draws_it_again_and_gets_the_same_whatever_happened_since(
    city, logged, draw, secretary
):
    logs = logged(count=6)
    sample = draw(rate=200)
    study_logs.reverse(logs[0], reason="查无此事", by=secretary, at=NOW)
    logged("wu", 3, by=city.actor("zheng", "secretary"))

    redrawn = sample_drawing.redraw(Sample.objects.get())

    assert redrawn.agrees
    assert (redrawn.population, redrawn.drawn) == (6, 2)
    assert sample_drawing.unpack(bytes(sample.listed)) == sorted(log.pk for log in logs)


def test_redrawing_tells_a_seed_or_a_population_that_was_tampered_with(logged, draw):
    logged(count=6)
    sample = draw(rate=200)
    inside = list(sample.items.values_list("log", flat=True))
    others = StudyLog.objects.exclude(pk__in=inside)

    Sample.objects.update(seed="0" * 32)
    seeds = [f"{n:032x}" for n in range(9)]
    assert any(not _redrawn(seed).is_same_sample for seed in seeds)
    Sample.objects.update(seed=sample.seed)
    assert sample_drawing.redraw(Sample.objects.get()).agrees
    sample.items.filter(log=inside[0]).update(log=others[0])
    assert not sample_drawing.redraw(Sample.objects.get()).is_same_sample
    Sample.objects.update(listed=sample_drawing.pack([others[0].pk, *inside][:2]))
    assert not sample_drawing.redraw(Sample.objects.get()).is_same_population


def _redrawn(seed):
    Sample.objects.update(seed=seed)
    return sample_drawing.redraw(Sample.objects.get())


def test_only_confirmed_logs_of_the_subtree_and_the_days_are_drawn_from(
    city, programme, logged, draw, secretary, lin
):
    logs = logged(count=4)
    study_logs.reverse(logs[0], reason="查无此事", by=secretary, at=NOW)
    pending = Study("self", TODAY, 45, "还没有确认", "reform")
    study_logs.submit(programme, lin, pending, by=city.actor("lin"), at=NOW)
    logged("shi", by=city.by)

    def count(where, last=TODAY):
        return samples.population(programme, where, days_ago(29), last).count()

    assert (count(city.county), count(city.county, days_ago(3)), count(city.root)) == (3, 2, 4)
    assert draw().population == 3
    assert (count(city.county), count(city.root)) == (2, 3)  # nobody is asked twice about one log
    with pytest.raises(CannotDraw, match="没有可抽查的"):
        draw(city.yi)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reason": " "}, "抽查事由"),
        ({"rate": 201}, "不是要求人人交材料"),
        ({"rate": 0}, "抽查比例"),
        ({"first": TODAY, "last": days_ago(1)}, "不早于开始日期"),
        ({"due_on": days_ago(1)}, "不能早于今天"),
    ],
)
def test_a_drawing_that_contradicts_itself_is_refused(logged, draw, values, said):
    logged()
    with pytest.raises(CannotDraw, match=said):
        draw(**values)
    assert not Sample.objects.exists()


def test_sent_twice_draws_once_and_a_strangers_key_draws_nothing(city, logged, draw):
    logged(count=6)
    first = draw(key="k" * 20)
    assert draw(key="k" * 20) == first
    with pytest.raises(CannotDraw):
        draw(key="k" * 20, by=city.actor("shi", "official"))
    assert Sample.objects.count() == 1


@pytest.mark.parametrize(
    "values",
    [{"rate": 0}, {"rate": 201}, {"size": 0}, {"size": 10**6}, {"reason": ""},
     {"last": days_ago(300)}, {"closed_at": NOW}],
)  # fmt: skip
def test_the_database_holds_what_a_sample_must_be(logged, draw, values):
    logged()
    sample = draw()
    with pytest.raises(IntegrityError), transaction.atomic():
        Sample.objects.filter(pk=sample.pk).update(**values)


# --- Answering -------------------------------------------------------------------------------


@pytest.fixture
def item(logged, draw):
    logged()
    return draw().items.get()


def test_a_note_is_an_answer_and_may_be_mended_until_it_is_judged(city, item):
    samples.answer(item, " 晚上读的 ", by=city.actor("lin"), at=NOW)
    samples.answer(item, "晚上在家读的", by=city.actor("lin"), at=NOW)
    item.refresh_from_db()
    assert (item.state, item.note, item.answered_at) == (State.ANSWERED, "晚上在家读的", NOW)

    samples.judge(item, in_order=True, by=city.actor("gao", "official"), at=NOW)
    with pytest.raises(CannotAnswer, match="不能再改"):
        samples.answer(item, "又改", by=city.actor("lin"), at=NOW)


def test_an_answer_says_something(city, item):
    with pytest.raises(CannotAnswer, match="写几句说明"):
        samples.answer(item, "  ", by=city.actor("lin"), at=NOW)
    with pytest.raises(CannotAnswer, match="最多写 500"):
        samples.answer(item, "长" * 501, by=city.actor("lin"), at=NOW)
    samples.answer(item, "", picture(), by=city.actor("lin"), at=NOW)
    samples.answer(item, "", by=city.actor("lin"), at=NOW)  # the photo is there
    assert SampleItem.objects.get().state == State.ANSWERED


@pytest.mark.parametrize("who", ["zhou", "wu", "gao"])
def test_nobody_else_answers_or_uploads(city, item, who):
    with pytest.raises(CannotAnswer, match="本人"):
        samples.answer(item, "替他写", picture(), by=city.actor(who), at=NOW)
    assert not SamplePhoto.objects.exists()
    assert SampleItem.objects.get().state == State.ASKED


def test_a_photo_keeps_the_picture_alone(city, item):
    sent = with_place()
    assert b"Camera of Lin" in sent
    assert b"private" in sent

    samples.answer(item, "", sent, by=city.actor("lin"), at=NOW)

    kept = bytes(SamplePhoto.objects.get().content)
    with Image.open(BytesIO(kept)) as image:
        assert (image.format, image.size) == ("JPEG", (800, 1600))  # upright, and scaled down
        assert not dict(image.getexif())
        assert "exif" not in image.info
        assert "comment" not in image.info
    assert b"Camera of Lin" not in kept
    assert b"Exif" not in kept
    assert b"private" not in kept


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_usual_kinds_are_taken(kind):
    made = sample_photos.made_anew(picture(kind, (600, 400)))
    with Image.open(BytesIO(made)) as image:
        assert (image.format, image.size) == ("JPEG", (600, 400))


def test_what_shines_through_becomes_white_and_palettes_are_read():
    made = BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(made, "PNG")
    with Image.open(BytesIO(sample_photos.made_anew(made.getvalue()))) as image:
        assert image.getpixel((5, 5)) == (255, 255, 255)
    made = BytesIO()
    Image.new("P", (40, 40)).save(made, "PNG")
    assert sample_photos.made_anew(made.getvalue())


@pytest.mark.parametrize(
    "data",
    [b"", b"MZ\x90\x00", b"%PDF-1.7", b"<svg xmlns='x' onload='alert(1)'/>", picture("GIF"),
     picture("BMP", (80, 80)), picture("TIFF", (80, 80)), picture()[:900],
     picture("PNG", (900, 900))[:300]],
    ids=["nothing", "program", "pdf", "svg", "gif", "bmp", "tiff", "half-jpeg", "half-png"],
)  # fmt: skip
def test_other_files_are_refused_in_words_and_change_nothing(city, item, data):
    typesetting._weasyprint()  # which would have half a picture taken for a whole one
    with pytest.raises(BadPhoto, match="不是 JPG、PNG 或 WebP 照片，或者已经损坏"):
        samples.answer(item, "附照片", data, by=city.actor("lin"), at=NOW)
    assert SampleItem.objects.get().state == State.ASKED


def test_a_photo_too_large_in_bytes_or_pixels_is_refused():
    with pytest.raises(BadPhoto, match="超过 8 MB"):
        sample_photos.made_anew(b"x" * (8 * 1024 * 1024 + 1))
    with pytest.raises(BadPhoto, match="像素太多"):
        sample_photos.made_anew(picture("PNG", (6000, 6000)))


# --- Judging ---------------------------------------------------------------------------------


@pytest.fixture
def answered(city, item):
    return samples.answer(item, "晚上读的", by=city.actor("lin"), at=NOW)


def judge(city, item, who="gao", *, in_order=False, feedback="日期对不上"):
    by = city.actor(who, "official")
    return samples.judge(item, in_order=in_order, feedback=feedback, by=by, at=NOW)


def test_a_judgement_reverses_nothing_by_itself(city, answered, lin):
    judge(city, answered)

    row = SampleItem.objects.get()
    assert (row.state, row.feedback, row.decided_by) == (
        State.NOT_IN_ORDER, "日期对不上", city.people["gao"]
    )  # fmt: skip
    assert StudyLog.objects.get().state == "confirmed"
    assert Standing.objects.get(member=lin).recognised == 100
    assert list(to_reverse(city.jia)) == [row]
    assert not to_reverse(city.yi)
    Programme.objects.update(state=Programme.State.CLOSED, books_close_on=TODAY)
    assert not to_reverse(city.jia), "after its programme nothing is reversed"


def test_the_branch_reverses_what_is_not_in_order_by_the_usual_verb(city, answered, secretary, lin):
    judge(city, answered)
    study_logs.reverse(answered.log, reason="抽查不属实", by=secretary, at=NOW)

    assert not to_reverse(city.jia)
    assert not LedgerEntry.objects.filter(member=lin).live().exists()


@pytest.mark.parametrize("who", ["lin", "zhou"])
def test_nobody_judges_themselves_or_what_they_confirmed(city, answered, who):
    with pytest.raises(NotYourself):
        judge(city, answered, who)
    with pytest.raises(IntegrityError), transaction.atomic():
        SampleItem.objects.update(state="in_order", decided_by=city.people[who], decided_at=NOW)
    assert SampleItem.objects.get().state == State.ANSWERED


def test_only_an_answer_is_judged_once_and_with_a_reason(city, item):
    with pytest.raises(Refusal, match="还没有说明"):
        judge(city, item)
    samples.answer(item, "晚上读的", by=city.actor("lin"), at=NOW)
    with pytest.raises(Refusal, match="哪里不属实"):
        judge(city, item, feedback=" ")
    judge(city, item, in_order=True, feedback="")
    with pytest.raises(Refusal, match="已经核查过"):
        judge(city, item, "shi")
    assert SampleItem.objects.get().state == State.IN_ORDER


@pytest.mark.parametrize(
    "values",
    [{"state": "asked"}, {"state": "in_order"}, {"state": "not_in_order", "decided_at": NOW},
     {"answered_at": None}, {"feedback": "x"}],
)  # fmt: skip
def test_the_database_holds_what_an_answer_and_a_judgement_must_be(answered, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        SampleItem.objects.update(**values)


def test_one_log_is_drawn_once_in_a_sample(item):
    with pytest.raises(IntegrityError), transaction.atomic():
        SampleItem.objects.create(sample=item.sample, log=item.log, member=item.member,
                                  confirmed_by=item.confirmed_by)  # fmt: skip


def test_closing_waits_for_what_was_answered_and_ends_the_asking(city, item, lin):
    gao = city.actor("gao", "official")
    assert list(SampleItem.objects.asked().filter(member=lin)) == [item]
    samples.answer(item, "晚上读的", by=city.actor("lin"), at=NOW)
    assert list(to_judge(city.county)) == [item]
    assert not to_judge(city.bureau)
    with pytest.raises(Refusal, match="1 条已说明、待核查"):
        samples.close(item.sample, by=gao, at=NOW)
    judge(city, item)

    closed = samples.close(item.sample, by=gao, at=NOW)
    assert samples.close(closed, by=city.actor("shi", "official"), at=NOW).closed_by == gao.member


def test_nothing_is_answered_once_a_sample_is_closed(city, item, lin):
    samples.close(item.sample, by=city.actor("gao", "official"), at=NOW)

    assert not SampleItem.objects.asked().filter(member=lin)
    with pytest.raises(CannotAnswer):
        samples.answer(item, "晚了", by=city.actor("lin"), at=NOW)


def test_photos_are_removed_when_their_time_is_over(city, item):
    samples.answer(item, "晚上读的", picture(), by=city.actor("lin"), at=NOW)
    later = NOW + samples.PHOTOS_KEPT + timedelta(seconds=1)
    assert samples.expire(at=later) == 0  # not judged yet
    judge(city, item)
    assert samples.expire(at=NOW + samples.PHOTOS_KEPT) == 0
    assert samples.expire(at=later) == 1
    assert SampleItem.objects.get().note == "晚上读的"


# --- The result ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "judged", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (10, 10, 0.7225, 1.0),
        (3, 100, 0.0103, 0.0845),
    ],
)
def test_the_range_is_wilsons(wrong, judged, low, high):
    """Known values of the interval, to four digits."""
    found = sample_results.wilson(wrong, judged)
    assert found == pytest.approx((low, high), abs=1e-4)
    assert sample_results.wilson(0, 0) is None


def test_the_unanswered_stand_apart_and_once_as_if_they_were_wrong(city, logged, draw):
    logged(count=20)
    sample = draw(rate=200)
    for item, in_order in zip(sample.items.all()[:3], (True, True, False), strict=True):
        samples.answer(item, "读的", by=city.actor("lin"), at=NOW)
        judge(city, item, in_order=in_order)

    whole, [part] = sample_results.result(sample)

    assert (whole.drawn, whole.asked, whole.judged, whole.not_in_order) == (4, 1, 3, 1)
    assert whole.rate == pytest.approx(1 / 3)
    assert whole.worst == pytest.approx(2 / 4)
    assert whole.worst_range == sample_results.wilson(2, 4)
    assert part.name == "青川县甲支部"  # inside one unit: by branch


def test_counts_stand_by_unit(city, logged, draw):
    logged(count=5)
    logged("shi", 5, by=city.by)
    sample = draw(city.root, rate=200)
    whole, parts = sample_results.result(sample)
    assert sum(p.drawn for p in parts) == whole.drawn == 2
    assert {p.name for p in parts} <= {"青川县", "市文化局", "青川县甲支部", "市文化局丙支部"}


def test_overdue_is_what_stands_open_after_its_day(item):
    sample = item.sample
    assert not sample.is_overdue(sample.due_on)
    assert sample.is_overdue(sample.due_on + timedelta(days=1))
    assert timezone.localdate(sample.at) == TODAY
