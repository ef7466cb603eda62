"""The charts of 比、学、赶、超, read back from their SVG: every figure is that of the table."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from django.template.loader import render_to_string
from docx.oxml import parse_xml

from credits import bulletin_texts
from credits.bulletin_figures import Figures
from credits.models import Bulletin, BulletinRow
from credits.view_charts import Charts, ranking
from portal.models import Cohort
from portal.templatetags.portal import percent

WIDTH = 360
NEAR = 0.006  # of a scale: a tenth of a unit of the drawing


def row(unit, name, cohort, rank, done, due, hours, before):
    """before: rank, completed and due in the number before."""
    return BulletinRow(
        unit_id=unit, unit_code=f"U{unit}", unit_name=name, cohort=cohort, rank=rank, due=due,
        completed=done, hours=hours, sessions=3, exempt=0, points=0,
        previous_rank=before[0], previous_completed=before[1], previous_due=before[2],
    )  # fmt: skip


@pytest.fixture
def figures():
    """Two cohorts; 甲局 rose from the third place to the first."""
    rows = (
        row(1, "甲局", Cohort.MUNICIPAL, 1, 19, 20, 53000, (3, 2, 20)),
        row(2, "名字很长很长很长的一个机关单位", Cohort.MUNICIPAL, 2, 15, 20, 44000, (1, 12, 20)),
        row(3, "丙局", Cohort.MUNICIPAL, 3, 10, 30, 31000, (2, 9, 30)),
        row(4, "丁公司", Cohort.ENTERPRISE, 1, 7, 9, 21000, (2, 1, 9)),
        row(5, "戊公司", Cohort.ENTERPRISE, 2, 0, 9, 4000, (1, 2, 9)),
    )
    return Figures(rows, Bulletin(number=7))


def drawn(name, **context):
    svg = parse_xml(render_to_string(f"credits/_chart_{name}.html", context).strip())
    return svg, [(t.get("class") or "", (t.text or "").strip()) for t in svg.iter("text")]


def inside(svg):
    """Nothing is drawn outside: bars, points and the beginnings of texts."""
    _, _, width, height = map(float, svg.get("viewBox").split())
    for element in svg.iter():
        for name, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            if (value := element.get(name)) is not None:
                assert 0 <= float(value) <= most, (element.tag, name, value)
        if element.tag == "rect":
            assert float(element.get("x")) + float(element.get("width")) <= width


def rects(svg, kind):
    return [r for r in svg.iter("rect") if r.get("class") == kind]


def test_the_ranking_of_each_cohort_has_the_rates_of_its_rows(figures):
    charts = Charts(figures)
    assert [(c.cohort, c.count) for c in charts.compared] == [("市直单位", 3), ("企业", 2)]
    for chart, (_, rows) in zip(charts.compared, figures.cohorts, strict=True):
        svg, texts = drawn("compare", chart=chart)
        inside(svg)
        assert [text for kind, text in texts if kind == "m"] == [str(r.rank) for r in rows]
        assert [text for kind, text in texts if kind == "v"] == [percent(r.rate) for r in rows]
        assert [title.text for title in svg.iter("title")] == [r.unit_name for r in rows]
        for bar, track, r in zip(rects(svg, "bar"), rects(svg, "track"), rows, strict=True):
            share = float(bar.get("width")) / float(track.get("width"))
            assert share == pytest.approx(r.rate, abs=2 * NEAR)
            assert bar.get("x") == track.get("x")


def test_ones_own_unit_is_marked_in_the_ranking(figures):
    rows = figures.of(Cohort.MUNICIPAL)
    svg, _ = drawn("compare", chart=ranking("市直单位", 3, rows, own=3))

    [own] = [g for g in svg.iter("g") if g.get("class") == "own"]
    assert own.find("title").text == "丙局"


def test_whom_to_learn_from_stands_beside_the_cohort(figures):
    charts = Charts(figures)
    svg, texts = drawn("learn", chart=charts.learn)
    inside(svg)
    table = charts.learn_table
    values = iter([text for kind, text in texts if kind == "v"])
    bars, tracks = rects(svg, "bar"), rects(svg, "track")
    marks = [p.get("d") for p in svg.iter("path")]
    most = max(r.mean_hours for r in charts.exemplary)
    for place, cells in enumerate(table.rows):
        unit, _, rate, of_cohort, mean, mean_of_cohort = cells
        assert (next(values), next(values)) == (rate.text, mean.text)
        assert unit.text in [text for _, text in texts]
        for offset, (value, mark, whole) in enumerate(
            ((rate.value, of_cohort.value, 1), (mean.value, mean_of_cohort.value, most / 100))
        ):
            index = 2 * place + offset
            x, span = (float(tracks[index].get(n)) for n in ("x", "width"))
            width = float(bars[index].get("width")) / span
            assert width == pytest.approx(float(value) / whole, abs=NEAR)
            at = float(re.match(r"M([\d.]+) ", marks[index])[1])
            assert (at - x) / span == pytest.approx(float(mark) / whole, abs=NEAR)
    assert table.texts[0] == ["甲局", "市直单位", "95.0%", "62.9%", "26.5", "18.3"]
    assert table.texts[1] == ["丁公司", "企业", "77.8%", "38.9%", "23.3", "13.9"]


def test_the_slopes_of_the_most_improved_are_those_of_their_table(figures):
    charts = Charts(figures)
    svg, texts = drawn("chase", chart=charts.chase, previous=7)
    inside(svg)
    table = charts.chase_table
    assert [text for kind, text in texts if kind == "v"] == [r[2].text for r in table.rows]
    now = [text.rpartition(" ")[2] for kind, text in texts if not kind]
    assert now == [r[3].text for r in table.rows]
    points = [float(c.get("cy")) for c in svg.iter("circle")]
    rates = [float(v) for r in table.rows for v in (r[2].value, r[3].value)]
    low, high = min(rates), max(rates)
    for point, rate in zip(points, rates, strict=True):
        assert (184 - point) / 150 == pytest.approx((rate - low) / (high - low), abs=NEAR)
    for path, (left, right) in zip(svg.iter("path"), zip(points[::2], points[1::2], strict=True),
                                   strict=True):  # fmt: skip
        assert path.get("d") == f"M68 {left:.1f}L190 {right:.1f}"
    assert table.texts[0] == ["甲局", "市直单位", "10.0%", "95.0%", "▲ 85.0", "19/20"]


def test_labels_of_the_slopes_keep_their_distance():
    rows = tuple(
        row(n, f"单位{n}", Cohort.MUNICIPAL, n, 20 - n, 20, 9000, (9 - n, 1, 20))
        for n in range(1, 6)
    )
    charts = Charts(Figures(rows, Bulletin(number=7)))

    for side in ("label1", "label2"):
        heights = sorted(float(getattr(line, side)) for line in charts.chase)
        assert all(low - high >= 16.9 for high, low in pairwise(heights))


def test_the_steps_of_who_overtook_are_those_of_their_table(figures):
    charts = Charts(figures)
    svg, texts = drawn("surpass", chart=charts.surpass, previous=7)
    inside(svg)
    table = charts.surpass_table
    values = [int(text) for kind, text in texts if kind == "v"]
    assert values == [r[i].value for r in table.rows for i in (2, 3)]
    first = float(charts.surpass.x)
    for circles, r in zip(pairs(svg.iter("circle")), table.rows, strict=True):
        for circle, rank in zip(circles, (r[2].value, r[3].value), strict=True):
            at = (float(circle.get("cx")) - first) / (WIDTH - 26 - first)
            assert at == pytest.approx((charts.surpass.last - rank) / (charts.surpass.last - 1),
                                       abs=NEAR)  # fmt: skip
    assert table.texts[0] == ["甲局", "市直单位", "3", "1", "▲2", "2"]
    assert [len(o.overtaken) for o in bulletin_texts.overtakings(figures)] == [
        r[5].value for r in table.rows
    ]


def pairs(found):
    every = list(found)
    return list(zip(every[::2], every[1::2], strict=True))


def test_without_a_number_before_or_anybody_done_there_is_nothing_to_draw():
    rows = (row(1, "甲局", Cohort.MUNICIPAL, 1, 0, 20, 0, (None, None, None)),)
    charts = Charts(Figures(rows, None))

    assert (charts.learn, charts.chase, charts.surpass) == (None, [], None)
    assert [len(c.units) for c in charts.compared] == [1]
    assert not any(t.rows for t in (charts.learn_table, charts.chase_table, charts.surpass_table))
