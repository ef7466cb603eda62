"""Receipts of member lists, and taking them back: once, and only what nobody touched since."""

from __future__ import annotations

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from courses import import_undo, roll_call, study_logs
from credits import verification
from credits.models import BranchStanding, Standing
from portal import appointments, jobs, members, mending, people_in, reorganizations
from portal.access import scope_of
from portal.members import Departure
from portal.models import (
    Appointment,
    AuditEvent,
    Job,
    Member,
    Membership,
    PeopleImport,
    PeopleImportLine,
    Role,
)
from portal.people_in import long_lists, staging, undoing
from portal.people_in.undoing import Undone
from tests.access.test_matrix import fingerprint
from tests.cast import NOW, TODAY, days_ago
from tests.courses.test_study_logs import study
from tests.portal.conftest import xlsx

pytestmark = [pytest.mark.both, pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HEADINGS = ["党员编号", "姓名", "所在党支部", "党小组", "党员类别", "手机号码", "入党时间", "去向"]
Outcome = PeopleImportLine.Outcome
HUNDRED = "东南西北中春夏秋冬年月日星辰山川湖海江河"  # names apart from one another


@pytest.fixture
def by(city):
    return city.actor("gao", "official")


@pytest.fixture
def take(city, by):
    """Imports rows as the county's official, and gives the receipt."""

    def imported(*rows):
        data = imported.data = xlsx(HEADINGS, *rows)
        scope = scope_of(by.member, at=NOW)
        upload = staging.stage(data, "名册.xlsx", people_in.MEMBERS, by=by, at=NOW)
        found = staging.look(upload, scope=scope, at=NOW)
        assert not found.errors, found.errors
        staging.confirm(upload, fingerprint=found.fingerprint, scope=scope, by=by, at=NOW)
        return PeopleImport.objects.latest("pk")

    return imported


def fresh(city, name="程新录", number="77000001"):
    return [number, name, city.jia.name, "一组", "正式党员", "13812345678", None, None]


def changed(member, branch=None, *, group="", phone="", leaving=None):
    where = (branch or member.branch).name
    return [member.number, member.name, where, group, "正式党员", phone, None, leaving]


def kept(receipt):
    return dict(receipt.lines.filter(outcome="kept").values_list("member__name", "reason"))


def register():
    """Who stands where, and as what."""
    rows = Member.objects.order_by("pk")
    return list(rows.values("number", "name", "branch", "status", "category", "phone", "is_active"))


def test_the_receipt_says_what_was_written_by_whom_and_from_which_file(city, take):
    receipt = take(fresh(city), changed(city.people["lin"], city.yi), changed(city.people["wu"],
                   phone="13900000000"))  # fmt: skip

    assert receipt.digest == hashlib.sha256(take.data).hexdigest()
    assert (receipt.by, receipt.at, receipt.organization) == (city.people["gao"], NOW, city.county)
    assert receipt.counts == {"create": 1, "transfer": 1, "update": 1}
    lines = {line.member.name: line for line in receipt.lines.select_related("member")}
    assert lines["吴远舟"].before == {"phone": ""}
    assert lines["吴远舟"].after == {"phone": "13900000000"}
    assert lines["林小满"].opened == Membership.objects.open().get(member=city.people["lin"]).pk
    assert lines["程新录"].after["group"] == "一组"


def test_mistake_30_undo_restores_all_that_the_list_wrote(city, programme, take, by):
    gone = city.enrol(city.jia, "前离册")
    members.leave(gone, on=days_ago(9), by=by, at=NOW)
    before, sums = register(), list(BranchStanding.objects.order_by("pk").values())
    receipt = take(
        fresh(city),
        changed(city.people["lin"], city.yi, phone="13711112222"),
        changed(city.people["wu"], phone="13900000000", group="二组"),
        changed(city.people["zheng"], leaving="离开"),
        changed(gone, city.jia),
    )
    assert receipt.counts.keys() == {"create", "transfer", "update", "leave", "return"}

    counts = import_undo.undo(receipt, by=by, at=NOW)

    assert counts == {"undone": 5, "kept": 0}
    newcomer = Member.objects.get(number="77000001")
    assert not newcomer.is_active
    assert [r for r in register() if r["number"] != "77000001"] == before
    was = Membership.objects.get(member=newcomer)
    assert (was.since, was.until, was.ended) == (TODAY, TODAY, "mistake")
    assert not Membership.objects.on(TODAY).filter(member=newcomer).exists()
    assert Membership.objects.on(TODAY).get(member=city.people["lin"]).branch == city.jia
    assert list(BranchStanding.objects.order_by("pk").values()) == sums
    assert verification.verify(at=NOW).ok


def test_mistake_30_undone_once_only(city, take, by, client):
    receipt = take(fresh(city))
    import_undo.undo(receipt, by=by, at=NOW)
    members.readmit(Member.objects.get(number="77000001"), city.jia, on=TODAY, by=by, at=NOW)
    client.force_login(by.member, "portal.sign_in.MemberBackend")
    before = fingerprint()

    with pytest.raises(Undone):
        import_undo.undo(receipt, by=by, at=NOW)
    again = client.post(reverse("member-import-undo", args=[receipt.pk]), follow=True)

    assert "已经撤销过了" in again.content.decode()
    assert fingerprint() == before


def test_mistake_30_rows_edited_since_are_kept_by_name(city, take, by):
    lin, wu, zheng = (city.people[name] for name in ("lin", "wu", "zheng"))
    receipt = take(
        fresh(city, "甲改过", "77000001"),
        fresh(city, "乙任职", "77000002"),
        fresh(city, "丙走了", "77000003"),
        fresh(city, "丁没动", "77000004"),
        changed(lin, city.yi),
        changed(wu, phone="13900000000"),
        changed(zheng, phone="13911111111"),
    )
    people = {m.name: m for m in Member.objects.filter(number__startswith="7700000")}
    mending.mend(people["甲改过"], {"phone": "1"}, by=by, at=NOW)
    appointments.appoint(people["乙任职"], Role.ORGANISER, city.jia, since=TODAY, by=by, at=NOW)
    members.leave(people["丙走了"], on=TODAY, by=by, at=NOW)
    lin.refresh_from_db()
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)
    wu.refresh_from_db()
    mending.mend(wu, {"phone": "13922222222"}, by=by, at=NOW)

    counts = import_undo.undo(receipt, by=by, at=NOW)

    assert counts == {"undone": 2, "kept": 5}
    assert kept(receipt) == {
        "甲改过": "手机号码之后又更正过",
        "乙任职": "已有任职",
        "丙走了": "之后已离册",
        "林小满": "之后又办理了组织关系变动，现在市文化局丙支部",
        "吴远舟": "手机号码之后又更正过",
    }
    wu.refresh_from_db()
    zheng.refresh_from_db()
    lin.refresh_from_db()
    assert (wu.phone, zheng.phone, lin.branch) == ("13922222222", "", city.bing)
    assert not Member.objects.get(number="77000004").is_active


def test_whoever_studied_or_stands_on_a_roll_is_kept(city, programme, take, by, schedule):
    receipt = take(fresh(city, "有学时", "77000001"), fresh(city, "有记录", "77000002"),
                   changed(city.people["wu"], city.jia))  # fmt: skip
    people = {m.name: m for m in Member.objects.filter(number__startswith="7700000")}
    log = study_logs.submit(programme, people["有记录"], study(), by=by, at=NOW)
    own = study_logs.submit(programme, people["有学时"], study(), by=by, at=NOW)
    secretary = city.actor("zhou", "secretary")
    study_logs.confirm([own], by=secretary, at=NOW)
    session = schedule()
    roll_call.open_(session, by=secretary, at=session.starts_at)
    on_roll = set(session.attendances.values_list("member__name", flat=True))

    import_undo.undo(receipt, by=by, at=NOW)

    assert {"有学时", "有记录", "吴远舟"} <= on_roll
    assert kept(receipt) == {
        "有学时": "已有学时",
        "有记录": "已在考勤名单中",
        "吴远舟": "已在考勤名单中",
    }
    assert log.state == "pending"
    assert Standing.objects.get(member=people["有学时"]).recognised == 100
    assert set(session.attendances.values_list("member__name", flat=True)) == on_roll
    assert verification.verify(at=NOW).ok


def test_a_transfer_whose_old_branch_is_gone_is_kept(city, take, by):
    lonely = city.enrol(city.jia, "独一人")
    receipt = take(*(changed(m, city.yi) for m in (lonely, city.people["lin"])))
    members.transfer(city.people["zhou"], city.yi, on=TODAY, by=by, at=NOW)

    reorganizations.dissolve(city.jia, on=TODAY, by=by, at=NOW)

    assert import_undo.undo(receipt, by=by, at=NOW) == {"undone": 0, "kept": 2}
    assert set(kept(receipt).values()) == {"原党支部已撤销"}


def in_office(organization):
    rows = appointments.secretaries(organization, on=TODAY).filter(until=None).order_by("pk")
    return list(rows.values_list("member__name", "acting"))


def open_roles(member):
    rows = Appointment.objects.filter(member=member, until=None).order_by("role")
    return list(rows.values_list("role", "organization__name", "since"))


@pytest.mark.parametrize("leaving", ["转走", "离开"])
def test_the_roles_that_the_list_ended_are_given_back_from_today_on(city, take, by, leaving):
    """And who stood in (代管) for the secretary acts no longer; the past keeps that he was out."""
    zhou, lin = city.people["zhou"], city.people["lin"]
    appointments.appoint(
        zhou, Role.HELPER, city.jia, since=days_ago(9), by=by, at=NOW, helped=[lin]
    )
    appointments.appoint(zhou, Role.ORGANISER, city.jia, since=days_ago(9), by=by, at=NOW)
    before = {role for role, _, _ in open_roles(zhou)}
    moved = changed(zhou, city.yi) if leaving == "转走" else changed(zhou, leaving="离开")
    receipt = take(moved)
    assert open_roles(zhou) == []
    assert in_office(city.jia) == [("高望川", True)]

    counts = import_undo.undo(receipt, by=by, at=NOW)

    assert counts == {"undone": 1, "kept": 0}
    assert {role for role, _, _ in open_roles(zhou)} == before == {
        "helper", "organiser", "secretary"
    }  # fmt: skip
    assert {since for _, _, since in open_roles(zhou)} == {TODAY}
    assert in_office(city.jia) == [("周明远", False)]
    helper = Appointment.objects.get(member=zhou, role=Role.HELPER, until=None)
    assert list(helper.helped.all()) == [lin]
    ended = Appointment.objects.filter(member=zhou).exclude(until=None)
    assert ended.count() == 3
    assert AuditEvent.objects.filter(event="appoint", subject__contains="周明远").count() >= 3


def test_a_role_that_ended_by_hand_before_is_not_given_back(city, take, by):
    zhou = city.people["zhou"]
    role = appointments.appoint(zhou, Role.ORGANISER, city.jia, since=days_ago(9), by=by, at=NOW)
    appointments.end(role, on=TODAY, by=by, at=NOW)
    receipt = take(changed(zhou, city.yi))

    import_undo.undo(receipt, by=by, at=NOW)

    assert [role for role, _, _ in open_roles(zhou)] == ["secretary"]


def test_who_has_a_successor_is_kept_and_it_is_said(city, take, by):
    zhou, lin = city.people["zhou"], city.people["lin"]
    receipt = take(changed(zhou, city.yi))
    appointments.appoint(lin, Role.SECRETARY, city.jia, since=TODAY, by=by, at=NOW)

    counts = import_undo.undo(receipt, by=by, at=NOW)

    assert counts == {"undone": 0, "kept": 1}
    assert kept(receipt) == {
        "周明远": "免去的职务（青川县甲支部支部书记）已由林小满接任，请逐人办理"
    }
    assert Membership.objects.open().get(member=zhou).branch == city.yi
    assert in_office(city.jia) == [("林小满", False)]


def test_who_was_secretary_beside_another_is_so_again(city, take, by):
    lin = city.people["lin"]
    appointments.appoint(lin, Role.SECRETARY, city.jia, since=days_ago(3), by=by, at=NOW)
    receipt = take(changed(city.people["zhou"], city.yi))

    import_undo.undo(receipt, by=by, at=NOW)

    assert set(in_office(city.jia)) == {("林小满", False), ("周明远", False)}


def test_a_role_above_the_importers_place_is_for_those_above_to_give(city, take, by):
    wu = city.people["wu"]
    appointments.appoint(wu, Role.OFFICIAL, city.root, since=days_ago(9), by=city.by, at=NOW)
    receipt = take(changed(wu, leaving="离开"))

    import_undo.undo(receipt, by=by, at=NOW)

    reason = "免去的职务（云岭市机关干部）要由上级党组织恢复，请逐人办理"
    assert kept(receipt) == {"吴远舟": reason}
    assert not Appointment.objects.filter(member=wu, until=None).exists()


def test_who_acted_for_a_branch_acts_again(city, take, by):
    """Left with the list; another stood in; taken back, the first acts again, not both."""
    gao = city.people["gao"]
    wu = city.people["wu"]
    appointments.appoint(wu, Role.OFFICIAL, city.county, since=days_ago(9), by=city.by, at=NOW)
    seat = Appointment.objects.get(member=city.people["zhou"], role="secretary")
    appointments.hand_over(seat, wu, on=days_ago(2), by=city.by, at=NOW, acting=True)
    receipt = take(changed(wu, leaving="离开"))
    assert in_office(city.jia) == [(gao.name, True)]

    import_undo.undo(receipt, by=by, at=NOW)

    assert in_office(city.jia) == [("吴远舟", True)]
    assert {role for role, _, _ in open_roles(wu)} == {"official", "secretary"}


@pytest.mark.parametrize(("helped_leaves", "said"), [
    (True, "没有要帮学的党员了"), (False, ""),
])  # fmt: skip
def test_a_helper_is_given_back_while_there_is_somebody_to_help(
    city, take, by, helped_leaves, said
):
    lin, other = city.people["lin"], city.enrol(city.jia, "帮学对象")
    appointments.appoint(
        lin, Role.HELPER, city.jia, since=days_ago(9), by=by, at=NOW, helped=[other]
    )
    receipt = take(changed(lin, city.yi))
    if helped_leaves:
        members.leave(other, on=TODAY, by=by, at=NOW)

    import_undo.undo(receipt, by=by, at=NOW)

    assert bool(open_roles(lin)) is not helped_leaves
    assert said in "".join(kept(receipt).values())


def test_an_older_receipt_that_names_no_roles_keeps_who_lost_one_that_day(city, take, by):
    receipt = take(changed(city.people["zhou"], city.yi), changed(city.people["lin"], city.yi))
    receipt.lines.update(ended=None)  # as before receipts kept them

    counts = import_undo.undo(receipt, by=by, at=NOW)

    assert counts == {"undone": 1, "kept": 1}
    assert kept(receipt) == {"周明远": "旧的导入记录没有写明同日免去的职务，请逐人办理"}


def test_the_database_keeps_undo_whole(city, take):
    receipt = take(fresh(city))
    for broken in (
        lambda: PeopleImport.objects.filter(pk=receipt.pk).update(undone_at=NOW),
        lambda: receipt.lines.update(outcome="kept"),
        lambda: receipt.lines.update(reason="因为"),
        lambda: PeopleImportLine.objects.create(
            receipt=receipt, row=9, action="create", member=receipt.lines.get().member
        ),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            broken()


def test_the_pages_show_the_receipt_and_what_was_kept(city, client, by):
    client.force_login(by.member, "portal.sign_in.MemberBackend")
    rows = [fresh(city), fresh(city, "改过的", "77000002")]
    file = SimpleUploadedFile("六月名册.xlsx", xlsx(HEADINGS, *rows))
    url = client.post(reverse("members-in"), {"file": file}).url
    seen = client.get(url).context["preview"].fingerprint
    done = client.post(url, {"seen": seen}, follow=True)
    receipt = PeopleImport.objects.get()
    assert done.redirect_chain[-1][0] == reverse("member-import", args=[receipt.pk])
    assert "已导入：新增 2 人" in done.content.decode()
    assert receipt.digest in done.content.decode()
    mending.mend(Member.objects.get(number="77000002"), {"phone": "1"}, by=by, at=NOW)

    answer = client.post(reverse("member-import-undo", args=[receipt.pk]), follow=True)

    said = answer.content.decode()
    assert "已撤销 1 人，保留 1 人" in said
    assert "手机号码之后又更正过" in said
    assert "六月名册.xlsx" in client.get(reverse("member-imports")).content.decode()
    event = AuditEvent.objects.filter(event="import").order_by("pk").last()
    assert event.subject == "撤销导入：六月名册.xlsx"
    assert event.detail["kept"] == 1


def test_a_stranger_finds_no_receipt_of_another_place(city, client, take):
    receipt = take(fresh(city))
    client.force_login(city.people["zheng"], "portal.sign_in.MemberBackend")
    for name in ("member-import", "member-import-undo"):
        address = reverse(name, args=[receipt.pk])
        assert (client.get if name == "member-import" else client.post)(address).status_code == 404
    assert "名册.xlsx" not in client.get(reverse("member-imports")).content.decode()
    receipt.refresh_from_db()
    assert receipt.undone_at is None


def test_a_long_list_is_taken_back_by_a_worker_and_goes_on_where_it_was(
    city, programme, take, by, client, monkeypatch
):
    monkeypatch.setattr(import_undo, "MANY", 3)
    monkeypatch.setattr(import_undo, "CHUNK", 2)
    receipt = take(*(fresh(city, f"长表{n}", f"770000{ord(n)}") for n in "甲乙丙丁戊"))
    client.force_login(by.member, "portal.sign_in.MemberBackend")
    client.post(reverse("member-import-undo", args=[receipt.pk]))
    job = Job.objects.latest("pk")
    first = list(receipt.lines.order_by("pk")[:2])
    with transaction.atomic():  # as a worker killed after its first chunk left it
        import_undo._take_back(receipt, first, by=by, at=NOW)

    jobs.run(job.pk)

    job.refresh_from_db()
    assert (job.state, job.result) == ("done", {"undone": 5, "kept": 0})
    assert not Member.objects.filter(number__startswith="770000", is_active=True).exists()
    assert Membership.objects.filter(ended="mistake").count() == 5
    assert verification.verify(at=NOW).ok


def test_a_long_list_leaves_the_same_receipt(city, by, monkeypatch):
    """What a worker writes set-wise is taken back just the same."""
    rows = [fresh(city, f"长表{n}", f"770000{ord(n)}") for n in "甲乙丙丁"]
    rows += [changed(city.people["wu"], phone="13900000000")]
    job = long_lists.stage(
        xlsx(HEADINGS, *rows), "长表.xlsx", by=by, at=NOW, address=lambda pk: f"/{pk}/"
    )
    jobs.run(job.pk)
    upload = people_in.staging.Upload.objects.get()
    jobs.run(long_lists.write_later(upload, by=by, at=NOW, back_url="/").pk)

    receipt = PeopleImport.objects.get()

    assert receipt.counts == {"create": 4, "update": 1}
    assert len(receipt.digest) == 64
    found = undoing.look(list(receipt.lines.order_by("pk")))
    assert len(found) == 5
    assert undoing.touched(found, since=NOW, on=receipt.organization) == {}
    line = receipt.lines.filter(action="create").first()
    assert line.after == {
        "name": "长表甲", "status": "full", "category": "employed", "phone": "13812345678",
        "joined_on": None, "group": "一组",
    }  # fmt: skip
    assert import_undo.undo(receipt, by=by, at=NOW) == {"undone": 5, "kept": 0}


def test_a_list_and_its_undo_take_as_many_statements_for_many_as_for_few(city, programme, take, by):
    """One of each act, then twenty: nothing of receipt, register or books is done row by row."""
    counted = []
    for turn, many in enumerate((1, 20)):
        kinds = ("transfer", "update", "leave", "return")
        people = {
            (kind, n): city.enrol(city.jia, f"{'卫窦'[turn]}{'甲乙丙丁'[k]}{HUNDRED[n]}",
                                  number=f"6{turn}{k}{n:05d}")
            for k, kind in enumerate(kinds)
            for n in range(many)
        }  # fmt: skip
        gone = [people["return", n] for n in range(many)]
        members.leave_many([Departure(m, days_ago(9)) for m in gone], by=by, at=NOW)
        for person in gone:
            person.refresh_from_db()
        rows = []
        for n in range(many):
            rows += [
                fresh(city, f"程{'新录'[turn]}{HUNDRED[n]}", f"7{turn}{n:06d}"),
                changed(people["transfer", n], city.yi, phone="13711112222"),
                changed(people["update", n], group="二组", phone="13900000000"),
                changed(people["leave", n], leaving="离开"),
                changed(people["return", n], city.jia),
            ]
        with CaptureQueriesContext(connection) as wrote:
            receipt = take(*rows)
        assert receipt.counts == dict.fromkeys(("create", *kinds), many)
        with CaptureQueriesContext(connection) as undone:
            assert import_undo.undo(receipt, by=by, at=NOW) == {"undone": 5 * many, "kept": 0}
        counted.append((len(wrote), len(undone)))
    few, many = counted  # the first list of a process may load something once for all
    assert many[0] <= few[0]
    assert many[1] <= few[1]
    assert verification.verify(at=NOW).ok
