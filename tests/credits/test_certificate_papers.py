"""Certificates on paper: A4 landscape, rare names, number and code; only valid ones."""

from __future__ import annotations

import re

import pypdf
import pytest
from django.urls import reverse

from credits import certificate_papers, certificates
from credits.models import Certificate
from portal import jobs
from portal.models import AuditEvent, Job
from tests.cast import NOW
from tests.credits.conftest import standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("evening")]
MM = 72 / 25.4  # points
RARE = "喆堃昇珺赟"


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def issued(city, programme, complete):
    """The certificates of four members of 甲, the first with a rare name."""
    people = [city.enrol(city.jia, RARE), *(city.enrol(city.jia) for _ in range(2))]
    people.append(city.people["lin"])
    complete(programme, *people)
    return [certificates.issue(standing_of(programme, m), by=city.by, at=NOW) for m in people]


def printed(job):
    jobs.run(job.pk)
    made = jobs.file_of(Job.objects.get(pk=job.pk))
    assert made is not None, Job.objects.get(pk=job.pk).message
    return pypdf.PdfReader(made)


def words(page):
    return re.sub(r"\s", "", page.extract_text())


def test_a_certificate_is_a4_landscape_with_embedded_fonts_name_number_and_code(city, issued):
    by = city.actor("zhou", "secretary")
    reader = printed(certificate_papers.later(issued[0], by=by, at=NOW, back_url="/"))

    [page] = reader.pages
    assert tuple(round(float(side) / MM) for side in page.mediabox[2:]) == (297, 210)
    text = words(page)
    for said in (RARE, issued[0].number, issued[0].code, "学满证书", "认定学时24（应学24）",
                 "党史学习教育", city.jia.name):  # fmt: skip
        assert said in text
    fonts = page["/Resources"]["/Font"].values()
    assert fonts
    for font in fonts:
        [inner] = font.get_object()["/DescendantFonts"]
        descriptor = inner.get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor), descriptor["/FontName"]


def test_a_branch_s_are_a_page_each_without_those_that_are_not_valid(city, programme, issued):
    by = city.actor("zhou", "secretary")
    certificates.revoke(issued[1], reason="冒名", by=city.by, at=NOW)
    job = certificate_papers.later_for_branch(programme, city.jia, by=by, at=NOW, back_url="/")
    pages = [words(page) for page in printed(job).pages]

    valid = [c for c in issued if c.pk != issued[1].pk]
    assert len(pages) == len(valid)
    for one in valid:
        assert sum(one.number in page and one.code in page for page in pages) == 1
    assert not any(issued[1].number in page for page in pages)
    export = AuditEvent.objects.filter(event="export").latest("pk")
    assert export.detail == {"rows": 3}


@pytest.mark.parametrize("state", ["suspended", "revoked", "replaced"])
def test_what_is_not_valid_is_not_printed(city, issued, state):
    by = city.actor("zhou", "secretary")
    job = certificate_papers.later(issued[0], by=by, at=NOW, back_url="/")
    Certificate.objects.filter(pk=issued[0].pk).update(state=state)
    issued[0].refresh_from_db()
    with pytest.raises(certificate_papers.NotPrintable, match="不能打印"):
        certificate_papers.later(issued[0], by=by, at=NOW, back_url="/")

    jobs.run(job.pk)  # it was asked for while it was valid
    found = Job.objects.get(pk=job.pk)
    assert (found.state, jobs.file_of(found)) == (Job.State.FAILED, None)
    assert "不能打印" in found.message


def test_a_branch_without_any_has_nothing_to_print(city, programme):
    by = city.actor("zheng", "secretary")
    with pytest.raises(certificate_papers.NotPrintable, match="还没有"):
        certificate_papers.later_for_branch(programme, city.yi, by=by, at=NOW, back_url="/")


@pytest.mark.parametrize(("who", "may"), [("lin", True), ("zhou", True), ("wu", False),
                                          ("zheng", False), ("gao", False), ("shi", False),
                                          ("xun", False)])  # fmt: skip
def test_the_person_and_the_branch_s_secretary_print_it(issued, enter, who, may):
    address = reverse("certificate-paper", args=[issued[-1].pk])
    response = enter(who).post(address)
    assert (response.status_code == 302) == may, response.status_code
    assert Job.objects.exists() == may


@pytest.mark.parametrize(("who", "may"), [("zhou", True), ("lin", False), ("zheng", False),
                                          ("gao", False)])  # fmt: skip
def test_only_the_branch_s_secretary_prints_all(city, issued, enter, who, may):
    address = reverse("certificates-paper", args=[city.jia.pk])
    response = enter(who).post(address)
    assert (response.status_code == 302) == may
    assert Job.objects.exists() == may


def test_the_button_stands_only_beside_a_valid_one(city, issued, enter):
    address = reverse("certificate-paper", args=[issued[-1].pk])
    assert address in enter("lin").get(reverse("my-hours")).content.decode()
    whole = reverse("certificates-paper", args=[city.jia.pk])
    assert whole in enter("zhou").get(reverse("branch-hours")).content.decode()

    certificates.revoke(issued[-1], reason="误发", by=city.by, at=NOW)
    assert address not in enter("lin").get(reverse("my-hours")).content.decode()
    response = enter("lin").post(address, follow=True)
    assert "不能打印" in response.content.decode()
