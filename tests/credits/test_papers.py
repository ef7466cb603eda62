"""Bulletins on paper: layout of GB/T 9704-2012, and the same figures as the web page everywhere."""

from __future__ import annotations

import re
import runpy
import subprocess
from io import BytesIO
from itertools import pairwise
from zipfile import ZipFile

import pypdf
import pytest
import python_calamine
from django.conf import settings
from django.urls import reverse
from docx import Document
from docx.oxml.ns import qn

from credits import bulletins, paper_files, paper_word, papers, programmes, typesetting
from credits.models import RankingPermit, View
from portal import jobs, organizations
from portal.models import AuditEvent, Cohort, Job, Organization
from portal.organizations import Founding
from portal.templatetags.portal import hours1, percent
from tests.cast import BEFORE, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("evening")]
MM = 72 / 25.4  # points
ENTERPRISE = [Cohort.ENTERPRISE]
BODY = 16  # points: 三号


@pytest.fixture
def units(city):
    """Forty units whose names hold characters that small fonts lack."""
    made = []
    for number in range(40):
        unit = organizations.found(
            Founding(f"YL-P{number:02d}", f"喆堃昇珺赟{number:02d}公司党委",
                     Organization.Kind.COMMITTEE, city.root, BEFORE.date(),
                     short_name=f"喆堃昇珺赟{number:02d}公司", cohort=Cohort.ENTERPRISE,
                     is_unit=True),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        branch = organizations.found(
            Founding(f"YL-P{number:02d}-1", f"公司{number:02d}支部", Organization.Kind.BRANCH, unit,
                     BEFORE.date()),
            by=city.by, at=BEFORE,
        )  # fmt: skip
        made.append((branch, city.enrol(branch)))
    return made


@pytest.fixture
def draw_up(city, programme):
    def make(opening="总体情况。"):
        by = city.actor("shi", "official")
        draft = bulletins.draw_up(programme, title="关于学习进度的通报", cohorts=ENTERPRISE, by=by,
                                  at=NOW)  # fmt: skip
        texts = {**draft.texts, View.OPENING: opening}
        return bulletins.edit(draft, title=draft.title, texts=texts, seen_version=draft.version,
                              by=by, at=NOW)  # fmt: skip

    return make


@pytest.fixture
def bulletin(city, programme, units, complete, draw_up):
    """The second number: three more completed since the first."""
    by = city.actor("shi", "official")
    for branch, member in units[:3]:
        complete(programme, member, organiser=branch)
    first = draw_up()
    bulletins.publish(first, seen_version=first.version, by=by, at=NOW)
    for branch, member in units[20:23]:
        complete(programme, member, organiser=branch)
    city.enrol(units[0][0])
    draft = draw_up("\n".join(["各单位学习情况如下。" * 60, "学" * 28 * 60]))
    return bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)


def written(source, kind, tmp_path, **more):
    made = tmp_path / f"paper.{kind}"
    if hasattr(source, "number"):
        paper, found = papers.of_bulletin(source), bulletins.published(source)
    else:
        found = bulletins.figures(source.programme, source.cohorts)
        paper = papers.of_draft(source, found, at=NOW)
    paper_files.to_file(paper, found, kind, made, **more)
    return made


def said(row):
    """A row of the web page's table, as words."""
    return [
        str(row.rank), papers.movement(row), row.unit_name, percent(row.rate), str(row.completed),
        str(row.due), str(row.exempt), hours1(row.mean_hours), str(row.sessions),
    ]  # fmt: skip


def tables_of(charts):
    """The tables under the charts of a paper."""
    return [charts.learn_table, charts.chase_table, charts.surpass_table]


def placed(page):
    """Characters of a page with their places: (x, y from above, size, character), in points."""
    found = []

    def visit(text, cm, tm, font, size):
        for place, character in enumerate(text.strip("\n")):
            scale = abs(cm[3] * tm[3]) or 1
            y = 842 - (cm[3] * tm[5] + cm[5])
            found.append((cm[0] * tm[4] + cm[4], y, round(size * scale, 2), character, place))

    page.extract_text(visitor_text=visit)
    return found


# --- PDF ----------------------------------------------------------------------------------------


@pytest.fixture
def pdf(bulletin, tmp_path):
    made = written(bulletin, "pdf", tmp_path, copies="各县（区）委，市直各单位")
    return pypdf.PdfReader(made)


def test_the_pdf_is_of_a4_and_embeds_its_fonts(pdf):
    for page in pdf.pages:
        width, height = (float(side) / MM for side in page.mediabox[2:])
        assert (round(width), round(height)) == (210, 297)
        for font in page["/Resources"]["/Font"].values():
            [inner] = font.get_object()["/DescendantFonts"]
            descriptor = inner.get_object()["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(descriptor), descriptor["/FontName"]


def test_the_pdf_has_22_lines_of_28_characters_in_156_by_225_mm(bulletin, tmp_path):
    made = written(bulletin, "pdf", tmp_path)
    boxes = subprocess.run(
        ["pdftotext", "-bbox-layout", made, "-"], capture_output=True, text=True, check=True
    ).stdout
    pages = boxes.split("<page ")[1:]
    line = re.compile(
        r'<line xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</line>', re.S
    )
    lines = [
        (float(x), float(y), float(right), len("".join(re.findall(r">([^<]+)</word>", words))))
        for x, y, right, _, words in line.findall(pages[2])
        if "学学学" in words
    ]
    assert [count for *_, count in lines] == [28] * 22
    for x, _, right, _ in lines:
        assert (round(x / MM), round(right / MM)) == (28, 184)
    tops = sorted(top for _, top, *_ in lines)
    assert {round(below - above, 1) for above, below in pairwise(tops)} == {29.0}
    assert 37 <= tops[0] / MM < 39
    assert tops[-1] / MM < 37 + 225
    assert 22 * (tops[1] - tops[0]) <= 225 * MM


def test_every_figure_of_the_page_stands_in_the_pdf(bulletin, pdf, enter):
    text = "".join(page.extract_text() for page in pdf.pages).replace("\n", " ")
    words = re.sub(r"\s+", " ", text)

    web = enter("shi").get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()

    for row in bulletins.published(bulletin).of(Cohort.ENTERPRISE):
        cells = [cell for cell in said(row) if cell]
        assert " ".join(cells) in words, cells
        assert all(cell in web for cell in cells)
    assert "喆堃昇珺赟07公司" in words


def test_every_chart_and_its_table_stand_in_the_pdf_and_on_the_page(bulletin, pdf, enter):
    """What the drawings say is read back as text; test_view_charts holds it to their shapes."""
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pdf.pages))
    web = enter("shi").get(reverse("bulletin-detail", args=[bulletin.pk])).content.decode()
    charts = papers.of_bulletin(bulletin).charts
    for table in tables_of(charts):
        assert table.rows
        for cells in table.texts:
            assert " ".join(cells) in text, cells
            assert all(f">{cell}<" in web for cell in cells), cells
    [ranked] = charts.compared
    for unit in ranked.units:
        assert f"{unit.rank} {unit.label} {unit.bar.text}" in text
    for line in charts.chase:
        assert f"{line.label} {percent(line.now)}" in text
    assert "第 1 期名次" in text
    assert web.count('<svg class="chart') == 4
    assert web.count("<table") == 5


def test_heads_are_repeated_pages_are_numbered_outside_and_the_imprint_is_last(pdf, bulletin):
    pages = [page.extract_text() for page in pdf.pages]

    tables = [text for text in pages if re.search(r"公司\s+[\d.]+%\s+\d+\s+\d+", text)]
    assert len(tables) > 1
    assert all("人均学时" in re.sub(r"\s", "", text) for text in tables), tables
    for number, page in enumerate(pdf.pages, 1):
        marks = [each for each in placed(page) if each[3] == "—" and each[1] > 720]
        assert marks
        right = marks[0][0] > 105 * MM
        assert right == bool(number % 2), f"page {number}"
        assert f"— {number} —" in pages[number - 1]
    assert "抄送：各县（区）委，市直各单位。" in pages[-1]
    assert "印发" in pages[-1]
    assert not any("印发" in text for text in pages[:-1])
    place = [y for _, y, _, character, _ in placed(pdf.pages[-1]) if character == "抄"]
    assert 230 < place[0] / MM < 262  # the foot of the text area
    assert bulletin.code in "".join(pages)


def test_a_draft_says_so_on_each_page_and_has_no_number(draw_up, units, tmp_path):
    draft = draw_up("学" * 28 * 30)
    reader = pypdf.PdfReader(written(draft, "pdf", tmp_path))

    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 2
    assert all("草稿" in text for text in texts)
    assert not re.search(r"第\s*\d+\s*期", texts[0])


def test_texts_cannot_smuggle_markup_or_files_into_a_paper(draw_up, units, tmp_path):
    draft = draw_up('<img src="file:///etc/passwd"> {{ 7*7 }} & <b>')

    text = "".join(p.extract_text() for p in pypdf.PdfReader(written(draft, "pdf", tmp_path)).pages)
    word = "".join(p.text for p in Document(written(draft, "docx", tmp_path)).paragraphs)

    for said_ in (re.sub(r"\s", "", text), re.sub(r"\s", "", word)):
        assert '<imgsrc="file:///etc/passwd">{{7*7}}&<b>' in said_


# --- Word ---------------------------------------------------------------------------------------


def test_the_word_document_says_the_same_by_styles_alone(bulletin, tmp_path):
    made = written(bulletin, "docx", tmp_path, copies="各单位")
    document = Document(made)

    *figures, table = document.tables
    charts = papers.of_bulletin(bulletin).charts
    assert [[[cell.text for cell in row.cells] for row in each.rows] for each in figures] == [
        [list(each.headings), *each.texts] for each in tables_of(charts)
    ]
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows[0] == list(papers.HEADINGS)
    found = bulletins.published(bulletin).of(Cohort.ENTERPRISE)
    assert rows[1:] == [said(row) for row in found]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    texts = [p.text for p in document.paragraphs]
    for words in ("一、比：同类单位比高低", "附件1", "抄送：各单位。"):
        assert words in texts
    assert "{" not in "".join(texts)
    for element in document.element.body.iter(qn("w:rPr")):  # faces and sizes are the styles'
        assert {child.tag for child in element} <= {qn("w:rStyle")}
    for paragraph in document.paragraphs:
        assert paragraph.style.name.startswith("通报")


def test_the_word_document_is_laid_out_for_office_machines(bulletin, tmp_path):
    document = Document(written(bulletin, "docx", tmp_path))

    [section] = document.sections
    assert [round(side.mm) for side in (section.page_width, section.page_height)] == [210, 297]
    margins = section.top_margin, section.left_margin, section.right_margin, section.bottom_margin
    assert [round(side.mm) for side in margins] == [37, 28, 26, 35]
    faces = {
        name: document.styles[name].element.rPr.rFonts.get(qn("w:eastAsia"))
        for name in ("通报正文", "通报标题", "通报一级", "通报二级")
    }
    assert list(faces.values()) == ["仿宋_GB2312", "方正小标宋简体", "黑体", "楷体_GB2312"]
    assert document.styles["通报正文"].font.size.pt == BODY
    assert document.styles["通报标题"].font.size.pt == 22  # 二号
    assert round(document.styles["通报正文"].paragraph_format.line_spacing.pt * 22 / MM) == 225
    footers = section.footer, section.even_page_footer
    assert [f.paragraphs[0].style.name for f in footers] == ["通报页码", "通报页码双"]
    assert not section.header.paragraphs or "草稿" not in section.header._element.xml


def test_a_draft_in_word_carries_its_mark_in_both_heads(draw_up, units, tmp_path):
    document = Document(written(draw_up(), "docx", tmp_path))

    [section] = document.sections
    for header in (section.header, section.even_page_header):
        assert 'string="草稿"' in header._element.xml


def test_the_committed_template_is_what_its_script_makes(tmp_path):
    script = settings.BASE_DIR / "scripts" / "word_template.py"
    runpy.run_path(str(script))["main"](tmp_path / "made.docx")

    def parts(file):
        with ZipFile(file) as archive:
            return {n: archive.read(n) for n in archive.namelist() if n.startswith("word/")}

    committed = settings.BASE_DIR / paper_word.TEMPLATE
    assert parts(tmp_path / "made.docx") == parts(committed)


# --- Spreadsheet --------------------------------------------------------------------------------


def test_the_spreadsheet_has_the_same_figures_cell_for_cell(bulletin, tmp_path):
    data = written(bulletin, "xlsx", tmp_path).read_bytes()
    book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data))

    name, *views = book.sheet_names
    charts = papers.of_bulletin(bulletin).charts
    assert views == ["学", "赶", "超"]
    for view, table in zip(views, tables_of(charts), strict=True):
        _, headings, *cells = book.get_sheet_by_name(view).to_python()
        assert headings == list(table.headings)
        assert cells == [pytest.approx([cell.value for cell in row]) for row in table.rows]
    _, _, heading, *rows = book.get_sheet_by_name(name).to_python()

    assert (name, heading) == ("企业", list(papers.HEADINGS))
    found = bulletins.published(bulletin).of(Cohort.ENTERPRISE)
    assert len(rows) == len(found)
    for cells, row in zip(rows, found, strict=True):
        rank, moved, unit, rate, completed, due, exempt, mean, held = cells
        shown = [str(int(rank)), moved, unit, percent(rate), str(int(completed)), str(int(due)),
                 str(int(exempt)), f"{mean:.1f}", str(int(held))]  # fmt: skip
        assert shown == said(row)


# --- By a worker --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("pdf", "application/pdf"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_a_file_is_written_by_a_worker_and_recorded(
    bulletin, enter, tmp_path, settings, kind, type_
):
    settings.VAR_DIR = tmp_path
    browser = enter("gao")

    answer = browser.post(
        reverse("bulletin-paper", args=[bulletin.pk]), {"kind": kind, "copies": "各单位"}
    )
    job = Job.objects.get()
    assert answer["Location"] == reverse("job-detail", args=[job.pk])
    jobs.run(job.pk)

    file = browser.get(reverse("job-file", args=[job.pk]))
    assert file["Content-Type"] == type_
    assert file["Cache-Control"] == "no-store"
    assert b"".join(file.streaming_content)[:4] in (b"%PDF", b"PK\x03\x04")
    event = AuditEvent.objects.get(event="export")
    assert (event.subject.endswith(paper_files.KINDS[kind]), event.detail["copies"]) == (
        True, "各单位",
    )  # fmt: skip


def test_no_file_is_made_of_what_is_no_kind_or_ranks_no_more(bulletin, enter, programme, city):
    browser, address = enter("gao"), reverse("bulletin-paper", args=[bulletin.pk])
    assert "请选择" in browser.post(address, {"kind": "exe"}, follow=True).content.decode()
    by = city.actor("shi", "official")
    programmes.permit(programme, RankingPermit.Level.OFF, document="停", by=by, at=NOW)

    text = browser.post(address, {"kind": "pdf"}, follow=True).content.decode()

    assert "不再排行" in text
    assert not Job.objects.exists()


def test_a_machine_without_pango_says_what_is_missing(
    bulletin, monkeypatch, tmp_path, settings, city
):
    def lacks():
        raise typesetting.NoTypesetter

    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(typesetting, "_weasyprint", lacks)
    by = city.actor("shi", "official")
    job = paper_files.later(bulletin, "pdf", copies="", by=by, at=NOW, back_url="/")

    jobs.run(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "Pango" in job.message
