"""Pages of stated hours: handed in by the branch, approved above, read in the statement, undone."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from courses import claim_reversals, line_queries, matrices
from credits import claim_decisions, claims, programmes
from credits.models import ClaimBatch, HoursClaim, LedgerEntry, Standing
from portal.models import Upload
from tests.cast import NOW, TODAY
from tests.courses.test_mending_pages import Hand

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
HEADING = "党员编号,姓名,来源,学习方式,历史时期,截至日期,学时,依据"


@pytest.fixture
def hand(city):
    return lambda name: Hand(city.people[name])


@pytest.fixture
def visit(city):
    def browser(name):
        client = Client()
        client.force_login(city.people[name], "portal.sign_in.MemberBackend")
        return client

    return browser


@pytest.fixture
def hand_in(city, programme, secretary):
    count = iter(range(100))

    def act(*members, hours=400, kind="opening"):
        lines = [claims.Stated(m, kind, "seminar", "reform", date(2021, 2, 20), hours,
                               f"登记簿第 {next(count)} 页", n)
                 for n, m in enumerate(members, 1)]  # fmt: skip
        return claims.hand_in(programme, city.jia, lines, key=f"k{next(count)}", by=secretary,
                              at=NOW)  # fmt: skip

    return act


@pytest.fixture
def approved(city, hand_in, lin):
    batch = hand_in(lin)
    claim_decisions.approve(list(batch.claims.all()), by=city.actor("gao", "official"), at=NOW)
    return batch.claims.get()


def body(lin, **values):
    found = {
        "key": "form", "rows": "6", "member": lin.pk, "kind": "outside", "day": "2021-02-20",
        "proof": "市委党校培训证明",
    }  # fmt: skip
    for n in range(1, 7):
        found |= {f"form_{n}": "lecture", f"period_{n}": "reform", f"hours_{n}": ""}
    return found | values


def test_one_member_and_several_lines_are_handed_in_with_one_form(visit, programme, lin):
    desk = visit("zhou")
    page = desk.get(reverse("claim-new")).content.decode()
    assert "林小满" in page
    assert "吴远舟" not in page

    values = body(lin, hours_1="4", hours_3="1.5", form_3="self", period_3="")
    answer = desk.post(reverse("claim-new"), values, follow=True)

    lines = HoursClaim.objects.order_by("row")
    assert [(c.row, c.form, c.period, c.hours) for c in lines] == [
        (1, "lecture", "reform", 400), (3, "self", "", 150)
    ]  # fmt: skip
    shown = answer.content.decode()
    assert "已申报 2 行" in shown
    assert "待上级审批" in shown


def test_mistake_30_the_form_sent_again_or_by_reload_writes_each_line_once(visit, lin, programme):
    desk, values = visit("zhou"), body(lin, hours_1="4")
    for _ in range(2):
        desk.post(reverse("claim-new"), values)

    assert (ClaimBatch.objects.count(), HoursClaim.objects.count()) == (1, 1)


def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(visit, lin, programme):
    values = body(lin, hours_1="1.33", hours_2="4", form_2="self", day="2021-06-04")

    answer = visit("zhou").post(reverse("claim-new"), values)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "学时按 0.25 的整数倍填写。" in page
    assert page.count("2021-06-04 还没有到。") == 1
    for typed in ("1.33", "市委党校培训证明"):
        assert f'value="{typed}"' in page
    assert not HoursClaim.objects.exists()


def test_more_rows_keep_what_was_typed(visit, lin, programme):
    values = body(lin, hours_2="4", act="more")

    page = visit("zhou").post(reverse("claim-new"), values).content.decode()

    assert 'name="hours_10"' in page
    assert re.search(r'name="hours_2" value="4"', page)
    assert "field-error" not in page
    empty = visit("zhou").post(reverse("claim-new"), body(lin))
    assert "请至少填写一行学时" in empty.content.decode()


def test_a_foreign_member_in_the_body_is_refused(visit, lin, wu, programme):
    for member in (wu.pk, "x", 10**9):
        answer = visit("zhou").post(reverse("claim-new"), body(lin, member=member, hours_1="4"))
        assert answer.status_code == 422
    assert not HoursClaim.objects.exists()


def test_a_whole_receipt_is_approved_in_two_taps_with_every_line_in_sight(
    hand, hand_in, lin, zhou, programme, visit
):
    batch = hand_in(lin, zhou)
    desk = hand("gao").open(reverse("home"))
    desk.follow("学时审批")
    for words in ("青川县甲支部", "林小满", "周明远", "登记簿第 0 页", "待审批 2 行"):
        assert words in desk.text

    ticked = re.findall(r'name="line" value="([\d.]+)" checked', desk.text)
    answer = desk.browser.post(reverse("claims-decide"), {"line": ticked, "act": "approve"},
                               follow=True)  # fmt: skip

    assert (desk.taps + 1, len(ticked)) == (2, 2)
    assert "已批准 2 行，记入 8 学时" in answer.content.decode()
    assert set(batch.claims.values_list("state", flat=True)) == {"approved"}
    again = desk.browser.post(reverse("claims-decide"), {"line": ticked, "act": "approve"},
                              follow=True)  # fmt: skip
    assert "2 行已经有人处理过了" in again.content.decode()
    assert LedgerEntry.objects.count() == 2


def test_single_lines_are_returned_with_a_reason_and_come_back_mended(
    visit, hand_in, lin, zhou, programme
):
    batch = hand_in(lin, zhou)
    first, second = batch.claims.order_by("row")
    office, desk = visit("gao"), visit("zhou")
    ticked = {"line": f"{first.pk}.0", "act": "return"}
    assert "请写明退回的理由" in office.post(
        reverse("claims-decide"), ticked, follow=True
    ).content.decode()  # fmt: skip
    office.post(reverse("claims-decide"), ticked | {"reason": "登记簿上是 3 学时"})
    second.refresh_from_db()
    assert second.state == "pending"

    listed = desk.get(reverse("claim-list")).content.decode()
    assert "登记簿上是 3 学时" in listed
    mend = reverse("claim-mend", args=[first.pk])
    assert "登记簿上是 3 学时" in desk.get(mend).content.decode()
    values = {"version": "0", "kind": "opening", "form": "seminar", "period": "reform",
              "day": "2021-02-20", "hours": "3", "proof": "登记簿第 0 页"}  # fmt: skip
    assert desk.post(mend, values | {"hours": "3.1"}).status_code == 422
    desk.post(mend, values)

    first.refresh_from_db()
    assert (first.state, first.hours, first.version) == ("pending", 300, 1)
    waiting = office.get(reverse("claims-waiting")).content.decode()
    assert "改后再报" in waiting
    assert f'value="{first.pk}.1"' in waiting


def test_what_was_not_ticked_is_not_ticked_again_after_a_refusal(
    visit, hand_in, city, lin, zhou, programme
):
    """Else the next tap would approve what somebody had just left out."""
    first, second = hand_in(lin, zhou).claims.order_by("row")
    office = visit("gao")
    page = office.get(reverse("claims-waiting")).content.decode()
    about = re.search(r'name="about" value="(\d+)"', page)[1]
    sent = {"line": f"{first.pk}.0", "act": "return", "about": about}

    refused = office.post(reverse("claims-decide"), sent, follow=True).content.decode()
    later = office.get(reverse("claims-waiting")).content.decode()

    assert re.findall(r'name="line" value="([\d.]+)" checked', refused) == [f"{first.pk}.0"]
    assert f'name="line" value="{second.pk}.0" aria' in refused
    assert len(re.findall(r'name="line" value="[\d.]+" checked', later)) == 2
    forgotten = {"act": "return", "about": about, "reason": "页码不对"}
    told = office.post(reverse("claims-decide"), forgotten, follow=True).content.decode()
    assert 'value="页码不对"' in told
    assert not re.findall(r'name="line" value="[\d.]+" checked', told)


def test_a_forged_or_foreign_line_approves_nothing(visit, hand_in, lin, city, programme, secretary):
    claim = hand_in(lin).claims.get()
    wu = city.people["wu"]
    other = claims.hand_in(
        programme, city.bing, [claims.Stated(city.people["guan"], "opening", "seminar", "", TODAY,
                                             400, "册", 1)],
        key="b", by=city.by, at=NOW,
    ).claims.get()  # fmt: skip
    for lines in ([f"{claim.pk}.0", f"{other.pk}.0"], ["x"], [f"{claim.pk}.0", "0.0"], []):
        visit("gao").post(reverse("claims-decide"), {"line": lines, "act": "approve"})
    assert not LedgerEntry.objects.exists()
    assert wu.pk not in HoursClaim.objects.values_list("member", flat=True)


def test_one_cannot_tick_what_one_handed_in_or_what_is_about_oneself(
    city, visit, programme, hand_in, lin
):
    mine = city.enrol(city.jia, "机关某")
    line = claims.Stated(mine, "opening", "seminar", "", TODAY, 400, "册", 1)
    claims.hand_in(programme, city.jia, [line], key="x", by=city.actor("gao", "official"), at=NOW)

    page = visit("gao").get(reverse("claims-waiting")).content.decode()

    assert "机关某" in page
    assert 'name="line"' not in page
    assert "由其他同志审批" in page


def test_the_statement_marks_the_line_and_says_who_approved_it(visit, approved, lin):
    page = visit("lin").get(reverse("my-hours")).content.decode()

    assert "期初学时：登记簿第 0 页" in page
    assert '<span class="tag">期初</span>' in page
    assert "由高望川批准" in page
    source = reverse("source", args=["opening", approved.key])
    assert source in page
    shown = visit("lin").get(source, follow=True)
    assert shown.redirect_chain[-1][0] == reverse("claim-detail", args=[approved.pk])
    for words in ("登记簿第 0 页", "周明远", "高望川", "已批准"):
        assert words in shown.content.decode()
    assert visit("wu").get(source).status_code == 404


def test_hours_from_elsewhere_are_marked_as_such(city, visit, hand_in, lin):
    lines = list(hand_in(lin, kind="outside").claims.all())
    claim_decisions.approve(lines, by=city.actor("gao", "official"), at=NOW)

    page = visit("lin").get(reverse("my-hours")).content.decode()

    assert "外单位学时：登记簿" in page
    assert '<span class="tag">转入</span>' in page


def test_mistake_23_stated_hours_stand_apart_from_attendance_and_sum_up(
    city, programme, approved, lin
):
    rows = matrices.matrix(programme, city.jia, using="default").rows
    row = next(r for r in rows if r.member == lin)

    assert (row.attended, row.made_up, row.otherwise) == (0, 0, 400)
    assert sum(row.by_form.values()) == 400


def test_a_reversal_by_the_official_closes_the_members_query_about_the_line(
    city, visit, approved, lin, programme
):
    entry = LedgerEntry.objects.select_related("programme", "posting", "home").get()
    query = line_queries.ask(entry, "length", by=city.actor("lin"), at=NOW)
    desk = visit("zhou").get(reverse("query-list")).content.decode()
    assert reverse("claim-detail", args=[approved.pk]) in desk
    address = reverse("claim-reverse", args=[approved.pk])
    assert visit("gao").post(address, {"reason": ""}).status_code == 422

    visit("gao").post(address, {"reason": "登记簿重复"})

    query.refresh_from_db()
    assert (query.state, query.reply) == ("corrected", "登记簿重复")
    assert Standing.objects.get(member=lin).recognised == 0
    statement = visit("lin").get(reverse("my-hours")).content.decode()
    assert "已冲销" in statement
    assert "登记簿重复" in statement


def test_undo_on_the_page_says_by_name_what_it_kept(city, visit, hand_in, lin, zhou, programme):
    batch = hand_in(lin, zhou)
    first, second = batch.claims.order_by("row")
    claim_decisions.approve([first], by=city.actor("gao", "official"), at=NOW)
    claim_decisions.return_([second], reason="看不清", by=city.actor("gao", "official"), at=NOW)

    answer = visit("zhou").post(reverse("claim-undo", args=[batch.pk]), follow=True)

    page = answer.content.decode()
    assert "其中 1 行后来改过或处理过" in page
    assert "第 2 行 周明远 集体研讨 4 学时：已退回" in page
    assert "撤销申报</button>" not in page
    assert Standing.objects.get(member=lin).recognised == 0


def test_undo_in_closed_books_is_refused_and_says_why(city, visit, approved, programme):
    programmes.close_study(programme, by=city.by, at=NOW)
    programme.refresh_from_db()
    programmes.close_books(programme, by=city.by, at=NOW.replace(month=12))

    address = reverse("claim-undo", args=[approved.batch_id])
    page = visit("zhou").post(f"{address}", follow=True).content.decode()

    assert "已封账" in page
    assert ClaimBatch.objects.get().undone_at is None


def test_the_line_is_withdrawn_from_the_receipt(visit, hand_in, lin, programme):
    claim = hand_in(lin).claims.get()
    visit("zhou").post(reverse("claim-withdraw", args=[claim.pk]))
    claim.refresh_from_db()
    assert claim.state == "withdrawn"


def upload(desk, branch, *rows):
    data = "\n".join([HEADING, *rows]).encode()
    file = SimpleUploadedFile("期初.csv", data)
    return desk.post(reverse("claims-in"), {"branch": branch.pk, "file": file}, follow=True)


def test_a_sheet_is_shown_before_it_is_written_and_written_once(visit, city, programme, lin):
    desk = visit("zhou")
    line = f"{lin.number},林小满,期初学时,集体研讨,改革开放新时期,2021-02-20,4,登记簿"

    page = upload(desk, city.jia, line)

    text = page.content.decode()
    assert "共 1 人 1 行，4 学时" in text
    assert not HoursClaim.objects.exists()
    seen = re.search(r'name="seen" value="(\w+)"', text)[1]
    address = page.redirect_chain[-1][0]
    for _ in range(2):
        last = desk.post(address, {"seen": seen}, follow=True)
    assert "已经导入过了" in last.content.decode()
    assert HoursClaim.objects.count() == 1
    assert "同一个文件已经导入过" in upload(desk, city.jia, line).content.decode()


def test_a_sheet_with_faults_offers_no_confirming(visit, city, programme, lin):
    page = upload(visit("zhou"), city.jia, f"{lin.number},林小满,期初,集体研讨,,2021-02-20,x,册")

    text = page.content.decode()
    assert "有 1 处要先改好" in text
    assert "学时要写成数字" in text
    assert 'name="seen"' not in text


def test_a_foreign_branch_or_no_file_is_refused(visit, city, programme, lin):
    desk = visit("zhou")
    assert "请先选择" in upload(desk, city.yi, "x").content.decode()
    assert desk.post(reverse("claims-in"), {"branch": city.jia.pk}).status_code == 422
    assert not Upload.objects.exists()
    answer = desk.post(reverse("claim-sheet-out", args=[city.jia.pk]))
    assert answer["Content-Type"].endswith("spreadsheetml.sheet")


def test_reversing_twice_says_so_and_takes_nothing_twice(city, approved, lin):
    official = city.actor("gao", "official")
    claim_reversals.reverse(approved, reason="有误", by=official, at=NOW)
    with pytest.raises(claims.Settled):
        claim_reversals.reverse(approved, reason="有误", by=official, at=NOW)
    assert LedgerEntry.objects.count() == 2
