"""Pages of the end: the list of what is left, previews of each step, certificates, the archive,
and the next year."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse

from courses import line_queries, next_year, reading_classes, study_logs
from courses.models import ReadingClass
from courses.study_logs import Study
from credits import archiving, programmes
from credits.models import BranchClosing, Programme, Standing
from credits.next_year import BadProgramme, found_from
from portal import jobs, reorganizations
from portal.models import Job
from portal.progress import Progress
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment, rules_json

pytestmark = [pytest.mark.django_db, pytest.mark.both]
END = moment(date(2021, 12, 31), 18)
LATER = moment(date(2022, 1, 14))
CODE = "dsxx-2021"


@pytest.fixture
def at():
    """The server's clock at a moment, for as long as a test needs it."""
    travellers = []

    def travel(moment_):
        travellers.append(time_machine.travel(moment_, tick=False))
        travellers[-1].start()

    yield travel
    for traveller in reversed(travellers):
        traveller.stop()


@pytest.fixture
def left(city, programme, opened, lin):
    """A roll that nobody closed, a log and a query that nobody decided."""
    by = city.actor("lin")
    study = Study("self", days_ago(1), 45, "自学", "reform")
    study_logs.submit(programme, lin, study, by=by, at=NOW)
    line_queries.ask_missing(programme, days_ago(2), "上午的党课", by=by, at=NOW)


@pytest.fixture
def closed(city, programme, left):
    programme = programmes.close_study(programme, by=city.by, at=END)
    return programmes.close_books(programme, by=city.by, at=LATER)


def act(browser, what, **values):
    return browser.post(f"{reverse('programme-act')}?programme={CODE}", {"act": what} | values)


def test_the_whole_end_on_pages(city, programme, left, enter, at, lin):
    at(END)
    official = enter("shi")
    page = official.get(reverse("programme-ending")).content.decode()
    assert "第一步：结束学习" in page
    assert "到 2022年1月14日" in page
    act(official, "close-study")

    page = official.get(reverse("programme-ending")).content.decode()
    assert "待确认的学习记录 1 条" in page
    assert "给 3 个支部出具结业情况证明" in page
    assert "起才能封账" in page
    assert 'value="close-books"' not in page
    act(official, "close-books")
    assert Programme.objects.get().state == "closing"

    at(LATER)
    assert 'value="close-books"' in official.get(reverse("programme-ending")).content.decode()
    act(official, "close-books")

    programme.refresh_from_db()
    assert programme.state == "closed"
    page = official.get(reverse("programme-ending")).content.decode()
    assert reverse("programme-archive") in page
    assert reverse("programme-reopen") not in page  # an administrator's
    assert (
        reverse("programme-reopen")
        in enter("guan").get(reverse("programme-ending")).content.decode()
    )


def test_officials_see_counts_secretaries_what_to_do(city, programme, left, opened, enter, at):
    at(LATER)
    address = reverse("loose-ends", args=[city.jia.pk])

    secretary = enter("zhou").get(address).content.decode()
    official = enter("gao").get(address).content.decode()
    county = enter("gao").get(reverse("loose-ends", args=[city.county.pk]))

    assert reverse("session-detail", args=[opened.pk]) in secretary
    assert "点名没有结束" in secretary
    assert reverse("session-detail", args=[opened.pk]) not in official
    for text in (secretary, official):
        assert "林小满" not in text
    [row] = county.context["places"]
    assert [row[n] for n in ("name", "rolls", "logs", "queries")] == ["青川县甲支部", "1", "1", "1"]
    assert enter("zhou").get(reverse("loose-ends", args=[city.yi.pk])).status_code == 404


def test_a_certificate_names_persons_to_the_branch_alone(city, closed, enter, at):
    at(LATER)
    closing = BranchClosing.objects.get(branch=city.jia)
    address = reverse("closing-detail", args=[closing.pk])

    own = enter("zhou").get(address).content.decode()
    county = enter("gao").get(address).content.decode()

    assert "林小满" in own
    assert "差 24 学时" in own
    assert closing.number in county
    assert closing.code in county
    for name in ("林小满", "周明远"):
        assert name not in county
    assert enter("zheng").get(address).status_code == 404
    assert enter("lin").get(address).status_code == 403


def test_the_list_shows_ones_scope_and_the_last_closing(city, closed, enter, at):
    at(LATER)

    def names(who):
        return [r["name"] for r in enter(who).get(reverse("closing-list")).context["rows"]]

    assert names("gao") == ["青川县甲支部", "青川县乙支部"]
    assert names("zhou") == ["青川县甲支部"]
    assert len(names("shi")) == 3
    programmes.reopen(closed, reason="补表", by=city.by, at=LATER)
    assert "账簿已重新打开" in enter("shi").get(reverse("closing-list")).content.decode()
    programmes.close_books(closed, by=city.by, at=LATER + timedelta(days=14))
    first = BranchClosing.objects.get(branch=city.jia, turn=1)
    page = enter("zhou").get(reverse("closing-detail", args=[first.pk])).content.decode()
    assert "dsxx-2021-YL-QC-1-2</a> 取代" in page


def test_the_spreadsheet_is_the_secretarys(city, closed, enter, at):
    at(LATER)
    closing = BranchClosing.objects.get(branch=city.jia)
    address = reverse("closing-out", args=[closing.pk])

    answer = enter("zhou").post(address)

    assert answer.status_code == 200
    assert "spreadsheetml" in answer["Content-Type"]
    assert enter("gao").post(address).status_code == 403


def test_verification_before_the_archive_says_what_it_found_and_archives_nothing(
    city, closed, enter, at
):
    at(LATER)
    official = enter("shi")
    answer = act(official, "prove")
    job = Job.objects.get(work="credits.archiving.prove_in_background")
    assert answer.url == reverse("job-detail", args=[job.pk])

    jobs.run(job.pk)

    page = official.get(f"{reverse('programme-archive')}?programme={CODE}").content.decode()
    assert "核验通过" in page
    assert Programme.objects.get().state == "closed"


def test_verification_that_finds_something_says_the_first(city, closed, enter, at, lin):
    at(LATER)
    Standing.objects.filter(member=lin).update(points=7)
    official = enter("shi")
    act(official, "prove")
    job = Job.objects.get(work="credits.archiving.prove_in_background")

    with pytest.raises(archiving.NotSound):
        archiving.prove_in_background(Progress(job), **job.arguments)
    jobs.run(job.pk)

    page = official.get(f"{reverse('programme-archive')}?programme={CODE}").content.decode()
    assert "未通过" in page
    assert "不能归档" in page


def test_the_archive_record_is_shown_afterwards(city, closed, enter, at):
    programmes.archive(closed, reason="满期", by=city.by, at=LATER)
    at(LATER)

    page = enter("shi").get(f"{reverse('programme-archive')}?programme={CODE}").content.decode()

    assert "理由：满期" in page
    assert Programme.objects.get().archive.digest in page
    assert 'value="archive"' not in page


# --- The next year --------------------------------------------------------------------------------


@pytest.fixture
def founded(city, programme):
    return found_from(
        programme, code="dsxx-2022", name="党员教育 2022", starts=date(2022, 1, 1),
        ends=date(2022, 12, 31), authority="市委文件", by=city.by, at=NOW,
    )  # fmt: skip


def test_the_next_programme_has_the_rules_and_scope_of_this_one(city, programme, founded):
    assert (founded.state, founded.organiser) == ("draft", city.root)
    version = founded.rule_versions.get()
    assert (version.number, version.rules, version.authority) == (1, rules_json(), "市委文件")
    assert [s.organization for s in founded.scopes.all()] == [city.root]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "dsxx-2021"}, "code"),
        ({"code": "党史"}, "code"),
        ({"name": " "}, "name"),
        ({"ends": date(2021, 1, 1)}, "ends"),
        ({"authority": " "}, "authority"),
    ],
)
def test_a_next_programme_that_cannot_be_is_refused(city, programme, values, field):
    usual = {"code": "x", "name": "新", "starts": date(2022, 1, 1), "ends": date(2022, 12, 31),
             "authority": "依据"}  # fmt: skip

    with pytest.raises(BadProgramme) as refused:
        found_from(programme, **usual | values, by=city.by, at=NOW)
    assert refused.value.field == field
    assert Programme.objects.count() == 1


def test_a_scope_that_was_merged_stands_for_what_it_became(city, programme):
    programme.scopes.create(organization=city.yi)
    reorganizations.merge(city.yi, city.jia, on=TODAY, by=city.by, at=NOW)

    made = found_from(programme, code="n", name="新", starts=date(2022, 1, 1),
                      ends=date(2022, 12, 31), authority="依据", by=city.by, at=NOW)  # fmt: skip

    assert {s.organization for s in made.scopes.all()} == {city.root, city.jia}


def test_the_page_founds_the_next_programme_and_its_rules_are_changed_before_it_begins(
    city, programme, enter, clock
):
    official, address = enter("shi"), f"{reverse('programme-next')}?programme={CODE}"
    form = official.get(address).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    assert values["code"] == "dsxx-2022"
    assert official.post(address, values).status_code == 422  # no authority

    official.post(address, values | {"name": "年度 32 学时", "authority": "组织部通知"})

    made = Programme.objects.get(code="dsxx-2022")
    rules = f"{reverse('programme-rules')}?programme=dsxx-2022"
    form = official.get(rules).context["form"]
    fields = {field.name: field.value() for field in form if field.value() is not None}
    official.post(rules, fields | {"target": "32", "cap_self": "0", "apply": "1", "reason": "年度",
                                   "authority": "组织部通知"})  # fmt: skip
    version = made.rule_versions.get()
    assert version.rules["target"] == 3200
    assert {f["code"]: f["cap"] for f in version.rules["forms"]}["self"] == 0
    official.post(f"{reverse('programme-act')}?programme=dsxx-2022", {"act": "open"})
    made.refresh_from_db()
    assert made.state == "running"
    assert set(Standing.objects.filter(programme=made).values_list("target", flat=True)) == {3200}


def test_classes_are_taken_over_once_with_the_present_members(city, programme, founded, enter, at):
    old = reading_classes.found(
        programme, city.jia, name="甲支部 2021 读书班", plans=[], starts=TODAY, ends=TODAY,
        leader=city.people["lin"], by=city.by, at=NOW,
    )  # fmt: skip
    with pytest.raises(Refusal, match="开始以后"):
        next_year.take_over(old, founded, by=city.by, at=NOW)
    late = city.enrol(city.jia, "新来的")
    new = programmes.open_(founded, by=city.by, at=LATER)
    at(LATER)
    official = enter("shi")
    page = official.get(f"{reverse('programme-ending')}?programme=dsxx-2022").content.decode()
    assert "沿用党史学习教育（1 个）" in page

    official.post(f"{reverse('programme-classes')}?programme=dsxx-2022", {"source": CODE})
    job = Job.objects.get(work="courses.next_year.take_over_in_background")
    jobs.run(job.pk)
    assert next_year.take_over(old, new, by=city.by, at=LATER) is None

    made = ReadingClass.objects.get(programme=new)
    assert (made.name, made.leader, made.ends) == (
        "甲支部 2022 读书班", city.people["lin"], date(2022, 12, 31)
    )  # fmt: skip
    assert late.pk in made.enrolments.values_list("member", flat=True)
    assert not made.sessions.exists()
    assert next_year.waiting(programme, new) == 0


def test_a_source_outside_ones_power_is_refused(city, programme, founded, enter, clock):
    programmes.open_(founded, by=city.by, at=NOW)
    address = f"{reverse('programme-classes')}?programme=dsxx-2022"

    assert enter("gao").post(address, {"source": CODE}).status_code == 403
    enter("shi").post(address, {"source": "nothing"})
    assert not Job.objects.filter(work__startswith="courses.next_year").exists()
