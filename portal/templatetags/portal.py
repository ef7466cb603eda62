"""Filters that turn stored numbers into what people read."""

from collections.abc import Sequence
from datetime import date, datetime
from urllib.parse import urlsplit

from django import template
from django.forms import BoundField, Select
from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, TextNode, Token
from django.template.defaulttags import IfNode
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString, mark_safe

from portal import rendering

register = template.Library()
WEEKDAYS = "一二三四五六日"


@register.filter
def hours(hundredths: int | None) -> str:
    """Hundredths of a credit hour as people write them: 1750 → 17.5, 600 → 6."""
    if hundredths is None:
        return "—"
    text = f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@register.filter
def percent(rate: float | None) -> str:
    """A share as a percentage with one decimal, never rounded up to a full 100."""
    if rate is None:
        return "—"
    shown = min(rate * 100, 99.9) if rate < 1 else rate * 100
    return f"{shown:.1f}%"


@register.filter
def mask_phone(number: str) -> str:
    """A phone number as lists show it: 139****8000."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 8 else number


@register.filter
def day(value: date | datetime | None, today: date | None = None) -> str:
    """A day as people say it: 6月3日（周四）; with its year where that is not today's."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    year = f"{value.year}年" if today and value.year != today.year else ""
    return f"{year}{value.month}月{value.day}日（周{WEEKDAYS[value.weekday()]}）"


def whole_day(value: date | datetime) -> str:
    """A day as documents say it, a moment's local one: 2021年6月3日."""
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return f"{value.year}年{value.month}月{value.day}日"


@register.filter
def moment(value: datetime | None) -> str:
    """A moment as people say it: 2021年6月3日 20:00."""
    return f"{whole_day(value)} {clock(value)}" if value else "—"


@register.filter
def clock(value: datetime | None) -> str:
    """The time of day, local: 19:00."""
    return f"{timezone.localtime(value):%H:%M}" if value else ""


@register.filter
def hundred(share: float | None) -> str:
    """A share as a number of hundredths for SVG widths, never localised."""
    return f"{min(max(share or 0, 0), 1) * 100:.2f}"


@register.simple_tag(takes_context=True)
def nav(context: Context, name: str, label: str, badge: int = 0) -> str:
    """One entry of the main menu; the current page's is marked as such."""
    match = getattr(context["request"], "resolver_match", None)
    here = match.view_name if match else ""
    address = rendering.address(name)
    path = context["request"].path
    current = here == name or (name != "home" and len(address) > 1 and path.startswith(address))
    return format_html(
        '<a href="{}"{}>{}{}</a>',
        address,
        mark_safe(' aria-current="page"') if current else "",
        label,
        format_html(' <span class="tag no num">{}</span>', badge) if badge else "",
    )


@register.simple_tag
def to(name: str, pk: int | None = None) -> str:
    """The address of a page, of one id at most; on a page of many links cheaper than `url`."""
    return rendering.address(name) if pk is None else rendering.addresses(name)(pk)


@register.simple_tag(takes_context=True)
def back_url(context: Context) -> str:
    """Where "back" leads: what the view says, else the page of ours one came from, else home."""
    if context.get("back"):
        return str(context["back"])
    request = context["request"]
    came_from = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}):
        path = urlsplit(came_from)
        if path.path != request.path:
            return f"{path.path}?{path.query}" if path.query else path.path
    return rendering.address("home")


@register.filter
def control(field: BoundField) -> str:
    """A form field's one input, select or text area in the house's look."""
    kind = "form-select" if isinstance(field.field.widget, Select) else "form-control"
    return field.as_widget(attrs={"class": f"{kind} is-invalid" if field.errors else kind})


@register.simple_tag
def icon(name: str) -> str:
    """An icon of the sprite; it stands beside words, never instead of them."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("vendor/icons.svg"),
        name,
    )


@register.filter
def hours1(hundredths: float | None) -> str:
    """A mean in hundredths with one decimal: 2710 → 27.1."""
    return "—" if hundredths is None else f"{hundredths / 100:.1f}"


@register.filter
def share(part: float, whole: float) -> float:
    """A part of a whole, 0 to 1; a whole of nothing is reached."""
    return min(1.0, part / whole) if whole else 1.0


@register.filter
def thousands(number: int | None) -> str:
    """A count with separators: 186,412."""
    return "—" if number is None else f"{number:,}"


@register.filter
def points_gain(gain: float) -> str:
    """Percentage points without sign, one decimal."""
    return f"{abs(gain):.1f}"


@register.filter
def negate(number: int) -> int:
    return -number


@register.filter
def label(code: str, labels: dict[str, str]) -> str:
    """The label of a code."""
    return labels.get(code, code)


BETWEEN = "\x1f"  # stands in no text that people write


class Rows(Node):
    """Lines of a grid for a list of dicts of text: `{% rows list %}<td>{name}</td>{% endrows %}`.

    The text between is made once a page (`if` may leave out a column) and then filled in for every
    line, which costs a tenth of a loop with a variable node for every cell. Every value is escaped.
    """

    def __init__(self, rows: FilterExpression, nodelist: NodeList) -> None:
        self.rows, self.nodelist = rows, nodelist

    def render(self, context: Context) -> SafeString:
        rows: Sequence[dict[str, str]] = self.rows.resolve(context)
        if not rows:
            return SafeString("")
        names = list(rows[0])
        cells = _escaped([value for row in rows for value in row.values()])
        fill, width = self.nodelist.render(context).format_map, len(names)
        return SafeString(
            "\n".join(
                fill(dict(zip(names, cells[start : start + width], strict=True)))
                for start in range(0, len(cells), width)
            )
        )


def _escaped(cells: list[str]) -> list[str]:
    """Every cell escaped, except what is marked as safe; all at once is ten times as fast."""
    plain = ["" if isinstance(cell, SafeString) else cell for cell in cells]
    escaped: list[str] = escape(BETWEEN.join(plain)).split(BETWEEN)
    if len(escaped) != len(cells):
        raise ValueError("A cell holds a separator of units.")
    return [
        cell if isinstance(cell, SafeString) else done
        for cell, done in zip(cells, escaped, strict=True)
    ]


@register.tag
def rows(parser: Parser, token: Token) -> Rows:
    """See Rows. Its text holds no variables of the page: they might hold braces."""
    nodelist = parser.parse(("endrows",))
    parser.delete_first_token()
    if strays := [
        n for n in nodelist.get_nodes_by_type(Node) if not isinstance(n, TextNode | IfNode)
    ]:
        raise TemplateSyntaxError(f"rows holds text, {{name}} and if alone, not {strays[0]!r}")
    return Rows(parser.compile_filter(token.split_contents()[1]), nodelist)
