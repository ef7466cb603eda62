"""Figures of a past cut-off: the same as those that stood then, whatever happened since."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credits import (
    bulletins,
    cutoffs,
    dates,
    drafting,
    exemptions,
    ledger,
    programmes,
    rule_book,
    rule_changes,
    sessions_held,
)
from credits.bulletin_digests import FIGURES
from credits.cutoffs import NotThen, Partial
from credits.ledger import Source
from credits.models import Bulletin, Exemption, LedgerEntry, Programme, Standing
from portal import jobs, members, reorganizations
from portal.models import Cohort, Job, Member, MobileStay, Organization
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import earn
from tests.state_machine import FORMS, PERIODS, SMALL

pytestmark = [pytest.mark.django_db, pytest.mark.both]
COHORTS = [Cohort.COUNTY, Cohort.MUNICIPAL]
SECOND = timedelta(seconds=1)
DECIDED = moment(days_ago(3), 9)


def rows_of(found):
    return [(row.unit_id, *(getattr(row, name) for name in FIGURES)) for row in found.rows]


def now_and_then(programme, cutoff):
    live = rows_of(bulletins.figures(programme, COHORTS))
    return live, rows_of(cutoffs.figures(programme, COHORTS, cutoff))


class History:
    """Some weeks of one small city, act by act; each day ends with its figures taken."""

    def __init__(self, city, programme):
        self.city, self.programme = city, programme
        self.people = [city.people[n] for n in ("lin", "zhou", "wu", "zheng", "gao", "xun")]
        self.branches = [city.jia, city.yi, city.bing]
        self.day, self.minute = TODAY, 0
        self.keys: dict[str, tuple] = {}
        self.taken = {}
        self.done: Counter[str] = Counter()

    def at(self):
        self.minute += 1
        return moment(self.day, 20, self.minute)

    def act(self, kind, who, choice, ago):
        try:
            getattr(self, kind)(who, choice, ago)
        except Refusal:
            return
        self.done[kind] += 1

    def post(self, who, choice, ago):
        key = f"k{len(self.keys)}"
        day = self.day - timedelta(days=ago)
        credits_ = [
            earn(person, 90 + 45 * (choice % 3), day=day, hour=8 + choice % 3,
                 form=FORMS[choice % 5], period=PERIODS[(choice + n) % 4])
            for n, person in enumerate((self.people[who], self.people[(who + 1) % 6]))
        ]  # fmt: skip
        organiser = self.branches[choice % 3]
        ledger.post(self.programme, Source("session", key, key), organiser=organiser,
                    credits=credits_, by=self.city.by, at=self.at())  # fmt: skip
        self.keys[key] = organiser, 1

    def reverse(self, who, choice, ago):
        if not self.keys:
            return
        key = sorted(self.keys)[choice % len(self.keys)]
        organiser, revision = self.keys[key]
        ledger.correct(self.programme, Source("session", key, key), revision=revision + 1,
                       organiser=organiser, withdraw=self.people if ago else [self.people[who]],
                       credits=[], reason="误记", by=self.city.by, at=self.at())  # fmt: skip
        self.keys[key] = organiser, revision + 1

    def transfer(self, who, choice, ago):
        members.transfer(self.people[who], self.branches[choice % 3], on=self.day,
                         by=self.city.by, at=self.at())  # fmt: skip

    def leave(self, who, choice, ago):
        if Member.objects.active().filter(pk=self.people[2].pk).exists():
            members.leave(self.people[2], on=self.day, by=self.city.by, at=self.at())

    def enrol(self, who, choice, ago):
        branch = self.branches[choice % 3]
        self.people[choice % 6] = self.city.enrol(branch, day=self.day, at=self.at())

    def exempt(self, who, choice, ago):
        asked = exemptions.ask(
            self.programme, self.people[who], target=[None, 100, None, 300][choice % 4],
            since=self.day, until=self.day + timedelta(days=2) if ago else None, reason="患病",
            by=self.city.by, at=self.at(),
        )  # fmt: skip
        shi = self.city.actor("shi", "official")
        exemptions.decide(asked, approve=True, answer="", by=shi, at=self.at())

    def end(self, who, choice, ago):
        found = Exemption.objects.filter(in_force=True).order_by("pk").first()
        if found:
            exemptions.end(found, by=self.city.by, at=self.at())

    def rules(self, who, choice, ago):
        forms = [{"code": f, "cap": 200 if choice % 2 and f == "self" else None, "points": 10}
                 for f in FORMS]  # fmt: skip
        goal = [400, 600, 800][choice % 3]
        new = rules_json(**SMALL | {"target": goal, "forms": forms})
        shown = rule_changes.rehearse(self.programme, new).shown
        rule_changes.change_rules(self.programme, new, since=self.day, authority="测试",
                                  reason="测试", shown=shown, by=self.city.by,
                                  at=self.at())  # fmt: skip

    def go_away(self, who, choice, ago):
        MobileStay.objects.get_or_create(
            member=self.people[who], until=None,
            defaults={"since": self.day, "region": "外省", "reason": "work"},
        )  # fmt: skip

    def publish(self, who, choice, ago):
        shi = self.city.actor("shi", "official")
        draft = bulletins.draw_up(self.programme, title="通报", cohorts=COHORTS, by=shi,
                                  at=self.at())  # fmt: skip
        bulletins.publish(draft, seen_version=draft.version, by=shi, at=self.at())

    def end_day(self):
        """Everybody is carried over, the figures are taken: both ways agree for now."""
        at = moment(self.day, 23, 59)
        for branch in self.branches:
            rule_changes.bring_up(self.programme, branch.pk, at=at)
        live, past = now_and_then(self.programme, at)
        assert live == past
        self.taken[at] = live
        self.day, self.minute = self.day + timedelta(days=1), 0
        programmes.turn_the_day(at=moment(self.day, 0, 5))


ACTS = ("post", "post", "post", "reverse", "transfer", "exempt", "end", "rules", "leave", "enrol",
        "go_away", "publish", "end_day")  # fmt: skip
act = st.tuples(st.sampled_from(ACTS), st.integers(0, 5), st.integers(0, 59), st.integers(0, 4))


def test_figures_taken_then_equal_those_computed_later_whatever_happened(city, found_programme):
    """Random histories of transfers, exemptions, changes of rules, reversals, numbers published."""
    programme = found_programme("then", **SMALL)
    seen: Counter[str] = Counter()
    different = 0

    @settings(max_examples=25, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(act, min_size=10, max_size=40))
    def each(acts):
        nonlocal different
        with transaction.atomic():
            history = History(city, programme)
            for kind, who, choice, ago in acts:
                if kind == "end_day":
                    history.end_day()
                else:
                    history.act(kind, who, choice, ago)
            history.end_day()
            for at, live in history.taken.items():
                assert rows_of(cutoffs.figures(programme, COHORTS, at)) == live
            different += len({str(rows) for rows in history.taken.values()}) > 1
            seen.update(history.done)
            transaction.set_rollback(True)

    each()
    assert set(seen) >= set(ACTS) - {"end_day"}, seen
    assert different > 5


def test_what_is_posted_later_about_earlier_days_does_not_count(city, programme, post, lin):
    post(programme, earn(lin, 90, day=days_ago(3)), at=moment(days_ago(3)))
    post(programme, earn(lin, 90, day=days_ago(2)), at=moment(days_ago(1)))

    [county] = cutoffs.figures(programme, COHORTS, moment(days_ago(2))).of(Cohort.COUNTY)

    assert (county.hours, county.sessions) == (200, 1)
    assert bulletins.figures(programme, COHORTS).of(Cohort.COUNTY)[0].hours == 400


def test_what_is_posted_at_the_very_moment_counts(city, programme, post, lin):
    posted = moment(days_ago(1), 20)
    post(programme, earn(lin, 90, day=days_ago(1)), at=posted)

    found = [cutoffs.figures(programme, COHORTS, at) for at in (posted - SECOND, posted)]

    assert [figures.of(Cohort.COUNTY)[0].hours for figures in found] == [0, 200]


def test_a_day_after_the_cutoff_does_not_count_even_if_it_was_posted_before(
    city, programme, post, lin, monkeypatch
):
    """The ledger lets in no day to come, so that no such line can be; the figures do not rely
    on it."""
    monkeypatch.setattr(dates, "not_over", lambda credit, at, today: None)
    post(programme, earn(lin, 90, day=TODAY), at=moment(days_ago(1), 20))

    [county] = cutoffs.figures(programme, COHORTS, moment(days_ago(1), 21)).of(Cohort.COUNTY)

    assert county.hours == 0


def test_a_session_that_was_reversed_later_counts_then(city, programme, post, lin):
    post(programme, earn(lin, day=days_ago(3)), key="s", at=moment(days_ago(3)))
    ledger.correct(programme, Source("session", "s", "x"), revision=2, organiser=city.jia,
                   withdraw=[lin], credits=[], reason="误", by=city.by, at=NOW)  # fmt: skip

    assert sessions_held.by_unit(programme, moment(days_ago(1))) == {city.county.pk: 1}
    assert sessions_held.by_unit(programme) == {}


@pytest.mark.parametrize(
    ("cutoff", "said"),
    [(moment(TODAY + timedelta(days=1)), "还没有到"), (moment(date(2021, 2, 1)), "不能更早")],
)
def test_no_figures_of_what_is_to_come_or_was_before_the_programme(city, programme, cutoff, said):
    with pytest.raises(NotThen, match=said):
        bulletins.draw_up(programme, title="通报", cohorts=COHORTS, cutoff=cutoff,
                          by=city.actor("shi", "official"), at=NOW)  # fmt: skip


def test_the_first_and_the_last_moment_of_which_figures_can_be_had(programme):
    first = moment(programme.starts, 0)
    cutoffs.check(programme, first, at=NOW)
    cutoffs.check(programme, NOW, at=NOW)
    with pytest.raises(NotThen, match="不能更早"):
        cutoffs.check(programme, first - SECOND, at=NOW)
    with pytest.raises(NotThen, match="还没有到"):
        cutoffs.check(programme, NOW + SECOND, at=NOW)


def test_once_the_books_are_closed_there_are_figures_of_before_only(programme):
    closed = moment(days_ago(2))
    programme.state, programme.state_since = Programme.State.CLOSED, closed

    cutoffs.check(programme, closed - SECOND, at=NOW)
    with pytest.raises(NotThen, match="封账"):
        cutoffs.check(programme, closed, at=NOW)


def test_rules_count_from_the_moment_at_which_they_were_activated(programme):
    [version] = rule_book.of(programme).versions

    assert cutoffs._version(programme, version.activated_at) == version
    with pytest.raises(NotThen, match="生效的规则"):
        cutoffs._version(programme, version.activated_at - SECOND)


def test_rules_that_still_wait_to_be_carried_over_stop_it(city, programme, post, lin):
    Standing.objects.filter(programme=programme, member=lin).update(rules=0)

    with pytest.raises(NotThen, match="重新计算"):
        cutoffs.figures(programme, COHORTS, NOW)


def test_a_worker_that_died_is_followed_by_one_that_goes_on(city, programme, complete, lin,
                                                            monkeypatch):  # fmt: skip
    """After each chunk the sums are kept; no member is read twice, and the outcome is the same."""
    complete(programme, lin)
    whole = rows_of(cutoffs.figures(programme, COHORTS, NOW))
    monkeypatch.setattr(cutoffs, "CHUNK", 3)
    kept, read = [], []

    def stop(partial, done, total):
        kept.append(Partial.of(partial.as_json() | {"sums": {
            str(u): list(s) for u, s in partial.sums.items()}}))  # fmt: skip
        read.append((done, total))
        if len(kept) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cutoffs.figures(programme, COHORTS, NOW, tell=stop)
    again = cutoffs.figures(programme, COHORTS, NOW, begun=kept[0], tell=stop)

    assert rows_of(again) == whole
    assert [done for done, _ in read] == [3, 6, 8]
    assert {total for _, total in read} == {8}


def test_the_draft_of_a_past_cutoff_is_computed_by_a_worker(city, programme, complete, lin):
    by = city.actor("shi", "official")
    complete(programme, lin, at=moment(days_ago(1)))
    cutoff = moment(days_ago(1), 21)
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, cutoff=cutoff, by=by,
                              at=NOW)  # fmt: skip
    with pytest.raises(bulletins.NotComputed):
        bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    complete(programme, city.people["zhou"])

    job = drafting.later(draft, by=by, at=NOW, back_url="/")
    jobs.run(job.pk)

    job.refresh_from_db()
    draft.refresh_from_db()
    assert (job.state, job.message) == (Job.State.DONE, "已统计 2 个单位。")
    assert "截至 2021 年 6 月 2 日 21:00" in draft.texts["opening"]
    assert "学满 1 人" in draft.texts["opening"]
    bulletin = bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    assert (bulletin.cutoff, bulletin.rows.get(cohort=Cohort.COUNTY).completed) == (cutoff, 1)
    assert bulletins.digest_of(Bulletin.objects.get()) == bulletin.digest


def test_cancelled_when_it_is_computed_a_draft_says_that_it_was(city, programme, monkeypatch):
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=COHORTS, cutoff=moment(days_ago(1)),
                              by=by, at=NOW)  # fmt: skip
    keep = bulletins.put_figures

    def cancelled(*args, **kwargs):
        Job.objects.update(cancel_asked=True)
        return keep(*args, **kwargs)

    monkeypatch.setattr(bulletins, "put_figures", cancelled)
    job = drafting.later(draft, by=by, at=NOW, back_url="/")
    jobs.run(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert job.message.endswith("已经办完。已统计 2 个单位。")


@pytest.mark.parametrize("chunks", [1, 4])
def test_statements_grow_with_chunks_and_not_with_members(
    city, programme, django_assert_max_num_queries, monkeypatch, chunks
):
    for _ in range(8 * chunks - 8):
        city.enrol(city.jia)
    monkeypatch.setattr(cutoffs, "CHUNK", 8)

    with django_assert_max_num_queries(14 + 7 * chunks):
        cutoffs.figures(programme, COHORTS, NOW)


def test_a_merged_branch_counts_where_it_was_on_the_day(city, programme):
    reorganizations.merge(city.yi, into=city.bing, on=TODAY, by=city.by, at=NOW)

    then = cutoffs.figures(programme, COHORTS, moment(days_ago(1)))
    now = bulletins.figures(programme, COHORTS)

    assert [[row.due for row in found.rows] for found in (then, now)] == [[4, 4], [2, 6]]


@pytest.fixture
def exempt_county(city, programme):
    """How many of the county's units' members are exempt at a moment, by the figures of then."""

    def count(at):
        return cutoffs.figures(programme, COHORTS, at).of(Cohort.COUNTY)[0].exempt

    return count


def decided(city, programme, member, *, target=None, until=None, approve=True):
    """An exemption asked for and decided in the morning three days ago."""
    asked = exemptions.ask(
        programme, member, target=target, since=days_ago(3), until=until, reason="患病",
        by=city.by, at=moment(days_ago(3), 8),
    )  # fmt: skip
    shi = city.actor("shi", "official")
    return exemptions.decide(asked, approve=approve, answer="", by=shi, at=DECIDED)


def test_an_exemption_counts_from_its_moment_up_to_the_one_at_which_it_ended(
    city, programme, lin, exempt_county
):
    exemption = decided(city, programme, lin)
    assert [exempt_county(at) for at in (DECIDED - SECOND, DECIDED)] == [0, 1]

    ended = moment(days_ago(1), 9)
    exemptions.end(exemption, by=city.by, at=ended)
    moments = [DECIDED - SECOND, DECIDED, ended - SECOND, ended]
    assert [exempt_county(at) for at in moments] == [0, 1, 1, 0]


def test_an_exemption_that_was_refused_never_counts(city, programme, lin, exempt_county):
    decided(city, programme, lin, until=TODAY + timedelta(days=9), approve=False)

    assert exempt_county(NOW) == 0


def test_who_is_exempt_by_rule_was_so_at_any_moment(city, programme, lin, exempt_county):
    Standing.objects.filter(programme=programme, member=lin).update(exempt=True)

    assert exempt_county(moment(days_ago(1))) == 1


@pytest.mark.parametrize(
    ("since", "began"), [(days_ago(9), DECIDED), (days_ago(2), moment(days_ago(2), 0))]
)
def test_an_older_exemption_began_when_it_was_decided_or_on_its_first_day(since, began):
    assert cutoffs._began(Exemption(since=since, decided_at=DECIDED)) == began


@pytest.mark.parametrize(
    ("until", "seen", "ended"),
    [
        (None, False, DECIDED),  # nothing else is known of it
        (days_ago(2), False, moment(days_ago(2), 0)),
        (None, True, moment(days_ago(1))),
        (days_ago(2), True, moment(days_ago(2), 0)),
        (TODAY, True, moment(days_ago(1))),
    ],
)
def test_an_older_exemption_ended_with_its_last_day_or_the_last_line_it_saw(
    programme, post, lin, until, seen, ended
):
    post(programme, earn(lin, day=days_ago(1)), at=moment(days_ago(1)))
    last = LedgerEntry.objects.get(programme=programme).pk if seen else None
    row = Exemption(programme=programme, until=until, decided_at=DECIDED, ended_entry=last)

    assert cutoffs._ended(row) == ended


def test_a_target_lowered_later_is_not_lowered_then(city, found_programme, post, lin):
    programme = found_programme("then", **SMALL)
    each = [earn(lin, 45, day=days_ago(4), hour=8 + n, period=p) for n, p in enumerate(PERIODS)]
    post(programme, *each, at=moment(days_ago(4)))
    decided(city, programme, lin, target=100)

    found = [cutoffs.figures(programme, COHORTS, at) for at in (DECIDED - SECOND, DECIDED)]

    assert [figures.of(Cohort.COUNTY)[0].completed for figures in found] == [0, 1]


@pytest.mark.parametrize(
    ("founded", "gone", "counted", "listed"),
    [
        (0, None, 0, True),
        (1, None, 0, False),  # founded on the day after
        (-9, 1, 0, True),
        (-9, 0, 0, False),  # the day on which it is dissolved is not its own any more
        (-9, 0, 1, True),  # it stays where somebody counted in it
    ],
)
def test_units_that_stood_on_the_day_are_listed(city, programme, founded, gone, counted, listed):
    def on(days):
        return None if days is None else TODAY + timedelta(days=days)

    unit = city.county
    Organization.objects.filter(pk=unit.pk).update(founded_on=on(founded), dissolved_on=on(gone))
    partial = Partial(sums={unit.pk: [counted] + [0] * (len(cutoffs.SUMS) - 1)})

    found = list(cutoffs._by_unit(programme, NOW, partial, {unit.pk: Cohort.COUNTY}))

    assert [row["unit"] for row in found] == [unit.pk] * listed
