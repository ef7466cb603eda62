"""Make templates/credits/papers/bulletin.docx anew: the Word side of a bulletin, by styles alone.

    .venv/bin/python scripts/word_template.py

The layout is that of GB/T 9704-2012; the faces are those of office machines, named, not embedded.
docxtpl fills it in (credits/paper_word.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

TARGET = Path(__file__).parent.parent / "templates/credits/papers/bulletin.docx"
LINE = Pt(28.95)  # 22 lines in 225 mm
RED = RGBColor(0xDD, 0, 0)
# Style: (face, size in points, bold, colour, alignment, first line in characters, further settings)
STYLES: dict[str, tuple[str, float, bool, RGBColor | None, Any, int]] = {
    "通报标志": ("方正小标宋简体", 36, False, RED, ALIGN.CENTER, 0),
    "通报期号": ("仿宋_GB2312", 16, False, None, ALIGN.CENTER, 0),
    "通报版头": ("仿宋_GB2312", 16, False, None, ALIGN.LEFT, 0),
    "通报标题": ("方正小标宋简体", 22, False, None, ALIGN.CENTER, 0),
    "通报正文": ("仿宋_GB2312", 16, False, None, ALIGN.JUSTIFY, 2),
    "通报一级": ("黑体", 16, False, None, ALIGN.LEFT, 2),
    "通报附件说明": ("仿宋_GB2312", 16, False, None, ALIGN.LEFT, 2),
    "通报落款": ("仿宋_GB2312", 16, False, None, ALIGN.RIGHT, 0),
    "通报附件": ("黑体", 16, False, None, ALIGN.LEFT, 0),
    "通报表格": ("宋体", 10.5, False, None, ALIGN.LEFT, 0),
    "通报表头": ("黑体", 10.5, False, None, ALIGN.CENTER, 0),
    "通报附注": ("宋体", 10.5, False, None, ALIGN.LEFT, 0),
    "通报图码": ("宋体", 10.5, False, None, ALIGN.LEFT, 0),
    "通报版记": ("仿宋_GB2312", 14, False, None, ALIGN.LEFT, 0),
    "通报页码": ("宋体", 14, False, None, ALIGN.RIGHT, 0),
    "通报页码双": ("宋体", 14, False, None, ALIGN.LEFT, 0),
}
GRIDDED = ("通报正文", "通报一级", "通报附件说明", "通报落款")  # in the grid of 22 × 28
LEVEL_TWO = "通报二级"  # a style of characters: the unit's name at the head of its paragraph
WIDTHS = (11, 13, 50, 16, 13, 13, 13, 16, 11)  # of the tables' columns, in millimetres
FIGURES = (50, 24, 20, 20, 20, 22)  # those of the tables of a view's figures
HEADINGS = ("名次", "升降", "单位", "学满率", "学满", "应学", "免学", "人均学时", "活动")


def main(target: Path = TARGET) -> None:
    document = Document()
    _face(document.styles["Normal"], "仿宋_GB2312", 16)
    for name, values in STYLES.items():
        _style(document, name, *values)
    _face(document.styles.add_style(LEVEL_TWO, WD_STYLE_TYPE.CHARACTER), "楷体_GB2312", 16)
    _speak_chinese(document)
    _page(document)
    _body(document)
    _annexes(document)
    _imprint(document)
    _pin(document)
    document.save(str(target))


def _style(
    document: Any, name: str, face: str, size: float, bold: bool, colour: RGBColor | None,
    align: Any, indent: int,
) -> None:  # fmt: skip
    style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    _face(style, face, size)
    style.font.bold = bold
    if colour is not None:
        style.font.color.rgb = colour
    form = style.paragraph_format
    form.alignment, form.space_before, form.space_after = align, Pt(0), Pt(0)
    # A picture would be cut off by a line of a fixed height.
    form.line_spacing = (
        1.0
        if name == "通报图码"
        else LINE
        if size in (14, 16)
        else Pt({36: 54, 22: 34, 10.5: 15}[size])
    )
    form.widow_control = True
    if name not in GRIDDED:
        loose = OxmlElement("w:snapToGrid")
        loose.set(qn("w:val"), "0")
        style.element.get_or_add_pPr().insert_element_before(loose, "w:spacing", "w:ind", "w:jc")
    else:  # 28 characters of 16 pt are wider than 156 mm: each gives a quarter of a point
        close = OxmlElement("w:spacing")
        close.set(qn("w:val"), "-5")
        style.element.get_or_add_rPr().insert_element_before(close, "w:sz", "w:szCs")
    if indent:
        form.first_line_indent = Pt(size * indent)
    if name in ("通报一级", "通报附件"):
        form.keep_with_next = True
    if name == "通报附件":
        form.page_break_before = True
    if name == "通报版头":
        form.tab_stops.add_tab_stop(Mm(156), alignment=2)
        _border(style, "bottom", "DD0000", 16)
    if name == "通报版记":
        form.tab_stops.add_tab_stop(Mm(152), alignment=2)
        form.left_indent = form.right_indent = Mm(4)
        form.keep_together = True
        _border(style, "top", "000000", 6)
        _border(style, "bottom", "000000", 6)
    if name == "通报落款":
        form.right_indent = Pt(64)


def _face(style: Any, face: str, size: float) -> None:
    style.font.name, style.font.size = face, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), face)


def _speak_chinese(document: Any) -> None:
    """Else punctuation is set as where characters are traditional, in the middle of its square."""
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:eastAsia"), "zh-CN")


def _border(style: Any, side: str, colour: str, eighths: int) -> None:
    properties = style.element.get_or_add_pPr()
    borders = properties.find(qn("w:pBdr"))
    if borders is None:
        borders = OxmlElement("w:pBdr")
        properties.insert_element_before(borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc")
    edge = OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "4"), ("color", colour)):
        edge.set(qn(f"w:{key}"), value)
    borders.append(edge)


def _page(document: Any) -> None:
    """A4 with a grid of 22 lines; page numbers outside, 一字线 around them."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(22)
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    for key, value in (("type", "lines"), ("linePitch", "579")):
        grid.set(qn(f"w:{key}"), value)
    document.settings.odd_and_even_pages_header_footer = True
    for footer, style in (
        (section.footer, "通报页码"), (section.even_page_footer, "通报页码双"),
    ):  # fmt: skip
        line = footer.paragraphs[0]
        line.style = document.styles[style]
        line.add_run("— ")
        _field(line, "PAGE")
        line.add_run(" —")
    for header in (section.header, section.even_page_header):
        _watermark(header)


def _field(paragraph: Any, code: str) -> None:
    for kind, text in (("begin", ""), ("", code), ("end", "")):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)


def _watermark(header: Any) -> None:
    """「草稿」 across the page, where the paper is a draft."""
    header.paragraphs[0].text = "{%p if paper.is_draft %}"
    shape = header.add_paragraph()
    shape.add_run()._r.append(
        parse_xml(
            f'<w:pict {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml" '
            'xmlns:o="urn:schemas-microsoft-com:office:office">'
            '<v:shape id="draft" type="#_x0000_t136" style="position:absolute;width:380pt;'
            "height:190pt;rotation:330;z-index:-251658752;mso-position-horizontal:center;"
            "mso-position-horizontal-relative:margin;mso-position-vertical:center;"
            'mso-position-vertical-relative:margin" fillcolor="#eecccc" stroked="f">'
            '<v:textpath style="font-family:&quot;黑体&quot;;font-size:1pt" string="草稿"/>'
            "</v:shape></w:pict>"
        )
    )
    header.add_paragraph("{%p endif %}")


def _body(document: Any) -> None:
    add = document.add_paragraph
    add("{{ paper.head }}", "通报标志")
    add("{{ paper.series }}", "通报期号")
    add("{{ paper.issuer }}\t{{ paper.day }}", "通报版头")
    add("", "通报正文")
    add("{{ paper.title }}", "通报标题")
    add("", "通报正文")
    _loop(document, "text in paper.opening", "{{ text }}", "通报正文")
    add("{%p for section in paper.sections %}", "通报正文")
    add("{{ section.numeral }}、{{ section.title }}", "通报一级")
    _loop(document, "text in section.paragraphs", "{{ text }}", "通报正文")
    add("{%p for number, name, said in section.evidence %}", "通报正文")
    line = add("", "通报正文")
    line.add_run("（{{ number }}）{{ name }}。", LEVEL_TWO)
    line.add_run("{{ said }}。")
    add("{%p endfor %}", "通报正文")
    add("{%p if section.table %}", "通报附注")
    _table(
        document, FIGURES, [f"{{{{ section.table.headings[{n}] }}}}" for n in range(len(FIGURES))],
        "row in section.table.texts",
    )  # fmt: skip
    add("", "通报附注")
    add("{%p endif %}", "通报附注")
    add("{%p endfor %}", "通报正文")
    add("{%p if paper.annexes %}", "通报正文")
    add("", "通报正文")
    add("附件：", "通报附件说明")
    _loop(
        document, "annex in paper.annexes", "{{ annex.number }}.{{ annex.title }}", "通报附件说明"
    )
    add("{%p endif %}", "通报正文")
    add("", "通报正文")
    add("{{ paper.issuer }}", "通报落款")
    add("{{ paper.day }}", "通报落款")


def _loop(document: Any, over: str, text: str, style: str) -> None:
    document.add_paragraph("{%p for " + over + " %}", style)
    document.add_paragraph(text, style)
    document.add_paragraph("{%p endfor %}", style)


def _annexes(document: Any) -> None:
    """One table for each cohort, its heading row repeated on every page."""
    add = document.add_paragraph
    add("{%p for annex in paper.annexes %}", "通报附注")
    add("附件{{ annex.number }}", "通报附件")
    add("{{ annex.title }}", "通报标题")
    _table(document, WIDTHS, HEADINGS, "row in annex.rows")
    add("{%p endfor %}", "通报附注")
    add("{%p if paper.apart %}", "通报附注")
    add("没有应学人员、不排名：{{ paper.apart }}。", "通报附注")
    add("{%p endif %}", "通报附注")
    add("{{ paper.notes }}{{ paper.foot }}", "通报附注")
    add("{%p if image %}", "通报附注")
    add("{{ image }}", "通报图码")
    add("{%p endif %}", "通报附注")


def _table(document: Any, widths: Sequence[int], headings: Sequence[str], over: str) -> None:
    """A table whose heading row stands on every page, with a row for each turn of a loop."""
    table = document.add_table(rows=4, cols=len(widths))
    table.style = document.styles["Table Grid"]
    table.autofit = False
    for place, width in enumerate(widths):
        table.columns[place].width = Mm(width)
    cells = tuple("{{ row[" + str(place) + "] }}" for place in range(len(widths)))
    for row, texts, style in (
        (0, headings, "通报表头"),
        (1, ("{%tr for " + over + " %}",), "通报表格"),
        (2, cells, "通报表格"),
        (3, ("{%tr endfor %}",), "通报表格"),
    ):
        for place, text in enumerate(texts):
            cell = table.cell(row, place)
            cell.paragraphs[0].style = document.styles[style]
            cell.paragraphs[0].text = text
        for place, width in enumerate(widths):
            table.cell(row, place).width = Mm(width)
    heading = table.rows[0]._tr.get_or_add_trPr()
    heading.append(OxmlElement("w:tblHeader"))
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _imprint(document: Any) -> None:
    """抄送 and 印发, framed to stand at the foot of the last page."""
    document.add_paragraph("{%p if copies %}", "通报附注")
    _at_the_foot(document.add_paragraph("抄送：{{ copies }}。", "通报版记"))
    document.add_paragraph("{%p endif %}", "通报附注")
    _at_the_foot(document.add_paragraph("{{ paper.issuer }}\t{{ paper.day }}印发", "通报版记"))


def _at_the_foot(paragraph: Any) -> None:
    frame = parse_xml(
        f'<w:framePr {nsdecls("w")} w:w="8845" w:wrap="around" w:vAnchor="margin" '
        'w:hAnchor="margin" w:xAlign="center" w:yAlign="bottom"/>'
    )
    paragraph._p.get_or_add_pPr().insert(1, frame)


def _pin(document: Any) -> None:
    """Nothing in the file tells who made it, or when."""
    about = document.core_properties
    about.author = about.last_modified_by = about.comments = about.title = ""


if __name__ == "__main__":
    main()
