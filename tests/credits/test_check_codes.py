"""The codes on paper are read from the printed page; what they lead to vouches for the paper."""

from __future__ import annotations

import re
import subprocess
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import zxingcpp
from django.test import Client
from django.urls import reverse
from docx import Document
from PIL import Image

from credits import (
    bulletins,
    certificate_papers,
    certificates,
    check_codes,
    paper_pdf,
    paper_word,
    papers,
)
from portal import jobs
from portal.models import Cohort, Job
from tests.cast import NOW
from tests.credits.conftest import standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("evening")]
ADDRESS = "https://portal.example"


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR, settings.SITE_ADDRESS = tmp_path, ADDRESS


def scanned(file, tmp_path):
    """What a phone reads from the last page of a PDF."""
    subprocess.run(["pdftoppm", "-r", "150", "-png", str(file), str(tmp_path / "page")], check=True)
    last = sorted(tmp_path.glob("page*.png"))[-1]
    return [str(found.text) for found in zxingcpp.read_barcodes(Image.open(last))]


def said_by(address):
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == ADDRESS
    return Client().get(f"{parts.path}?{parts.query}").content.decode()


@pytest.fixture
def issued(city, programme, complete, lin):
    complete(programme, lin)
    return certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)


def print_certificate(city, issued):
    by = city.actor("zhou", "secretary")
    job = certificate_papers.later(issued, by=by, at=NOW, back_url="/")
    jobs.run(job.pk)
    return jobs.file_of(Job.objects.get(pk=job.pk))


def test_a_certificates_code_leads_to_its_check_also_once_it_is_revoked(city, issued, tmp_path):
    [address] = scanned(print_certificate(city, issued), tmp_path)
    assert "证明有效" in said_by(address)

    certificates.revoke(issued, reason="误发", by=city.actor("zhou", "secretary"), at=NOW)

    assert "现在无效" in said_by(address)


def test_a_bulletins_code_leads_to_its_check(city, programme, tmp_path):
    by, target = city.actor("shi", "official"), tmp_path / "bulletin.pdf"
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    paper_pdf.write(papers.of_draft(draft, bulletins.figures_of(draft), at=NOW), target)
    assert scanned(target, tmp_path) == []

    number = bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    paper_pdf.write(papers.of_bulletin(number), target)

    [address] = scanned(target, tmp_path)
    assert "期号和核验码一致" in said_by(address)


def pictures(file):
    """What a phone reads from the pictures of a .docx."""
    parts = Document(file).part.package.iter_parts()
    images = [p.blob for p in parts if p.content_type == "image/png"]
    read = [zxingcpp.read_barcodes(Image.open(BytesIO(blob))) for blob in images]
    return [str(found.text) for each in read for found in each]


def test_the_codes_of_word_and_of_the_page_on_paper_lead_there_too(city, programme, tmp_path):
    by, target = city.actor("shi", "official"), tmp_path / "bulletin.docx"
    draft = bulletins.draw_up(programme, title="通报", cohorts=Cohort.values, by=by, at=NOW)
    paper_word.write(papers.of_draft(draft, bulletins.figures_of(draft), at=NOW), target)
    assert pictures(target) == []

    number = bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)
    paper_word.write(papers.of_bulletin(number), target)

    [address] = pictures(target)
    assert "期号和核验码一致" in said_by(address)
    browser = Client()
    browser.force_login(city.people["shi"])
    page = browser.get(reverse("bulletin-detail", args=[number.pk])).content.decode()
    [drawn] = re.findall(r'<div class="code print-only">(<svg.*?</svg>)</div>', page, re.DOTALL)
    assert drawn == str(check_codes.of_number(number.year, number.number, number.code))


def test_a_portal_that_does_not_know_its_address_prints_no_code(city, issued, tmp_path, settings):
    settings.SITE_ADDRESS = ""
    assert scanned(print_certificate(city, issued), tmp_path) == []
