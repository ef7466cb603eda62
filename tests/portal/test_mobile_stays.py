"""Mobile members: registered once, counted at home, contacted, reported in, back or transferred."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from io import BytesIO

import openpyxl
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import members, mobile_stays, reorganizations
from portal.mobile_stays import AlreadyAway, AlreadyBack, Away, BadStay
from portal.models import AuditEvent, Member, MobileStay
from tests.cast import NOW, TODAY, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.both]
SHENZHEN = Away(days_ago(200), "广东省深圳市宝安区", "work", host_name="深圳市某园区党支部")


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def by(city):
    return city.actor("zhou", "secretary")


@pytest.fixture
def away(city, by):
    """Register somebody as away, 林小满 unless said otherwise."""

    def act(who="lin", at=NOW, **changes):
        person = city.people[who]
        return mobile_stays.register(person, replace(SHENZHEN, **changes), by=by, at=at)

    return act


def page(client, name, *ids, query="", status=200):
    response = client.get(reverse(name, args=ids) + query)
    assert response.status_code == status
    return response.content.decode()


def trail():
    rows = AuditEvent.objects.filter(event="membership", subject__startswith="林小满")
    return list(rows.order_by("pk").values_list("subject", flat=True))[1:]  # first the enrolment


# --- The verbs


def test_registering_twice_is_registering_once_and_leaves_one_trace(away, lin):
    assert away() == away()

    stay = MobileStay.objects.get()
    assert (stay.member, stay.region, stay.host, stay.host_name) == (
        lin, "广东省深圳市宝安区", None, "深圳市某园区党支部",
    )  # fmt: skip
    assert trail() == ["林小满登记外出"]
    assert list(Member.objects.mobile()) == [lin]


def test_a_second_stay_at_the_same_time_is_refused(away):
    away()

    with pytest.raises(AlreadyAway, match="已登记外出（广东省深圳市宝安区）"):
        away(region="浙江省杭州市")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"since": TODAY + timedelta(days=1)}, "since", "还没有到"),
        ({"region": "深圳市宝安区新安街道12号"}, "region", "不写门牌"),
        ({"region": "宝安区人民路"}, "region", "不写门牌"),
        ({"region": "ab"}, "region", "省、市、县"),
        ({"last_contact_on": days_ago(201)}, "last_contact_on", "外出以后"),
        ({"last_contact_on": TODAY + timedelta(days=1)}, "last_contact_on", "不晚于今天"),
        ({"expected_until": days_ago(201)}, "expected_until", "不能早于外出时间"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(away, changes, field, said):
    with pytest.raises(BadStay, match=said) as caught:
        away(**changes)

    assert caught.value.field == field
    assert not MobileStay.objects.exists()


@pytest.mark.parametrize("region", ["浙江省台州市路桥区", "唐山市路南区", "河北省唐山市路北区"])
def test_a_district_with_a_road_in_its_name_is_no_address(region):
    assert mobile_stays.region_of(region) == region
    with pytest.raises(BadStay, match="不写门牌"):
        mobile_stays.region_of(f"{region}人民路")


def test_neither_the_own_branch_is_host_nor_oneself_the_contact(city, away, lin):
    with pytest.raises(BadStay, match="本人所在的党支部"):
        away(host=city.jia)
    with pytest.raises(BadStay, match="不能是本人"):
        away(contact=lin)


def test_a_host_of_the_tree_is_linked_and_named_in_full(city, away):
    for text in ("青川县乙支部", "YL-QC-2"):
        assert mobile_stays.host_named(text) == city.yi
    assert mobile_stays.host_named("青川县") == city.county
    assert mobile_stays.host_named("某园区党支部") is None
    assert mobile_stays.host_named("  ") is None

    stay = away(host=city.yi, host_name="乙支部")

    assert (stay.host, stay.host_name) == (city.yi, "青川县乙支部")


def test_stays_follow_one_another(away, by):
    first = away(since=days_ago(400))
    mobile_stays.end(first, on=days_ago(100), by=by, at=NOW)

    with pytest.raises(BadStay, match="时间重叠"):
        away(since=days_ago(101))
    assert away(since=days_ago(100)).pk != first.pk


def test_a_stay_that_was_a_mistake_is_in_nobodys_way(away, by):
    mobile_stays.end(away(), on=TODAY, how="mistake", by=by, at=NOW)

    assert away(region="浙江省杭州市").until is None


def test_another_host_has_not_seen_the_member_yet(city, away, by):
    stay = away(host=city.yi, host_name="")
    mobile_stays.report_in(stay, on=days_ago(3), by=by, at=NOW)
    stay.refresh_from_db()
    assert (stay.reported_on, stay.last_contact_on) == (days_ago(3), days_ago(3))

    mended = mobile_stays.mend(stay, SHENZHEN, by=by, at=NOW)

    assert (mended.host, mended.reported_on, mended.last_contact_on) == (None, None, days_ago(3))
    last = AuditEvent.objects.order_by("pk").last()
    assert last.detail["fields"] == ["host", "host_name", "reported_on"]


def test_mending_nothing_leaves_no_trace(away, by):
    stay = away()

    mobile_stays.mend(stay, SHENZHEN, by=by, at=NOW)

    assert trail() == ["林小满登记外出"]


def test_reporting_in_needs_a_host_and_a_day_after_leaving(away, by):
    stay = away(host_name="")
    with pytest.raises(BadStay, match="先登记流入地党组织"):
        mobile_stays.report_in(stay, on=TODAY, by=by, at=NOW)
    mobile_stays.mend(stay, SHENZHEN, by=by, at=NOW)

    with pytest.raises(BadStay, match="才外出"):
        mobile_stays.report_in(stay, on=days_ago(201), by=by, at=NOW)
    with pytest.raises(BadStay, match="还没有到"):
        mobile_stays.report_in(stay, on=TODAY + timedelta(days=1), by=by, at=NOW)
    for day in (days_ago(2), TODAY):  # the first time counts
        assert mobile_stays.report_in(stay, on=day, by=by, at=NOW).reported_on == days_ago(2)


def test_whom_nobody_has_contacted_for_a_quarter_is_on_the_list(away):
    quarter = TODAY - mobile_stays.QUARTER
    away("lin", last_contact_on=quarter - timedelta(days=1))
    away("zhou", last_contact_on=quarter)
    away("wu", since=days_ago(30))  # left lately
    away("zheng")  # never contacted

    quiet = MobileStay.objects.quiet(quarter).longest_quiet_first()
    assert [stay.member.name for stay in quiet] == ["郑书棋", "林小满"]


def test_contact_is_noted_for_all_or_none_and_never_goes_back(away, by):
    stays = [away("lin"), away("wu", since=days_ago(10))]

    with pytest.raises(BadStay, match=r"吴远舟 .* 才外出"):
        mobile_stays.contacted(stays, on=days_ago(20), by=by, at=NOW)
    assert not MobileStay.objects.exclude(last_contact_on=None).exists()

    assert mobile_stays.contacted(stays, on=days_ago(2), by=by, at=NOW) == 2
    assert mobile_stays.contacted(stays, on=days_ago(5), by=by, at=NOW) == 0
    assert set(MobileStay.objects.values_list("last_contact_on", flat=True)) == {days_ago(2)}


def test_ending_twice_is_ending_once_and_otherwise_it_is_said(away, by):
    stay = away()
    for _ in range(2):
        mobile_stays.end(stay, on=days_ago(1), by=by, at=NOW)

    assert trail() == ["林小满登记外出", "林小满外出结束（返回）"]
    with pytest.raises(AlreadyBack):
        mobile_stays.end(stay, on=TODAY, by=by, at=NOW)
    with pytest.raises(AlreadyBack):
        mobile_stays.mend(stay, SHENZHEN, by=by, at=NOW)
    with pytest.raises(AlreadyBack):
        mobile_stays.contacted([stay], on=TODAY, by=by, at=NOW)


def test_a_transfer_of_the_membership_ends_the_stay_and_a_merger_does_not(city, away, lin):
    stay = away(host=city.yi)
    reorganizations.merge(city.jia, city.bing, on=TODAY, by=city.by, at=NOW)
    stay.refresh_from_db()
    assert stay.until is None

    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)

    stay.refresh_from_db()
    assert (stay.until, stay.ended) == (TODAY, "transferred")
    assert not Member.objects.mobile().exists()


def test_a_merged_host_hands_on_whom_it_hosts_but_nobody_who_is_at_home_there(city, away, by):
    guest, native = away(host=city.bing), away("zheng", host=city.bing)
    back = away("zhou", host=city.bing)
    mobile_stays.report_in(guest, on=days_ago(3), by=by, at=NOW)
    mobile_stays.report_in(native, on=days_ago(3), by=by, at=NOW)
    mobile_stays.end(back, on=days_ago(1), by=by, at=NOW)

    reorganizations.merge(city.bing, city.yi, on=TODAY, by=city.by, at=NOW)

    stays = {s.member.name: s for s in MobileStay.objects.select_related("host", "member")}
    there = stays["林小满"]
    assert (there.host, there.host_name, there.reported_on) == (
        city.yi, "青川县乙支部", days_ago(3),
    )  # fmt: skip
    home = stays["郑书棋"]
    assert (home.host, home.host_name, home.reported_on) == (None, "", None)
    assert stays["周明远"].host == city.bing, "what has ended stays as it was"
    assert trail()[-1] == "林小满的流入地党组织市文化局丙支部并入青川县乙支部"


def test_the_migration_hands_on_what_earlier_mergers_left_behind(city, away):
    stay, native = away(host=city.jia, who="wu"), away("zhou", host=city.bing)
    city.jia.merged_into, city.jia.dissolved_on = city.yi, TODAY
    city.bing.merged_into, city.bing.dissolved_on = city.jia, TODAY
    for organization in (city.jia, city.bing):
        organization.save()
    elsewhere = city.enrol(city.yi, "在乙")
    Member.objects.filter(pk=city.people["zhou"].pk).update(branch=elsewhere.branch)
    Member.objects.filter(pk=stay.member_id).update(branch=city.county)

    import_module("portal.migrations.0009_expected_returns").hand_on(apps, None)

    for row in (stay, native):
        row.refresh_from_db()
    assert (stay.host, stay.host_name) == (city.yi, "青川县乙支部")
    assert (native.host, native.host_name) == (None, ""), "at home in the heir of the heir"


def test_who_leaves_the_register_is_away_no_more(city, away, lin):
    stay = away()

    members.leave(lin, on=days_ago(1), by=city.by, at=NOW)

    stay.refresh_from_db()
    assert (stay.until, stay.ended) == (days_ago(1), "left")
    with pytest.raises(BadStay, match="不在任何党支部"):
        away()


@pytest.mark.parametrize(
    "values",
    [
        {"ended": "returned"},  # still open
        {"reported_on": days_ago(201)},
        {"reported_on": TODAY, "until": days_ago(1), "ended": "returned"},
        {"until": days_ago(201)},
        {"expected_until": days_ago(201)},
    ],
)
def test_the_database_holds_a_stay_together(away, values):
    stay = away()
    with pytest.raises(IntegrityError), transaction.atomic():
        MobileStay.objects.filter(pk=stay.pk).update(**values)


# --- The pages


def test_a_secretary_registers_somebody_from_their_page(sign_in, lin):
    client = sign_in("zhou")
    address = reverse("stay-new", args=[lin.pk])
    assert address in page(client, "member-detail", lin.pk)

    values = {"since": days_ago(200), "region": "深圳市宝安区1号", "reason": "work",
              "host_name": "", "contact": "99", "last_contact_on": ""}  # fmt: skip
    told = client.post(address, values)
    assert told.status_code == 422
    assert "没有编号为 99 的在册党员" in told.content.decode()
    told = client.post(address, values | {"contact": ""})
    assert "不写门牌" in told.content.decode()
    told = client.post(address, values | {"contact": "", "region": "广东省深圳市"}, follow=True)

    assert "已登记：林小满在广东省深圳市" in told.content.decode()
    stay = MobileStay.objects.get()
    assert reverse("stay-mend", args=[stay.pk]) in page(client, "member-detail", lin.pk)


@pytest.mark.parametrize(
    ("since", "until", "short"),
    [
        (date(2021, 1, 31), date(2021, 7, 30), True),
        (date(2021, 1, 31), date(2021, 7, 31), False),
        (date(2020, 8, 31), date(2021, 2, 27), True),
        (date(2020, 8, 31), date(2021, 2, 28), False),
        (date(2021, 6, 1), date(2021, 11, 30), True),
        (date(2021, 6, 1), date(2021, 12, 1), False),
        (date(2021, 6, 1), None, False),
    ],
)
def test_six_months_are_counted_by_the_calendar(since, until, short):
    assert MobileStay(since=since, expected_until=until).is_short is short


def test_who_means_to_be_back_soon_is_registered_and_the_form_hints_at_it(sign_in, lin):
    client, address = sign_in("zhou"), reverse("stay-new", args=[lin.pk])
    assert "预计不满六个月的，请核对" in client.get(address).content.decode()
    values = {"since": TODAY, "expected_until": TODAY + timedelta(days=90), "reason": "work",
              "region": "广东省深圳市", "host_name": "", "contact": "",
              "last_contact_on": ""}  # fmt: skip

    told = client.post(address, values, follow=True).content.decode()

    assert "已登记：林小满" in told
    assert "预计外出不满六个月" in told
    stay = MobileStay.objects.get()
    assert f'预计 <span class="num">{stay.expected_until}</span> 返回' in told
    shown = page(client, "stay-mend", stay.pk)
    assert "预计外出不满六个月" in shown
    assert f'value="{stay.expected_until}"' in shown
    longer = values | {"expected_until": TODAY + timedelta(days=200)}
    client.post(reverse("stay-mend", args=[stay.pk]), longer)
    assert "预计外出不满六个月" not in page(client, "stay-mend", stay.pk)
    client.post(reverse("stay-mend", args=[stay.pk]), values | {"expected_until": ""})
    stay.refresh_from_db()
    assert stay.expected_until is None


def test_the_list_says_who_is_quiet_and_ticking_notes_contact(sign_in, away):
    client, stay = sign_in("zhou"), away(last_contact_on=days_ago(100))
    listed = page(client, "stay-list")
    assert "超过三个月" in listed

    told = client.post(
        reverse("stay-contacted"),
        {"stay": [stay.pk], "on": str(TODAY), "show": "quiet"},
        follow=True,
    ).content.decode()

    assert f"已记下 {TODAY} 联系了 1 人" in told
    assert "都联系过了" in told
    again = client.post(reverse("stay-contacted"), {"stay": []}, follow=True).content.decode()
    assert "请先勾选" in again


@pytest.mark.parametrize("on", ["2021-02-30", "昨天", ""])
def test_a_day_that_nobody_can_read_is_refused_and_search_and_page_stay(sign_in, away, on):
    stay = away()
    body = {"stay": [stay.pk], "on": on, "show": "quiet", "q": "林", "page": "2"}

    told = sign_in("zhou").post(reverse("stay-contacted"), body, follow=True)

    assert told.redirect_chain[0][0] == f"{reverse('stay-list')}?show=quiet&q=%E6%9E%97&page=2"
    assert "没有记下：看不懂这个日期" in told.content.decode()
    stay.refresh_from_db()
    assert stay.last_contact_on is None


def test_a_stay_is_mended_and_ended_on_its_page(sign_in, away, city):
    client, stay = sign_in("zhou"), away()
    shown = page(client, "stay-mend", stay.pk)
    assert 'value="广东省深圳市宝安区"' in shown

    values = {"since": stay.since, "region": "浙江省杭州市", "reason": "study",
              "host_name": "青川县乙支部", "contact": city.people["zhou"].number}  # fmt: skip
    client.post(reverse("stay-mend", args=[stay.pk]), values)
    stay.refresh_from_db()
    assert (stay.region, stay.host, stay.contact) == ("浙江省杭州市", city.yi, city.people["zhou"])
    told = client.post(reverse("stay-end", args=[stay.pk]),
                       {"how": "returned", "on": str(days_ago(300))})  # fmt: skip
    assert (told.status_code, "不能更早" in told.content.decode()) == (422, True)
    client.post(reverse("stay-end", args=[stay.pk]), {"how": "returned", "on": str(TODAY)})

    assert "已经结束" in page(client, "stay-mend", stay.pk)
    assert "返回" in page(client, "stay-list", query="?show=ended")


def test_an_earlier_contact_is_not_taken_and_the_page_says_so(sign_in, away):
    client, stay = sign_in("zhou"), away(last_contact_on=days_ago(3))
    values = {"since": stay.since, "region": stay.region, "reason": stay.reason,
              "host_name": stay.host_name, "contact": ""}  # fmt: skip
    address = reverse("stay-mend", args=[stay.pk])

    for last in (str(days_ago(9)), ""):
        body = values | {"last_contact_on": last}
        told = client.post(address, body, follow=True).content.decode()
        assert f"最近联系仍是 {days_ago(3)}" in told
        assert "没有改动" in told
        assert "已保存" not in told
    body = values | {"last_contact_on": str(TODAY)}
    told = client.post(address, body, follow=True).content.decode()
    assert "已保存" in told
    assert "最近联系仍是" not in told


def test_the_host_sees_who_named_it_and_nothing_else_of_them(sign_in, away, city):
    stay, other = away(host=city.yi), away("zhou")
    client = sign_in("zheng")  # of 乙支部

    listed = page(client, "stays-hosted")
    assert "林小满" in listed
    assert "周明远" not in listed
    told = client.post(reverse("stay-report-in", args=[stay.pk]), follow=True).content.decode()

    assert "林小满已报到" in told
    stay.refresh_from_db()
    assert stay.reported_on == TODAY
    assert client.post(reverse("stay-report-in", args=[other.pk])).status_code == 404
    assert client.get(reverse("stay-mend", args=[stay.pk])).status_code == 404
    assert "林小满" not in page(client, "stay-list")


def test_the_host_gives_the_day_of_reporting_in(sign_in, away, city):
    stay, client = away(host=city.yi), sign_in("zheng")
    address = reverse("stay-report-in", args=[stay.pk])
    assert f'value="{TODAY}" min="{stay.since}" max="{TODAY}"' in page(client, "stays-hosted")

    for on, said in ((days_ago(201), "才外出"), (TODAY + timedelta(days=1), "还没有到"),
                     ("昨天", "看不懂这个日期")):  # fmt: skip
        assert said in client.post(address, {"on": on}, follow=True).content.decode()
    client.post(address, {"on": days_ago(4)})

    stay.refresh_from_db()
    assert (stay.reported_on, stay.last_contact_on) == (days_ago(4), days_ago(4))


def test_home_notes_that_a_member_reported_in_where_the_host_is_elsewhere(sign_in, away):
    stay, client = away(), sign_in("zhou")
    address = reverse("stay-reported", args=[stay.pk])
    assert address in page(client, "stay-mend", stay.pk)

    told = client.post(address, {"on": days_ago(201)}, follow=True).content.decode()
    assert "才外出" in told
    told = client.post(address, {"on": days_ago(4)}, follow=True).content.decode()

    assert f"林小满已报到，报到日期 {days_ago(4)}" in told
    assert "已在流入地报到" in told
    assert address not in told
    stay.refresh_from_db()
    assert stay.reported_on == days_ago(4)
    assert sign_in("zheng").post(address, {"on": TODAY}).status_code == 404


def test_contact_is_noted_for_nobody_of_another_branch(sign_in, away):
    stay = away()

    told = sign_in("zheng").post(reverse("stay-contacted"), {"stay": [stay.pk]}, follow=True)

    assert "请先勾选" in told.content.decode()
    stay.refresh_from_db()
    assert stay.last_contact_on is None


def test_the_sheet_holds_what_the_list_shows(sign_in, away):
    away("lin", last_contact_on=days_ago(100)), away("zhou", last_contact_on=TODAY)

    answer = sign_in("zhou").post(reverse("stays-out"), {"show": "quiet"})

    rows = list(openpyxl.load_workbook(BytesIO(answer.content)).active.values)
    [line] = [row for row in rows if row[1] in ("林小满", "周明远")]
    assert line[4:7] == ("广东省深圳市宝安区", "外出务工", "深圳市某园区党支部")
    event = AuditEvent.objects.get(event="export")
    assert event.detail == {"filter": "三个月未联系", "rows": 1}


@pytest.mark.parametrize("name", ["stay-list", "stays-hosted"])
def test_pages_ask_as_much_for_many_as_for_one(sign_in, away, city, name):
    client, counts = sign_in("shi"), []
    for size in (1, 6):
        for _ in range(size):
            city.people["new"] = city.enrol(city.jia)
            away("new", host=city.yi)
        page(client, name)
        with CaptureQueriesContext(connection) as queries:
            page(client, name)
        counts.append(len(queries))
    assert counts[0] == counts[1]
