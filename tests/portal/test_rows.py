"""The lines of a grid: `{% rows %}` fills text in, escapes it, and holds nothing else."""

from __future__ import annotations

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils.safestring import mark_safe


def render(text, **context):
    return Template(text).render(Context(context))


def test_every_value_is_escaped_and_what_is_safe_is_left():
    lines = [
        {"name": "<b>&\"'", "mark": mark_safe("<i>甲</i>")},
        {"name": "{name}", "mark": ""},
    ]

    text = render("{% rows lines %}<td>{name}</td>{mark}{% endrows %}", lines=lines)

    assert text == "<td>&lt;b&gt;&amp;&quot;&#x27;</td><i>甲</i>\n<td>{name}</td>"


def test_a_column_may_be_left_out_by_the_page():
    text = "{% rows lines %}{a}{% if wide %}-{b}{% endif %};{% endrows %}"
    lines = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]

    assert render(text, lines=lines, wide=True) == "1-2;\n3-4;"
    assert render(text, lines=lines, wide=False) == "1;\n3;"
    assert render(text, lines=[]) == ""


@pytest.mark.parametrize(
    "inside", ["{{ name }}", "{% if a %}{{ name }}{% endif %}", "{% now 'Y' %}"]
)
def test_variables_of_the_page_have_no_place_in_it(inside):
    """Somebody called {0.__class__} must not be read as a field."""
    with pytest.raises(TemplateSyntaxError, match="rows holds text"):
        Template("{% rows lines %}" + inside + "{% endrows %}")


def test_a_cell_with_the_separator_is_refused():
    with pytest.raises(ValueError, match="separator"):
        render("{% rows lines %}{a}{% endrows %}", lines=[{"a": "1\x1f2"}])
