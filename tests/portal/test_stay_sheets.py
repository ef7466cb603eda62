"""Lists of mobile members: read, previewed, confirmed; the export comes back unchanged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal import members, mobile_stays, people_in
from portal.access import scope_of
from portal.mobile_stays import Away
from portal.models import AuditEvent, MobileStay
from tests.cast import NOW, TODAY, days_ago
from tests.portal.conftest import xlsx

pytestmark = [pytest.mark.django_db, pytest.mark.both]
HEADINGS = [
    "党员编号", "姓名", "外出时间", "流入地", "外出原因", "流入地党组织", "联系人编号", "最近联系",
    "报到日期", "返回时间",
]  # fmt: skip
SINCE = days_ago(200)


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def read(city):
    """Reads rows as 甲支部's secretary would."""

    def act(*rows, who="zhou", headings=HEADINGS):
        scope = scope_of(city.people[who], at=NOW)
        data = xlsx(headings, *rows)
        return people_in.preview(data, "流动.xlsx", people_in.STAYS, scope=scope, at=NOW)

    return act


@pytest.fixture
def row(city):
    """One row about 林小满; columns by keyword."""

    def make(who="lin", **cells):
        person = city.people[who]
        usual = {"党员编号": person.number, "姓名": person.name, "外出时间": str(SINCE),
                 "流入地": "广东省深圳市", "外出原因": "务工"}  # fmt: skip
        return [(usual | cells).get(heading) for heading in HEADINGS]

    return make


def apply(preview, city):
    return people_in.apply(preview, by=city.actor("zhou", "secretary"), at=NOW, name="流动.xlsx")


def test_a_new_row_registers_and_the_same_list_again_changes_nothing(city, read, row, lin):
    rows = [row(流入地党组织="青川县乙支部", 联系人编号=city.people["zhou"].number,
                最近联系=str(days_ago(3)), 报到日期=str(days_ago(150)))]  # fmt: skip
    preview = read(*rows)
    assert preview.message == "共读到 1 人：新增 1 人。"

    apply(preview, city)

    stay = MobileStay.objects.get()
    assert (stay.member, stay.since, stay.region, stay.reason) == (
        lin, SINCE, "广东省深圳市", "work",
    )  # fmt: skip
    assert (stay.host, stay.contact, stay.last_contact_on, stay.reported_on) == (
        city.yi, city.people["zhou"], days_ago(3), days_ago(150),
    )  # fmt: skip
    again = read(*rows)
    assert again.counts == {"same": 1}
    assert AuditEvent.objects.get(event="import").subject == "导入流动党员：流动.xlsx"


def test_a_row_mends_what_differs_and_empty_cells_say_nothing(city, read, row):
    apply(read(row(流入地党组织="某园区党支部", 最近联系=str(days_ago(9)))), city)

    preview = read(row(流入地="浙江省杭州市", 外出时间=None, 外出原因=None))

    [line] = preview.lines
    assert line.changes == {"region": ("广东省深圳市", "浙江省杭州市")}
    apply(preview, city)
    stay = MobileStay.objects.get()
    assert (stay.region, stay.host_name, stay.last_contact_on) == (
        "浙江省杭州市", "某园区党支部", days_ago(9),
    )  # fmt: skip


def test_a_day_of_return_ends_the_stay_once(city, read, row):
    apply(read(row()), city)
    rows = row(返回时间=str(days_ago(1)))
    assert read(rows).counts == {"back": 1}

    apply(read(rows), city)

    stay = MobileStay.objects.get()
    assert (stay.until, stay.ended) == (days_ago(1), "returned")
    assert read(rows).counts == {"same": 1}


def test_what_stands_beside_a_return_and_differs_is_said_and_not_taken(city, read, row):
    apply(read(row(联系人编号=city.people["zhou"].number)), city)
    back = row(
        返回时间=str(days_ago(1)), 流入地="浙江省宁波市", 联系人编号=city.people["shi"].number
    )

    preview = read(back)
    apply(preview, city)

    said = "第 2 行“林小满”：这一行登记返回，“流入地”、“联系人编号”与登记的不同，不改。"
    assert preview.warnings == (said,)
    stay = MobileStay.objects.get()
    assert (stay.until, stay.region) == (days_ago(1), "广东省深圳市")
    assert stay.contact == city.people["zhou"]
    assert read(back).warnings == (said,)  # of the stay that has ended since
    assert not read(row(返回时间=str(days_ago(1)))).warnings


@pytest.mark.parametrize(
    ("cells", "column", "said"),
    [
        ({"流入地": "深圳市宝安区人民路12号"}, "流入地", "不写门牌"),
        ({"流入地": None}, "流入地", "请填写流入地"),
        ({"外出时间": None}, "外出时间", "请填写外出时间"),
        ({"外出时间": str(TODAY + timedelta(days=1))}, "外出时间", "还没有到"),
        ({"外出原因": "云游"}, "外出原因", "不认识这个原因"),
        ({"姓名": "林大满"}, "姓名", "与姓名不符"),
        ({"党员编号": "99999999"}, "党员编号", "没有编号为 99999999"),
        ({"联系人编号": "77"}, "联系人编号", "没有编号为 77"),
        ({"报到日期": str(days_ago(201)), "流入地党组织": "某支部"}, "报到日期", "不能早于外出"),
        ({"报到日期": str(days_ago(1))}, "报到日期", "请写明流入地党组织"),
        ({"流入地党组织": "青川县甲支部"}, "流入地党组织", "本人所在的党支部"),
        ({"返回时间": str(TODAY)}, "返回时间", "没有登记外出"),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column(city, read, row, cells, column, said):
    preview = read(row("zhou"), row(**cells))

    [problem] = preview.errors
    assert (problem.row, problem.column) == (3, column)
    assert said in problem.message
    with pytest.raises(people_in.NotImportable):
        apply(preview, city)
    assert not MobileStay.objects.exists()


def test_nobody_of_another_branch_and_nobody_twice(read, row):
    assert "您的范围内没有编号" in read(row("wu")).errors[0].message
    assert "同一位党员" in read(row(), row()).errors[0].message


def test_a_stay_that_meets_an_earlier_one_is_said_before(city, read, row):
    apply(read(row()), city)
    apply(read(row(返回时间=str(days_ago(100)))), city)

    [problem] = read(row(外出时间=str(days_ago(101)))).errors

    assert problem.column == "外出时间"
    assert "时间重叠" in problem.message
    assert read(row(外出时间=str(days_ago(100)))).counts == {"create": 1}


def test_an_old_row_of_touching_stays_does_not_end_the_newer_one(city, read, row, lin):
    apply(read(row()), city)
    apply(read(row(返回时间=str(days_ago(100)))), city)
    apply(read(row(外出时间=str(days_ago(100)), 流入地="浙江省杭州市")), city)
    old = row(返回时间=str(days_ago(100)))

    assert read(old).counts == {"same": 1}
    both = read(old, row(外出时间=str(days_ago(100)), 流入地="上海市"))
    assert both.counts == {"same": 1, "update": 1}
    apply(both, city)
    assert lin.mobile_stays.open().get().region == "上海市"
    [problem] = read(row(返回时间=str(days_ago(99)))).errors
    assert "已于" in problem.message
    [problem] = read(row(外出时间=str(days_ago(90)), 返回时间=str(TODAY))).errors
    assert (problem.column, "是哪一次返回" in problem.message) == ("外出时间", True)
    [problem] = read(row()).errors  # as it stood before they returned
    assert "时间重叠" in problem.message


def test_an_earlier_contact_is_not_taken_and_said(city, read, row):
    apply(read(row(最近联系=str(days_ago(3)))), city)

    preview = read(row(最近联系=str(days_ago(9))))

    assert preview.counts == {"same": 1}
    assert f"“林小满”：最近联系已登记 {days_ago(3)}，表中的 {days_ago(9)} 更早" in "".join(
        preview.warnings
    )


@pytest.fixture
def exported(sign_in, city):
    """Reads back what 甲支部's secretary exports."""

    def act(show):
        sheet = sign_in("zhou").post(reverse("stays-out"), {"show": show}).content
        scope = scope_of(city.people["zhou"], at=NOW)
        return people_in.preview(sheet, "名册.xlsx", people_in.STAYS, scope=scope, at=NOW)

    return act


def test_when_somebody_means_to_be_back_is_read_and_comes_back(city, read, row, exported, lin):
    later = TODAY + timedelta(days=120)
    dated = [*row(), str(later)]
    headings = [*HEADINGS, "预计返回时间"]

    apply(read(dated, headings=headings), city)

    assert lin.mobile_stays.get().expected_until == later
    assert read(row()).counts == {"same": 1}, "a list without the column says nothing of it"
    assert exported("").counts == {"same": 1}
    [problem] = read([*row(), str(days_ago(201))], headings=headings).errors
    assert (problem.column, "不能早于外出" in problem.message) == ("预计返回时间", True)


def test_the_export_of_what_has_ended_comes_back(exported, city, lin):
    """Two stays of one member, mistakes among them, and a contact who has left since."""
    helper = city.enrol(city.jia)
    away = Away(days_ago(300), "上海市", "work", contact=helper)
    for since, until, how in ((300, 200, "returned"), (200, 150, "mistake"), (200, 90, "returned")):
        stay = mobile_stays.register(lin, replace(away, since=days_ago(since)), by=city.by, at=NOW)
        mobile_stays.end(stay, on=days_ago(until), how=how, by=city.by, at=NOW)
    mobile_stays.register(lin, replace(away, since=days_ago(90)), by=city.by, at=NOW)
    members.leave(helper, on=TODAY, by=city.by, at=NOW)

    for show, rows in (("ended", 3), ("", 1)):
        back = exported(show)
        assert (back.refusal, back.errors, back.counts) == ("", (), {"same": rows})


def test_the_export_of_the_quiet_ones_comes_back(exported, city, lin):
    away = Away(SINCE, "上海市", "work", host=city.yi, last_contact_on=days_ago(100))
    stay = mobile_stays.register(lin, away, by=city.by, at=NOW)
    mobile_stays.report_in(stay, on=days_ago(150), by=city.by, at=NOW)
    mobile_stays.register(
        city.people["zhou"], replace(away, last_contact_on=TODAY), by=city.by, at=NOW
    )

    back = exported("quiet")

    assert (back.refusal, back.errors, back.counts) == ("", (), {"same": 1})


def test_the_page_shows_confirms_and_says_so_and_the_export_comes_back(sign_in, row, city):
    client = sign_in("zhou")
    file = SimpleUploadedFile("流动.xlsx", xlsx(HEADINGS, row(最近联系=str(TODAY))))
    shown = client.post(reverse("stays-in"), {"file": file}, follow=True)
    text = shown.content.decode()
    assert "新增 1 人" in text
    seen = text.split('name="seen" value="')[1].split('"')[0]

    told = client.post(shown.redirect_chain[-1][0], {"seen": seen}, follow=True).content.decode()

    assert "已导入：新增 1 人" in told
    mobile_stays.register(
        city.people["zhou"], Away(SINCE, "上海市", "family"), by=city.by, at=NOW
    )  # fmt: skip
    sheet = client.post(reverse("stays-out"), {"show": ""}).content
    scope = scope_of(city.people["zhou"], at=NOW)
    back = people_in.preview(sheet, "流动党员名册.xlsx", people_in.STAYS, scope=scope, at=NOW)
    assert (back.errors, back.counts) == ((), {"same": 2})
